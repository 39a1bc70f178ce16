"""Clients that ask for a stream and never read it. They cost the daemon a bounded piece of memory and nobody else anything, and
when they read again they are told what is documented: everything, or what they missed."""

import threading
import time
import unittest

import grpc
from google.protobuf.duration_pb2 import Duration

import api
from fleet import Crowd, MEBIBYTE, by_id, private_bytes, run_spec
from harness import DaemonTest, wait_for
from raw_call import LARGEST, RawCall
from watcher import Watcher

# Four watches are written to by the reactor itself and the others by a thread (agent/api/event_service.h):
# some of each.
SLOW = 8
# A stream whose window is shut, and one whose socket nobody empties.
WINDOWS = (1, LARGEST)
# Of one slow watch: its queue, the batch that was taken from it, the same as a message, the same in gRPC's
# buffer, and what the reader of the backlog brings (agent/events/event_log.h: 1 MiB each).
OF_A_WATCH = 5 * MEBIBYTE
# Of one slow attachment: its queue (agent/attach/container_target.h: 256 KiB) in pieces with room between them,
# and messages of 64 KiB on their way.
OF_AN_ATTACHMENT = MEBIBYTE
UPDATED = api.event_pb.EventType.Value("EVENT_TYPE_CONTAINER_UPDATED")
# Events of 8 KiB: 96 MiB, which is more than the watches may take.
EVENTS = 12000
WARM = 2000
# What an allocator keeps, and the daemon's own work.
ROOM = 24 * MEBIBYTE


