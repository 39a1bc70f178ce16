"""What the host does to a daemon: no descriptors left, a full disk, damaged records, other people's databases."""

import glob
import os
import resource
import sqlite3
import subprocess
import unittest

from harness import Daemon, DaemonTest, wait_for

TICKING = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done"


def written(path):
    with open(path, "rb") as file:
        return file.read().strip(b"\0")


class Descriptors(DaemonTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # A process on standby has its descriptors already.
        cls.daemon.standby = {"processes": 0}
        cls.daemon.restart()

    def allow(self, count):
        pid = self.daemon.process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (count, hard))

    def test_none_left_is_an_error_and_not_an_end(self):
        daemon = self.daemon
        daemon.skerry("run", "-d", "--name", "before", "busybox", "sleep", "600")
        pid = daemon.process.pid
        soft, _ = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        self.addCleanup(self.allow, soft)
        open_now = sorted(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
        # Room for the connection of a client, not for a container.
        self.allow(open_now[-1] + 8)
        refused = daemon.skerry("run", "-d", "--name", "toomany", "busybox", "sleep", "1", check=False)
        self.assertEqual(refused.returncode, 125, refused.err)
        self.assertIn("too many open files", refused.err.lower())
        # What runs is not disturbed, and what is asked for without descriptors is answered.
        self.assertEqual(daemon.inspect("before")["state"].upper().split("_")[-1], "RUNNING")
        self.allow(soft)
        daemon.skerry("rm", "-f", "toomany", check=False)
        self.assertEqual(daemon.skerry("run", "--rm", "busybox", "echo", "again").out, "again\n")
        daemon.skerry("stop", "-t", "0", "before")


class SmallDaemon(Daemon):
    """Its root is a file system of its own, that can be filled."""

    def __init__(self, size):
        super().__init__()
        os.mkdir(self.root)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "skerry-test", self.root], check=True)

    def destroy(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        # Containers hold the file system by their layers.
        trace, self.trace = self.trace, open(os.devnull, "ab")
        base, self.base = self.base, os.path.join(self.base, "nothing")
        super().destroy()
        self.base = base
        trace.close()
        subprocess.run(["umount", self.root], check=True)
        os.rmdir(self.root)
        subprocess.run(["rm", "-rf", "--one-file-system", base], check=True)


class FullDisk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = SmallDaemon("48m")
        # What stands by has found its room on the disk already.
        cls.daemon.standby = {"processes": 0}
        cls.daemon.start()
        cls.daemon.import_busybox()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.destroy()

    def fill(self):
        path = os.path.join(self.daemon.root, "filler")
        with open(path, "wb", buffering=0) as file:
            for size in (1 << 20, 4096, 512):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass
        return path

    def test_refuses_and_goes_on(self):
        daemon = self.daemon
        daemon.skerry("run", "-d", "--name", "ticks", "busybox", "sh", "-c", TICKING)
        filler = self.fill()
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
        for container in daemon.ps():
            daemon.skerry("rm", "-f", container["uid"])
        wait_for(lambda: not daemon.leaks(), "leaks to vanish")

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


class DamagedRecords(DaemonTest):
    def database(self):
        return sqlite3.connect(os.path.join(self.daemon.root, "state.db"))

    def setUp(self):
        self.daemon.import_busybox()

    def test_a_damaged_record_costs_one_container_at_most(self):
        daemon = self.daemon
        for name in ("hurt", "well"):
            daemon.skerry("run", "-d", "--name", name, "busybox", "sh", "-c", TICKING)
        pids = {name: daemon.inspect(name)["pid"] for name in ("hurt", "well")}
        uid = daemon.inspect("hurt")["uid"]
        daemon.kill()
        with self.database() as database:
            changed = database.execute(
                "UPDATE containers SET record = x'ffff' || substr(record, 3) WHERE uid = ?", (uid,))
            self.assertEqual(changed.rowcount, 1)
        daemon.start()
        # It still runs, so its launch record adopts it.
        for name, pid in pids.items():
            self.assertEqual(daemon.inspect(name)["pid"], pid, name)
        daemon.skerry("stop", "-t", "0", "hurt", "well")

    def test_a_damaged_record_of_an_exited_container_stops_nobody(self):
        daemon = self.daemon
        daemon.skerry("run", "--name", "gone", "busybox", "true")
        daemon.skerry("run", "-d", "--name", "well", "busybox", "sleep", "600")
        pid = daemon.inspect("well")["pid"]
        daemon.kill()
        with self.database() as database:
            database.execute("UPDATE containers SET record = x'00' WHERE name = 'gone'")
        daemon.start()
        self.assertEqual(daemon.inspect("well")["pid"], pid)
        daemon.skerry("stop", "-t", "0", "well")

    def test_every_table_damaged_in_turn(self):
        daemon = self.daemon
        daemon.skerry("run", "--name", "old", "--id", "old", "busybox", "true")
        daemon.skerry("rm", "old")
        daemon.skerry("run", "-d", "--name", "well", "busybox", "sleep", "600")
        pid = daemon.inspect("well")["pid"]
        for table in ("tombstones", "images", "image_names", "operations", "events", "debts", "epochs"):
            with self.subTest(table):
                daemon.kill()
                with self.database() as database:
                    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                    damage = "sum = sum + 1" if "sum" in columns else "first_sequence = -1"
                    database.execute(f"UPDATE {table} SET {damage}")
                daemon.start()
                self.assertEqual(daemon.inspect("well")["pid"], pid)
                self.assertEqual(daemon.skerry("kill", "-s", "CONT", "well", check=False).err, "")
        daemon.skerry("stop", "-t", "0", "well")

    def test_a_half_written_exit_record_is_no_status(self):
        daemon = self.daemon
        daemon.skerry("run", "-d", "--name", "short", "busybox", "sh", "-c", "sleep 0.3; exit 3")
        info = daemon.inspect("short")
        daemon.kill()
        record = os.path.join(daemon.root, "containers", info["uid"], "exit")
        wait_for(lambda: not os.path.exists(f"/proc/{info['pid']}"), "the container to end")
        wait_for(lambda: written(record), "the exit record")
        with open(record, "r+b") as file:
            file.seek(40)
            file.write(b"\xff" * 16)
        daemon.start()
        found = daemon.inspect("short")
        self.assertIn("EXITED", found["state"].upper())
        # Known to nobody: said so, and never 0.
        self.assertRegex(found["exit"]["cause"].upper(), "UNKNOWN|SHIM_LOST")
        self.assertNotIn("code", found["exit"])

    def test_a_database_of_a_newer_daemon_is_left_alone(self):
        daemon = self.daemon
        daemon.terminate()
        with self.database() as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            reader = database.execute("SELECT value FROM meta WHERE key = 'oldest_reader'").fetchone()[0]
            database.execute(f"PRAGMA user_version = {version + 100}")
            database.execute("UPDATE meta SET value = ? WHERE key = 'oldest_reader'", (str(version + 100),))
        daemon.start(wait=False)
        self.assertEqual(daemon.process.wait(timeout=20), 1)
        self.assertIn(f"version {version + 100}", daemon.trace_tail(3))
        self.assertEqual(glob.glob(os.path.join(daemon.root, "state.db.corrupt*")), [])
        with self.database() as database:
            database.execute(f"PRAGMA user_version = {version}")
            database.execute("UPDATE meta SET value = ? WHERE key = 'oldest_reader'", (reader,))
        daemon.start()


if __name__ == "__main__":
    unittest.main()
