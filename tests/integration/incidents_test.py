"""Incidents other agents have had (docs/incidents.md) that no other file is about: containers that change their own mounts,
control groups and firewall rules that change under the daemon, and files of /etc on the host's network."""

import os
import subprocess
import unittest

from api import Api, container_pb, exec_pb
from harness import DaemonTest, cgroup_hierarchies, host_mounts_of, kill_tree, wait_for
from network_test import NetworkTest

UNSHARE = ("unshare", "-m", "sh", "-c",
           "mount -t tmpfs own /mnt && echo mine >/mnt/file && touch /tmp/ready && exec sleep 1000")


class OwnMounts(DaemonTest):
    """A container whose first process has left the mount namespace it was put into. What joins later joins the process: it
    sees what the process sees, and the daemon must not look for anything in the namespace it made."""

    def setUp(self):
        self.daemon.skerry("run", "-d", "--name", "box", "--cap-add", "SYS_ADMIN", "--security-opt",
                           "seccomp=unconfined", "--tmpfs", "/mnt", "busybox", *UNSHARE)
        wait_for(lambda: self.sh("test -e /tmp/ready", check=False).returncode == 0, "its own mount")

    def sh(self, script, check=True):
        return self.daemon.skerry("exec", "box", "sh", "-c", script, check=check)

    def namespace(self):
        return os.readlink(f"/proc/{self.daemon.inspect('box')['pid']}/ns/mnt")

    def test_an_exec_sees_what_it_sees(self):
        self.assertEqual(self.sh("cat /mnt/file").out, "mine\n")
        self.assertEqual(self.sh("readlink /proc/self/ns/mnt").out.strip(), self.namespace())
        self.daemon.restart()
        self.assertEqual(self.sh("cat /mnt/file").out, "mine\n")
        self.sh("echo from an exec >/mnt/other")
        self.assertEqual(self.sh("cat /mnt/other").out, "from an exec\n")

    def test_copies_go_where_it_looks(self):
        source = os.path.join(self.daemon.base, "copied")
        with open(source, "w", encoding="ascii") as file:
            file.write("copied in\n")
        self.daemon.skerry("cp", source, "box:/mnt/in")
        self.assertEqual(self.sh("cat /mnt/in").out, "copied in\n")
        out = os.path.join(self.daemon.base, "out")
        self.daemon.skerry("cp", "box:/mnt/file", out)
        with open(out, encoding="ascii") as file:
            self.assertEqual(file.read(), "mine\n")

    def test_it_stops_and_leaves_nothing(self):
        self.daemon.skerry("stop", "-t", "0", "box")
        self.assertEqual(self.daemon.inspect("box")["exit"]["cause"], "stopped")
        self.assertEqual(host_mounts_of(self.daemon), [])


def hierarchy_of(controller):
    """Where its v1 hierarchy is mounted, or None."""
    with open("/proc/self/mounts", encoding="ascii", errors="replace") as file:
        for fields in (line.split() for line in file):
            if fields[2] == "cgroup" and controller in fields[3].split(","):
                return fields[1]
    return None


