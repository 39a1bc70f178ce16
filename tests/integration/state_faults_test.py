"""state.db on a disk that fails while the daemon runs, or while it starts: new work is refused, containers go on, their ends are
told, and once the disk is well again so is the daemon."""

import contextlib
import errno
import json
import os
import subprocess
import tempfile
import unittest

from harness import ROOT, DaemonTest, Daemon, wait_for

SOURCE = os.path.join(ROOT, "tests", "integration", "disk_fault", "disk_fault.c")
TICKING = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done"
WRITES = ("pwrite", "ftruncate")
SYNCS = ("fdatasync", "fsync")
SAID = {errno.EIO: "i/o error|input/output error", errno.ENOSPC: "no space left|full"}


class FaultyDaemon(Daemon):
    """Its state.db fails when it is told to."""

    def __init__(self):
        super().__init__()
        self.library = os.path.join(self.base, "disk_fault.so")
        self.control = os.path.join(self.base, "disk-fault")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", self.library, SOURCE,
                        "-ldl"], check=True)
        self.prefix = ["env", f"LD_PRELOAD={self.library}", f"SKERRY_DISK_FAULT={self.control}"]

    def break_disk(self, number, *calls):
        with tempfile.NamedTemporaryFile("w", dir=self.base, delete=False) as file:
            file.write(f"{number} {' '.join(calls)}")
        os.rename(file.name, self.control)

    def mend_disk(self):
        if os.path.exists(self.control):
            os.unlink(self.control)


