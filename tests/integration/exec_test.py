"""Execs: what they share with their container, how they end, what survives a restart of the daemon."""

import os
import signal
import time
import unittest
import uuid

import grpc
from google.protobuf.duration_pb2 import Duration

from api import (Api, container_pb, event_pb, exec_pb, in_background, message, reason, spec_pb,
                 terminal_pb)
from harness import DaemonTest, cgroup_hierarchies, wait_for

SERVICE = "ExecService"


class ExecCase(DaemonTest):
    """A class with a running container "box"."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.api = Api(cls.daemon)
        # A class that fails in its set-up has no tear-down.
        cls.addClassCleanup(cls.api.close)

    def setUp(self):
        self.daemon.skerry("run", "-d", "--name", "box", "busybox", "sleep", "1000")
        self.pid = self.daemon.inspect("box")["pid"]

    box = container_pb.ContainerRef(name="box")

    def start(self, *args, container=None, id=None, **spec):
        id = id or "e" + uuid.uuid4().hex[:8]
        answer = self.api.call(SERVICE, "Start", container=container or self.box, id=id,
                               spec=exec_pb.ExecSpec(args=args, **spec))
        return answer.exec

    def run_exec(self, *args, timeout=30, input=b"", container=None, max_output_bytes=None, **spec):
        fields = {} if max_output_bytes is None else {"max_output_bytes": max_output_bytes}
        return self.api.call(SERVICE, "Run", container=container or self.box, timeout=timeout,
                             spec=exec_pb.ExecSpec(args=args, **spec), input=input, **fields)

    def sh(self, script, **spec):
        return self.run_exec("sh", "-c", script, **spec)

    def runs(self, command):
        """Whether something of exactly that command line runs in the container."""
        return command in self.run_exec("ps", "-o", "args").stdout.decode().splitlines()

    def ref(self, started):
        return exec_pb.ExecRef(uid=started.uid)

    def wait_exec(self, started, timeout=30):
        return self.api.call(SERVICE, "Wait", exec=self.ref(started), timeout=timeout).exec

    def get(self, started):
        return self.api.call(SERVICE, "Get", exec=self.ref(started)).exec

    def attach(self, started, timeout=60):
        return self.api.attach(SERVICE, {"exec": self.ref(started)}, timeout=timeout)

    def assert_fails(self, code, word, function, *arguments, **fields):
        with self.assertRaises(grpc.RpcError) as caught:
            function(*arguments, **fields)
        self.assertEqual((caught.exception.code(), reason(caught.exception)), (code, word),
                         caught.exception.details())
        return caught.exception


class Run(ExecCase):
    """The one-shot form."""

    def test_output_and_code(self):
        done = self.sh("echo out; echo err >&2; exit 7")
        self.assertEqual((done.stdout, done.stderr, done.exit.code), (b"out\n", b"err\n", 7))
        self.assertEqual(done.exit.cause, container_pb.EXIT_CAUSE_EXITED)

    def test_input(self):
        data = os.urandom(300_000)
        done = self.run_exec("cat", input=data)
        self.assertEqual(done.stdout, data)

    def test_without_input_it_reads_nothing(self):
        self.assertEqual(self.run_exec("cat").stdout, b"")

    def test_input_that_nobody_reads(self):
        self.assertEqual(self.run_exec("true", input=b"x" * 1_000_000).exit.code, 0)

    def test_output_is_cut_and_counted(self):
        done = self.sh("head -c 3000000 /dev/zero; head -c 5000 /dev/zero >&2", max_output_bytes=4096)
        self.assertEqual((len(done.stdout), len(done.stderr)), (4096, 4096))
        self.assertEqual((done.stdout_missed, done.stderr_missed), (3000000 - 4096, 5000 - 4096))

    def test_timeout_kills(self):
        began = time.monotonic()
        request = message(SERVICE, "Run", "Request")(
            container=self.box, spec=exec_pb.ExecSpec(args=["sleep", "100"]),
            timeout=Duration(nanos=300_000_000))
        self.assert_fails(grpc.StatusCode.DEADLINE_EXCEEDED, "EXEC_TIMEOUT", self.api.send, SERVICE,
                          "Run", request)
        self.assertLess(time.monotonic() - began, 10)
        wait_for(lambda: not self.leaf_names(), "the leaf to be gone")

    def leaf_names(self):
        uid = self.daemon.inspect("box")["uid"]
        names = []
        for hierarchy in cgroup_hierarchies():
            path = os.path.join(hierarchy, self.daemon.scope(), uid)
            if os.path.isdir(path):
                names += [name for name in os.listdir(path) if name.startswith("x-")]
        return names

    def test_it_dies_with_its_call(self):
        call = self.api.future(SERVICE, "Run", container=self.box,
                               spec=exec_pb.ExecSpec(args=["sh", "-c", "echo $$ >/tmp/pid; sleep 1000"]))
        wait_for(self.leaf_names, "the exec to run")
        call.cancel()
        wait_for(lambda: not self.leaf_names(), "the exec to be gone")
        wait_for(lambda: not self.api.call(SERVICE, "List", all=True).execs, "it to be forgotten")

    def test_failures(self):
        not_found = grpc.StatusCode.NOT_FOUND
        self.assert_fails(not_found, "COMMAND_NOT_FOUND", self.run_exec, "/no/such")
        self.assert_fails(grpc.StatusCode.PERMISSION_DENIED, "COMMAND_NOT_EXECUTABLE", self.run_exec,
                          "/etc/passwd")
        self.assert_fails(not_found, "CONTAINER_NOT_FOUND", self.run_exec, "true",
                          container=container_pb.ContainerRef(name="nobody"))
        self.assert_fails(grpc.StatusCode.INVALID_ARGUMENT, "COMMAND_MISSING", self.run_exec)
        self.assert_fails(grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", self.run_exec, "true",
                          stdin=True)

    def test_leaves_nothing(self):
        for _ in range(20):
            self.run_exec("true")
        wait_for(lambda: not os.listdir(os.path.join(self.daemon.run, "execs")), "directories to go")
        self.assertEqual(self.leaf_names(), [])


class Join(ExecCase):
    """It is inside."""

    def test_it_is_in_every_namespace(self):
        def spaces(path):
            return {name: os.readlink(f"{path}/{name}")
                    for name in ("mnt", "pid", "ipc", "uts", "net", "cgroup")}
        started = self.start("sleep", "100")
        self.assertGreater(started.pid, 0)
        self.assertEqual(spaces(f"/proc/{started.pid}/ns"), spaces(f"/proc/{self.pid}/ns"))

    def test_it_is_in_the_containers_cgroups(self):
        started = self.start("sleep", "100")
        uid = self.daemon.inspect("box")["uid"]
        with open(f"/proc/{started.pid}/cgroup", encoding="ascii") as file:
            lines = [line.strip().split(":", 2) for line in file]
        for number, controllers, path in lines:
            if controllers in ("", "memory", "pids", "cpu,cpuacct", "devices"):
                self.assertIn(uid, path, controllers)
        self.assertTrue(any(f"x-{started.uid}" in path for _, _, path in lines))

    def test_its_root_is_the_containers(self):
        self.sh("echo here >/tmp/mark")
        self.assertEqual(self.run_exec("cat", "/tmp/mark").stdout, b"here\n")
        self.assertEqual(self.sh("hostname").stdout.decode().strip(),
                         self.daemon.inspect("box")["uid"][:12])

    def test_privileges_are_the_containers(self):
        def lines(path):
            with open(path, encoding="ascii") as file:
                return {key: value for key, value in
                        (line.rstrip("\n").split(":\t") for line in file)
                        if key in ("CapBnd", "CapEff", "CapPrm", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp")}
        started = self.start("sleep", "100")
        self.assertEqual(lines(f"/proc/{started.pid}/status"), lines(f"/proc/{self.pid}/status"))
        self.assertEqual(lines(f"/proc/{self.pid}/status")["Seccomp"], "2")

    def test_limits_are_the_containers(self):
        def limits(pid):
            with open(f"/proc/{pid}/limits", encoding="ascii") as file:
                return file.read()
        started = self.start("sleep", "100")
        self.assertEqual(limits(started.pid), limits(self.pid))

    def test_user_and_directory_and_environment(self):
        done = self.sh("id; pwd; echo $HOME:$A", user=spec_pb.User(name="alice"), working_dir="/tmp",
                       env=["A=b"])
        self.assertEqual(done.stdout.decode().splitlines(),
                         ["uid=1000(alice) gid=1000(alice) groups=50(staff),1000(alice)", "/tmp",
                          "/home:b"])

    def test_a_directory_that_is_not_there(self):
        with self.assertRaises(grpc.RpcError):
            self.sh("pwd", working_dir="/no/such")

    def test_no_descriptors_come_along(self):
        done = self.run_exec("ls", "/proc/self/fd")
        self.assertEqual(done.stdout.split(), [b"0", b"1", b"2", b"3"])

    def test_capabilities_can_be_less(self):
        done = self.sh("grep CapEff /proc/self/status",
                       capabilities=spec_pb.Capabilities(drop=["ALL"]))
        self.assertEqual(done.stdout.split()[1], b"0" * 16)


class Life(ExecCase):
    def test_start_wait_get(self):
        started = self.start("sh", "-c", "sleep 0.3; exit 3")
        self.assertEqual(started.state, exec_pb.EXEC_STATE_RUNNING)
        ended = self.wait_exec(started)
        self.assertEqual((ended.state, ended.exit.code, ended.pid), (exec_pb.EXEC_STATE_EXITED, 3, 0))
        self.assertEqual(self.get(started).exit.code, 3)
        listed = self.api.call(SERVICE, "List", container=self.box, all=True).execs
        self.assertEqual([e.uid for e in listed], [started.uid])
        self.assertEqual(list(self.api.call(SERVICE, "List", container=self.box).execs), [])

    def test_start_is_idempotent(self):
        first = self.start("sleep", "100", id="same")
        self.assertEqual(self.start("sleep", "100", id="same").uid, first.uid)
        self.assert_fails(grpc.StatusCode.ALREADY_EXISTS, "SPEC_DIFFERS", self.start, "sleep", "101",
                          id="same")
        key = exec_pb.ExecRef.Key(container=self.box, id="same")
        found = self.api.call(SERVICE, "Get", exec=exec_pb.ExecRef(key=key)).exec
        self.assertEqual(found.uid, first.uid)

    def test_a_failed_start_stays_failed(self):
        for _ in range(2):
            self.assert_fails(grpc.StatusCode.NOT_FOUND, "COMMAND_NOT_FOUND", self.start, "/no/such",
                              id="bad")
        key = exec_pb.ExecRef.Key(container=self.box, id="bad")
        failed = self.api.call(SERVICE, "Get", exec=exec_pb.ExecRef(key=key)).exec
        self.assertEqual((failed.exit.cause, failed.exit.code),
                         (container_pb.EXIT_CAUSE_LAUNCH_FAILED, 127))

    def test_kill(self):
        started = self.start("sleep", "100")
        self.api.call(SERVICE, "Kill", exec=self.ref(started), signal=signal.SIGTERM)
        ended = self.wait_exec(started)
        self.assertEqual((ended.exit.cause, ended.exit.signal),
                         (container_pb.EXIT_CAUSE_SIGNALED, signal.SIGTERM))
        self.api.call(SERVICE, "Kill", exec=self.ref(started))

    def test_kill_all_reaches_what_it_forked(self):
        started = self.start("sh", "-c", "trap '' TERM; setsid sleep 555 & wait; sleep 100")
        wait_for(lambda: self.runs("sleep 555"), "the child")
        self.api.call(SERVICE, "Kill", exec=self.ref(started), all=True)
        self.assertEqual(self.wait_exec(started).exit.signal, signal.SIGKILL)
        self.assertFalse(self.runs("sleep 555"))

    def test_what_it_put_into_the_background_goes_with_it(self):
        started = self.start("sh", "-c", "sleep 777 & exit 0", output=exec_pb.EXEC_OUTPUT_DISCARD)
        self.wait_exec(started)
        self.assertFalse(self.runs("sleep 777"))

    def test_it_needs_a_running_container(self):
        failed = grpc.StatusCode.FAILED_PRECONDITION
        self.daemon.skerry("pause", "box")
        self.assert_fails(failed, "STATE", self.start, "true")
        self.daemon.skerry("unpause", "box")
        self.daemon.skerry("stop", "-t", "0", "box")
        self.assert_fails(failed, "STATE", self.start, "true")
        self.daemon.skerry("create", "--name", "held", "busybox", "true")
        self.assert_fails(failed, "STATE", self.start, "true",
                          container=container_pb.ContainerRef(name="held"))

    def test_it_ends_with_its_container(self):
        started = self.start("sleep", "1000")
        self.daemon.skerry("stop", "-t", "0", "box")
        ended = self.wait_exec(started)
        self.assertEqual(ended.exit.cause, container_pb.EXIT_CAUSE_STOPPED)
        self.daemon.skerry("rm", "box")
        wait_for(lambda: not self.api.call(SERVICE, "List", all=True).execs, "it to be forgotten")

    def test_many_ended_ones_are_forgotten(self):
        for _ in range(103):
            started = self.start("true", output=exec_pb.EXEC_OUTPUT_DISCARD)
            self.wait_exec(started)
        listed = lambda: self.api.call(SERVICE, "List", container=self.box, all=True).execs
        wait_for(lambda: len(listed()) == 100, "the oldest to be forgotten")

    def test_events(self):
        stream = self.api.stream_out("EventService", "Watch")
        events = []

        def read():
            for answer in stream:
                for event in answer.events:
                    if event.exec_uid:
                        events.append(event)
                if len(events) == 2:
                    return
        join = in_background(read)
        time.sleep(0.3)
        started = self.start("sh", "-c", "exit 4", id="told")
        self.run_exec("true")
        join()
        stream.cancel()
        self.assertEqual([(e.type, e.exec_id, e.name) for e in events],
                         [(event_pb.EVENT_TYPE_EXEC_STARTED, "told", "box"),
                          (event_pb.EVENT_TYPE_EXEC_EXITED, "told", "box")])
        self.assertEqual(events[1].exit.code, 4)
        self.assertEqual(events[0].exec_uid, started.uid)


class Restart(ExecCase):
    """kill -9 of the daemon in the middle."""

    def test_a_running_exec_survives(self):
        started = self.start("sleep", "1000")
        self.daemon.restart()
        again = self.get(started)
        self.assertEqual((again.state, again.pid), (exec_pb.EXEC_STATE_RUNNING, started.pid))
        self.api.call(SERVICE, "Kill", exec=self.ref(started))
        self.assertEqual(self.wait_exec(started).exit.signal, signal.SIGKILL)

    def test_an_end_meanwhile_is_learned(self):
        started = self.start("sh", "-c", "sleep 0.5; exit 9", output=exec_pb.EXEC_OUTPUT_DISCARD)
        self.daemon.kill()
        wait_for(lambda: not os.path.exists(f"/proc/{started.pid}"), "its end")
        self.daemon.start()
        self.assertEqual(self.wait_exec(started).exit.code, 9)

    def test_an_ended_one_is_remembered(self):
        started = self.start("sh", "-c", "exit 6")
        self.wait_exec(started)
        self.daemon.restart()
        self.assertEqual(self.get(started).exit.code, 6)

    def test_output_waits_for_the_next_daemon(self):
        started = self.start("sh", "-c", "sleep 0.5; echo kept; exit 2")
        self.daemon.restart()
        attachment = self.attach(started).read_all()
        self.assertEqual((attachment.out, attachment.exit.code), (b"kept\n", 2))

    def test_a_run_dies_with_the_daemon(self):
        call = self.api.future(SERVICE, "Run", container=self.box,
                               spec=exec_pb.ExecSpec(args=["sleep", "4242"]))
        wait_for(lambda: self.runs("sleep 4242"), "it to run")
        self.daemon.restart()
        call.cancel()
        self.assertFalse(self.runs("sleep 4242"))
        wait_for(lambda: not self.api.call(SERVICE, "List", all=True).execs, "it to be forgotten")

    def test_a_container_that_ended_meanwhile(self):
        started = self.start("sleep", "1000")
        self.daemon.kill()
        os.kill(self.pid, signal.SIGKILL)
        wait_for(lambda: not os.path.exists(f"/proc/{started.pid}"), "its end")
        self.daemon.start()
        self.assertEqual(self.wait_exec(started).exit.cause, container_pb.EXIT_CAUSE_STOPPED)


class Attached(ExecCase):
    def test_output_and_exit(self):
        started = self.start("sh", "-c", "echo out; echo err >&2; exit 5")
        attachment = self.attach(started).read_all()
        self.assertEqual((attachment.out, attachment.err, attachment.exit.code),
                         (b"out\n", b"err\n", 5))
        self.assertEqual(attachment.header.exec.uid, started.uid)

    def test_input_and_its_end(self):
        started = self.start("wc", "-c", stdin=True)
        attachment = self.attach(started)
        for _ in range(10):
            attachment.data(b"x" * 100_000)
        attachment.send(close_stdin={})
        self.assertEqual(attachment.read_all().out.strip(), b"1000000")

    def test_input_needs_stdin(self):
        started = self.start("sleep", "100")
        attachment = self.attach(started)
        attachment.data(b"x")
        self.assert_fails(grpc.StatusCode.FAILED_PRECONDITION, "NO_STDIN", attachment.read_all)

    def test_nothing_is_lost_to_a_slow_reader(self):
        lines = "".join(f"{i}\n" for i in range(1, 20001)).encode()
        started = self.start(
            "sh", "-c", "seq 1 20000 >/tmp/f; i=0; while [ $i -lt 92 ]; do cat /tmp/f; i=$((i+1)); done")
        attachment = self.attach(started, timeout=300)
        attachment.read()
        time.sleep(1)
        attachment.read_all()
        self.assertEqual(attachment.missed, 0)
        self.assertGreater(len(attachment.out), 10_000_000)
        self.assertTrue(attachment.out == lines * 92)

    def test_one_client_at_a_time(self):
        started = self.start("sleep", "100")
        first = self.attach(started)
        self.assert_fails(grpc.StatusCode.ABORTED, "BUSY", self.attach, started)
        self.assertTrue(self.get(started).attached)
        first.cancel()
        wait_for(lambda: not self.get(started).attached, "the first to be gone")
        self.attach(started).cancel()

    def test_detach_leaves_it_alone_and_the_output_waits(self):
        started = self.start("sh", "-c", "echo a; read line; echo $line", stdin=True,
                             on_disconnect=exec_pb.ON_DISCONNECT_KILL)
        first = self.attach(started)
        first.read_until(b"a\n")
        first.send(detach={})
        first.read_all()
        self.assertIsNone(first.exit)
        second = self.attach(started)
        second.data(b"more\n")
        self.assertEqual(second.read_all().out, b"more\n")
        self.assertEqual(second.exit.code, 0)

    def test_a_lost_client_kills_where_the_spec_says_so(self):
        started = self.start("sleep", "100", on_disconnect=exec_pb.ON_DISCONNECT_KILL)
        self.attach(started).cancel()
        self.assertEqual(self.wait_exec(started).exit.signal, signal.SIGKILL)

    def test_a_lost_client_is_not_noticed_elsewhere(self):
        started = self.start("sleep", "100")
        self.attach(started).cancel()
        time.sleep(0.5)
        self.assertEqual(self.get(started).state, exec_pb.EXEC_STATE_RUNNING)

    def test_dropping_what_nobody_takes(self):
        started = self.start("sh", "-c", "head -c 10000000 /dev/zero; echo; echo end",
                             output=exec_pb.EXEC_OUTPUT_DROP)
        self.wait_exec(started)
        attachment = self.attach(started).read_all()
        self.assertEqual(len(attachment.out) + attachment.missed, 10000005)
        self.assertLessEqual(len(attachment.out), 128 * 1024)
        self.assertGreater(self.get(started).dropped_bytes, 9_000_000)

    def test_killed_daemon_in_the_middle(self):
        started = self.start("sh", "-c", "echo one; read line; echo two; exit 8", stdin=True)
        first = self.attach(started)
        first.read_until(b"one\n")
        self.daemon.restart()
        with self.assertRaises(grpc.RpcError):
            first.read_all()
        second = self.attach(started)
        second.data(b"go\n")
        second.read_all()
        self.assertEqual((second.out, second.exit.code), (b"two\n", 8))

    def test_bad_messages(self):
        started = self.start("sleep", "100")
        attachment = self.attach(started)
        attachment.send(header={"exec": self.ref(started)})
        self.assert_fails(grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", attachment.read_all)
        self.assert_fails(grpc.StatusCode.NOT_FOUND, "EXEC_NOT_FOUND", self.api.attach, SERVICE,
                          {"exec": exec_pb.ExecRef(uid="0" * 32)})


class Terminal(ExecCase):
    def terminal(self, columns, rows):
        return terminal_pb.Terminal(size=terminal_pb.TerminalSize(columns=columns, rows=rows))

    def test_size_and_resize(self):
        started = self.start("sh", "-c", "stty size; tty; echo $TERM; read line; stty size; exit 3",
                             stdin=True, terminal=self.terminal(101, 33))
        attachment = self.attach(started)
        attachment.read_until(b"xterm\r\n")
        self.assertEqual(attachment.out.split(), [b"33", b"101", b"/dev/pts/0", b"xterm"])
        attachment.send(resize=terminal_pb.TerminalSize(columns=55, rows=11))
        attachment.data(b"\n")
        attachment.read_until(b"11 55\r\n")
        self.assertEqual(attachment.read_all().exit.code, 3)

    def test_resize_by_itself(self):
        started = self.start("sleep", "100", terminal=self.terminal(80, 24))
        self.api.call(SERVICE, "Resize", exec=self.ref(started),
                      size=terminal_pb.TerminalSize(columns=120, rows=40))
        plain = self.start("sleep", "100")
        self.assert_fails(grpc.StatusCode.FAILED_PRECONDITION, "NO_TERMINAL", self.api.call, SERVICE,
                          "Resize", exec=self.ref(plain),
                          size=terminal_pb.TerminalSize(columns=120, rows=40))

    def test_end_of_input_is_a_character(self):
        started = self.start("cat", stdin=True, terminal=self.terminal(80, 24))
        attachment = self.attach(started)
        attachment.data(b"abc\n")
        attachment.read_until(b"abc\r\nabc\r\n")
        attachment.send(close_stdin={})
        self.assertEqual(attachment.read_all().exit.code, 0)

    def test_interrupt_reaches_the_foreground(self):
        started = self.start("sh", "-c", "trap 'echo caught; exit 4' INT; echo up; while :; do sleep 0.1; done",
                             stdin=True, terminal=self.terminal(80, 24))
        attachment = self.attach(started)
        attachment.read_until(b"up\r\n")
        attachment.data(b"\x03")
        self.assertEqual(attachment.read_all().exit.code, 4)

    def test_detached_terminal_lives_on(self):
        started = self.start("sh", stdin=True, terminal=self.terminal(80, 24))
        first = self.attach(started)
        first.data(b"cd /tmp; X=kept\n")
        first.read_until(b"kept\r\n")
        first.send(detach={})
        first.read_all()
        second = self.attach(started)
        second.data(b"echo $PWD:$X; exit 1\n")
        second.read_until(b"/tmp:kept\r\n")
        self.assertEqual(second.read_all().exit.code, 1)


if __name__ == "__main__":
    unittest.main()
