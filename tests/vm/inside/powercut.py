#!/usr/bin/python3
"""Inside the machine: look at what the last power cut left, then launch and be cut again. See tests/vm/powercut.

usage: powercut.py ROUND LAUNCHES      LAUNCHES is how many are acknowledged when the power goes; 0: only look
"""

import glob
import json
import os
import shutil
import sqlite3
import sys
import threading
import time
import unittest

import grpc

from api import Api, reason
from harness import busybox_root, wait_for
from network_host import leases
from record import Record, Writer, faults
from unit_daemon import KEPT, UnitDaemon

ROUND, LAUNCHES = int(sys.argv[1]), int(sys.argv[2])
CLIENTS, TOTAL = 4, 50
RECORD = os.path.join(KEPT, "record-{}")
STANDBY = 4  # standby.processes, as it is by default
DAEMON = UnitDaemon().install()


def event_cursors(**start):
    """Of what is kept after that point, oldest first."""
    api = Api(DAEMON)
    try:
        stream = api.stream_out("EventService", "Watch", history_only=True, **start)
        return [(event.cursor.epoch, event.cursor.sequence) for answer in stream for event in answer.events]
    finally:
        api.close()


def read(path):
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()


class AfterTheCut(unittest.TestCase):
    """In the order of their names: the state as it lies there, the daemon's view of it, and what it can still do."""

    @classmethod
    def setUpClass(cls):
        cls.record = Record(read(RECORD.format(ROUND - 1)))
        cls.seen = max((tuple(map(int, line[1:])) for line in cls.record.lines if line[0] == "event"), default=None)
        cls.copy = "/run/state-copy"
        shutil.rmtree(cls.copy, ignore_errors=True)
        os.mkdir(cls.copy)
        for file in glob.glob(os.path.join(DAEMON.root, "state.db*")):
            shutil.copy(file, cls.copy)
        DAEMON.start()

    def known(self):
        return {each["id"]: each for each in DAEMON.ps()}

    def test_1_the_state_is_whole(self):
        with sqlite3.connect(os.path.join(self.copy, "state.db")) as database:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        self.assertEqual(glob.glob(os.path.join(DAEMON.root, "state.db.corrupt*")), [])
        with sqlite3.connect(os.path.join(DAEMON.root, "state.db")) as database:
            self.assertEqual(database.execute("SELECT count(*) FROM quarantine").fetchone(), (0,))

    def test_2_it_is_what_was_promised(self):
        images = {name.removesuffix(":latest") for image in json.loads(DAEMON.skerry("image", "ls", "-o", "json").out)
                  for name in image["names"]}
        known = {name: each["uid"] for name, each in self.known().items()}
        kept = sum(self.record.before("launched", name, self.record.barrier()) for name in self.record.uids)
        print(f"        {len(self.record.uids)} acknowledged, {kept} of them before an import that was; "
              f"{len(known)} known, {len(self.record.all('removed'))} removed", flush=True)
        self.assertEqual(faults(self.record, known, images), [])

    def test_3_every_cause_is_true(self):
        for name in self.known():
            full = DAEMON.inspect(name)
            cause = full["exit"]["cause"]
            if name.startswith("brief"):
                self.assertIn(cause, ("exited", "host_reboot"), name)
            elif self.record.at("remove", name) is None:
                self.assertEqual(cause, "host_reboot", name)
            self.assertEqual(full["state"], "exited", name)
            DAEMON.skerry("logs", name)

    def test_4_events_begin_an_epoch(self):
        DAEMON.skerry("run", "--rm", "--network", "none", "busybox", "true")
        everything = event_cursors(since={"seconds": 1})
        self.assertEqual(everything, sorted(set(everything)))
        with sqlite3.connect(os.path.join(DAEMON.root, "state.db")) as database:
            (old, _), (new, first) = sorted(database.execute("SELECT epoch, first_sequence FROM epochs"))[-2:]
        self.assertEqual(everything[-1][0], new)
        if self.seen is None:
            return
        self.assertEqual(self.seen[0], old)
        after = {"after": {"epoch": self.seen[0], "sequence": self.seen[1]}}
        if self.seen[1] < first:
            self.assertEqual(event_cursors(**after)[0][1], self.seen[1] + 1)
            return
        with self.assertRaises(grpc.RpcError) as caught:
            event_cursors(**after)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.OUT_OF_RANGE)
        self.assertEqual(reason(caught.exception), "CURSOR_UNKNOWN")

    def test_5_nothing_is_left(self):
        for what in ("debts", "ops"):
            wait_for(lambda: not DAEMON.listed(what), f"no {what}: {DAEMON.listed(what)}", 60)
        wait_for(lambda: not DAEMON.leaks(), f"leaks to vanish: {DAEMON.leaks()}", 30)
        self.assertEqual(leases(DAEMON), [])
        self.assertEqual(os.listdir(os.path.join(DAEMON.root, "cni", "results")), [])
        uids = {each["uid"] for each in self.known().values()}
        for place in (DAEMON.root, DAEMON.run):
            # Beside them only what stands by.
            others = set(os.listdir(os.path.join(place, "containers"))) - uids
            self.assertLessEqual(len(others), STANDBY, others)

    def test_6_a_removed_id_stays_refused(self):
        for name in self.record.all("removed"):
            if self.record.before("removed", name, self.record.barrier()):
                late = DAEMON.skerry("run", "--id", name, "--network", "none", "busybox", "true", check=False)
                self.assertEqual(late.returncode, 125, name)
                return

    def test_7_images_run_as_they_were(self):
        for name in self.record.all("imported"):
            said = DAEMON.skerry("run", "--rm", "--network", "none", name, "cat", "/etc/mark").out
            self.assertEqual(said, name + "\n")

    def test_8_one_with_an_address_runs(self):
        said = DAEMON.skerry("run", "--rm", "busybox", "ip", "-o", "-4", "address", "show", "eth0").out
        self.assertIn(" eth0 ", said)

    def test_9_everything_can_be_removed(self):
        if self.known():
            DAEMON.skerry("rm", *self.known(), timeout=120)
        self.assertEqual(DAEMON.ps(), [])
        # What stands by for the next launch has directories too, and ends with the daemon.
        DAEMON.restart()
        wait_for(lambda: not os.listdir(os.path.join(DAEMON.root, "trash")), "the trash to be empty", 60)
        self.assertEqual(os.listdir(os.path.join(DAEMON.root, "containers")), [])
        self.assertEqual(DAEMON.leaks(), [])


