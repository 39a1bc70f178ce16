"""What survives the death of the daemon, the launcher, a shim, and the database."""

import glob
import os
import signal
import time
import unittest

from harness import DaemonTest, wait_for


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def command_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            return file.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Recovery(DaemonTest):
    def setUp(self):
        # Names of images are in state.db only: a test that destroys it leaves the tree without one.
        self.daemon.import_busybox()

    def start_clock(self, name="clock", script="i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done"):
        self.daemon.skerry("run", "-d", "--name", name, "busybox", "sh", "-c", script)
        return self.daemon.inspect(name)["pid"]

    def numbers(self, name="clock"):
        return [int(line) for line in self.daemon.skerry("logs", name).out.split()]

    def kill_launcher(self):
        """The launcher is the holder's child; the holder is our daemon's own."""
        pids = self.daemon.launcher_pids()
        parents = {}
        for pid in pids:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                parents[pid] = int(file.read().rsplit(")", 1)[1].split()[1])
        holders = [pid for pid in pids if parents[pid] not in pids]
        for pid in pids:
            if parents[pid] in holders and "shim" not in command_of(pid):
                os.kill(pid, signal.SIGKILL)
                return pid
        raise AssertionError(f"no launcher among {parents}")

    def test_containers_outlive_the_daemon(self):
        pid = self.start_clock()
        self.daemon.kill()
        time.sleep(0.5)
        self.assertTrue(alive(pid))
        self.daemon.start()
        self.assertEqual(self.daemon.inspect("clock")["pid"], pid)
        numbers = self.numbers()
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.daemon.skerry("stop", "-t", "0", "clock")

    def test_exit_while_the_daemon_is_away(self):
        self.daemon.skerry("run", "-d", "--name", "brief", "busybox", "sh", "-c", "sleep 0.5; exit 42")
        pid = self.daemon.inspect("brief")["pid"]
        self.daemon.kill()
        wait_for(lambda: not alive(pid), "the container to end")
        self.daemon.start()
        self.assertEqual(self.daemon.skerry("wait", "brief").out.strip(), "42")
        self.assertIn("EXITED", self.daemon.inspect("brief")["exit"]["cause"].upper())

    def test_launcher_and_daemon_killed(self):
        pid = self.start_clock()
        self.kill_launcher()
        self.daemon.restart()
        self.assertTrue(alive(pid))
        self.assertEqual(self.daemon.skerry("run", "--rm", "busybox", "echo", "new").out, "new\n")
        self.daemon.skerry("stop", "-t", "0", "clock")

    def test_launcher_killed_alone(self):
        pid = self.start_clock()
        self.kill_launcher()
        self.assertEqual(self.daemon.skerry("run", "--rm", "busybox", "echo", "new").out, "new\n")
        self.assertTrue(alive(pid))

    def test_holder_killed_is_replaced_at_the_next_launch(self):
        pid = self.start_clock()
        holders = [p for p in self.daemon.launcher_pids() if command_of(p) == "skerry-holder"]
        for holder in holders:
            os.kill(holder, signal.SIGKILL)
        # The launcher follows its holder; only the shim stays.
        wait_for(lambda: all("shim" in command_of(p) for p in self.daemon.launcher_pids()),
                 "the launcher to be gone")
        self.assertEqual(self.daemon.skerry("run", "--rm", "busybox", "echo", "new").out, "new\n")
        self.assertTrue(alive(pid))

    def test_shim_killed_ends_its_container(self):
        pid = self.start_clock()
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            shim = int(file.read().rsplit(")", 1)[1].split()[1])
        os.kill(shim, signal.SIGKILL)
        wait_for(lambda: not alive(pid), "the container to die with its shim")
        wait_for(lambda: "EXITED" in self.daemon.inspect("clock")["state"].upper(), "the exit")
        self.assertIn("SHIM_LOST", self.daemon.inspect("clock")["exit"]["cause"].upper())

    def test_created_container_is_held_over_a_restart(self):
        self.daemon.skerry("create", "--name", "held", "busybox", "sh", "-c", "exit 5")
        self.daemon.restart()
        self.assertIn("CREATED", self.daemon.inspect("held")["state"].upper())
        self.daemon.skerry("start", "held")
        self.assertEqual(self.daemon.skerry("wait", "held").out.strip(), "5")

    def test_created_container_killed_while_the_daemon_is_away(self):
        self.daemon.skerry("create", "--name", "held", "busybox", "true")
        pid = self.daemon.inspect("held")["pid"]
        self.daemon.kill()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(pid), "it to end")
        self.daemon.start()
        self.daemon.skerry("wait", "held", check=False)
        end = self.daemon.inspect("held")["exit"]
        self.assertEqual((end["cause"].upper().split("_")[-1], end["signal"]), ("SIGNALED", 9))

    def test_database_deleted_while_containers_run(self):
        pid = self.start_clock()
        self.daemon.kill()
        for path in glob.glob(os.path.join(self.daemon.root, "state.db*")):
            os.unlink(path)
        self.daemon.start()
        self.assertEqual(self.daemon.inspect("clock")["pid"], pid)
        self.daemon.skerry("stop", "-t", "0", "clock")

    def test_database_corrupted_while_containers_run(self):
        pid = self.start_clock()
        self.daemon.kill()
        with open(os.path.join(self.daemon.root, "state.db"), "r+b") as file:
            file.write(os.urandom(8192))
        for path in glob.glob(os.path.join(self.daemon.root, "state.db-*")):
            os.unlink(path)
        self.daemon.start()
        self.assertEqual(self.daemon.inspect("clock")["pid"], pid)
        self.assertTrue(glob.glob(os.path.join(self.daemon.root, "state.db.corrupt*")))
        self.daemon.skerry("rm", "-f", "clock")
        for path in glob.glob(os.path.join(self.daemon.root, "state.db.corrupt*")):
            os.unlink(path)

    def test_removed_id_stays_refused_after_a_restart(self):
        self.daemon.skerry("run", "--name", "once", "--id", "once", "busybox", "true")
        self.daemon.skerry("rm", "once")
        self.daemon.restart()
        late = self.daemon.skerry("run", "--id", "once", "busybox", "true", check=False)
        self.assertEqual(late.returncode, 125)

    def test_stop_goes_on_after_a_restart(self):
        pid = self.start_clock("deaf", "trap '' TERM; while :; do sleep 0.1; done")
        stop = self.daemon.popen("stop", "-t", "600", "deaf")
        wait_for(lambda: "STOPPING" in self.daemon.inspect("deaf")["state"].upper(), "stopping")
        self.daemon.kill()
        stop.wait()
        self.daemon.start()
        wait_for(lambda: not alive(pid), "the stop to be finished")

    def test_orderly_end_leaves_containers_running(self):
        pid = self.start_clock()
        self.assertEqual(self.daemon.terminate(), 0)
        self.assertTrue(alive(pid))
        self.daemon.start()
        self.assertEqual(self.daemon.inspect("clock")["pid"], pid)
        self.daemon.skerry("stop", "-t", "0", "clock")


if __name__ == "__main__":
    unittest.main()
