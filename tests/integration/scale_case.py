"""Many containers of one daemon through everything a container can meet, phase by phase, each with the checks that belong to it.
Used by scale_test.py."""

import json
import os
import signal
import sys
import time
import unittest

import api
from fleet import (Crowd, Member, command_of, descriptors, keepers, parent_of, ref, run_spec, threads)
from harness import Daemon, cgroup_hierarchies, host_mounts_of, wait_for
from network_host import NetworkHost, leases
from watcher import Watcher

# What a daemon may hold more of after a crowd than before: connections just closed, what stands by for
# a kind of launch; of threads those of the pools for plugins and execs, which grow when needed.
SLACK = 24
IDLE_THREADS = 64


class LifeOfMany(unittest.TestCase):
    # How many containers.
    count = 0
    # Seconds until what has to come about by itself is missed.
    patience = 60

    def setUp(self):
        if os.geteuid() != 0:
            self.fail("needs root") if os.environ.get("SKERRY_MUST_RUN") else self.skipTest("root")
        self.host = NetworkHost()
        self.addCleanup(self.host.destroy)
        self.daemon = Daemon()
        self.addCleanup(self.daemon.destroy)
        self.daemon.netns = self.host.name
        self.daemon.start()
        self.daemon.import_busybox()
        self.told = []
        self.crowd = Crowd.connect(self.daemon)
        self.addCleanup(self.crowd.close)
        self.members = [Member(number) for number in range(self.count)]

    # --- made and looked at ---

    def warm_up(self):
        """What a daemon makes once: threads, the bridge, standby processes of both kinds."""
        for network in (None, "skerry"):
            self.use_once(network)
        self.before = self.footprint()
        self.watcher = Watcher(self.crowd.clients[0])
        self.addCleanup(self.watcher.close)

    def use_once(self, network=None):
        client = self.crowd.clients[0]
        made = client.call("ContainerService", "Launch", id=f"once{time.monotonic_ns()}",
                           spec=run_spec("exec sleep 1000", network)).container
        spec = api.exec_pb.ExecSpec(args=["echo", "fine"])
        done = client.call("ExecService", "Run", container=ref(made.uid), spec=spec)
        self.assertEqual(done.stdout, b"fine\n")
        client.call("ContainerService", "Remove", container=ref(made.uid), force=True)
        return made.uid

    def launch(self):
        # Mixed, so that those that wait for plugins are not all at one end.
        self.crowd.each(lambda client, member: member.launch(client, self.daemon), self.members)
        self.assertEqual(len({member.uid for member in self.members}), self.count)
        self.expect_told("accepted", "preparing", "running")
        held = {name: descriptors(pid) for name, pid in self.pids_of_daemon().items()}
        print(f"descriptors with {self.count} containers: {held}, before {self.before}", file=sys.stderr)

    def expect_told(self, *states):
        """Beside what was told before, the watcher hears this of every container, once and in order."""
        self.told += states

        def all_there():
            heard = self.watcher.states()
            return all(len(heard.get(member.uid, [])) >= len(self.told) for member in self.members)

        wait_for(all_there, f"{states} to be told of all", self.patience)
        heard = self.watcher.states()
        self.assertEqual([(member.id, heard[member.uid]) for member in self.members
                          if heard[member.uid] != self.told], [])
        self.assertEqual(self.watcher.gaps(), [])

    def list_all(self):
        found = self.listed()
        self.assertEqual(sorted(c.uid for c in found), sorted(member.uid for member in self.members))
        self.assertEqual({c.id: (c.uid, c.pid) for c in found}, self.known())
        self.assertEqual({c["id"]: (c["uid"], c["pid"]) for c in self.daemon.ps()}, self.known())

    def listed(self):
        """By pages that do not divide evenly."""
        client, token, found = self.crowd.clients[0], "", []
        while True:
            page = client.call("ContainerService", "List", page_size=37, page_token=token)
            found.extend(page.containers)
            token = page.next_page_token
            if not token:
                return found

    def known(self):
        return {member.id: (member.uid, member.pid) for member in self.members}

    def check_limits(self):
        for member in self.members:
            self.assertEqual(member.kernel_limits(), (member.memory // 4096 * 4096, member.millicpu, member.pids))

    def reach(self):
        """Addresses are all different, and lead to whom they belong."""
        serving = [member for member in self.members if member.serves]
        self.assertEqual(len(serving), self.count * 3 // 10)
        addresses = [member.address for member in serving]
        self.assertEqual(len(set(addresses)), len(serving))
        self.assertEqual(leases(self.daemon), sorted(addresses))

        def visit(client, pair):
            here, there = pair
            fetch = ("sh", "-c", f"wget -qO- http://{there.address}/ || true")
            # It runs, but may not listen yet.
            return there.id, wait_for(lambda: here.run(client, *fetch), f"{there.id} to answer", self.patience)

        around = list(zip(serving, serving[1:] + serving[:1]))
        for name, page in self.crowd.each(visit, around[::max(1, len(around) // 30)]):
            self.assertEqual(page.strip(), name)

    def enter(self):
        some = self.members if self.count <= 200 else self.members[::10]
        names = self.crowd.each(lambda client, member: member.run(client, "hostname"), some)
        self.assertEqual(names, [member.id + "\n" for member in some])

    def pause(self):
        self.order("Pause")
        self.check_frozen(True)
        self.order("Resume")
        self.check_frozen(False)
        self.expect_told("paused", "running")

    def check_frozen(self, frozen):
        self.assertEqual([member.id for member in self.members if member.frozen() != frozen], [])

    def order(self, call):
        self.crowd.each(lambda client, member: client.call("ContainerService", call, timeout=120,
                                                           container=ref(member.uid)), self.members)

    def update(self):
        def grow(client, member):
            member.grow()
            request = api.service_pb.UpdateContainerRequest(container=ref(member.uid))
            request.resources.limits.CopyFrom(member.limits())
            request.update_mask.paths.append("resources.limits")
            client.send("ContainerService", "Update", request, timeout=120)

        self.crowd.each(grow, self.members)
        self.check_limits()

    def read_statistics(self):
        """Of all of them in one answer, each with its own limits."""
        stats = self.crowd.clients[0].call("ContainerService", "GetStats").stats
        told = {one.uid: (one.memory.limit.bytes, one.cpu.limit.millicpu, one.pids.limit.count) for one in stats}
        self.assertEqual(len(stats), self.count)
        self.assertEqual(told, {member.uid: member.kernel_limits() for member in self.members})
        for one in stats:
            self.assertGreater(one.memory.usage_bytes, 0)
            self.assertGreaterEqual(one.pids.current, 2)
        with_network = {one.uid for one in stats if any(i.network == "skerry" for i in one.interfaces)}
        self.assertEqual(with_network, {member.uid for member in self.members if member.serves})

    # --- who dies ---

    def kill_daemon(self):
        self.daemon.restart()
        self.check_survival()

    def kill_launcher(self):
        os.kill(keepers(self.daemon)["launcher"], signal.SIGKILL)
        self.check_survival()

    def kill_both(self):
        os.kill(keepers(self.daemon)["launcher"], signal.SIGKILL)
        self.daemon.restart()
        self.check_survival()

    def check_survival(self):
        """Every process is the same one, nobody says that any ended, and all is as usable as before."""
        self.assertEqual({c.id: (c.uid, c.pid) for c in self.listed()}, self.known())
        self.assertEqual([member.id for member in self.members if not member.still_runs()], [])
        self.assertEqual({command_of(parent_of(member.pid)) for member in self.members}, {"skerry-shim"})
        some = self.members[::max(1, self.count // 32)]
        self.assertEqual(self.crowd.each(lambda client, member: member.run(client, "hostname"), some),
                         [member.id + "\n" for member in some])
        once = self.use_once("skerry")
        # Who knows of its exit knows everything before it.
        wait_for(lambda: once in self.watcher.exits(), "the watcher to have caught up", self.patience)
        self.expect_told()

    # --- ended ---

    def end(self):
        """Half are asked to and removed then, half are removed as they are."""
        def end(client, member):
            if member.number % 2:
                stopped = client.call("ContainerService", "Stop", timeout=120, container=ref(member.uid))
                self.assertEqual(stopped.container.exit.code, 7)
            client.call("ContainerService", "Remove", timeout=120, container=ref(member.uid),
                        force=not member.number % 2)

        self.crowd.each(end, self.members)
        self.expect_told("stopping", "exited")
        exits = self.watcher.exits()
        for member in self.members:
            told = exits[member.uid]
            self.assertEqual((told.code, told.signal), (7, 0) if member.number % 2 else (0, 9))

    def look_for_leftovers(self):
        daemon = self.daemon
        self.watcher.close()
        self.crowd.close()
        self.assertEqual(daemon.ps(), [])
        wait_for(lambda: not daemon.leaks(), f"leaks to vanish: {daemon.leaks()}", self.patience)
        self.assertEqual(json.loads(daemon.skerry("debug", "debts", "-o", "json").out or "[]"), [])
        wait_for(lambda: not json.loads(daemon.skerry("debug", "ops", "-o", "json").out or "[]"),
                 "operations to end", self.patience)
        self.assertEqual(host_mounts_of(daemon), [])
        self.assertEqual(self.cgroups_of_members(), [])
        for place in ("containers", "pods", "execs"):
            wait_for(lambda place=place: not self.belong_to_members(os.path.join(daemon.run, place)),
                     f"RUN/{place} to be empty", self.patience)
        self.assertEqual(self.belong_to_members(os.path.join(daemon.root, "containers")), [])
        self.assertEqual([member.id for member in self.members if member.still_runs()], [])
        self.host.assert_clean(self, daemon)
        wait_for(lambda: self.is_as_before(), f"it to be as {self.before}: {self.footprint()}", self.patience)

    def belong_to_members(self, directory):
        """All of it but what stands by for the next launch."""
        uids = {member.uid for member in self.members}
        return [name for name in os.listdir(directory) if name in uids]

    def cgroups_of_members(self):
        uids = {member.uid for member in self.members}
        return [os.path.join(path, name)
                for hierarchy in cgroup_hierarchies()
                for path, names, _ in os.walk(os.path.join(hierarchy, self.daemon.scope()))
                for name in names if name in uids]

    def pids_of_daemon(self):
        return {"skerryd": self.daemon.process.pid, **keepers(self.daemon)}

    def footprint(self):
        """What grows if something is not given back. Shims are those that stand by."""
        pids = self.pids_of_daemon()
        sizes = {f"descriptors of {name}": descriptors(pid) for name, pid in pids.items()}
        sizes["threads"] = threads(pids["skerryd"])
        sizes["shims"] = len(self.daemon.launcher_pids())
        return sizes

    def is_as_before(self):
        now = self.footprint()
        return all(now[what] <= count + (IDLE_THREADS if what == "threads" else SLACK)
                   for what, count in self.before.items())