class StateFaults(DaemonTest):
    @classmethod
    def setUpClass(cls):
        cls.daemon = FaultyDaemon()
        cls.addClassCleanup(cls.daemon.destroy)
        cls.daemon.start()
        cls.daemon.import_busybox()

    @classmethod
    def tearDownClass(cls):
        pass

    def tearDown(self):
        self.daemon.mend_disk()
        super().tearDown()

    def start_ticking(self):
        self.daemon.skerry("run", "-d", "--name", "ticks", "busybox", "sh", "-c", TICKING)
        return self.daemon.inspect("ticks")["pid"]

    def lines(self):
        return self.daemon.skerry("logs", "ticks").out.split()

    def state(self, name):
        return self.daemon.inspect(name)["state"].upper().split("_")[-1]

    def assert_goes_on(self, pid):
        before = len(self.lines())
        wait_for(lambda: len(self.lines()) > before, "the container to write")
        self.assertEqual(self.daemon.inspect("ticks")["pid"], pid)

    def assert_well(self):
        wait_for(lambda: self.daemon.skerry("run", "--rm", "busybox", "true", check=False).returncode == 0,
                 "launches to work again")

    def test_writes_fail(self):
        daemon = self.daemon
        for number in (errno.EIO, errno.ENOSPC):
            with self.subTest(errno.errorcode[number]), self.cleared():
                pid = self.start_ticking()
                daemon.skerry("run", "-d", "-i", "--name", "ends", "busybox", "sh", "-c",
                              "read x; exit 7")
                daemon.break_disk(number, *WRITES, *SYNCS)
                refused = daemon.skerry("run", "-d", "--name", "more", "busybox", "true", check=False)
                self.assertEqual(refused.returncode, 125, refused.err)
                self.assertRegex(refused.err.lower(), SAID[number])
                self.assertNotIn("more", [one["name"] for one in daemon.ps()])
                self.assert_goes_on(pid)
                # An exit is a fact: told now, kept later.
                daemon.skerry("kill", "ends")
                self.assertEqual(daemon.skerry("wait", "ends").out, "137\n")
                self.assertEqual(self.state("ends"), "EXITED")
                self.assertIsNone(daemon.process.poll())
                daemon.mend_disk()
                self.assert_well()
                wait_for(lambda: not self.unsaved("ends"), "what happened to be recorded")
                daemon.restart()
                self.assertEqual(self.state("ends"), "EXITED")
                self.assertEqual(daemon.inspect("ends")["exit"]["signal"], 9)
                self.assert_goes_on(pid)

    @contextlib.contextmanager
    def cleared(self):
        try:
            yield
        finally:
            self.tearDown()

    def unsaved(self, name):
        """What happened to it and is not in the database yet."""
        state = json.loads(self.daemon.skerry("debug", "state", name, "-o", "json").out)
        return sum(int(entry["value"]) for entry in state["entries"] if entry["key"] == "unsaved_events")

    def test_every_request_is_refused_or_done(self):
        """None half, and none without an answer."""
        daemon = self.daemon
        pid = self.start_ticking()
        requests = (("stop", "-t", "0", "other"), ("start", "other"), ("update", "-m", "64m", "ticks"),
                    ("pause", "ticks"), ("unpause", "ticks"), ("exec", "ticks", "true"),
                    ("volume", "create", "v"), ("volume", "rm", "v"),
                    ("pod", "create", "--name", "p", "--network", "none"), ("pod", "rm", "-f", "p"),
                    ("image", "import", "--name", "second", os.path.join(daemon.base, "tree-busybox")),
                    ("image", "rm", "second"), ("rm", "-f", "other"))
        for request in requests:
            with self.subTest(" ".join(request[:2])):
                daemon.mend_disk()
                if not any(one["name"] == "other" for one in daemon.ps()):
                    daemon.skerry("run", "-d", "--name", "other", "busybox", "sleep", "600")
                daemon.break_disk(errno.EIO, *WRITES, *SYNCS)
                done = daemon.skerry("--timeout", "20s", *request, check=False)
                self.assertIsNone(daemon.process.poll())
                if done.returncode != 0:
                    self.assertNotIn("deadline", done.err.lower())
                    self.assertNotEqual(done.err, "")
        daemon.mend_disk()
        self.assert_well()
        self.assert_goes_on(pid)
        for name in daemon.skerry("volume", "ls", "-q").out.split():
            daemon.skerry("volume", "rm", name)

    def test_what_removes_itself_goes_when_the_disk_is_well(self):
        daemon = self.daemon
        daemon.skerry("run", "-d", "--rm", "--ttl", "2s", "--name", "brief", "busybox", "true")
        wait_for(lambda: self.state("brief") == "EXITED", "its end")
        daemon.break_disk(errno.EIO, *WRITES)
        wait_for(lambda: "removal failed" in daemon.trace_tail(), "the removal to fail")
        daemon.mend_disk()
        wait_for(lambda: daemon.skerry("inspect", "brief", check=False).returncode != 0, "its removal")

    def test_a_sync_that_failed_is_not_believed_again(self):
        """The kernel takes the pages for clean after it. A restart writes what is there anew."""
        daemon = self.daemon
        pid = self.start_ticking()
        tree = os.path.join(daemon.base, "tree-other")
        os.makedirs(os.path.join(tree, "etc"), exist_ok=True)
        daemon.break_disk(errno.EIO, *SYNCS)
        # Nothing of it needs to be on the disk at once.
        self.assertEqual(daemon.skerry("run", "--rm", "busybox", "echo", "fine").out, "fine\n")
        refused = daemon.skerry("image", "import", "--name", "other", tree, check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("input/output error", refused.err.lower())
        daemon.mend_disk()
        refused = daemon.skerry("image", "import", "--name", "other", tree, check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("not written to disk earlier", refused.err)
        self.assert_goes_on(pid)
        daemon.restart()
        daemon.skerry("image", "import", "--name", "other", tree)
        daemon.skerry("image", "rm", "other")
        self.assert_goes_on(pid)

    def test_a_start_on_a_broken_disk_says_so(self):
        """It ends with an error that names the file; the next start finds everything."""
        daemon = self.daemon
        for number in (errno.EIO, errno.ENOSPC):
            with self.subTest(errno.errorcode[number]), self.cleared():
                pid = self.start_ticking()
                daemon.kill()
                daemon.break_disk(number, *WRITES, *SYNCS)
                daemon.start(wait=False)
                self.assertEqual(daemon.process.wait(timeout=60), 1, daemon.trace_tail())
                self.assertRegex(daemon.trace_tail(1).lower(), SAID[number])
                self.assertIn("state.db", daemon.trace_tail(1))
                self.assertTrue(os.path.exists(f"/proc/{pid}"))
                daemon.mend_disk()
                daemon.start()
                self.assertEqual([name for name in os.listdir(daemon.root) if "corrupt" in name], [])
                self.assert_goes_on(pid)

    def test_the_library_does_nothing_untold(self):
        """And what it is told: the tests above are about nothing else."""
        daemon = self.daemon
        daemon.skerry("run", "--rm", "busybox", "true")
        with open(f"/proc/{daemon.process.pid}/maps", encoding="utf-8") as file:
            self.assertIn(daemon.library, file.read())
        daemon.break_disk(errno.EDQUOT, *WRITES)
        refused = daemon.skerry("run", "-d", "--name", "more", "busybox", "true", check=False)
        self.assertEqual(refused.returncode, 125)


if __name__ == "__main__":
    unittest.main()
