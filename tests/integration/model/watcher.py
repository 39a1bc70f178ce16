"""A client that follows the events by cursor the whole time, through every death of the daemon, and holds them to what the
API promises: no gap and no repeat, for each object a legal order, one exit for each attempt."""

import threading
import time

import grpc

from api import Api, container_pb, event_pb, pod_pb, reason
from model.reference import Violation

ENDS = {"exited"}
# accepted → preparing → created → starting → running ⇄ paused → stopping → exited, and anything may end. "" is before the
# first event. A launch that is not held goes from preparing to running.
CONTAINER_MOVES = {
    "": {"accepted"},
    "accepted": {"preparing"} | ENDS,
    "preparing": {"created", "running", "stopping"} | ENDS,
    "created": {"starting", "stopping"} | ENDS,
    "starting": {"running", "stopping"} | ENDS,
    "running": {"paused", "stopping"} | ENDS,
    "paused": {"running", "stopping"} | ENDS,
    "stopping": {"stopping"} | ENDS,
    "exited": {"accepted"},
}
POD_MOVES = {
    "": {"accepted"},
    "accepted": {"preparing", "stopping"},
    "preparing": {"ready", "stopping", "stopped"},
    "ready": {"stopping"},
    "stopping": {"stopped"},
    "stopped": set(),
}


def named(enum, value, prefix):
    name = enum.Name(value)[len(prefix):].lower()
    return "" if name == "unspecified" else name


def container_state(value):
    return named(container_pb.ContainerState, value, "CONTAINER_STATE_")


def pod_state(value):
    return named(pod_pb.PodState, value, "POD_STATE_")


class Track:
    """One container or pod as its events tell it."""

    def __init__(self, state="", attempt=0, revision=0, released=False):
        self.state, self.attempt, self.revision, self.released = state, attempt, revision, released
        self.removed = False

    def move(self, event, moves, old, new):
        if old != self.state or new not in moves[self.state]:
            raise Violation("event-order", f"{event.id} was {self.state or 'new'}; an event says {old or 'new'} → {new}")
        if new == "accepted" and event.attempt != self.attempt + (moves is CONTAINER_MOVES):
            raise Violation("event-attempt", f"{event.id}: attempt {event.attempt} follows {self.attempt}")
        if new != "accepted" and event.attempt != self.attempt:
            raise Violation("event-attempt", f"{event.id}: attempt {event.attempt} in the middle of {self.attempt}")
        # A launch that fails has given back what it had before it ends; or what is left follows. No event tells which.
        self.released = None if new == "exited" and old in ("accepted", "preparing") else False
        self.state, self.attempt = new, event.attempt

    def release(self, event, last):
        if self.state != last or self.released or event.attempt != self.attempt:
            raise Violation("event-release", f"{event.id} is {self.state}, attempt {self.attempt}, "
                                             f"released {self.released}; an event releases attempt {event.attempt}")
        self.released = True