class Load:
    """Clients that ask, and write down what they are told; another one waits for the disk now and then."""

    def __init__(self):
        self.record = Writer(RECORD.format(ROUND))
        self.acknowledged = 0
        self.enough = threading.Event()

    def run(self):
        DAEMON.start()
        self.import_marked("busybox")
        for work in [self.watch, self.wait_for_the_disk]:
            threading.Thread(target=work, daemon=True).start()
        for client in range(CLIENTS):
            threading.Thread(target=self.launch_some, args=(client,), daemon=True).start()
        if not self.enough.wait(120):
            sys.exit("the launches were not acknowledged in time: " + DAEMON.trace_tail())
        # Somewhere between two answers.
        time.sleep(int.from_bytes(os.urandom(1), "big") / 1000)
        with open("/proc/sysrq-trigger", "w", encoding="ascii") as file:
            file.write("b")

    def import_marked(self, name):
        tree = f"/run/tree-{name}"
        busybox_root(tree)
        with open(os.path.join(tree, "etc", "mark"), "w", encoding="ascii") as file:
            file.write(name + "\n")
        self.record.line("import", name)
        DAEMON.skerry("image", "import", "--name", name, tree)
        self.record.line("imported", name)

    def wait_for_the_disk(self):
        """What an import waits for is everything before it. It begins in the middle, so that a part is not covered."""
        for part in (1, 2):
            wait_for(lambda: self.acknowledged >= part * LAUNCHES // 3, "some launches", 120)
            self.import_marked(f"mark-{part}")

    def watch(self):
        stream = Api(DAEMON).stream_out("EventService", "Watch", timeout=300)
        for answer in stream:
            cursor = answer.events[-1].cursor
            self.record.line("event", str(cursor.epoch), str(cursor.sequence))

    def launch_some(self, client):
        for number in range(client, TOTAL, CLIENTS):
            kind = ("sleeper", "brief", "netted", "doomed")[number // CLIENTS % 4]
            name = f"{kind}-{ROUND}-{number}"
            command = ["true"] if kind == "brief" else ["sleep", "1000"]
            network = [] if kind == "netted" else ["--network", "none"]
            self.record.line("launch", name)
            uid = DAEMON.skerry("run", "-d", "--id", name, *network, "busybox", *command).out.strip()
            self.record.line("launched", name, uid)
            self.acknowledged += 1
            if self.acknowledged >= LAUNCHES:
                self.enough.set()
            if kind == "doomed":
                self.record.line("remove", name)
                DAEMON.skerry("rm", "-f", name)
                self.record.line("removed", name)


def main():
    if ROUND > 0:
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(AfterTheCut)
        if not unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite).wasSuccessful():
            print(DAEMON.trace_tail(80))
            return 1
    if LAUNCHES > 0:
        Load().run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
