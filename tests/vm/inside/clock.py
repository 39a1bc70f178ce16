#!/usr/bin/python3
"""Inside the machine: the host's clock is set while containers run, a stop waits, and a debt is owed. Forward by a year, as
by a battery that was replaced; back by a day, as by a time server that corrects it. Nothing may hang, nothing may end
early, and what is shown has to make sense. What ends when is compared with a process that only sleeps."""

import os
import re
import subprocess
import sys
import time
import unittest

from api import Api
from harness import wait_for
from unit_daemon import KEPT, UnitDaemon
from volume_host import FaultPlugin

DAY = 86400
DAEMON = UnitDaemon().install()
# Lines that fill a log file every few seconds.
TICKING = "i=0; while :; do i=$((i+1)); printf '%d %01000d\\n' $i 0; sleep 0.05; done"
DEAF = "trap '' TERM; while :; do sleep 0.1; done"


class Jumps(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        DAEMON.network = {"default": "none"}
        DAEMON.write_config()
        DAEMON.start()
        DAEMON.import_busybox()
        cls.plugin = FaultPlugin(DAEMON, "faulty").start()
        cls.addClassCleanup(cls.plugin.destroy)

    def tearDown(self):
        for each in DAEMON.ps():
            DAEMON.skerry("rm", "-f", each["uid"])
        wait_for(lambda: not DAEMON.ps() and not DAEMON.leaks(), "all of it to go", 60)

    def numbers(self):
        return [int(line.split()[0]) for line in DAEMON.skerry("logs", "ticking").out.splitlines()]

    def owe_an_unmount(self):
        self.plugin.restart("--fault", "Unmount=err200")
        DAEMON.skerry("run", "--rm", "-v", "plug:/data", "--volume-driver", "faulty", "busybox", "true")
        wait_for(lambda: DAEMON.listed("debts"), "the debt", 60)
        # Some tries, so that the next one is some seconds away.
        wait_for(lambda: DAEMON.listed("debts")[0]["tries"] >= 2, "tries", 60)

    def events(self):
        api = Api(DAEMON)
        stream = api.stream_out("EventService", "Watch", history_only=True, since={"seconds": 1})
        cursors = [(event.cursor.epoch, event.cursor.sequence) for answer in stream for event in answer.events]
        api.close()
        return cursors

    def jump(self, seconds):
        DAEMON.skerry("run", "-d", "--name", "ticking", "--log-opt", "max-size=64k", "--log-opt", "max-file=20",
                      "busybox", "sh", "-c", TICKING)
        DAEMON.skerry("run", "-d", "--name", "deaf", "busybox", "sh", "-c", DEAF)
        DAEMON.skerry("run", "-d", "--name", "kept", "--rm", "--ttl", "1h", "busybox", "true")
        self.owe_an_unmount()
        pid = DAEMON.inspect("ticking")["pid"]
        stop = DAEMON.popen("stop", "-t", "40", "deaf", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(stop.kill)
        wait_for(lambda: DAEMON.inspect("deaf")["state"] == "stopping", "the stop to begin")
        with subprocess.Popen(["sleep", "5"]) as sleeper:
            time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)
            seen = self.numbers()[-1]
            # Half-way through the grace period, by a clock that nobody sets.
            sleeper.wait()
        self.assertIsNone(stop.poll())
        self.assertEqual(DAEMON.inspect("deaf")["state"], "stopping")
        self.plugin.restart()
        wait_for(lambda: not DAEMON.listed("debts"), "the debt to be paid", 90)
        self.assertEqual(stop.wait(60), 0)
        self.assertEqual(DAEMON.inspect("deaf")["exit"]["cause"], "stopped")
        wait_for(lambda: self.numbers()[-1] > seen + 50, "the log to go on", 60)
        numbers = self.numbers()
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertGreater(len(os.listdir(os.path.dirname(DAEMON.inspect("ticking")["log_path"]))), 1, "files of its log")
        self.assertEqual(DAEMON.inspect("ticking")["pid"], pid)
        self.assertEqual(DAEMON.inspect("kept")["state"], "exited")
        self.look()
        DAEMON.restart()
        self.assertEqual(DAEMON.inspect("ticking")["pid"], pid)
        self.look()

    def look(self):
        """New containers run, what is shown makes sense, and events are in order."""
        self.assertEqual(DAEMON.skerry("run", "--rm", "busybox", "echo", "new").out, "new\n")
        for command in (("ps", "-a"), ("ps", "-a", "-o", "wide"), ("image", "ls"), ("debug", "ops")):
            shown = DAEMON.skerry(*command).out
            self.assertIsNone(re.search(r"(?<![\w.])-\d", shown), shown)
            self.assertNotIn("from now", shown)
        DAEMON.skerry("stats", "--no-stream", "ticking")
        cursors = self.events()
        self.assertEqual(cursors, sorted(set(cursors)))

    def test_forward_by_a_year(self):
        self.jump(365 * DAY)

    def test_back_by_a_day(self):
        self.jump(-DAY)


if __name__ == "__main__":
    os.makedirs(KEPT, exist_ok=True)
    outcome = unittest.main(verbosity=2, exit=False, argv=sys.argv[:1]).result
    if not outcome.wasSuccessful():
        print(DAEMON.trace_tail(80))
    sys.exit(0 if outcome.wasSuccessful() else 1)
