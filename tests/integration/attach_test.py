"""Clients attached to containers: the log's last lines, what is written from then on, input, terminals, and slow readers."""

import os
import time
import unittest
import uuid

import grpc

from api import Api, container_pb, in_background, module, reason, spec_pb, terminal_pb
from harness import DaemonTest, wait_for

SERVICE = "ContainerService"


class AttachCase(DaemonTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.api = Api(cls.daemon)
        cls.addClassCleanup(cls.api.close)

    def launch(self, script, name="box", **spec):
        self.api.call(SERVICE, "Launch", id=uuid.uuid4().hex, name=name, spec=spec_pb.ContainerSpec(
            root={"image": "busybox"}, command=["sh", "-c", script], **spec))
        return container_pb.ContainerRef(name=name)

    def attach(self, ref, timeout=60, **header):
        return self.api.attach(SERVICE, {"container": ref, **header}, timeout=timeout)

    def assert_fails(self, code, word, function, *arguments, **fields):
        with self.assertRaises(grpc.RpcError) as caught:
            function(*arguments, **fields)
        self.assertEqual((caught.exception.code(), reason(caught.exception)), (code, word),
                         caught.exception.details())


class Output(AttachCase):
    def test_what_is_written_from_now_on_and_the_exit(self):
        box = self.launch("read x; echo out; echo err >&2; exit 6", stdin=True)
        attachment = self.attach(box, stdin=True)
        self.assertTrue(attachment.header.stdin)
        attachment.data(b"\n")
        attachment.read_all()
        self.assertEqual((attachment.out, attachment.err, attachment.exit.code),
                         (b"out\n", b"err\n", 6))

    def test_no_gap_and_no_repeat_after_the_log(self):
        script = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo $i; done; read x"
        box = self.launch(script, stdin=True)
        attachments = [self.attach(box, tail=10_000)]
        for _ in range(4):
            time.sleep(0.02)
            attachments.append(self.attach(box, tail=10_000))
        for attachment in attachments:
            attachment.read_until(b"\n3000\n")
            self.assertEqual(attachment.out, b"".join(b"%d\n" % i for i in range(1, 3001)))
            attachment.cancel()

    def test_the_last_lines_only(self):
        box = self.launch("seq 1 100; read x", stdin=True)
        wait_for(lambda: self.daemon.skerry("logs", "box").out.endswith("\n100\n"), "the output")
        attachment = self.attach(box, tail=3)
        attachment.read_until(b"100\n")
        self.assertEqual(attachment.out, b"98\n99\n100\n")
        attachment.cancel()

    def test_one_stream_only(self):
        box = self.launch("read x; echo out; echo err >&2", stdin=True)
        attachment = self.attach(box, stdin=True, streams=[terminal_pb.OUTPUT_STREAM_STDERR])
        attachment.data(b"\n")
        attachment.read_all()
        self.assertEqual((attachment.out, attachment.err), (b"", b"err\n"))

    def test_a_client_that_does_not_read_stops_nobody(self):
        box = self.launch("read x; head -c 10000000 /dev/zero | tr '\\0' x; echo; echo end", stdin=True)
        idle = self.attach(box, stdin=True)
        watching = self.attach(box, timeout=300)
        idle.data(b"\n")
        watching.read_all()
        self.assertEqual(len(watching.out) + watching.missed, 10_000_005)
        # The container has ended long ago; the slow one is told what it missed, in its place.
        idle.read_all()
        self.assertEqual(len(idle.out) + idle.missed, 10_000_005)
        self.assertGreater(idle.missed, 1_000_000)
        self.assertEqual(idle.exit.code, 0)

    def test_memory_is_bounded(self):
        def resident():
            with open(f"/proc/{self.daemon.process.pid}/statm", encoding="ascii") as file:
                return int(file.read().split()[1]) * 4096
        box = self.launch("read x; head -c 100000000 /dev/zero; echo end", stdin=True)
        idle = [self.attach(box, stdin=number == 0) for number in range(8)]
        before = resident()
        idle[0].data(b"\n")
        wait_for(lambda: "EXITED" in self.daemon.inspect("box")["state"].upper(), "the end", 120)
        self.assertLess(resident() - before, 64 << 20)
        for attachment in idle:
            attachment.cancel()

    def test_attach_before_the_start_misses_nothing(self):
        self.daemon.skerry("create", "--name", "held", "busybox", "echo", "first")
        held = container_pb.ContainerRef(name="held")
        attachment = self.attach(held)
        self.daemon.skerry("start", "held")
        self.assertEqual(attachment.read_all().out, b"first\n")

    def test_killed_daemon_in_the_middle(self):
        box = self.launch("echo one; read x; echo two; exit 4", stdin=True)
        first = self.attach(box, stdin=True, tail=10)
        first.read_until(b"one\n")
        self.daemon.restart()
        with self.assertRaises(grpc.RpcError):
            first.read_all()
        second = self.attach(box, stdin=True, tail=10)
        second.data(b"\n")
        second.read_all()
        self.assertEqual((second.out, second.exit.code), (b"one\ntwo\n", 4))


class Input(AttachCase):
    def test_one_feeds(self):
        box = self.launch("cat", stdin=True)
        first = self.attach(box, stdin=True)
        self.assert_fails(grpc.StatusCode.ABORTED, "BUSY", self.attach, box, stdin=True)
        watcher = self.attach(box)
        first.data(b"hello\n")
        first.read_until(b"hello\n")
        watcher.read_until(b"hello\n")
        first.send(close_stdin={})
        self.assertEqual(first.read_all().exit.code, 0)
        self.assertEqual(watcher.read_all().exit.code, 0)

    def test_input_outlives_a_client(self):
        box = self.launch("cat", stdin=True)
        first = self.attach(box, stdin=True)
        first.data(b"a\n")
        first.read_until(b"a\n")
        first.cancel()
        def again():
            try:
                return self.attach(box, stdin=True)
            except grpc.RpcError:
                return None
        second = wait_for(again, "the first to be gone")
        second.data(b"b\n")
        second.read_until(b"b\n")
        second.send(detach={})
        second.read_all()
        self.assertIsNone(second.exit)

    def test_refusals(self):
        box = self.launch("sleep 100")
        precondition = grpc.StatusCode.FAILED_PRECONDITION
        self.assert_fails(precondition, "NO_STDIN", self.attach, box, stdin=True)
        watcher = self.attach(box)
        watcher.data(b"x")
        self.assert_fails(precondition, "NO_STDIN", watcher.read_all)
        self.daemon.skerry("stop", "-t", "0", "box")
        self.assert_fails(precondition, "STATE", self.attach, box)
        self.assert_fails(grpc.StatusCode.NOT_FOUND, "CONTAINER_NOT_FOUND", self.attach,
                          container_pb.ContainerRef(name="nobody"))


class Terminal(AttachCase):
    def test_size_resize_and_input(self):
        box = self.launch("read x; stty size; tty; echo $TERM; read x; stty size; exit 3", stdin=True,
                          terminal=terminal_pb.Terminal(size={"columns": 91, "rows": 31}))
        attachment = self.attach(box, stdin=True)
        self.assertTrue(attachment.header.terminal)
        attachment.data(b"\n")
        attachment.read_until(b"xterm\r\n")
        self.assertEqual(attachment.out.split(), [b"31", b"91", b"/dev/pts/0", b"xterm"])
        self.api.call(SERVICE, "ResizeTerminal", container=box, size={"columns": 50, "rows": 10})
        attachment.data(b"\n")
        attachment.read_until(b"10 50\r\n")
        self.assertEqual(attachment.read_all().exit.code, 3)

    def test_resize_needs_a_terminal(self):
        box = self.launch("sleep 100")
        self.assert_fails(grpc.StatusCode.FAILED_PRECONDITION, "NO_TERMINAL", self.api.call, SERVICE,
                          "ResizeTerminal", container=box, size={"columns": 50, "rows": 10})
        self.assert_fails(grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", self.api.call, SERVICE,
                          "ResizeTerminal", container=box, size={"columns": 0, "rows": 10})

    def test_it_is_in_the_log(self):
        self.launch("echo $((6*7))", terminal={})
        wait_for(lambda: "42" in self.daemon.skerry("logs", "box").out, "the log")


class Top(AttachCase):
    def processes(self, ref):
        return self.api.call(SERVICE, "ListProcesses", container=ref)

    def test_processes(self):
        exec_pb = module("exec_service")
        box = self.launch("sleep 1000 & exec sleep 2000")
        pid = self.daemon.inspect("box")["pid"]
        started = self.api.call("ExecService", "Start", container=box, id="e", spec=exec_pb.ExecSpec(
            args=["sleep", "3000"], user=spec_pb.User(name="alice"))).exec
        answer = self.processes(box)
        found = {p.command_line: p for p in answer.processes}
        self.assertEqual(set(found), {"sleep 2000", "sleep 1000", "sleep 3000"})
        self.assertEqual(answer.processes[0].pid, pid)
        first, entered = found["sleep 2000"], found["sleep 3000"]
        self.assertEqual((first.container_pid, first.user, first.exec_uid), (1, "root", ""))
        self.assertEqual((entered.user, entered.user_id, entered.exec_uid, entered.pid),
                         ("alice", 1000, started.uid, started.pid))
        self.assertGreater(entered.container_pid, 1)
        self.assertLess(abs(answer.time.seconds - first.started_at.seconds), 60)
        self.assertGreater(first.resident_bytes, 0)

    def test_nothing_runs(self):
        box = self.launch("true")
        wait_for(lambda: "EXITED" in self.daemon.inspect("box")["state"].upper(), "the end")
        self.assert_fails(grpc.StatusCode.FAILED_PRECONDITION, "STATE", self.processes, box)


if __name__ == "__main__":
    unittest.main()