class ComesAndGoes(DaemonTest):
    """A controller that is there at one start of the daemon and not at the next. Its hierarchy is unmounted in a mount
    namespace of the daemon's own; the host keeps it."""

    # Nothing is limited by it: a daemon can do without.
    optional = "blkio"

    def setUp(self):
        self.hierarchy = hierarchy_of(self.optional)
        self.assertTrue(self.hierarchy, "needs a host with cgroup v1")

    def tearDown(self):
        # With all controllers it finds what it could not see.
        self.begin([])
        super().tearDown()

    def begin(self, prefix):
        self.daemon.prefix = prefix
        self.daemon.restart()

    def without(self, controller):
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                f"umount {hierarchy_of(controller)} && exec \"$@\"", "sh"]

    def sleeper(self, name):
        self.daemon.skerry("run", "-d", "--name", name, "-m", "32m", "busybox", "sleep", "1000")
        return self.daemon.inspect(name)

    def goes_on(self, before):
        """The container is what it was, and in hand."""
        now = self.daemon.inspect("before")
        self.assertEqual((now["pid"], now["state"]), (before["pid"], "running"))
        self.assertEqual(self.daemon.skerry("exec", "before", "echo", "here").out, "here\n")

    def end(self, *names):
        self.daemon.skerry("stop", "-t", "0", *names)
        for name in names:
            self.assertEqual(self.daemon.inspect(name)["exit"]["cause"], "stopped")

    def test_one_that_goes(self):
        before = self.sleeper("before")
        self.begin(self.without(self.optional))
        self.goes_on(before)
        self.sleeper("beside")
        self.end("before", "beside")

    def test_one_that_comes(self):
        self.begin(self.without(self.optional))
        before = self.sleeper("before")
        self.begin([])
        self.goes_on(before)
        self.sleeper("after")
        self.end("before", "after")

    def test_what_was_made_in_one_that_went_is_removed_when_it_is_back(self):
        uid = self.sleeper("before")["uid"]
        group = os.path.join(self.hierarchy, self.daemon.scope(), uid)
        self.assertTrue(os.path.isdir(group))
        self.begin(self.without(self.optional))
        self.daemon.skerry("rm", "-f", "before")
        self.begin([])
        wait_for(lambda: not os.path.exists(group), "the group that could not be seen to be swept")

    def test_one_that_is_needed_is_named_and_containers_go_on(self):
        before = self.sleeper("before")
        self.daemon.kill()
        self.daemon.prefix = self.without("pids")
        self.daemon.start(wait=False)
        self.assertEqual(self.daemon.process.wait(timeout=30), 1)
        self.assertIn('cgroup controller "pids"', self.daemon.trace_tail(3))
        self.daemon.prefix = []
        self.daemon.start()
        self.goes_on(before)
        self.end("before")


class GroupRemoved(NetworkTest):
    """Somebody, a script that tidies up, removes what it can of the daemon's control groups while it runs."""

    def remove_groups(self):
        """All that are empty, from below. Which these were."""
        removed = []
        for tree in cgroup_hierarchies():
            for directory, _, _ in os.walk(os.path.join(tree, self.daemon.scope()), topdown=False):
                try:
                    os.rmdir(directory)
                    removed.append(directory)
                except OSError:
                    pass
        return removed

    def end_launcher(self):
        for pid in self.daemon.launcher_pids():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        wait_for(lambda: not self.daemon.launcher_pids(), "holder and launcher to be gone")

    def test_empty_groups(self):
        # An earlier test's have not come back.
        self.daemon.restart()
        self.assertTrue(self.remove_groups())
        self.assertEqual(self.daemon.skerry("run", "--rm", "busybox", "echo", "new").out, "new\n")

    def test_the_one_plugins_run_in(self):
        self.daemon.restart()
        self.assertTrue([path for path in self.remove_groups() if path.endswith("/plugins")])
        self.assertIn("eth0", self.daemon.skerry("run", "--rm", "busybox", "ls", "/sys/class/net").out)

    def test_beside_a_container(self):
        self.daemon.skerry("run", "-d", "--name", "box", "-m", "32m", "busybox", "sleep", "1000")
        self.remove_groups()
        self.assertEqual(self.daemon.skerry("exec", "box", "echo", "here").out, "here\n")
        self.daemon.skerry("update", "-m", "48m", "box")
        self.daemon.skerry("stop", "-t", "0", "box")
        self.assertEqual(self.daemon.skerry("run", "--rm", "-m", "32m", "busybox", "echo", "new").out, "new\n")

    def test_the_whole_scope(self):
        self.end_launcher()
        self.remove_groups()
        left = [tree for tree in cgroup_hierarchies() if os.path.isdir(os.path.join(tree, self.daemon.scope()))]
        self.assertEqual(left, [])
        self.assertEqual(self.daemon.skerry("run", "--rm", "-m", "32m", "busybox", "echo", "new").out, "new\n")
        self.assertEqual(self.daemon.skerry("exec", self.sleeper(), "echo", "here").out, "here\n")

    def sleeper(self):
        return self.daemon.skerry("run", "-d", "busybox", "sleep", "1000").out.strip()


