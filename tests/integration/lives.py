"""What a client does between the start of a daemon and its end, so that a failpoint is reached. Calls may fail, hang up or find
no daemon: that is the point. None may hang."""

import os
import signal
import subprocess

from ground import command_of
from harness import wait_for

TRAPPING = "trap '' TERM; while :; do sleep 1; done"


class Life:
    """One life with one daemon; `tag` names what it makes."""

    def __init__(self, test, daemon, tag, patience, is_over):
        self.test = test
        self.daemon = daemon
        self.tag = tag
        self.patience = patience
        self.is_over = is_over

    def call(self, *arguments, stdin=None):
        """False when the life is over."""
        if self.daemon.process.poll() is not None or self.is_over():
            return False
        try:
            self.daemon.skerry("--timeout", self.patience, *arguments, check=False, timeout=30,
                               stdin=stdin)
        except subprocess.TimeoutExpired:
            self.test.fail(f"skerry {' '.join(arguments)} hangs")
        return True

    def all(self, *commands):
        return all(self.call(*command) for command in commands)

    def run(self, name, *more, command=("sleep", "60")):
        return ("run", "-d", "--id", name, "--name", name, *more, "busybox", *command)

    def container(self):
        tag = self.tag
        self.all(self.run(tag), ("exec", tag, "true"), ("stop", "-t", "0", tag), ("start", tag),
                 ("stop", "-t", "1", tag), ("rm", "-f", tag),
                 ("create", "--id", tag + "c", "--name", tag + "c", "busybox", "sleep", "60"),
                 ("start", tag + "c"), ("rm", "-f", tag + "c"))

    def exec(self):
        tag = self.tag
        self.all(self.run(tag, "-i", command=("cat",)), ("exec", tag, "true"),
                 ("exec", "-d", "--id", "a", tag, "sleep", "60"))
        self.call("exec", "-i", tag, "cat", stdin=b"into an exec\n")
        self.call("attach", "-n", "0", tag, stdin=b"into a container\n")
        self.all(("stop", "-t", "0", tag), ("rm", "-f", tag))

    def live(self):
        """What is asked of a container that runs. Its stops race each other and a removal."""
        tag = self.tag
        self.all(self.run(tag, "-m", "32m"), ("update", "-m", "48m", tag), ("pause", tag),
                 ("unpause", tag), ("pause", tag))
        if self.daemon.process.poll() is None:
            racing = [self.daemon.popen("--timeout", self.patience, *arguments,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                      for arguments in (("stop", "-t", "1", tag), ("stop", "-t", "0", tag),
                                        ("kill", tag), ("update", "-m", "64m", tag),
                                        ("rm", "-f", tag))]
            for one in racing:
                one.wait(timeout=30)
        self.call("rm", "-f", tag)

    def copy(self):
        tag = self.tag
        source = os.path.join(self.daemon.base, "tree-busybox", "etc")
        self.all(self.run(tag), ("cp", source, tag + ":/tmp"),
                 ("cp", tag + ":/etc", os.path.join(self.daemon.base, "copied")),
                 ("stop", "-t", "0", tag), ("cp", source, tag + ":/tmp/stopped"), ("rm", tag))

    def images(self):
        tree = os.path.join(self.daemon.base, "tree-other")
        self.all(("image", "import", "--name", "other-" + self.tag, tree),
                 ("image", "rm", "other-" + self.tag))

    def pod(self, network):
        tag = self.tag
        made = self.all(
            ("pod", "create", "--id", tag + "p", "--name", tag + "p", "--network", network, "--share",
             "ipc", "--share", "pid", "-m", "64m"),
            self.run(tag, "--pod", tag + "p"), self.run(tag + "b", "--pod", tag + "p"))
        if made:
            self.test.update_pod(tag + "p")
        self.all(("stop", "-t", "0", tag), ("start", tag), ("pod", "stop", "-t", "0", tag + "p"),
                 ("pod", "rm", "-f", tag + "p"))

    def network(self):
        tag = self.tag
        self.all(self.run(tag + "n", "--network", "skerry", "-p", "18080:80"), ("rm", "-f", tag + "n"))

    def volume(self):
        """One volume of the daemon's own and one of a plugin."""
        tag = self.tag
        plug = f"type=volume,source={tag}p,target=/plug,volume-driver=faulty"
        self.all(("volume", "create", tag + "v"),
                 self.run(tag + "v", "-v", tag + "v:/data", "--mount", plug, command=(
                     "sh", "-c", "echo x >/data/file; echo x >/plug/file; exec sleep 60")),
                 ("rm", "-f", tag + "v"), ("volume", "rm", tag + "v"), ("volume", "rm", tag + "p"))

    def standby(self):
        """Launches over processes that stand by; one that is dead, and those nobody asked for."""
        daemon = self.daemon
        if not self.call(*self.run(self.tag)):
            return
        for pid in daemon.launcher_pids():
            if command_of(pid) not in ("skerry-holder", "skerry-launcher"):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.all(("rm", "-f", self.tag), self.run(self.tag + "b"), self.run(self.tag + "c"),
                 ("rm", "-f", self.tag + "b", self.tag + "c"))
        if daemon.process.poll() is None and not self.is_over():
            daemon.process.send_signal(signal.SIGTERM)
            daemon.process.wait(timeout=30)

    def reach(self, point):
        """The lives a point can be reached in."""
        operation = point.split(".")[0]
        alone = {"import": self.images, "image-remove": self.images, "copy": self.copy,
                 "standby": self.standby, "update": self.live, "pause": self.live,
                 "resume": self.live}
        if operation in alone:
            return alone[operation]()
        if operation.startswith("pod") or point.startswith(("recovery.pods", "launch.pod")):
            return self.pod("skerry" if "network" in point or "recovery" in point else "none")
        if operation.startswith("exec") or point == "recovery.execs":
            return self.exec()
        if operation not in ("network", "volume"):
            self.container()
        # Plugins take their time: only where they make a difference.
        if "network" in point or point.startswith(("launch.shim", "release.", "recovery.")):
            self.network()
        if "volume" in point or point.startswith(("launch.shim", "release.", "recovery.")):
            self.volume()


def give_recovery_work(daemon, tag):
    """A pod with a container in it, one that is about to stop, one that has stopped; an exec; a
    container that ends while nobody looks."""
    daemon.restart()
    for name in ("up", "going", "gone"):
        daemon.skerry("pod", "create", "--name", tag + name, "--network", "none", "--share", "ipc")
        daemon.skerry("run", "-d", "--name", tag + name, "--pod", tag + name, "busybox", "sh", "-c",
                      TRAPPING)
    daemon.skerry("exec", "-d", tag + "up", "sleep", "60")
    daemon.skerry("run", "-d", "-i", "--name", tag + "ends", "busybox", "cat")
    daemon.skerry("pod", "stop", "-t", "0", tag + "gone")
    stop = daemon.popen("pod", "stop", "-t", "300", tag + "going", stderr=subprocess.DEVNULL)
    wait_for(lambda: daemon.inspect_pod(tag + "going")["state"] == "stopping", "the stop")
    ends = daemon.inspect(tag + "ends")["pid"]
    daemon.kill()
    os.kill(ends, signal.SIGKILL)
    stop.kill()
    stop.wait()
