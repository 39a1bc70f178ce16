"""The failpoint sweep: every step of every operation, as the product lists them, fails once by error, once by kill -9 of the
daemon, and, where it makes a difference, once by the death of the launcher, once by that of holder and launcher, and once by
taking longer than its client waits. Every one has to be reached. Afterwards nothing may be left (ground.py)."""

import json
import os
import sys
import unittest
import uuid

import grpc

from api import Api, module, pod_spec_pb
from failpoints import PATIENCE, LauncherKiller, Trace, arguments, cases, failpoints
from ground import Ground, assert_works, keepers, remove_all, settle
from harness import Daemon, busybox_root, cgroup_hierarchies, kill_tree, wait_for
from lives import Life, give_recovery_work
from network_host import NetworkHost
from volume_host import FaultPlugin

resources_pb = module("resources")


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
        self.api = Api(self.daemon)
        self.addCleanup(self.api.close)

    def update_pod(self, name):
        """There is no command for it."""
        if self.daemon.process.poll() is not None:
            return
        limits = resources_pb.Resources(limits=resources_pb.ResourceLimits(
            memory=resources_pb.MemoryLimit(bytes=48 << 20)))
        try:
            self.api.call("PodService", "Update", pod=pod_spec_pb.PodRef(name=name), resources=limits,
                          update_mask={"paths": ["resources.limits.memory"]}, timeout=10)
        except grpc.RpcError:
            pass

    def prepare(self, point, tag):
        """What has to be there before the daemon starts."""
        if point.startswith("recovery."):
            give_recovery_work(self.daemon, tag)
        self.daemon.kill()
        if point.startswith("holder."):
            for pid in keepers(self.daemon).values():
                os.kill(pid, 9)
            wait_for(lambda: not keepers(self.daemon), "holder and launcher to be gone")

    def one(self, point, action):
        daemon = self.daemon
        what = f"{point}={action}"
        tag = "s" + uuid.uuid4().hex[:8]
        self.prepare(point, tag)
        trace = Trace(daemon)
        killer = LauncherKiller(daemon, action) if action in ("launcher", "holder") else None
        try:
            daemon.start(*arguments(point, action), wait=False)
            wait_for(lambda: daemon.process.poll() is not None or daemon.ready(),
                     f"{what}: the daemon to be up or dead")
            self.live(point, action, tag, trace)
            wait_for(lambda: trace.hits(point), f"{what}: the failpoint to be reached", seconds=5)
            if action == "kill":
                wait_for(lambda: daemon.process.poll() == -9, f"{what}: the daemon to be killed")
            if killer:
                self.assertGreater(killer.killed, 0, what)
            # Whoever outlives it has to mend it without being started again.
            if action in ("launcher", "holder", "delay"):
                self.settle_running(what)
        finally:
            if killer:
                killer.end()
        settle(self, daemon, self.host, self.plugin, what, self.ground)

    def live(self, point, action, tag, trace):
        if action != "delay":
            return Life(self, self.daemon, tag, "10s", lambda: False).reach(point)
        # It happens every time: once is enough.
        for number, patience in enumerate(PATIENCE):
            if trace.hits(point) or self.daemon.process.poll() is not None:
                break
            # What the attempt before has begun may be in the way.
            remove_all(self, self.daemon, point)
            Life(self, self.daemon, tag + str(number), patience,
                 lambda: trace.hits(point)).reach(point)
        return None

    def settle_running(self, what):
        """The daemon that met the failure brings everything to its end, and goes on."""
        daemon = self.daemon
        if daemon.process.poll() is not None:
            return
        wait_for(lambda: not self.operations(), f"{what}: operations to end: {self.operations()}")
        remove_all(self, daemon, what)
        wait_for(lambda: not daemon.leaks(), f"{what}: leaks to vanish")
        assert_works(self, daemon, what)

    def operations(self):
        return json.loads(self.daemon.skerry("debug", "ops", "-o", "json").out or "[]")

    def reset(self):
        """What one case has left is not the next one's."""
        self.daemon.kill()
        for hierarchy in cgroup_hierarchies():
            kill_tree(os.path.join(hierarchy, self.daemon.scope()))

    def take_ground(self):
        """After everything was there once: a bridge, its rules and directories stay."""
        daemon = self.daemon
        daemon.start()
        daemon.import_busybox()
        busybox_root(os.path.join(daemon.base, "tree-other"))
        with open(os.path.join(daemon.base, "tree-other", "other"), "w", encoding="ascii") as file:
            file.write("another image")
        for _ in range(2):
            life = Life(self, daemon, "first", "10s", lambda: False)
            life.network()
            life.volume()
            life.pod("skerry")
        daemon.restart()
        self.ground = Ground(daemon, self.host)

    def test_every_step(self):
        points = failpoints()
        self.assertGreater(len(points), 30)
        self.take_ground()
        failed = 0
        for point, action in cases():
            with self.subTest(point=point, action=action):
                failed += 1
                try:
                    self.one(point, action)
                except Exception as error:
                    # Minutes before the end of the run.
                    print(f"{point}={action}: {error}", file=sys.stderr, flush=True)
                    self.reset()
                    raise
                failed -= 1
            self.assertLess(failed, 10, "many cases fail: the rest is not tried")


if __name__ == "__main__":
    unittest.main()
