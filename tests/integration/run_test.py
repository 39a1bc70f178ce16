"""Running containers: exit codes, output, input, users, limits of what they see."""

import errno
import json
import os
import re
import shutil
import subprocess
import time
import unittest
import uuid

import grpc

from api import Api, reason
from harness import Daemon, DaemonTest, cgroup_hierarchies, wait_for


class Run(DaemonTest):
    def run_sh(self, script, *options, check=False, **more):
        return self.daemon.skerry("run", "--rm", *options, "busybox", "sh", "-c", script,
                                  check=check, **more)

    def test_exit_code_is_the_commands(self):
        self.assertEqual(self.run_sh("exit 7").returncode, 7)
        self.assertEqual(self.run_sh("exit 0").returncode, 0)

    def test_exit_by_signal_is_128_and_its_number(self):
        self.daemon.skerry("run", "-d", "--name", "victim", "busybox", "sleep", "60")
        self.daemon.skerry("kill", "victim")
        self.assertEqual(self.daemon.skerry("wait", "victim").out.strip(), "137")
        exit_info = self.daemon.inspect("victim")["exit"]
        self.assertIn("SIGNALED", exit_info["cause"].upper())
        self.assertEqual(exit_info["signal"], 9)

    def test_output_of_both_streams(self):
        done = self.run_sh("echo out; echo err >&2")
        self.assertEqual((done.out, done.err), ("out\n", "err\n"))

    def test_output_without_a_line_end(self):
        self.assertEqual(self.run_sh("printf abc").out, "abc")

    def test_large_output_is_complete(self):
        done = self.run_sh("seq 1 200000")
        self.assertEqual(done.out.split(), [str(i) for i in range(1, 200001)])

    def test_command_not_found_is_127(self):
        done = self.daemon.skerry("run", "--rm", "busybox", "/bin/foo", check=False)
        self.assertEqual(done.returncode, 127)
        self.assertIn('exec "/bin/foo"', done.err)
        self.assertIn("no such file", done.err)

    def test_command_not_executable_is_126(self):
        done = self.daemon.skerry("run", "--rm", "busybox", "/etc/passwd", check=False)
        self.assertEqual(done.returncode, 126)

    def test_missing_image_is_125(self):
        done = self.daemon.skerry("run", "--rm", "nowhere", "true", check=False)
        self.assertEqual(done.returncode, 125)
        self.assertIn("nowhere", done.err)

    def test_standard_input(self):
        done = self.daemon.skerry("run", "-i", "--rm", "busybox", "cat", stdin=b"one\ntwo\n")
        self.assertEqual(done.out, "one\ntwo\n")

    def test_large_standard_input(self):
        data = os.urandom(1 << 20).hex().encode()
        done = self.daemon.skerry("run", "-i", "--rm", "busybox", "wc", "-c", stdin=data)
        self.assertEqual(int(done.out), len(data))

    def test_environment_and_working_directory(self):
        done = self.run_sh('echo "$A:$B:$PWD:$HOME"', "-e", "A=1", "-e", "B=two words", "-w", "/var/x")
        self.assertEqual(done.out, "1:two words:/var/x:/root\n")

    def test_nothing_of_ours_reaches_the_environment(self):
        names = {line.split("=")[0] for line in
                 self.daemon.skerry("run", "--rm", "busybox", "env").out.splitlines()}
        self.assertEqual(names, {"PATH", "HOME", "HOSTNAME"})

    def test_no_descriptor_leaks(self):
        done = self.daemon.skerry("run", "--rm", "busybox", "ls", "/proc/self/fd")
        self.assertEqual(done.out.split(), ["0", "1", "2", "3"])  # 3 is ls reading the directory

    def test_user_by_name_and_groups(self):
        self.assertEqual(self.run_sh("id", "-u", "alice").out.strip(),
                         "uid=1000(alice) gid=1000(alice) groups=50(staff),1000(alice)")
        self.assertEqual(self.run_sh("id -u; id -g", "-u", "1234:567").out.split(), ["1234", "567"])

    def test_unknown_user_is_refused(self):
        done = self.run_sh("true", "-u", "nobody-here")
        self.assertEqual(done.returncode, 125)
        self.assertIn("nobody-here", done.err)

    def test_user_can_reopen_its_output(self):
        self.assertEqual(self.run_sh("echo x > /proc/self/fd/1", "-u", "alice").out, "x\n")

    def test_host_name(self):
        self.assertEqual(self.run_sh("hostname", "-h", "box").out, "box\n")

    def test_process_is_pid_1_and_sees_only_its_own(self):
        done = self.run_sh("echo $$; ls -d /proc/[0-9]* | wc -l")
        self.assertEqual(done.out.split()[0], "1")
        self.assertLessEqual(int(done.out.split()[1]), 4)

    def test_network_none_has_loopback_only(self):
        self.assertEqual(self.run_sh("ls /sys/class/net").out.split(), ["lo"])
        self.assertIn("127.0.0.1", self.run_sh("ifconfig lo").out)

    def test_network_host_is_the_hosts(self):
        inside = self.run_sh("ls /sys/class/net", "--network", "host").out.split()
        self.assertEqual(set(inside), set(os.listdir("/sys/class/net")))

    def test_read_only_root(self):
        done = self.run_sh("touch /x", "--read-only")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Read-only", done.err)
        self.assertEqual(self.run_sh("touch /t/x && echo ok", "--read-only", "--tmpfs", "/t").out,
                         "ok\n")

    def test_bind_mounts(self):
        place = os.path.join(self.daemon.base, "bound")
        os.makedirs(place, exist_ok=True)
        self.run_sh("echo hi > /b/file", "-v", f"{place}:/b", check=True)
        with open(os.path.join(place, "file"), encoding="ascii") as file:
            self.assertEqual(file.read(), "hi\n")
        done = self.run_sh("echo no > /b/file", "-v", f"{place}:/b:ro")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Read-only", done.err)

    def test_writes_are_the_containers_own(self):
        self.run_sh("echo changed > /etc/passwd", check=True)
        self.assertIn("root:x", self.run_sh("cat /etc/passwd").out)

    def test_masked_and_read_only_paths(self):
        self.assertEqual(self.run_sh("cat /proc/kcore | head -c 1 | wc -c").out.strip(), "0")
        self.assertNotEqual(self.run_sh("echo 1 > /proc/sys/kernel/panic").returncode, 0)
        self.assertNotEqual(self.run_sh("echo c > /proc/sysrq-trigger").returncode, 0)
        self.assertEqual(self.run_sh("ls /sys/firmware | wc -l").out.strip(), "0")

    def test_devices_are_an_allow_list(self):
        self.assertEqual(self.run_sh("head -c 4 /dev/zero | wc -c; echo x > /dev/null").out.strip(), "4")
        done = self.run_sh("mknod /tmp/disk b 254 0 && cat /tmp/disk")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("not permitted", done.err)

    def test_capabilities(self):
        def effective(*options):
            line = self.run_sh("grep CapEff /proc/self/status", *options).out
            return int(line.split()[1], 16)
        default = effective()
        self.assertEqual(bin(default).count("1"), 14)
        self.assertEqual(effective("--cap-drop", "ALL"), 0)
        self.assertEqual(effective("--cap-drop", "ALL", "--cap-add", "NET_ADMIN"), 1 << 12)
        self.assertEqual(effective("-u", "alice"), 0)

    def test_no_new_privileges_and_seccomp(self):
        status = self.run_sh("grep -E 'NoNewPrivs|Seccomp:' /proc/self/status",
                             "--security-opt", "no-new-privileges").out.split()
        self.assertEqual(status, ["NoNewPrivs:", "1", "Seccomp:", "2"])
        status = self.run_sh("grep -E 'NoNewPrivs|Seccomp:' /proc/self/status").out.split()
        self.assertEqual(status, ["NoNewPrivs:", "0", "Seccomp:", "2"])
        status = self.run_sh("grep Seccomp: /proc/self/status",
                             "--security-opt", "seccomp=unconfined").out.split()
        self.assertEqual(status, ["Seccomp:", "0"])
        self.assertNotEqual(self.run_sh("unshare -U true").returncode, 0)

    def seccomp_file(self, text):
        path = os.path.join(self.daemon.base, f"seccomp-{uuid.uuid4().hex}.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return ("--security-opt", f"seccomp={path}")

    NO_MKDIR = {"defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [{"names": ["mkdir", "mkdirat", "no_such_call"], "action": "SCMP_ACT_ERRNO",
                              "errnoRet": errno.EACCES, "excludes": {"caps": ["CAP_SYS_TIME"]}}]}

    def test_seccomp_profile_from_a_file(self):
        option = self.seccomp_file(json.dumps(self.NO_MKDIR))
        for more in ((), ("--security-opt", "no-new-privileges"), ("-u", "alice")):
            done = self.run_sh("grep Seccomp: /proc/self/status; touch /tmp/x && mkdir /tmp/d", *option, *more)
            self.assertEqual((done.returncode, done.out.split()), (1, ["Seccomp:", "2"]), done.err)
            self.assertIn("Permission denied", done.err)
        self.assertEqual(self.run_sh("mkdir /tmp/d", *option, "--cap-add", "SYS_TIME").returncode, 0)

    def test_seccomp_profile_holds_for_execs_also_after_a_restart(self):
        self.daemon.skerry("run", "-d", "--name", "filtered",
                           *self.seccomp_file(json.dumps(self.NO_MKDIR)), "busybox", "sleep", "600")
        for restarted in (False, True):
            if restarted:
                self.daemon.restart()
            done = self.daemon.skerry("exec", "filtered", "mkdir", "/tmp/d", check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("Permission denied", done.err)
        self.daemon.skerry("rm", "-f", "filtered")

    def test_broken_seccomp_profiles_are_told(self):
        for text, word in (
                ("{", "line 1"),
                ('{"defaultAction": "SCMP_ACT_ALOW"}', 'defaultAction: "SCMP_ACT_ALOW" is none of'),
                ('{"defaultAction": "SCMP_ACT_ALLOW", "sycalls": []}', 'unknown key "sycalls"'),
                ('{"defaultAction": "SCMP_ACT_NOTIFY"}', "SCMP_ACT_NOTIFY is not supported"),
                (" " * (1 << 20) + "{}", "at most 1048576")):
            done = self.run_sh("true", *self.seccomp_file(text))
            self.assertEqual(done.returncode, 125, word)
            self.assertIn("seccomp profile", done.err)
            self.assertIn(word, done.err)
        path = os.path.join(self.daemon.base, "binary")
        with open(path, "wb") as file:
            file.write(b"\x7fELF\xff\x00")
        # Found before the daemon is asked, as a file that cannot be read.
        done = self.run_sh("true", "--security-opt", f"seccomp={path}")
        self.assertEqual(done.returncode, 2)
        self.assertIn("is no JSON", done.err)

    def test_rlimits_and_sysctls(self):
        self.assertEqual(self.run_sh("ulimit -n", "--ulimit", "nofile=100:200").out.strip(), "100")
        done = self.run_sh("cat /proc/sys/kernel/msgmax", "--sysctl", "kernel.msgmax=12345")
        self.assertEqual(done.out.strip(), "12345")
        self.assertEqual(self.run_sh("true", "--sysctl", "kernel.panic=1").returncode, 125)

    def test_memory_limit_kills_and_is_told(self):
        daemon = self.daemon
        done = daemon.skerry("run", "--name", "hog", "-m", "8m", "busybox", "tail", "/dev/zero",
                             check=False)
        self.assertEqual(done.returncode, 137)
        exit_info = daemon.inspect("hog")["exit"]
        self.assertIn("OOM", exit_info["cause"].upper())

    def test_a_kill_at_the_memory_limit_is_told_while_the_container_goes_on(self):
        daemon = self.daemon
        daemon.skerry("run", "-d", "--name", "parent", "-m", "8m", "busybox", "sh", "-c",
                      "tail /dev/zero; echo survived; tail /dev/zero; sleep 1000")
        wait_for(lambda: int(daemon.inspect("parent").get("oom_kills", 0)) == 2,
                 "both kills to be counted")
        self.assertEqual(daemon.inspect("parent")["state"], "running")
        def told():
            return daemon.skerry("events", "--since", "1h", "--until", "0s", "-o",
                                 "jsonl").out.count("oom")
        before = told()
        self.assertGreater(before, 0)
        daemon.skerry("kill", "parent")
        daemon.skerry("wait", "parent", check=False)
        # It was told already: the exit does not tell it again, and a kill by us is none of it.
        self.assertEqual(daemon.inspect("parent")["exit"]["cause"], "signaled")
        self.assertEqual(told(), before)

    def fresh_daemon(self, **standby):
        daemon = Daemon()
        self.addCleanup(daemon.destroy)
        daemon.standby = standby
        daemon.start()
        daemon.import_busybox()
        return daemon

    @staticmethod
    def standing_by(daemon):
        """How many processes wait for a launch: groups in the scope that are no container's."""
        scopes = [os.path.join(path, daemon.scope()) for path in cgroup_hierarchies()]
        names = next(os.listdir(scope) for scope in scopes if os.path.isdir(scope))
        uids = {name for name in names if re.fullmatch("[0-9a-f]{32}", name)}
        return len(uids - {container["uid"] for container in daemon.ps()})

    def test_an_image_that_was_removed_and_comes_back_is_launched_as_it_is_now(self):
        daemon = self.fresh_daemon()
        tree = os.path.join(daemon.base, "tree-again")
        shutil.copytree(os.path.join(daemon.base, "tree-busybox"), tree, symlinks=True)
        with open(os.path.join(tree, "etc", "edition"), "w", encoding="ascii") as file:
            file.write("same bytes, same name on the disk\n")
        for _ in range(2):
            daemon.skerry("image", "import", "--name", "again", tree)
            for _ in range(3):
                done = daemon.skerry("run", "--rm", "again", "cat", "/etc/edition")
                self.assertEqual(done.out, "same bytes, same name on the disk\n")
                # With the image's root mounted beforehand.
                wait_for(lambda: self.standing_by(daemon) == 4, "processes on standby")
            daemon.skerry("image", "rm", "again")

    def test_launches_without_standby_processes(self):
        daemon = self.fresh_daemon(processes=0)
        self.assertEqual(daemon.skerry("run", "--rm", "busybox", "echo", "fine").out, "fine\n")
        launched = daemon.skerry("run", "-d", "busybox", "sleep", "600").out.strip()
        parts = next(phase["parts"] for phase in daemon.inspect(launched)["launch_timing"]["phases"]
                     if phase["name"] == "launch.shim")
        self.assertEqual([part["name"] for part in parts], ["launcher", "shim", "process"])
        daemon.skerry("rm", "-f", launched)

    def test_values_that_no_enum_has_are_refused(self):
        client = Api(self.daemon)
        self.addCleanup(client.close)
        for call, fields in (("Wait", {"container": {"id": "none"}, "condition": 99}),
                             ("Launch", {"id": "none", "wait_until": 99,
                                         "spec": {"root": {"image": "busybox"}, "command": ["true"]}})):
            with self.subTest(call=call), self.assertRaises(grpc.RpcError) as refused:
                client.call("ContainerService", call, **fields)
            self.assertEqual(reason(refused.exception), "FIELD_INVALID")

    def test_pids_limit(self):
        done = self.run_sh("for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; wait", "--pids-limit", "4")
        self.assertIn("fork", done.err)

    def test_one_mebibyte_of_arguments(self):
        arguments = ["x" * 100_000] * 10
        done = self.daemon.skerry("run", "--rm", "busybox", "sh", "-c", "echo $#", "sh", *arguments)
        self.assertEqual(done.out.strip(), "10")

    def test_stop_uses_signal_then_force(self):
        daemon = self.daemon
        daemon.skerry("run", "-d", "--name", "deaf", "busybox", "sh", "-c",
                      "trap '' TERM; while :; do sleep 1; done")
        daemon.skerry("stop", "-t", "1", "deaf")
        exit_info = daemon.inspect("deaf")["exit"]
        self.assertIn("STOPPED", exit_info["cause"].upper())
        self.assertEqual(exit_info["signal"], 9)

    def test_pause_and_resume(self):
        daemon = self.daemon
        daemon.skerry("run", "-d", "--name", "ticker", "busybox", "sh", "-c",
                      "while :; do echo x; sleep 0.05; done")
        wait_for(lambda: daemon.skerry("logs", "ticker").out, "output")
        daemon.skerry("pause", "ticker")
        before = daemon.skerry("logs", "ticker").out
        time.sleep(0.4)
        self.assertEqual(daemon.skerry("logs", "ticker").out, before)
        daemon.skerry("unpause", "ticker")
        wait_for(lambda: len(daemon.skerry("logs", "ticker").out) > len(before), "more output")

    def test_create_then_start(self):
        daemon = self.daemon
        daemon.skerry("create", "--name", "later", "busybox", "sh", "-c", "echo now; exit 3")
        self.assertIn("CREATED", daemon.inspect("later")["state"].upper())
        daemon.skerry("start", "later")
        self.assertEqual(daemon.skerry("wait", "later").out.strip(), "3")
        self.assertEqual(daemon.skerry("logs", "later").out, "now\n")

    def test_start_again_keeps_what_was_written(self):
        daemon = self.daemon
        daemon.skerry("run", "--name", "twice", "busybox", "sh", "-c",
                      "cat /mark 2>/dev/null; echo again > /mark")
        daemon.skerry("start", "twice")
        daemon.skerry("wait", "twice")
        self.assertEqual(daemon.inspect("twice")["attempt"], 2)
        self.assertEqual(daemon.skerry("logs", "twice").out, "again\n")

    def test_restarts_in_a_row_lose_no_output(self):
        daemon = self.daemon
        daemon.skerry("run", "--name", "again", "busybox", "echo", "here")
        for _ in range(15):
            # Beside the exit of the last attempt, its shim may still be at the log.
            daemon.skerry("start", "again")
            self.assertEqual(daemon.skerry("wait", "again").out.strip(), "0")
        self.assertEqual(daemon.inspect("again")["attempt"], 16)
        self.assertEqual(daemon.skerry("logs", "again").out, "here\n" * 16)

    def test_update_limits(self):
        daemon = self.daemon
        daemon.skerry("run", "-d", "--name", "grows", "-m", "32m", "busybox", "sleep", "60")
        daemon.skerry("update", "-m", "64m", "grows")
        self.assertIn(str(64 << 20), json.dumps(daemon.inspect("grows")))

    def test_name_and_id_rules(self):
        daemon = self.daemon
        daemon.skerry("run", "-d", "--name", "one", "--id", "k1", "busybox", "sleep", "60")
        again = daemon.skerry("run", "-d", "--name", "one", "--id", "k2", "busybox", "sleep", "60",
                              check=False)
        self.assertEqual(again.returncode, 125)
        self.assertIn("one", again.err)
        same = daemon.skerry("run", "-d", "--name", "one", "--id", "k1", "busybox", "sleep", "60")
        self.assertEqual(same.out.strip(), daemon.inspect("one")["uid"])
        other = daemon.skerry("run", "-d", "--name", "one", "--id", "k1", "busybox", "sleep", "61",
                              check=False)
        self.assertEqual(other.returncode, 125)
        daemon.skerry("rm", "-f", "one")
        late = daemon.skerry("run", "-d", "--id", "k1", "busybox", "sleep", "60", check=False)
        self.assertEqual(late.returncode, 125)

    def test_signal_proxy(self):
        process = self.daemon.popen("run", "--rm", "--name", "proxied", "busybox", "sh", "-c",
                                    "trap 'echo got; exit 9' TERM; echo up; while :; do sleep 0.1; done",
                                    stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"up\n")
        process.terminate()
        self.assertEqual(process.wait(timeout=20), 9)
        self.assertEqual(process.stdout.read(), b"got\n")
        process.stdout.close()

    def test_logs_options(self):
        daemon = self.daemon
        daemon.skerry("run", "--name", "lines", "busybox", "sh", "-c", "seq 1 10; echo e >&2")
        self.assertEqual(daemon.skerry("logs", "--tail", "3", "lines").out.split()[-2:], ["9", "10"])
        follow = daemon.skerry("logs", "-f", "lines")
        self.assertEqual(follow.out.split(), [str(i) for i in range(1, 11)])

    def test_log_rotation_keeps_to_its_size(self):
        daemon = self.daemon
        daemon.skerry("run", "--name", "chatty", "--log-opt", "max-size=64k", "--log-opt",
                      "max-file=2", "busybox", "seq", "1", "50000")
        directory = os.path.dirname(daemon.inspect("chatty").get("log_path") or
                                    daemon.inspect("chatty")["logPath"])
        sizes = [os.path.getsize(os.path.join(directory, name)) for name in os.listdir(directory)]
        self.assertLessEqual(len(sizes), 2)
        self.assertLessEqual(max(sizes), 64 << 10)


class Timing(DaemonTest):
    """Where a launch's time went."""

    def timing(self, key):
        timing = self.daemon.inspect(key)["launch_timing"]
        phases = {phase["name"]: phase for phase in timing["phases"]}
        taken = sum(int(phase["took_ns"]) for phase in phases.values())
        self.assertLessEqual(taken, int(timing["total_ns"]))
        for phase in phases.values():
            parts = sum(int(part["took_ns"]) for part in phase.get("parts", []))
            self.assertLessEqual(parts, int(phase["took_ns"]), phase)
        return list(phases), phases

    def test_phases_of_a_launch_in_order(self):
        self.daemon.skerry("run", "-d", "--name", "timed", "busybox", "sleep", "60")
        names, phases = self.timing("timed")
        self.assertEqual(names[:5], ["request", "journal", "queue", "launch.directories", "launch.cgroup"])
        self.assertEqual(names[-3:], ["launch.record", "launch.shim", "report"])
        # A process on standby needs no launcher any more.
        self.assertIn([part["name"] for part in phases["launch.shim"]["parts"]],
                      (["launcher", "shim", "process"], ["shim", "process"]))
        self.daemon.restart()
        self.assertEqual(self.timing("timed")[0], names)
        table = self.daemon.skerry("inspect", "--timing", "timed").out.splitlines()
        self.assertEqual(table[0].split(), ["PHASE", "µs", "%"])
        self.assertEqual([line.split()[0] for line in table[-2:]], ["report", "total"])

    def test_a_start_has_no_call_to_begin_with(self):
        uid = self.daemon.skerry("run", "-d", "--name", "again", "busybox", "true").out.strip()
        wait_for(lambda: self.daemon.inspect("again").get("released"), "the release")
        self.daemon.skerry("start", uid)
        self.assertEqual(self.timing(uid)[0][0], "journal")

    def test_a_failed_launch_shows_what_was_undone(self):
        self.daemon.skerry("run", "-d", "--name", "broken", "busybox", "/bin/none", check=False)
        names, phases = self.timing("broken")
        failed = names.index("launch.shim")
        self.assertTrue(names[failed + 1].startswith("undo launch."), names)
        self.assertNotIn("process", [part["name"] for part in phases["launch.shim"]["parts"]])

    def test_timing_is_a_form_of_its_own(self):
        done = self.daemon.skerry("inspect", "--timing", "-o", "json", "x", check=False)
        self.assertEqual(done.returncode, 2)


class BadInput(DaemonTest):
    def refused(self, *arguments):
        """By the command line itself (2) or by the daemon (125)."""
        done = self.daemon.skerry(*arguments, check=False)
        self.assertIn(done.returncode, (2, 125), done.err)
        self.assertTrue(done.err.startswith("skerry:"), done.err)
        self.assertEqual(self.daemon.ps(), [])
        return done.err

    def test_bad_values_are_refused_by_name(self):
        for arguments, word in (
                (("--id", "a/b"), "id"),
                (("--id", ".."), "id"),
                (("--id", "x" * 65), "id"),
                (("--name", "a b"), "name"),
                (("--tmpfs", "relative"), "relative"),
                (("--tmpfs", "/a/../../b"), ".."),
                (("-v", "/no/such/path:/x"), "/no/such/path"),
                (("-m", "1k"), "memory"),
                (("-m", "1000000g"), "memory"),
                (("--cpus", "100000"), "cpu"),
                (("--cap-add", "FLY"), "FLY"),
                (("--ulimit", "nofile=10:5"), "nofile"),
                (("--sysctl", "vm.swappiness=1"), "vm.swappiness"),
        ):
            with self.subTest(arguments):
                error = self.refused("run", "--rm", *arguments, "busybox", "true")
                self.assertIn(word.lower(), error.lower())

    def test_escaping_links_in_the_image_stay_inside(self):
        tree = os.path.join(self.daemon.base, "tree-links")
        if not os.path.isdir(tree):
            from harness import busybox_root
            busybox_root(tree)
            os.mkdir(os.path.join(tree, "var", "tmp"))
            os.symlink("/../../../../../../../../var/tmp", os.path.join(tree, "out"))
            self.daemon.skerry("image", "import", "--name", "links", tree)
        done = self.daemon.skerry("run", "--rm", "--tmpfs", "/out/evil", "links", "sh", "-c",
                                  "mount | grep evil; ls -d /var/tmp/evil")
        self.assertIn("/var/tmp/evil", done.out)
        self.assertFalse(os.path.exists("/var/tmp/evil"))

    def test_hostile_archives(self):
        import io
        import tarfile

        def archive(*members):
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w") as tar:
                for member, data in members:
                    tar.addfile(member, io.BytesIO(data))
            return buffer.getvalue()

        def member(name, data=b"x", **fields):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in fields.items():
                setattr(info, key, value)
            return info, data

        climbing = archive(member("../../../../../../var/tmp/skerry-evil"))
        through = archive(member("d", b"", type=tarfile.SYMTYPE, linkname="/var/tmp"),
                          member("d/skerry-evil"))
        for data in (climbing, b"this is no archive", climbing[:700]):
            self.daemon.skerry("image", "import", "--name", "evil", "-", check=False, stdin=data)
        self.daemon.skerry("image", "import", "--name", "evil2", "-", check=False, stdin=through)
        self.assertFalse(os.path.exists("/var/tmp/skerry-evil"))
        self.assertEqual(self.daemon.skerry("run", "--rm", "busybox", "true").returncode, 0)


if __name__ == "__main__":
    unittest.main()
