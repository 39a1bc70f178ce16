"""A full disk under every operation: refused with the reason or done, none half; nothing is left when there is room again."""

import os
import unittest

from disk_host import SmallDaemon
from harness import wait_for

TICKING = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done"


class FullDisk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = SmallDaemon("48m")
        cls.addClassCleanup(cls.daemon.destroy)
        # What stands by has found its room on the disk already.
        cls.daemon.standby = {"processes": 0}
        cls.daemon.start()
        cls.daemon.import_busybox()

    def tearDown(self):
        self.clear()

    def clear(self):
        daemon = self.daemon
        filler = os.path.join(daemon.root, "filler")
        if os.path.exists(filler):
            os.unlink(filler)
        self.assertIsNone(daemon.process.poll())
        for pod in daemon.pods():
            wait_for(lambda uid=pod["uid"]: daemon.skerry("pod", "rm", "-f", uid, check=False).returncode == 0,
                     "a pod to be removed")
        for container in daemon.ps():
            wait_for(lambda uid=container["uid"]: daemon.skerry("rm", "-f", uid, check=False).returncode == 0,
                     "a container to be removed")
        for name in daemon.skerry("volume", "ls", "-q").out.split():
            daemon.skerry("volume", "rm", name)
        wait_for(lambda: not daemon.leaks(), "leaks to vanish")
        self.assertEqual(os.listdir(os.path.join(daemon.root, "containers")), [])
        self.assertEqual(os.listdir(os.path.join(daemon.root, "pods")), [])
        wait_for(lambda: not os.listdir(os.path.join(daemon.root, "trash")), "the trash to be empty")
        self.assertEqual([name for name in os.listdir(os.path.join(daemon.root, "layers"))
                          if name.startswith("tmp-")], [])
        self.assertEqual(daemon.skerry("run", "--rm", "busybox", "echo", "fine").out, "fine\n")

    def test_refuses_and_goes_on(self):
        daemon = self.daemon
        daemon.skerry("run", "-d", "--name", "ticks", "busybox", "sh", "-c", TICKING)
        filler = daemon.fill()
        refused = daemon.skerry("run", "-d", "--name", "more", "busybox", "sleep", "1", check=False)
        self.assertEqual(refused.returncode, 125, refused.err)
        self.assertRegex(refused.err.lower(), "no space|full")
        self.assertIsNone(daemon.process.poll())
        # An exit is a fact: told although it cannot be written yet, and kept when it can.
        daemon.skerry("stop", "-t", "0", "ticks")
        self.assertIn("EXITED", daemon.inspect("ticks")["state"].upper())
        os.unlink(filler)
        wait_for(lambda: daemon.skerry("run", "--rm", "busybox", "true", check=False).returncode == 0,
                 "launches to work again")
        daemon.restart()
        self.assertIn("EXITED", daemon.inspect("ticks")["state"].upper())
        lines = daemon.skerry("logs", "ticks").out.split()
        self.assertEqual(lines, [str(number + 1) for number in range(len(lines))])

    def test_an_import_that_does_not_fit_leaves_nothing(self):
        daemon = self.daemon
        big = os.path.join(daemon.base, "big")
        os.makedirs(os.path.join(big, "bin"))
        with open(os.path.join(big, "blob"), "wb") as file:
            file.write(os.urandom(64 << 20))
        before = os.statvfs(daemon.root).f_bfree
        refused = daemon.skerry("image", "import", "--name", "big", big, check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertRegex(refused.err.lower(), "no space|full")
        wait_for(lambda: os.statvfs(daemon.root).f_bfree >= before - 64, "the space to be given back")
        self.assertNotIn("big", daemon.skerry("image", "ls").out)

    def requests(self):
        """What is asked for, and what must hold if it was refused or done."""
        daemon = self.daemon
        exists = lambda name: any(one["name"] == name for one in daemon.ps())
        state = lambda name: daemon.inspect(name)["state"].lower()
        memory = lambda: daemon.inspect("up")["spec"]["resources"]["limits"]["memory"]["bytes"]
        volumes = lambda: daemon.skerry("volume", "ls", "-q").out.split()
        pods = lambda: [pod["name"] for pod in daemon.pods()]
        images = lambda: daemon.skerry("image", "ls").out
        return (
            (("run", "-d", "--name", "new", "busybox", "sleep", "600"),
             lambda: exists("new"), lambda: not exists("new") or state("new") == "exited"),
            (("exec", "up", "true"), lambda: True, lambda: True),
            (("update", "-m", "96m", "up"), lambda: memory() == 96 << 20,
             lambda: memory() == 64 << 20),
            (("pause", "up"), lambda: state("up") == "paused", lambda: state("up") == "running"),
            (("stop", "-t", "0", "up"), lambda: state("up") == "exited", lambda: True),
            (("rm", "gone"), lambda: not exists("gone"), lambda: state("gone") == "exited"),
            (("start", "gone"), lambda: state("gone") == "running", lambda: state("gone") == "exited"),
            (("rm", "-f", "up"), lambda: not exists("up"), lambda: exists("up")),
            (("volume", "create", "vol"), lambda: "vol" in volumes(), lambda: "vol" not in volumes()),
            (("volume", "rm", "old"), lambda: "old" not in volumes(), lambda: "old" in volumes()),
            (("pod", "create", "--name", "pod", "--network", "none", "--share", "ipc"),
             lambda: "pod" in pods(), lambda: True),
            (("image", "import", "--name", "other", os.path.join(daemon.base, "tree-busybox")),
             lambda: "other" in images(), lambda: "other" not in images()),
        )

    def test_every_request_is_refused_or_done(self):
        for request, done, refused in self.requests():
            with self.subTest(" ".join(request[:2])):
                try:
                    self.ask(request, done, refused)
                finally:
                    self.clear()

    def ask(self, request, done, refused):
        daemon = self.daemon
        daemon.skerry("run", "-d", "--name", "up", "-m", "64m", "busybox", "sleep", "600")
        daemon.skerry("run", "--name", "gone", "busybox", "true")
        daemon.skerry("volume", "create", "old")
        filler = daemon.fill()
        said = daemon.skerry("--timeout", "20s", *request, check=False)
        if said.returncode == 0:
            self.assertTrue(done(), "said to be done")
        else:
            self.assertRegex(said.err.lower(), "no space|full")
            self.assertTrue(refused(), f"refused: {said.err}")
        os.unlink(filler)
        # The kernel and the record agree on what is in force.
        if any(one["name"] == "up" for one in daemon.ps()):
            wait_for(self.limit_agrees, "the limit to be what is recorded")

    def limit_agrees(self):
        found = self.daemon.inspect("up")
        path = os.path.join("/sys/fs/cgroup/memory", found["cgroup_path"].lstrip("/"),
                            "memory.limit_in_bytes")
        if found["state"].lower() == "exited" or not os.path.exists(path):
            return True
        with open(path, encoding="ascii") as file:
            return int(file.read()) == found["spec"]["resources"]["limits"]["memory"]["bytes"]

    def test_a_log_without_room_loses_nothing_or_says_how_much(self):
        """And what is said when there is room again is there."""
        daemon = self.daemon
        daemon.skerry("run", "-d", "-i", "--name", "talks", "busybox", "sh", "-c",
                      "while read x; do head -c 100000 /dev/zero | tr '\\0' x; echo; echo said $x; done")
        feed = daemon.popen("attach", "-n", "0", "talks", stdin=-1, stdout=-3, stderr=-3)
        self.addCleanup(feed.wait)
        self.addCleanup(feed.kill)

        def say(word):
            feed.stdin.write(word.encode() + b"\n")
            feed.stdin.flush()

        say("before")
        wait_for(lambda: "said before" in daemon.skerry("logs", "talks").out, "the first words")
        filler = daemon.fill()
        for _ in range(20):
            say("full")
        self.assertEqual(daemon.inspect("talks")["state"].lower(), "running")
        os.unlink(filler)
        wait_for(lambda: (say("after"), "said after" in daemon.skerry("logs", "talks").out)[1],
                 "what it says later")
        daemon.skerry("stop", "-t", "0", "talks")
        lost = 20 - daemon.skerry("logs", "talks").out.split("\n").count("said full")
        self.assertEqual(lost > 0, daemon.inspect("talks")["log_dropped_bytes"] > 0, f"{lost} lines lost")


if __name__ == "__main__":
    unittest.main()