class Watcher:
    def __init__(self, daemon, sightings):
        self.api = Api(daemon)
        self.sightings = sightings
        self.containers, self.pods, self.execs = {}, {}, {}
        self.events = 0
        self.reconnects = 0
        self.lists = 0
        # Its place in the stream is being taken away: then it has to hear so, and lists.
        self.loses_place = False
        self.lost = False
        self.violation = None
        self.stopped = False
        self.stream = None
        self.moved = threading.Condition()
        self.cursor = None
        self.begin_from_list()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def close(self):
        self.stopped = True
        if self.stream is not None:
            self.stream.cancel()
        self.thread.join(30)
        self.api.close()

    def begin_from_list(self):
        self.lists += 1
        listed = self.api.call("ContainerService", "List", page_size=10000)
        self.containers = {one.uid: Track(container_state(one.state), one.attempt, one.revision, one.released)
                           for one in listed.containers}
        pods = self.api.call("PodService", "List", page_size=10000)
        self.pods = {one.uid: Track(pod_state(one.state), 0, one.revision, one.released) for one in pods.pods}
        # The second list is of a later moment: what it shows already is not news.
        self.pods_from = pods.cursor.sequence
        self.execs = {}
        with self.moved:
            self.cursor = (listed.cursor.epoch, listed.cursor.sequence)
            self.loses_place = False
            self.moved.notify_all()

    def run(self):
        try:
            while not self.stopped:
                try:
                    self.follow()
                except grpc.RpcError as error:
                    self.ended(error)
        except Exception as error:  # pylint: disable=broad-except
            with self.moved:
                self.violation = error
                self.moved.notify_all()

    def follow(self):
        if self.lost:
            self.begin_from_list()
            self.lost = False
        after = event_pb.EventCursor(epoch=self.cursor[0], sequence=self.cursor[1])
        self.stream = self.api.stream_out("EventService", "Watch", timeout=None, after=after)
        for answer in self.stream:
            for event in answer.events:
                self.take(event)

    def ended(self, error):
        self.reconnects += 1
        if error.code() == grpc.StatusCode.OUT_OF_RANGE:
            # A daemon that dies loses nothing of the stream.
            if not self.loses_place:
                raise Violation("cursor", f"{self.cursor}: {error.details()}")
            self.lost = True
        elif not self.stopped and error.code() != grpc.StatusCode.UNAVAILABLE:
            raise Violation("watch", f"the watch ended with {error.code()} {reason(error)} {error.details()}")
        time.sleep(0.005)

    def take(self, event):
        epoch, sequence = event.cursor.epoch, event.cursor.sequence
        # Numbers go on over epochs as long as nothing of the stream is lost.
        if epoch < self.cursor[0] or sequence != self.cursor[1] + 1:
            raise Violation("event-gap", f"event {epoch}.{sequence} follows {self.cursor[0]}.{self.cursor[1]}")
        kind = event_pb.EventType.Name(event.type)[len("EVENT_TYPE_"):]
        if kind.startswith("CONTAINER_"):
            self.container_event(kind, event)
        elif kind.startswith("POD_"):
            self.pod_event(kind, event)
        elif kind.startswith("EXEC_"):
            self.exec_event(kind, event)
        elif kind.startswith("NETWORK_") and event.uid:
            self.in_order(self.containers[event.uid], event, False)
        with self.moved:
            self.cursor = (epoch, sequence)
            self.events += 1
            self.moved.notify_all()

    def container_event(self, kind, event):
        track = self.containers.setdefault(event.uid, Track())
        self.in_order(track, event, kind == "CONTAINER_REMOVED")
        if kind == "CONTAINER_STATE":
            state = container_state(event.state)
            track.move(event, CONTAINER_MOVES, container_state(event.old_state), state)
            if (state == "exited") != event.HasField("exit"):
                raise Violation("event-exit", f"{event.id} is {state}; exit told: {event.HasField('exit')}")
            if state == "exited":
                self.sightings.see_exit_event(event)
        elif kind == "CONTAINER_RELEASED":
            track.release(event, "exited")
        elif kind == "CONTAINER_REMOVED":
            if track.state != "exited" or track.released is False:
                raise Violation("event-removed", f"{event.id} was removed when {track.state}, released {track.released}")
            track.removed = True

    def pod_event(self, kind, event):
        if event.cursor.sequence <= self.pods_from:
            return
        track = self.pods.setdefault(event.pod_uid, Track())
        self.in_order(track, event, kind == "POD_REMOVED")
        if kind == "POD_STATE":
            track.move(event, POD_MOVES, pod_state(event.old_pod_state), pod_state(event.pod_state))
        elif kind == "POD_RELEASED":
            track.release(event, "stopped")
        elif kind == "POD_REMOVED":
            track.removed = True

    def in_order(self, track, event, last):
        if track.removed:
            raise Violation("event-after-removal", f"{event}")
        if not last and event.revision <= track.revision:
            raise Violation("event-revision", f"revision {event.revision} follows {track.revision}: {event}")
        track.revision = event.revision or track.revision

    def exec_event(self, kind, event):
        """Told once in each life of the daemon: an exec's record and its events are not written as one (agent/execs), so
        that one that dies between them tells again. Every such death begins an epoch."""
        told = self.execs.setdefault(event.exec_uid, {})
        if told.get(kind) == event.cursor.epoch:
            raise Violation("event-exec", f"{kind} is told twice of exec {event.exec_id} of {event.id}")
        if kind == "EXEC_STARTED" and "EXEC_EXITED" in told:
            raise Violation("event-exec", f"exec {event.exec_id} of {event.id} starts after it has ended")
        told[kind] = event.cursor.epoch
        if event.HasField("exit"):
            self.sightings.see_exit_of_exec(event)

    def check(self):
        if self.violation is not None:
            raise self.violation

    def reach(self, cursor, seconds=60):
        """Waits until it has seen what a list of that cursor shows."""
        def arrived():
            return self.violation is not None or (self.cursor[1] >= cursor.sequence and not self.loses_place)
        with self.moved:
            if not self.moved.wait_for(arrived, seconds):
                raise Violation("event-missing", f"the watch stays at {self.cursor}; the list is at "
                                                 f"{cursor.epoch}.{cursor.sequence}")
        self.check()

    def compare(self, listed):
        """The events, added up, are the list."""
        released = {one.uid: one.released for one in listed.containers}
        told = {uid: (track.state, track.attempt, track.revision,
                      released.get(uid) if track.released is None else track.released)
                for uid, track in self.containers.items() if not track.removed}
        shown = {one.uid: (container_state(one.state), one.attempt, one.revision, one.released)
                 for one in listed.containers}
        if told != shown:
            wrong = {uid: (told.get(uid), shown.get(uid)) for uid in told.keys() | shown.keys()
                     if told.get(uid) != shown.get(uid)}
            raise Violation("event-sum", f"(events, list) of each: {wrong}")
