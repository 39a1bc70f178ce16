"""What the host does to a daemon: no descriptors left, damaged records, other people's databases. Beside it: full_disk_test,
read_only_root_test, state_faults_test, damaged_state_test, daemon_memory_test."""

import glob
import os
import resource
import sqlite3
import unittest

import grpc

from api import Api
from harness import DaemonTest, wait_for

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

    def test_exec_and_attach_get_along_or_say_why(self):
        """From room for little more than a client's connection to room enough: done or refused, and nothing kept."""
        daemon = self.daemon
        daemon.skerry("run", "-d", "--name", "quiet", "busybox", "sleep", "600")
        daemon.skerry("exec", "quiet", "true")
        api = Api(daemon)
        self.addCleanup(api.close)
        pid = daemon.process.pid
        soft, _ = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        self.addCleanup(self.allow, soft)
        before = len(os.listdir(f"/proc/{pid}/fd"))
        done = set()
        for room in range(4, 40, 3):
            self.allow(max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd")) + room)
            said = daemon.skerry("--timeout", "20s", "exec", "quiet", "true", check=False)
            done.add(said.returncode == 0)
            if said.returncode != 0:
                self.assertIn("too many open files", said.err.lower(), f"exec with {room}")
            try:
                api.attach("ContainerService", {"container": {"name": "quiet"}}, timeout=20).cancel()
            except grpc.RpcError as error:
                self.assertIn("too many open files", error.details().lower(), f"attach with {room}")
            self.assertIsNone(daemon.process.poll())
        self.assertEqual(done, {True, False}, "one limit refuses, another does not")
        self.allow(soft)
        for _ in range(10):
            self.assertEqual(daemon.skerry("exec", "-i", "quiet", "cat", stdin=b"again").out, "again")
        # Those of ended execs too, which are kept for a while.
        wait_for(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before + 4, "descriptors to be given back")


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