class SlowReaderTest(DaemonTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.crowd = Crowd.connect(cls.daemon, 4)
        cls.addClassCleanup(cls.crowd.close)
        cls.client = cls.crowd.clients[0]

    def launch(self, key, command):
        spec = run_spec(command)
        # Its log takes all it says, and keeps little of it.
        spec.log.max_size_bytes = MEBIBYTE
        spec.log.max_files = 1
        return self.client.call("ContainerService", "Launch", id=key, spec=spec).container

    def open_slow(self, count, service, call, request, **options):
        slow = [RawCall(self.daemon, service, call, request, WINDOWS[number % 2], **options) for number in range(count)]
        for one in slow:
            self.addCleanup(one.close)
        return slow

    def while_others_are_served(self, work):
        """Somebody else asks for this and that all the time."""
        over = threading.Event()
        served = []

        def ask():
            while not over.is_set():
                self.client.call("ContainerService", "List", timeout=30)
                key = f"other{time.monotonic_ns()}"
                self.launch(key, "exit 0")
                self.client.call("ContainerService", "Remove", container=by_id(key), force=True)
                served.append(key)

        join = api.in_background(ask)
        try:
            work()
        finally:
            over.set()
            join(60)
        self.assertGreater(len(served), 1)


class WatchTest(SlowReaderTest):
    """Watches of one container whose labels change all the time."""

    def change_labels(self, count):
        """So many events of 8 KiB each."""
        def burst(client, number):
            update = client._method("unary_unary", "ContainerService", "Update")
            calls = []
            for step in range(100):
                request = api.service_pb.UpdateContainerRequest(container=by_id("changing"))
                request.labels["first"] = f"{number}.{step}".ljust(4096, "x")
                request.labels["second"] = "y" * 4096
                request.update_mask.paths.append("labels")
                calls.append(update.future(request, timeout=120))
            for call in calls:
                call.result()

        self.crowd.each(burst, range(count // 100))

    def flood(self):
        """The slow watches, after as much has happened as no daemon should keep for them."""
        self.launch("changing", "exec sleep 1000")
        self.change_labels(WARM)
        before = private_bytes(self.daemon.process.pid)
        slow = self.open_slow(SLOW, "EventService", "Watch", api.watch_pb.WatchEventsRequest())
        self.while_others_are_served(lambda: self.change_labels(EVENTS))
        grown = private_bytes(self.daemon.process.pid) - before
        print(f"{SLOW} slow watches: {grown >> 10} KiB", end=" ", flush=True)
        self.assertLess(grown, SLOW * OF_A_WATCH + ROOM)
        # They have next to nothing: what a socket holds. The rest is with the daemon.
        for one in slow:
            self.assertLess(one.unread(), MEBIBYTE)
        return slow

    def read_on(self, one):
        """How many changes it hears of, nothing left out, until it has all there is or is cut off."""
        newest = self.client.call("ContainerService", "List", page_size=1).cursor.sequence
        numbers, changes = [], 0
        for answer in one.messages(api.watch_pb.WatchEventsResponse):
            numbers += [event.cursor.sequence for event in answer.events]
            changes += sum(event.type == UPDATED for event in answer.events)
            if numbers[-1] >= newest:
                break
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        return changes


class Watches(WatchTest):
    def test_a_watch_that_is_never_read_misses_nothing_and_delays_nobody(self):
        good = Watcher(self.client)
        self.addCleanup(good.close)
        slow = self.flood()
        wait_for(lambda: sum(event.type == UPDATED for event in list(good.events)) >= WARM + EVENTS,
                 "the other watcher to have every event", 60)
        self.assertEqual(good.gaps(), [])
        # One of each kind, of those that a thread writes to.
        for one in slow[-2:]:
            self.assertEqual(self.read_on(one), EVENTS)


class Forgotten(WatchTest):
    """Events are dropped before the slow ones come to them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.daemon.events = {"age": "0s", "count": 10, "bytes": "4MiB"}
        cls.daemon.restart()

    def test_a_watch_that_fell_behind_what_is_kept_is_told(self):
        for one in self.flood():
            self.assertLess(self.read_on(one), EVENTS)
            self.assertEqual(one.status(), grpc.StatusCode.OUT_OF_RANGE.value[0])
            self.assertIn(b"no longer kept", one.trailers)


class Attachments(SlowReaderTest):
    def test_an_attachment_that_is_never_read_is_told_what_it_missed(self):
        count = 60_000_000
        key = f"prints{time.monotonic_ns()}"
        self.launch(key, "while [ ! -e /go ]; do sleep 0.1; done; yes 0123456789 | head -c "
                    f"{count}; touch /done; exec sleep 1000")
        header = api.message("ContainerService", "Attach", "Request")()
        header.header.container.id = key
        before = private_bytes(self.daemon.process.pid)
        slow = self.open_slow(SLOW, "ContainerService", "Attach", header, half_close=False)
        good = self.client.attach("ContainerService", header.header, timeout=300)
        reading = api.in_background(good.read_all)

        def print_it():
            self.run_in(key, "touch", "/go")
            # It waits for none of them.
            wait_for(lambda: self.run_in(key, "ls", "/").find("done") >= 0, "it to have printed all", 120)

        self.while_others_are_served(print_it)
        grown = private_bytes(self.daemon.process.pid) - before
        print(f"{SLOW} slow attachments: {grown >> 10} KiB", end=" ", flush=True)
        self.assertLess(grown, SLOW * OF_AN_ATTACHMENT + ROOM)
        for one in slow:
            self.assertLess(one.unread(), MEBIBYTE)
        self.client.call("ContainerService", "Stop", container=by_id(key), grace=Duration())
        reading(60)
        self.assertEqual(len(good.out) + good.missed, count)
        for one in slow:
            there, missed, ended = 0, 0, False
            for answer in one.messages(api.message("ContainerService", "Attach", "Response")):
                there += len(answer.data.data)
                missed += answer.missed.bytes
                ended = ended or answer.HasField("exit")
            self.assertEqual(there + missed, count)
            self.assertTrue(ended)
            self.assertEqual(one.status(), 0)

    def run_in(self, key, *arguments):
        spec = api.exec_pb.ExecSpec(args=arguments)
        return self.client.call("ExecService", "Run", container=by_id(key), spec=spec).stdout.decode()


if __name__ == "__main__":
    unittest.main()
