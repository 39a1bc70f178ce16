"""Attacks of a container on what comes to it from outside: execs, copies, mounts, terminals, and readers of its output. As in
escapes_test.py, what would show that one succeeded is looked at on the host."""

import glob
import hashlib
import io
import os
import pty
import re
import subprocess
import tarfile
import time
import unittest

import grpc

from api import reason, service_pb
from escape_case import ATTACK, SECRET, EscapeCase, unchanged
from harness import BIN, busybox_root, host_mounts_of, wait_for

UP = "../" * 12


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class Joining(EscapeCase):
    """An exec is a process of the container from its birth, and no prize before it is its command."""

    def logs(self):
        return self.daemon.skerry("logs", "box").out

    def while_execs_run(self, *attack, options=(), count=40, command=("true",)):
        """The container's first process attacks; says what it said."""
        self.run_box("attack", *attack, "12", options=options)
        wait_for(lambda: "watching" in self.logs(), "the attack to begin")
        for _ in range(count):
            self.daemon.skerry("exec", "box", *command, check=False)
        self.daemon.skerry("wait", "box", timeout=60)
        return self.logs()

    # CVE-2016-9962
    def test_an_exec_is_out_of_reach_before_it_is_its_command(self):
        said = self.while_execs_run("watch-joining")
        counted = re.search(r"early (\d+) opened (\d+)", said)
        self.assertTrue(counted, said)
        self.assertGreater(int(counted[1]), 0, "the attacker saw no exec in time")
        self.assertEqual(int(counted[2]), 0, said)
        self.assertNotIn(SECRET, said)

    def test_the_watcher_would_have_noticed(self):
        """Who may trace everything sees an exec as early as it comes: --cap-add SYS_PTRACE gives that away."""
        said = self.while_execs_run("watch-joining", options=("--cap-add", "SYS_PTRACE"))
        self.assertRegex(said, r"had (exe|memory|trace|environ|cwd|root|fd/0)")

    # CVE-2019-5736
    def test_the_program_of_an_exec_cannot_be_overwritten(self):
        programs = [os.path.join(BIN, name) for name in
                    ("skerryd", "skerry-launcher", "skerry-unpack", "skerry")]
        before = [digest(path) for path in programs]
        running = {pid: digest(f"/proc/{pid}/exe") for pid in self.daemon.launcher_pids()}
        self.run_box("sh", "-c", "printf '#!/proc/self/exe' >/bin/self; chmod 755 /bin/self;"
                     "exec attack overwrite-exe 12")
        wait_for(lambda: "watching" in self.logs(), "the attack to begin")
        while self.daemon.inspect("box")["state"].upper().endswith("RUNNING"):
            self.daemon.skerry("exec", "box", "self", check=False)
        said = self.logs()
        found = re.search(r"found (\d+)", said)
        self.assertGreater(int(found[1]), 0, "the attacker got hold of no program in time")
        self.assertNotIn(" ok", said)
        self.assertIn("skerry-launcher", said)
        self.assertEqual([digest(path) for path in programs], before)
        for pid, was in running.items():
            if os.path.exists(f"/proc/{pid}/exe"):
                self.assertEqual(digest(f"/proc/{pid}/exe"), was)
        self.alive()

    def test_our_program_does_nothing_in_a_container(self):
        for words in (("/proc/self/exe",), ("/proc/self/exe", "--holder", "--build", "0" * 64),
                      ("/proc/self/exe", "--launcher", "--build", "0" * 64)):
            done = self.attacker(*words)
            self.assertNotEqual(done.returncode, 0)

    # What the container stops takes nobody else's place.
    def test_an_exec_that_is_stopped_while_it_joins(self):
        self.run_box("attack", "stop-joining", "15")
        wait_for(lambda: "watching" in self.logs(), "the attack to begin")
        calls = [self.api.future("ExecService", "Run", timeout=120, container=self.box,
                                 spec={"args": ["true"]}) for _ in range(24)]
        wait_for(lambda: any(name.startswith("T") for name in self.states()), "one to be stopped")
        self.alive()
        self.assertFalse(all(call.done() for call in calls), "a launch waited for the execs of another")
        for call in calls:
            error = call.exception(timeout=120)
            self.assertIn(error and error.code(), (None, grpc.StatusCode.UNAVAILABLE,
                                                   grpc.StatusCode.FAILED_PRECONDITION), error)
        self.daemon.skerry("wait", "box", timeout=90)
        self.assertRegex(self.logs(), r"stopped [1-9]")

    def states(self):
        answer = self.api.call("ContainerService", "ListProcesses", container=self.box)
        return [process.state for process in answer.processes]

    def test_an_exec_whose_root_was_changed(self):
        self.run_box("sh", "-c", "mkdir -p /jail/bin /jail/etc; cp /bin/busybox /jail/bin/sh;"
                     f"ln -s {self.secret} /jail/etc/passwd; exec chroot /jail /bin/sh -c 'sleep 1000'")
        time.sleep(0.5)
        done = self.daemon.skerry("exec", "-u", "daemon", "box", "cat", self.secret, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn(SECRET, done.out)


class MountRaces(EscapeCase):
    """CVE-2021-30465, CVE-2024-45310: a container swaps a directory of a shared volume for a link, while others are started
    that have mounts below it."""

    def test_targets_in_a_volume_that_changes(self):
        shared = self.host_directory("race")
        trap = self.host_directory("race-trap")
        source = self.host_directory("race-source")
        os.mkdir(os.path.join(shared, "place"))
        os.symlink(trap, os.path.join(shared, "link"))
        os.symlink(UP + trap[1:], os.path.join(shared, "link2"))
        self.run_box("sh", "-c", "attack swap /v/place /v/link & attack swap /v/link /v/link2",
                     options=("-v", f"{shared}:/v"))
        outcome = {"ran": 0, "refused": 0}
        for i in range(40):
            done = self.attacker("sh", "-c", "true",
                                 options=("-v", f"{shared}:/data", "-v", f"{source}:/data/place/new{i}",
                                          "--tmpfs", f"/data/place/deep/er{i}",
                                          "-v", f"{self.secret}:/data/place/file{i}"))
            outcome["ran" if done.returncode == 0 else "refused"] += 1
            self.assertEqual(os.listdir(trap), [])
        self.assertEqual(host_mounts_of(self.daemon), [])
        self.assertEqual(os.listdir(source), [])
        self.assertGreater(outcome["ran"], 0, outcome)

    def test_sources_in_a_volume_that_changes(self):
        """The source is what was opened: where the configuration allows one directory, nothing else is had by a link."""
        allowed = self.host_directory("allowed")
        place = os.path.join(allowed, "place")
        os.mkdir(place)
        os.symlink(self.daemon.base, os.path.join(allowed, "link"))
        with open(os.path.join(place, "secret"), "w", encoding="ascii") as file:
            file.write("harmless\n")
        swapping = subprocess.Popen([ATTACK, "swap", place, os.path.join(allowed, "link")])
        try:
            seen = set()
            for _ in range(25):
                done = self.attacker("cat", "/m/secret", options=("-v", f"{place}:/m:ro"))
                seen.add(done.out)
            # No limit is set in this daemon: this shows that the race is on.
            self.assertEqual(seen, {"harmless\n", SECRET + "\n"})
        finally:
            swapping.kill()
            swapping.wait()


class SourcesAllowed(EscapeCase):
    """The same where the operator allows sources below one directory only."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.allowed = os.path.join(cls.daemon.base, "allowed")
        os.mkdir(cls.allowed)
        cls.daemon.mounts = {"bind_sources": [cls.allowed]}
        cls.daemon.terminate()
        cls.daemon.start()

    def test_no_link_leads_out(self):
        place = os.path.join(self.allowed, "place")
        os.mkdir(place)
        os.symlink(self.daemon.base, os.path.join(self.allowed, "link"))
        with open(os.path.join(place, "secret"), "w", encoding="ascii") as file:
            file.write("harmless\n")
        swapping = subprocess.Popen([ATTACK, "swap", place, os.path.join(self.allowed, "link")])
        try:
            codes = set()
            for _ in range(25):
                done = self.attacker("cat", "/m/secret", options=("-v", f"{place}:/m:ro"))
                codes.add(done.returncode)
                self.assertNotIn(SECRET, done.out)
            self.assertEqual(codes, {0, 125})
        finally:
            swapping.kill()
            swapping.wait()

    def tearDown(self):
        for name in os.listdir(self.allowed):
            subprocess.run(["rm", "-rf", os.path.join(self.allowed, name)], check=True)
        super().tearDown()

    def test_nothing_else_as_source_root_or_image(self):
        up = os.path.join(self.allowed, "up")
        os.symlink("/", up)
        for source in (self.daemon.run, "/", "/proc", f"{self.allowed}/../secret", self.daemon.root, up,
                       f"{up}/etc"):
            for words in (("run", "--rm", "-v", f"{source}:/m", "attacker", "ls", "/m"),
                          ("run", "--rm", "--rootfs", source, "/bin/ls", "/")):
                done = self.daemon.skerry(*words, check=False)
                self.assertEqual((done.returncode, done.out), (125, ""), words)
                self.assertIn("bind_sources", done.err)
            done = self.daemon.skerry("image", "import", "--name", "stolen", source, check=False)
            self.assertNotEqual(done.returncode, 0)
            # A file is read by the client, with the client's rights.
            self.assertTrue("bind_sources" in done.err or os.path.isfile(source), done.err)
        tree = os.path.join(self.allowed, "tree")
        busybox_root(tree)
        self.assertEqual(self.daemon.skerry("run", "--rm", "--rootfs", tree, "echo", "root").out, "root\n")

    # The root of a container that has ended is opened again for a copy.
    def test_a_root_that_became_a_link(self):
        tree = os.path.join(self.allowed, "tree")
        busybox_root(tree)
        self.daemon.skerry("run", "--name", "box", "--rootfs", tree, "true")
        os.rename(tree, tree + "-away")
        os.symlink(self.daemon.base, tree)
        for way in ("CopyOut", "StatPath"):
            with self.assertRaises(grpc.RpcError) as caught:
                if way == "CopyOut":
                    list(self.api.stream_out("ContainerService", "CopyOut", container=self.box, path="/secret"))
                else:
                    self.api.call("ContainerService", "StatPath", container=self.box, path="/secret")
            self.assertEqual(reason(caught.exception), "BIND_REFUSED")


class Copying(EscapeCase):
    """Copies are made with the container's root for a root; copy_test.py has more of their links."""

    def copy_in(self, archive, path, owner=""):
        def requests():
            yield service_pb.CopyInRequest(header={"container": self.box, "path": path, "owner": owner})
            yield service_pb.CopyInRequest(chunk=archive)
        return self.api.stream_in("ContainerService", "CopyIn", requests())

    def copy_out(self, path):
        stream = self.api.stream_out("ContainerService", "CopyOut", container=self.box, path=path)
        return b"".join(answer.chunk for answer in stream)

    @staticmethod
    def archive(name, content):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        return out.getvalue()

    # CVE-2018-15664, as fast as a container can swap.
    def test_a_link_swapped_while_it_is_copied(self):
        trap = self.host_directory("copy-trap")
        with open(os.path.join(trap, "f"), "w", encoding="ascii") as file:
            file.write(SECRET)
        self.run_box("sh", "-c", f"mkdir /place; echo mine >/place/f; ln -s {trap} /link; ln -s {UP}{trap[1:]} /link2;"
                     "attack swap /place /link & attack swap /link /link2")
        wait_for(lambda: self.in_box("ls", "/link2").exit.code in (0, 1), "the attack")
        got = set()
        for i in range(60):
            for work in (lambda: self.copy_out("/place/"), lambda: self.copy_out("/place/f"),
                         lambda: self.copy_in(self.archive(f"n{i}", b"x"), "/place"),
                         lambda: self.copy_in(self.archive(f"place/m{i}", b"x"), "/")):
                try:
                    answer = work()
                    self.assertNotIn(SECRET.encode(), answer if isinstance(answer, bytes) else b"")
                    got.add("done")
                except grpc.RpcError:
                    got.add("refused")
            self.assertEqual(os.listdir(trap), ["f"])
        self.assertEqual(got, {"done", "refused"})

    def test_links_to_the_kernels_files(self):
        unchanged(self, "/proc/sys/kernel/core_pattern")
        self.run_box("sh", "-c", "ln -s /proc/sys/kernel /k; ln -s /proc/self /me; ln -s /proc/1/root/proc/sys/kernel /r;"
                     "ln -s /proc/self/fd /fd; ln -s /proc/self/exe /exe; exec sleep 1000")
        wait_for(lambda: self.in_box("ls", "/exe").exit.code == 0, "the links")
        for path in ("/k", "/me", "/r", "/fd", "/proc/sys/kernel", "/proc/1/root", "/proc/1/cwd"):
            for name in ("core_pattern", "3", "exe", "mem"):
                with self.assertRaises(grpc.RpcError):
                    self.copy_in(self.archive(name, b"|/bin/true"), path)
        for path in ("/me/environ", "/proc/1/root/", "/exe/", "/fd/3/"):
            try:
                self.assertNotIn(SECRET.encode(), self.copy_out(path))
            except grpc.RpcError:
                pass

    # CVE-2019-14271: nothing of the container's is loaded into what copies.
    def test_libraries_of_the_container_are_not_loaded(self):
        source = self.host_file("evil.c", """
            #include <fcntl.h>
            #include <unistd.h>
            __attribute__((constructor)) static void begin(void) {
              close(open("/loaded", O_CREAT | O_WRONLY, 0600));
            }""")
        library = os.path.join(self.daemon.base, "evil.so")
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
        self.run_box("sleep", "1000", options=("-v", f"{library}:/evil.so"))
        names = ("libnss_files.so.2", "libnss_compat.so.2", "libc.so.6", "libarchive.so.13", "libz.so.1",
                 "libgcc_s.so.1", "libnss_dns.so.2", "UTF-8.so", "gconv-modules.cache")
        places = ("/lib", "/lib64", "/usr/lib", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
                  "/usr/lib/x86_64-linux-gnu/gconv")
        self.in_box("sh", "-c", f"for d in {' '.join(places)}; do mkdir -p $d; for n in {' '.join(names)}; do "
                    "cp /evil.so $d/$n; done; done; echo 'passwd: files dns evil' >/etc/nsswitch.conf; echo /evil.so >/etc/ld.so.preload")
        self.copy_in(self.archive("naïve-ü", b"x"), "/tmp", owner="alice:staff")
        self.copy_out("/tmp")
        self.copy_out("/etc")
        self.assertNotEqual(self.in_box("ls", "/loaded").exit.code, 0)
        self.assertFalse(os.path.exists("/loaded"))

    def test_nodes_brought_by_an_archive_open_nothing(self):
        info = os.stat(self.daemon.base)
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            for name, kind, major, minor in (("disk", tarfile.BLKTYPE, os.major(info.st_dev), os.minor(info.st_dev)),
                                             ("kmsg", tarfile.CHRTYPE, 1, 11)):
                member = tarfile.TarInfo(name)
                member.type, member.devmajor, member.devminor, member.mode = kind, major, minor, 0o666
                tar.addfile(member)
        self.run_box()
        self.copy_in(out.getvalue(), "/tmp")
        done = self.in_box("sh", "-c", "ls /tmp; head -c 1 /tmp/kmsg; head -c 1 /tmp/disk")
        self.assertEqual(done.stdout, b"disk\nkmsg\n")
        self.assertIn(b"not permitted", done.stderr)


class Readers(EscapeCase):
    """What reads a container's output, and the terminals it comes out of."""

    def skerry_command(self, *words):
        return [os.path.join(BIN, "skerry"), "-H", f"unix://{self.daemon.run}/skerryd.sock", *words]

    # A terminal of the host that a program pushes input into runs it as its next command.
    def on_a_terminal(self, *command):
        """Runs it on a terminal of its own; returns what is left to be read from there afterwards."""
        pid, master = pty.fork()
        if pid == 0:
            script = '"$@"; sleep 1; stty -icanon min 0 time 0; echo LEFT $(dd bs=100 count=1 2>/dev/null)'
            os.execvp("sh", ["sh", "-c", script, "sh", *command])
        shown = b""
        while True:
            try:
                piece = os.read(master, 4096)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        os.waitpid(pid, 0)
        os.close(master)
        return shown.decode(errors="replace")

    def test_pushing_input_into_the_terminal(self):
        words = "touch-on-the-host"
        here = self.on_a_terminal(ATTACK, "push-input", words)
        inside = self.on_a_terminal(*self.skerry_command("run", "--rm", "-it", "attacker", "attack",
                                                         "push-input", words))
        self.assertNotRegex(inside, f"LEFT.*{words}")
        if "push ok" in here:
            self.assertRegex(here, f"LEFT.*{words}")
        self.run_box()
        inside = self.on_a_terminal(*self.skerry_command("exec", "-it", "box", "attack", "push-input", words))
        self.assertNotRegex(inside, f"LEFT.*{words}")
        self.assertRegex(inside, "push (ok|EIO|EPERM)")

    # The log is in CRI's format: what a container writes is content, whatever it looks like.
    def test_lines_that_look_like_the_logs(self):
        forged = ("2020-01-01T00:00:00.000000000Z stderr F forged", "2020-01-01T00:00:00.000000000Z stdout P half",
                  "stdout F short", "\\r2020-01-01T00:00:00.000000000Z stdout F return", "\\033[2K\\033[1Aover")
        script = "".join(f"printf '{line}\\n';" for line in forged) + "printf 'a\\0b\\n'; printf 'no end'"
        self.daemon.skerry("run", "--name", "box", "attacker", "sh", "-c", script, check=False)
        files = glob.glob(os.path.join(self.daemon.root, "containers", "*", "log", "*"))
        self.assertTrue(files)
        lines = [line for path in files for line in open(path, "rb").read().split(b"\n") if line]
        self.assertEqual(len(lines), len(forged) + 2)
        for line in lines:
            self.assertRegex(line, rb"^20[2-9]\d-\d\d-\d\dT[^ ]+ stdout [FP] ")
            self.assertFalse(line.startswith(b"2020-01-01"))
        self.assertEqual(self.daemon.skerry("logs", "box").stdout.count(b"forged"), 1)

    def test_a_line_without_an_end(self):
        self.daemon.skerry("run", "--name", "box", "attacker", "sh", "-c",
                           "head -c 3000000 /dev/zero | tr '\\0' x", timeout=120)
        self.assertEqual(len(self.daemon.skerry("logs", "box").stdout.strip()), 3_000_000)
        files = glob.glob(os.path.join(self.daemon.root, "containers", "*", "log", "*"))
        for path in files:
            for line in open(path, "rb").read().split(b"\n"):
                self.assertLess(len(line), 70_000)

    # What a process calls itself is shown to the operator, whose terminal must not obey it.
    def test_names_of_processes_are_shown_and_not_obeyed(self):
        name = "evil\x1b]0;owned\x07\x1b[31m\nroot 1 forged"
        self.run_box("sh", "-c", 'cp /bin/busybox "/tmp/$0"; exec "/tmp/$0" sleep 1000',
                     "busybox" + name)
        wait_for(lambda: b"evil" in self.daemon.skerry("top", "box").stdout, "the process")
        for words in (("top", "box"), ("ps", "-a"), ("ps", "-a", "--no-trunc")):
            shown = self.daemon.skerry(*words, check=False).stdout
            self.assertNotIn(b"\x1b", shown, words)
            self.assertNotIn(b"\x07", shown, words)
            self.assertFalse([line for line in shown.splitlines() if line.startswith(b"root 1 forged")])


if __name__ == "__main__":
    unittest.main()
