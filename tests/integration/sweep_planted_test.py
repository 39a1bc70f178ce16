"""The sweep's checks see what they are there for: each is shown what it has to find."""

import contextlib
import os
import socket
import subprocess
import unittest
import uuid

from failpoints import LauncherKiller, Trace
from ground import WORKERS, Ground, children_of, keepers, state_of
from harness import Daemon, DaemonTest, cgroup_hierarchies, wait_for
from network_host import NetworkHost


class Planted(unittest.TestCase):
    """What ground.py says of a host where something is left."""

    @classmethod
    def setUpClass(cls):
        cls.host = NetworkHost()
        cls.addClassCleanup(cls.host.destroy)
        cls.daemon = Daemon()
        cls.daemon.netns = cls.host.name
        cls.addClassCleanup(cls.daemon.destroy)
        cls.daemon.start()
        cls.daemon.import_busybox()
        cls.daemon.skerry("run", "--rm", "--network", "skerry", "-p", "18080:80", "busybox", "true")
        cls.daemon.restart()
        cls.ground = Ground(cls.daemon, cls.host)

    def tearDown(self):
        self.daemon.restart()
        wait_for(lambda: not self.ground.differences(),
                 f"the plant to be gone: {self.ground.differences()}")
        self.daemon.kill()
        wait_for(lambda: not self.ground.kept(), f"the plant to be gone: {self.ground.kept()}")
        self.daemon.start()

    @staticmethod
    def assert_seen(left, *beginnings):
        def missing():
            lines = left()
            return [one for one in beginnings if not any(line.startswith(one) for line in lines)]

        wait_for(lambda: not missing(), f"{beginnings} among {left()}")

    def test_nothing_is_nothing(self):
        self.assertEqual(self.ground.differences(), [])
        self.daemon.kill()
        self.assertEqual(self.ground.kept(), [])

    def test_a_container(self):
        """All that one holds, as if it had been forgotten."""
        self.daemon.skerry("run", "-d", "--name", "web", "--network", "skerry", "-p", "18080:80",
                           "busybox", "sleep", "600")
        self.assert_seen(self.ground.differences, "cgroup", "file", "rule", "process",
                         "descriptor: skerryd")
        self.daemon.skerry("rm", "-f", "web")

    def test_what_the_holder_keeps(self):
        """The sandbox of a container: descriptors of the holder and nobody else's."""
        self.daemon.skerry("run", "-d", "--name", "web", "--network", "skerry", "busybox", "sleep",
                           "600")
        self.daemon.kill()
        self.assert_seen(self.ground.kept, "descriptor: skerry-holder",
                         "namespace: skerry-holder keeps net")
        self.daemon.start()
        self.daemon.skerry("rm", "-f", "web")

    def test_descriptors_of_the_daemon(self):
        with contextlib.ExitStack() as clients:
            for _ in range(WORKERS + 2):
                client = clients.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                client.connect(os.path.join(self.daemon.run, "skerryd.sock"))
            self.assert_seen(self.ground.differences, "descriptor: skerryd")

    def test_a_descriptor_of_the_launcher(self):
        self.daemon.kill()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            client.connect(os.path.join(self.daemon.run, "launcher.sock"))
            self.assert_seen(self.ground.kept, "descriptor: skerry-launcher")

    def test_a_process(self):
        process = subprocess.Popen(["sleep", "600"])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        group = [path for path in cgroup_hierarchies()
                 if os.path.isdir(os.path.join(path, self.daemon.scope(), "shims"))][0]
        with open(os.path.join(group, self.daemon.scope(), "shims", "cgroup.procs"), "w",
                  encoding="ascii") as file:
            file.write(str(process.pid))
        self.assert_seen(self.ground.differences, "process")
        process.kill()
        process.wait()

    def test_one_that_is_not_reaped(self):
        child = subprocess.Popen(["true"])
        wait_for(lambda: state_of(child.pid) == "Z", "its end")
        self.assertIn(child.pid, children_of(os.getpid()))
        child.wait()

    def test_a_mount(self):
        place = os.path.join(self.daemon.root, "left")
        os.mkdir(place)
        subprocess.run(["mount", "-t", "tmpfs", "left", place], check=True)
        try:
            self.assert_seen(self.ground.differences, "mount", "file")
        finally:
            subprocess.run(["umount", place], check=True)
            os.rmdir(place)

    def test_a_rule(self):
        rule = ["-t", "filter", "INPUT", "-p", "tcp", "--dport", "9", "-j", "DROP"]
        self.assertEqual(self.host.run("iptables", *rule[:2], "-A", *rule[2:]).returncode, 0)
        try:
            self.assert_seen(self.ground.differences, "rule")
        finally:
            self.host.run("iptables", *rule[:2], "-D", *rule[2:])

    def test_interfaces_and_addresses(self):
        self.host.run("ip", "link", "add", "left0", "type", "veth", "peer", "name", "left1")
        try:
            with self.assertRaises(AssertionError):
                self.host.assert_clean(self, self.daemon)
        finally:
            self.host.run("ip", "link", "delete", "left0")
        lease = os.path.join(self.daemon.root, "cni", "networks", "skerry", "10.0.0.9")
        with open(lease, "w", encoding="ascii"):
            pass
        try:
            self.assert_seen(self.ground.differences, "file")
            with self.assertRaises(AssertionError):
                self.host.assert_clean(self, self.daemon)
        finally:
            os.unlink(lease)


class Armed(DaemonTest):
    """What the sweep knows of a failpoint: whether it was reached, and how the launcher dies there."""

    def tearDown(self):
        self.daemon.restart()
        super().tearDown()

    def test_reached_or_not(self):
        daemon = self.daemon
        daemon.restart("--failpoint", "pause.freeze=error")
        trace = Trace(daemon)
        daemon.skerry("run", "-d", "--name", "up", "busybox", "sleep", "600")
        self.assertEqual(trace.hits("pause.freeze"), 0)
        self.assertNotEqual(daemon.skerry("pause", "up", check=False).returncode, 0)
        self.assertEqual(trace.hits("pause.freeze"), 1)
        self.assertEqual(trace.hits("pause"), 0)

    def test_the_launcher_dies_while_the_daemon_stands_still(self):
        daemon = self.daemon
        daemon.restart("--failpoint", "launch.record=stop")
        for action, dead in (("launcher", ["skerry-launcher"]),
                             ("holder", ["skerry-holder", "skerry-launcher"])):
            with self.subTest(action):
                before = keepers(daemon)
                killer = LauncherKiller(daemon, action)
                try:
                    for _ in range(2):
                        self.assertEqual(daemon.skerry("run", "--rm", "busybox", "echo", "fine").out,
                                         "fine\n")
                finally:
                    killer.end()
                self.assertEqual(killer.killed, len(dead))
                self.assertEqual(sorted(name for name, pid in before.items()
                                        if keepers(daemon).get(name) != pid), dead)


class Reported(DaemonTest):
    """The daemon's own report sees what is left."""

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
