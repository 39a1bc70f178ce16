"""Every page of state.db damaged in turn, and every record of every table: the daemon starts, or ends with an error that says
why, and starts then. It never crashes and never hangs, and what runs goes on and is found again."""

import glob
import json
import os
import shutil
import sqlite3
import unittest

from harness import DaemonTest, wait_for

PAGE = 4096


class DamagedState(DaemonTest):
    def setUp(self):
        daemon = self.daemon
        daemon.import_busybox()
        daemon.skerry("run", "--name", "old", "busybox", "true")
        daemon.skerry("rm", "old")
        daemon.skerry("run", "--name", "gone", "busybox", "true")
        daemon.skerry("volume", "create", "data")
        daemon.skerry("pod", "create", "--name", "pod", "--network", "none", "--share", "ipc")
        daemon.skerry("run", "-d", "--name", "member", "--pod", "pod", "busybox", "sleep", "6000")
        daemon.skerry("run", "-d", "--name", "well", "-v", "data:/data", "busybox", "sleep", "6000")
        self.pids = {name: daemon.inspect(name)["pid"] for name in ("well", "member")}
        daemon.kill()
        self.file = os.path.join(daemon.root, "state.db")
        # All in one file.
        with sqlite3.connect(self.file) as database:
            self.assertEqual(database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0], 0)
            self.assertEqual(database.execute("PRAGMA page_size").fetchone()[0], PAGE)
        database.close()
        self.saved = os.path.join(daemon.base, "state.saved")
        shutil.copy(self.file, self.saved)

    def tearDown(self):
        daemon = self.daemon
        if daemon.process.poll() is None:
            daemon.kill()
        self.restore()
        daemon.start()
        super().tearDown()
        for name in daemon.skerry("volume", "ls", "-q").out.split():
            daemon.skerry("volume", "rm", name)

    def restore(self):
        for name in glob.glob(os.path.join(self.daemon.root, "state.db*")):
            os.unlink(name)
        shutil.copy(self.saved, self.file)

    def answers(self):
        return self.daemon.skerry("version", check=False).returncode == 0

    def start_damaged(self):
        """As a service manager would: started again when it ended. Gives how often it had to be."""
        daemon = self.daemon
        for refusals in range(3):
            daemon.start(wait=False)
            wait_for(lambda: daemon.process.poll() is not None or self.answers(),
                     "the daemon to start or to end", seconds=60)
            if daemon.process.poll() is None:
                return refusals
            self.assertEqual(daemon.process.returncode, 1, daemon.trace_tail())
            self.assertIn("state", daemon.trace_tail(1))
        raise AssertionError(f"it does not start any more: {daemon.trace_tail()}")

    def assert_bears(self, what):
        """Started on whatever self.file is now."""
        daemon = self.daemon
        self.start_damaged()
        # A damaged page may be met only now: it ends, and is started again.
        for _ in range(3):
            found = {name: self.pid_of(name) for name in self.pids}
            if daemon.process.poll() is None:
                break
            self.assertEqual(daemon.process.returncode, 1, f"{what}: {daemon.trace_tail()}")
            self.start_damaged()
        self.assertEqual(found, self.pids, f"{what}: {daemon.trace_tail()}")
        for pid in self.pids.values():
            self.assertTrue(os.path.exists(f"/proc/{pid}"), what)
        daemon.kill()

    def pid_of(self, name):
        found = self.daemon.skerry("ps", "-o", "json", check=False)
        alive = [one for one in json.loads(found.out or "[]") if one["name"] == name]
        return alive[0].get("pid") if alive else None

    def test_a_container_that_is_not_found_again_is_seen(self):
        """Neither its record in state.db is left nor that in its run directory."""
        os.unlink(self.file)
        run = os.path.join(self.daemon.run, "containers")
        for uid in os.listdir(run):
            if os.path.exists(os.path.join(run, uid, "record")):
                os.unlink(os.path.join(run, uid, "record"))
        with self.assertRaisesRegex(AssertionError, "a planted loss"):
            self.assert_bears("a planted loss")

    def test_every_page(self):
        size = os.path.getsize(self.saved)
        self.assertGreater(size // PAGE, 10)
        for number in range(size // PAGE):
            for damage in ("flipped", "zeroed"):
                with self.subTest(page=number + 1, damage=damage):
                    self.restore()
                    with open(self.file, "r+b") as file:
                        file.seek(number * PAGE)
                        page = bytearray(file.read(PAGE))
                        if damage == "zeroed":
                            page = bytes(PAGE)
                        else:
                            for place in range(PAGE // 2, PAGE // 2 + 64):
                                page[place] ^= 0xFF
                        file.seek(number * PAGE)
                        file.write(page)
                    self.assert_bears(f"page {number + 1} {damage}")

    def records(self):
        """Table, condition that picks one record, its key, and the column to damage: the longest."""
        with sqlite3.connect(self.saved) as database:
            tables = [row[0] for row in database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
            for table in tables:
                columns = list(database.execute(f"PRAGMA table_info({table})"))
                keys = [column[1] for column in columns if column[5]] or ["rowid"]
                names = [column[1] for column in columns]
                where = " AND ".join(f"{key} IS ?" for key in keys)
                for row in database.execute(f"SELECT {', '.join(keys + names)} FROM {table}").fetchall():
                    values = row[len(keys):]
                    longest = max(range(len(values)),
                                  key=lambda at: len(values[at]) if isinstance(values[at], (str, bytes))
                                  else 0)
                    yield table, where, row[:len(keys)], names[longest], values[longest]
        database.close()

    def test_every_record(self):
        count = 0
        for table, where, key, column, value in self.records():
            with self.subTest(table=table, key=key, column=column):
                count += 1
                self.restore()
                if isinstance(value, bytes):
                    middle = len(value) // 2
                    damaged = value[:middle] + bytes([value[middle] ^ 0xFF]) + value[middle + 1:] \
                        if value else b"x"
                elif isinstance(value, str):
                    damaged = value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x"
                else:
                    damaged = (value or 0) + 1
                with sqlite3.connect(self.file) as database:
                    changed = database.execute(
                        f"UPDATE OR REPLACE {table} SET {column} = ? WHERE {where}", (damaged, *key))
                    self.assertEqual(changed.rowcount, 1)
                database.close()
                self.assert_bears(f"{table} {key} {column}")
        self.assertGreater(count, 20)


if __name__ == "__main__":
    unittest.main()
