"""The failpoint sweep: every step of every operation, as the product lists them, fails once by error and once by kill -9.
Afterwards the daemon is started without a failpoint, everything is removed, and nothing may be left."""

import os
import subprocess
import unittest
import uuid

import leftovers
from harness import BIN, Daemon, DaemonTest, cgroup_hierarchies, wait_for
from network_host import NetworkHost
from volume_host import FaultPlugin


def failpoints():
    listed = subprocess.run([os.path.join(BIN, "skerryd"), "--list-failpoints"], check=True,
                            capture_output=True, text=True)
    return listed.stdout.split()


def arm(point, action):
    """An undo runs only when something after it fails."""
    arguments = ["--failpoint", f"{point}={action}"]
    if point.startswith("launch.") and point.endswith(":undo"):
        arguments += ["--failpoint", "launch.shim:after=error"]
    if point.startswith("pod.") and point.endswith(":undo"):
        arguments += ["--failpoint", "pod.init:after=error"]
    if point.startswith("exec.") and point.endswith(":undo"):
        arguments += ["--failpoint", "exec.shim:after=error"]
    return arguments


class Sweep(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.fail("needs root") if os.environ.get("SKERRY_MUST_RUN") else self.skipTest("root")
        self.host = NetworkHost()
        self.addCleanup(self.host.destroy)
        self.daemon = Daemon()
        self.daemon.netns = self.host.name
        self.addCleanup(self.daemon.destroy)
        self.plugin = FaultPlugin(self.daemon, "faulty").start()
        self.addCleanup(self.plugin.destroy)

    def give_recovery_work(self, tag):
        """A pod with a container in it, one that is about to stop, one that has stopped."""
        daemon = self.daemon
        daemon.restart()
        for name in ("up", "going", "gone"):
            daemon.skerry("pod", "create", "--name", tag + name, "--network", "none", "--share",
                          "ipc")
            daemon.skerry("run", "-d", "--pod", tag + name, "busybox", "sh", "-c",
                          "trap '' TERM; while :; do sleep 1; done")
        daemon.skerry("pod", "stop", "-t", "0", tag + "gone")
        stop = daemon.popen("pod", "stop", "-t", "300", tag + "going", stderr=subprocess.DEVNULL)
        wait_for(lambda: daemon.inspect_pod(tag + "going")["state"] == "stopping", "the stop")
        daemon.kill()
        stop.kill()
        stop.wait()

    def life(self, tag, point):
        """One container's whole life. Calls may fail, hang up or find no daemon: that is the point."""
        daemon = self.daemon
        if point.startswith("import."):
            # Only where it is the subject: an import waits for the disk.
            self.attempt("image", "import", "--name", f"sweep-{tag}", self.tree)
            return
        commands = [
            ("run", "-d", "--id", tag, "--name", tag, "busybox", "sleep", "60"),
            ("exec", tag, "true"),
            ("exec", "-d", tag, "sleep", "60"),
            ("stop", "-t", "0", tag),
            ("start", tag),
            ("stop", "-t", "1", tag),
            ("rm", "-f", tag),
            ("create", "--id", tag + "c", "--name", tag + "c", "busybox", "sleep", "60"),
            ("start", tag + "c"),
            ("rm", "-f", tag + "c"),
        ]
        if point.startswith(("pod", "recovery.pods", "launch.pod")):
            network = "skerry" if "network" in point or "recovery" in point else "none"
            commands = [
                ("pod", "create", "--id", tag + "p", "--name", tag + "p", "--network", network,
                 "--share", "ipc", "--share", "pid", "-m", "64m"),
                ("run", "-d", "--id", tag, "--name", tag, "--pod", tag + "p", "busybox", "sleep",
                 "60"),
                ("run", "-d", "--id", tag + "b", "--pod", tag + "p", "busybox", "sleep", "60"),
                ("stop", "-t", "0", tag),
                ("start", tag),
                ("pod", "stop", "-t", "0", tag + "p"),
                ("pod", "rm", "-f", tag + "p"),
            ]
        elif "network" in point or point.startswith(("launch.shim", "release.", "recovery.")):
            # Plugins take their time: only where a network makes a difference.
            commands += [
                ("run", "-d", "--id", tag + "n", "--network", "skerry", "-p", "18080:80",
                 "busybox", "sleep", "60"),
                ("rm", "-f", tag + "n"),
            ]
        if "volume" in point or point.startswith(("launch.shim", "release.", "recovery.")):
            # One volume of the daemon's own and one of a plugin.
            plug = f"type=volume,source={tag}p,target=/plug,volume-driver=faulty"
            commands += [
                ("volume", "create", tag + "v"),
                ("run", "-d", "--id", tag + "v", "-v", tag + "v:/data", "--mount", plug, "busybox",
                 "sh", "-c", "echo x >/data/file; echo x >/plug/file; exec sleep 60"),
                ("rm", "-f", tag + "v"),
                ("volume", "rm", tag + "v"),
                ("volume", "rm", tag + "p"),
            ]
        for arguments in commands:
            self.attempt(*arguments)
            if daemon.process.poll() is not None:
                return

    def attempt(self, command, *arguments):
        try:
            self.daemon.skerry("--timeout", "10s", command, *arguments, check=False, timeout=30)
        except subprocess.TimeoutExpired:
            self.fail(f"skerry {command} {' '.join(arguments)} hangs")

    def settle(self, what):
        leftovers.settle(self, self.daemon, self.host, self.plugin, what)

    def test_every_step(self):
        daemon = self.daemon
        daemon.start()
        daemon.import_busybox()
        self.tree = os.path.join(daemon.base, "tree-busybox")
        points = failpoints()
        self.assertGreater(len(points), 30)
        points = [point for point in points if point.startswith(os.environ.get("SKERRY_SWEEP", ""))]
        for point in points:
            for action in ("error", "kill"):
                with self.subTest(point=point, action=action):
                    daemon.kill()
                    if point.startswith("recovery.pods"):
                        self.give_recovery_work("r" + uuid.uuid4().hex[:8])
                    daemon.start(*arm(point, action), wait=False)
                    wait_for(lambda: daemon.process.poll() is not None or daemon.ready(),
                             "the daemon to be up or dead")
                    if daemon.process.poll() is None:
                        self.life("s" + uuid.uuid4().hex[:8], point)
                    self.settle(f"{point}={action}")
        if any("volume" in point for point in points):
            self.assertNotEqual(self.plugin.calls("Mount"), [])


class Planted(DaemonTest):
    """The checks above see what they are there for."""

    def test_planted_leaks_are_seen(self):
        daemon = self.daemon
        uid = uuid.uuid4().hex
        directory = os.path.join(daemon.root, "containers", uid)
        pod = os.path.join(daemon.run, "pods", uid)
        os.mkdir(directory)
        os.mkdir(pod)
        hierarchy = [path for path in cgroup_hierarchies()
                     if os.path.isdir(os.path.join(path, daemon.scope()))][0]
        group = os.path.join(hierarchy, daemon.scope(), uid)
        os.mkdir(group)
        try:
            kinds = {leak["kind"] for leak in daemon.leaks() if leak.get("uid") == uid}
            self.assertEqual(kinds, {"directory", "cgroup", "run directory"})
        finally:
            os.rmdir(group)
            os.rmdir(directory)
            os.rmdir(pod)

    def test_a_planted_volume_is_seen_and_adopted(self):
        daemon = self.daemon
        directory = os.path.join(daemon.root, "volumes", "planted")
        os.makedirs(os.path.join(directory, "data"))
        self.assertEqual([leak["object"] for leak in daemon.leaks()], [directory])
        daemon.restart()
        self.assertEqual(daemon.leaks(), [])
        self.assertEqual(daemon.skerry("volume", "ls", "-q").out, "planted\n")
        daemon.skerry("volume", "rm", "planted")
        self.assertFalse(os.path.exists(directory))

    def test_a_restart_sweeps_what_nobody_owns(self):
        daemon = self.daemon
        uid = uuid.uuid4().hex
        os.mkdir(os.path.join(daemon.root, "containers", uid))
        os.mkdir(os.path.join(daemon.root, "pods", uid))
        os.mkdir(os.path.join(daemon.run, "pods", uid))
        for hierarchy in cgroup_hierarchies():
            if os.path.isdir(os.path.join(hierarchy, daemon.scope())):
                os.mkdir(os.path.join(hierarchy, daemon.scope(), uid))
        daemon.restart()
        wait_for(lambda: not daemon.leaks(), "the sweep")


if __name__ == "__main__":
    unittest.main()
