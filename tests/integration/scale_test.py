"""Two hundred containers at once, and sixteen clients: launched, seen, entered, paused, changed, through deaths of the daemon, and
gone without a trace. SKERRY_SCALE=1000 makes it a thousand, of which every tenth is entered (tools/test --full): the daemon
holds 14 descriptors for each container on cgroup v1, so that 20,000 suffice for some 1,400."""

import os
import signal
import sys
import time
import unittest
import uuid

from fleet import Client, start_of
from harness import cgroup_hierarchies, wait_for
from scale_case import LifeOfMany
from watcher import STATE


class Scale(LifeOfMany):
    count = int(os.environ.get("SKERRY_SCALE", "200"))

    def test_life_of_many(self):
        for phase in (self.warm_up, self.launch, self.list_all, self.check_limits, self.reach, self.enter,
                      self.pause, self.update, self.read_statistics, self.kill_daemon, self.kill_launcher,
                      self.kill_both, self.end, self.look_for_leftovers):
            begin = time.monotonic()
            phase()
            print(f"{phase.__name__}: {time.monotonic() - begin:.1f} s", file=sys.stderr, flush=True)


class Planted(LifeOfMany):
    """The checks see what they are there for."""

    count = 10

    def setUp(self):
        super().setUp()
        self.warm_up()
        self.launch()
        self.one = self.members[0]
        self.patience = 0.5

    def sees(self, trace, check, *arguments):
        """The check fails, and says what is wrong."""
        with self.assertRaisesRegex(AssertionError, trace):
            check(*arguments)

    def write(self, name, value):
        """Into a cgroup file of the first container, behind the daemon's back."""
        for hierarchy in cgroup_hierarchies():
            path = os.path.join(hierarchy, self.one.cgroup.lstrip("/"), name)
            if os.path.exists(path):
                with open(path, "w", encoding="ascii") as file:
                    file.write(value)
                return
        self.fail(f"no {name}")

    def test_a_limit_that_is_another(self):
        self.write("pids.max", str(self.one.pids + 1))
        self.sees(str(self.one.pids + 1), self.check_limits)
        self.one.pids += 1
        self.check_limits()

    def test_one_that_is_not_frozen(self):
        self.check_frozen(False)
        self.sees("m0", self.check_frozen, True)

    def test_an_event_that_is_lost_and_one_told_twice(self):
        self.expect_told()
        place = next(n for n, event in enumerate(self.watcher.events) if event.uid == self.one.uid)
        event = self.watcher.events.pop(place)
        self.sees("to be told of all", self.expect_told)
        self.watcher.events[place:place] = [event, event]
        self.sees("'accepted', 'accepted'", self.expect_told)
        self.watcher.events.pop(place)
        self.expect_told()
        # Nobody's state, so that only the numbers show it.
        place = next(n for n, event in enumerate(self.watcher.events) if event.type != STATE)
        event = self.watcher.events.pop(place)
        self.sees(str(event.cursor.sequence + 1), self.expect_told)

    def test_an_exit_that_nobody_asked_for(self):
        os.kill(self.one.pid, signal.SIGKILL)
        wait_for(lambda: self.one.uid in self.watcher.exits(), "the exit to be told")
        self.sees("'m0'", self.check_survival)

    def test_two_with_one_address(self):
        self.one.address, self.members[1].address = self.members[1].address, self.members[1].address
        self.sees("2 != 3", self.reach)

    def test_a_name_that_leads_to_another(self):
        self.one.uid, self.members[1].uid = self.members[1].uid, self.one.uid
        self.sees("'m0'", self.list_all)
        self.sees("'m0", self.enter)

    def test_what_is_left(self):
        self.patience = LifeOfMany.patience
        self.end()
        self.look_for_leftovers()
        self.patience = 0.5
        for plant in (self.leave_cgroup, self.leave_directory, self.leave_process, self.leave_interface,
                      self.leave_rule, self.leave_lease, self.leave_connections):
            trace, undo = plant()
            with self.subTest(plant.__name__):
                self.sees(trace, self.look_for_leftovers)
            undo()
        self.patience = LifeOfMany.patience
        self.look_for_leftovers()

    def leave_cgroup(self):
        path = os.path.join(cgroup_hierarchies()[0], self.daemon.scope(), self.one.uid)
        os.mkdir(path)
        return "'cgroup'", lambda: os.rmdir(path)

    def leave_directory(self):
        path = os.path.join(self.daemon.run, "execs", self.one.uid)
        os.mkdir(path)
        return self.one.uid, lambda: os.rmdir(path)

    def leave_process(self):
        self.one.pid, self.one.began = os.getpid(), start_of(os.getpid())
        return "m0", lambda: setattr(self.one, "began", "ended")

    def leave_interface(self):
        name = "sk" + uuid.uuid4().hex[:8]
        self.host.run("ip", "link", "add", name, "type", "veth", "peer", "name", name + "p")
        return name, lambda: self.host.run("ip", "link", "delete", name)

    def leave_rule(self):
        rule = ("FORWARD", "-m", "comment", "--comment", f"id: {self.one.uid}", "-j", "ACCEPT")
        self.host.run("iptables", "-A", *rule)
        return f"id: {self.one.uid}", lambda: self.host.run("iptables", "-D", *rule)

    def leave_lease(self):
        path = os.path.join(self.daemon.root, "cni", "networks", "skerry", "10.88.0.99")
        with open(path, "w", encoding="ascii") as file:
            file.write(self.one.uid)
        return "10.88.0.99", lambda: os.unlink(path)

    def leave_connections(self):
        """Descriptors of the daemon's, more than are ever idle."""
        clients = [Client(self.daemon) for _ in range(200)]
        for client in clients:
            client.call("ContainerService", "List", page_size=1)
        return "it to be as", lambda: [client.close() for client in clients]


if __name__ == "__main__":
    unittest.main()
