"""A daemon that gets little memory: in a control group of the test's own. It works with what it needs; with less it is killed by
the kernel at worst, never stands still, and containers, which have groups of their own, do not notice."""

import errno
import os
import subprocess
import unittest

from harness import Daemon, cgroup_hierarchies, wait_for

MEBIBYTE = 1 << 20


class MemoryGroup:
    """One in the memory tree, v1 or v2."""

    def __init__(self, name):
        trees = [path for path in cgroup_hierarchies()
                 if os.path.exists(os.path.join(path, "memory.stat"))
                 or "memory" in read(os.path.join(path, "cgroup.controllers"))]
        self.path = os.path.join(trees[0], name)
        os.mkdir(self.path)
        self.is_v1 = os.path.exists(os.path.join(self.path, "memory.limit_in_bytes"))

    def limit(self, size):
        """What an earlier daemon has read or written is still counted, and may stand in the way for a while."""
        wait_for(lambda: self.is_limited(size), f"the group to take a limit of {size}")

    def is_limited(self, size):
        try:
            if self.is_v1:
                self.write("memory.force_empty", "0")
            self.write("memory.limit_in_bytes" if self.is_v1 else "memory.max", str(size))
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            return False
        return True

    def write(self, name, text):
        with open(os.path.join(self.path, name), "w", encoding="ascii") as file:
            file.write(text)

    def lift(self):
        self.limit(-1 if self.is_v1 else "max")

    def kills(self):
        name = "memory.oom_control" if self.is_v1 else "memory.events"
        counts = dict(line.split() for line in read(os.path.join(self.path, name)).splitlines())
        return int(counts.get("oom_kill", 0))

    def starting(self):
        """A command in front of another, which begins it in the group."""
        return ["sh", "-c", f"echo $$ >{self.path}/cgroup.procs && exec \"$@\"", "sh"]

    def remove(self):
        wait_for(lambda: not read(os.path.join(self.path, "cgroup.procs")), "the group to be empty")
        os.rmdir(self.path)


def read(path):
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


class LittleMemory(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.destroy)
        self.group = MemoryGroup(self.daemon.name)
        self.addCleanup(self.group.remove)
        self.addCleanup(self.daemon.kill)
        self.daemon.prefix = self.group.starting()

    def test_100_launches_in_48_mebibytes(self):
        daemon = self.daemon
        self.group.limit(48 * MEBIBYTE)
        daemon.start()
        self.assertIn(str(daemon.process.pid), read(os.path.join(self.group.path, "cgroup.procs")).split())
        daemon.import_busybox()
        names = [f"c{number}" for number in range(100)]
        for name in names:
            daemon.skerry("run", "-d", "--name", name, "busybox", "sleep", "6000")
        self.assertEqual({one["name"] for one in daemon.ps()}, set(names))
        daemon.skerry("rm", "-f", *names, timeout=120)
        self.assertEqual(daemon.ps(), [])
        self.assertEqual(self.group.kills(), 0)
        self.assertIsNone(daemon.process.poll())

    def test_with_less_it_is_killed_at_worst(self):
        daemon = self.daemon
        daemon.start()
        daemon.import_busybox()
        daemon.skerry("run", "-d", "--name", "up", "busybox", "sleep", "6000")
        pid = daemon.inspect("up")["pid"]
        endings = set()
        for size in (8, 12, 16, 20, 24, 32, 48):
            with self.subTest(mebibytes=size):
                daemon.kill()
                self.group.limit(size * MEBIBYTE)
                daemon.start(wait=False)
                endings.add(self.live(size))
                self.assertTrue(os.path.exists(f"/proc/{pid}"))
                self.group.lift()
        daemon.restart()
        self.assertEqual(daemon.inspect("up")["pid"], pid)
        daemon.skerry("rm", "-f", "up")
        for one in daemon.ps():
            daemon.skerry("rm", "-f", one["uid"])
        wait_for(lambda: not daemon.leaks(), "leaks to vanish")
        self.assertEqual(daemon.skerry("run", "--rm", "busybox", "echo", "fine").out, "fine\n")
        # Both were seen: too little, and enough.
        self.assertEqual(endings, {"killed", "works"})
        self.assertGreater(self.group.kills(), 0)

    def live(self, size):
        """It works, or it is dead; it is not in between."""
        daemon = self.daemon
        wait_for(lambda: daemon.process.poll() is not None or self.answers(),
                 f"the daemon to work or to be killed in {size} MiB", seconds=120)
        for number in range(10):
            if daemon.process.poll() is not None:
                break
            try:
                daemon.skerry("--timeout", "60s", "run", "-d", "--name", f"s{size}-{number}", "busybox",
                              "sleep", "6000", check=False, timeout=120)
            except subprocess.TimeoutExpired:
                self.fail(f"in {size} MiB a launch hangs")
        if daemon.process.poll() is None:
            return "works"
        self.assertEqual(daemon.process.returncode, -9, daemon.trace_tail())
        return "killed"

    def answers(self):
        return self.daemon.skerry("--timeout", "5s", "version", check=False).returncode == 0


if __name__ == "__main__":
    unittest.main()
