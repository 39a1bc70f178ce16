"""The root file system of the daemon takes no writes: from the start, or from some moment on."""

import os
import re
import subprocess
import unittest

from disk_host import FailingDaemon, SmallDaemon
from harness import wait_for

TICKING = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done"


class ReadOnly(unittest.TestCase):
    def test_a_start_says_so(self):
        daemon = SmallDaemon("48m")
        self.addCleanup(daemon.destroy)
        subprocess.run(["mount", "-o", "remount,ro", daemon.root], check=True)
        daemon.start(wait=False)
        self.assertEqual(daemon.process.wait(timeout=20), 1)
        self.assertIn("read-only file system", daemon.trace_tail(1).lower())
        self.assertIn(daemon.root, daemon.trace_tail(1))
        subprocess.run(["mount", "-o", "remount,rw", daemon.root], check=True)
        daemon.start()
        daemon.import_busybox()
        daemon.skerry("run", "--rm", "busybox", "true")

    def test_one_that_held_containers_finds_them_again(self):
        daemon = SmallDaemon("48m")
        self.addCleanup(daemon.destroy)
        daemon.start()
        daemon.import_busybox()
        # Nothing of it is open for writing, or the file system could not become read-only.
        daemon.skerry("run", "-d", "--name", "quiet", "--read-only", "busybox", "sleep", "600")
        pid = daemon.inspect("quiet")["pid"]
        daemon.kill()
        place = daemon.root + "-ro"
        os.mkdir(place)
        subprocess.run(["mount", "--bind", "-o", "ro", daemon.root, place], check=True)
        root, daemon.root = daemon.root, place
        try:
            daemon.start(wait=False)
            self.assertEqual(daemon.process.wait(timeout=20), 1)
            self.assertIn("read-only file system", daemon.trace_tail(1).lower())
        finally:
            daemon.root = root
            subprocess.run(["umount", place], check=True)
            os.rmdir(place)
        self.assertTrue(os.path.exists(f"/proc/{pid}"))
        daemon.start()
        self.assertEqual(daemon.inspect("quiet")["pid"], pid)
        daemon.skerry("rm", "-f", "quiet")


class BecomesReadOnly(unittest.TestCase):
    def test_refuses_and_tells_until_it_is_mended(self):
        daemon = FailingDaemon()
        self.addCleanup(daemon.destroy)
        # What stands by has made its files already.
        daemon.standby = {"processes": 0}
        daemon.start()
        daemon.import_busybox()
        daemon.skerry("run", "-d", "--name", "up", "busybox", "sh", "-c", TICKING)
        daemon.skerry("run", "-d", "--name", "ends", "busybox", "sleep", "600")
        pid = daemon.inspect("up")["pid"]
        daemon.break_disk()
        for request in (("run", "-d", "busybox", "true"), ("volume", "create", "v"),
                        ("image", "import", "--name", "x", os.path.join(daemon.base, "tree-busybox"))):
            refused = daemon.skerry("--timeout", "20s", *request, check=False)
            self.assertNotEqual(refused.returncode, 0, request)
            self.assertRegex(refused.err.lower(), "read-only|readonly|i/o error|input/output error")
        # What is there is told, and ends are.
        self.assertEqual(daemon.inspect("up")["pid"], pid)
        daemon.skerry("kill", "ends")
        self.assertEqual(daemon.skerry("wait", "ends").out, "137\n")
        refused = daemon.skerry("--timeout", "20s", "rm", "-f", "ends", check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertNotIn("deadline", refused.err.lower())
        self.assertIsNone(daemon.process.poll())
        self.assertTrue(os.path.exists(f"/proc/{pid}"))
        # No restart helps before the disk is mended; it says why.
        daemon.kill()
        daemon.start(wait=False)
        self.assertEqual(daemon.process.wait(timeout=20), 1)
        self.assertTrue(re.search("read-only|i/o error|input/output", daemon.trace_tail(1).lower()),
                        daemon.trace_tail(1))
        self.assertTrue(os.path.exists(f"/proc/{pid}"))
        daemon.mend_disk()
        daemon.start()
        # What was promised before the disk failed is there.
        for name in ("up", "ends"):
            wait_for(lambda name=name: daemon.inspect(name)["state"].lower() == "exited", f"{name}'s end")
        daemon.skerry("run", "--rm", "busybox", "true")
        daemon.skerry("rm", "-f", "up", "ends")
        wait_for(lambda: not daemon.leaks(), "leaks to vanish")


if __name__ == "__main__":
    unittest.main()
