"""The places the product may fail at, what to do at each, and which of them a shard of the sweep has."""

import os
import signal
import subprocess
import threading

from ground import keepers, state_of
from harness import BIN

# Operations whose steps ask the launcher or the holder for something, or undo what these made.
ASK_LAUNCHER = ("launch", "exec", "pod", "pod-end", "standby", "network", "release", "recovery",
                "start", "stop")
# The longest a client waits, and the longer time a step takes. A host that is too slow to come to the step within that waits
# longer.
PATIENCE = ("400ms", "800ms", "10s")
DELAY = "delay:900"


def failpoints():
    listed = subprocess.run([os.path.join(BIN, "skerryd"), "--list-failpoints"], check=True,
                            capture_output=True, text=True)
    return listed.stdout.split()


def actions(point):
    """Error and kill -9 of the daemon everywhere. What comes from outside (the launcher is killed,
    time passes) is the same after a step as before the next one, and an undo has no client."""
    chosen = ["error", "kill"]
    if ":" in point:
        return chosen
    chosen.append("delay")
    if point.split(".")[0] in ASK_LAUNCHER:
        chosen += ["launcher", "holder"]
    return chosen


def cases():
    """Those of this shard: SKERRY_SWEEP_SHARD=1/2. SKERRY_SWEEP=launch. has only what begins so."""
    begins = os.environ.get("SKERRY_SWEEP", "")
    number, count = map(int, os.environ.get("SKERRY_SWEEP_SHARD", "1/1").split("/"))
    every = [(point, action) for point in failpoints() if point.startswith(begins)
             for action in actions(point)]
    return every[number - 1::count]


def arguments(point, action):
    """An undo runs only when something after it fails."""
    armed = {"delay": DELAY, "launcher": "stop", "holder": "stop"}.get(action, action)
    found = ["--failpoint", f"{point}={armed}"]
    last = {"launch": "launch.shim", "pod": "pod.init", "exec": "exec.shim"}
    if point.endswith(":undo"):
        found += ["--failpoint", last[point.split(".")[0]] + ":after=error"]
    return found


class Trace:
    """What a daemon has said since now."""

    def __init__(self, daemon):
        self.path = os.path.join(daemon.base, "trace")
        self.offset = os.path.getsize(self.path)

    def hits(self, point):
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            return file.read().decode(errors="replace").count(f" failpoint name={point}\n")


class LauncherKiller:
    """Waits until the daemon stands still at an armed failpoint; kills the launcher, or holder and
    launcher, the first time; lets it go on, every time."""

    def __init__(self, daemon, action):
        self.daemon = daemon
        self.victims = {"launcher": ("skerry-launcher",),
                        "holder": ("skerry-holder", "skerry-launcher")}[action]
        self.killed = 0
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        while not self.ending.wait(0.003):
            process = self.daemon.process
            if process is None or state_of(process.pid) != "T":
                continue
            if self.killed == 0:
                self.kill()
            os.kill(process.pid, signal.SIGCONT)

    def kill(self):
        kept = keepers(self.daemon)
        for name in self.victims:
            if name in kept:
                os.kill(kept[name], signal.SIGKILL)
                self.killed += 1

    def end(self):
        self.ending.set()
        self.thread.join()