class RulesFlushed(NetworkTest):
    """Somebody flushes the firewall, or the host was booted: rules that the plugins made are not there any more."""

    def flush(self):
        for table in ("nat", "filter"):
            for action in ("-F", "-X"):
                self.host.run("iptables", "-t", table, action)

    def test_while_it_runs(self):
        uid = self.serve("-p", "18091:80")["uid"]
        self.flush()
        self.daemon.skerry("rm", "-f", uid)

    def test_together_with_namespaces(self):
        uid = self.serve("-p", "18090:80")["uid"]
        self.daemon.kill()
        for tree in cgroup_hierarchies():
            kill_tree(os.path.join(tree, self.daemon.scope()))
        self.flush()
        self.daemon.start()
        wait_for(lambda: self.daemon.inspect(uid)["released"], "the release")
        wait_for(lambda: not self.debts(), f"the address to be given back: {self.debts()}")
        self.daemon.skerry("start", uid)
        self.assertTrue(self.address(self.daemon.inspect(uid)))


class LeftByAnExec(DaemonTest):
    """An exec that outlived a restart of the daemon ends as one that did not: nothing it started is left."""

    def test_what_it_started_ends_with_it(self):
        self.daemon.skerry("run", "-d", "--name", "box", "busybox", "sleep", "1000")
        api = Api(self.daemon)
        self.addCleanup(api.close)
        started = api.call("ExecService", "Start", container=container_pb.ContainerRef(name="box"), id="e",
                           spec=exec_pb.ExecSpec(args=["sh", "-c", "setsid sleep 4711 & exec sleep 4712"])).exec
        wait_for(lambda: self.runs("sleep 4711") and self.runs("sleep 4712"), "both to run")
        self.daemon.restart()
        api.call("ExecService", "Kill", exec=exec_pb.ExecRef(uid=started.uid), signal=9)
        api.call("ExecService", "Wait", exec=exec_pb.ExecRef(uid=started.uid))
        self.assertFalse(self.runs("sleep 4711"))
        self.assertEqual(self.daemon.leaks(), [])

    def runs(self, command):
        return command in self.daemon.skerry("exec", "box", "ps", "-o", "args").out.splitlines()


class HostsNetwork(DaemonTest):
    """A container on the host's network resolves names as the host does, whatever its image has in /etc."""

    def setUp(self):
        tree = os.path.join(self.daemon.base, "tree-busybox")
        for name in ("hosts", "resolv.conf", "hostname"):
            path = os.path.join(tree, "etc", name)
            with open(path, "w", encoding="ascii") as file:
                file.write("the image's\n")
            self.addCleanup(os.unlink, path)
        self.daemon.skerry("image", "import", "--name", "opinionated", tree)

    def cat(self, name, image="opinionated", *options):
        return self.daemon.skerry("run", "--rm", "--network", "host", *options, image, "cat", f"/etc/{name}").out

    def test_hosts_and_resolv_conf_are_the_hosts(self):
        for name in ("hosts", "resolv.conf"):
            with open(f"/etc/{name}", encoding="utf-8") as file:
                wanted = file.read()
            for image in ("opinionated", "busybox"):
                self.assertEqual(self.cat(name, image), wanted, name)

    def test_the_rest_is_the_images(self):
        self.assertEqual(self.cat("hostname"), "the image's\n")

    def test_they_cannot_be_written(self):
        for name in ("hosts", "resolv.conf"):
            done = self.daemon.skerry("run", "--rm", "--network", "host", "opinionated", "sh", "-c",
                                      f"echo x >/etc/{name}", check=False)
            self.assertIn("ead-only", done.err, name)

    def test_the_host_name_is_the_hosts(self):
        name = subprocess.run(["uname", "-n"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(self.daemon.skerry("run", "--rm", "--network", "host", "busybox", "uname", "-n").out, name)


if __name__ == "__main__":
    unittest.main()
