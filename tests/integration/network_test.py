"""Networks as users meet them: one address per container, published ports, and plugins that do everything wrong. The daemon
lives in a network namespace of its own."""

import ipaddress
import json
import os
import shutil
import subprocess
import threading
import time
import unittest

from harness import ROOT, DaemonTest, Daemon, Failed, wait_for
from network_host import HOST, NetworkHost, leases

FAULTY = os.path.join(ROOT, "tests", "interop", "cni", "plugins", "faulty")
SERVER = ("sh", "-c", "echo hello from $0 >/tmp/index.html; httpd -f -p 80 -h /tmp")


class NetworkTest(DaemonTest):
    """A daemon whose containers are on the network "skerry" unless they say otherwise."""

    settings = {"default": "skerry"}

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            if os.environ.get("SKERRY_MUST_RUN"):
                raise AssertionError("needs root")
            raise unittest.SkipTest("needs root")
        cls.host = NetworkHost()
        cls.addClassCleanup(cls.host.destroy)
        cls.daemon = Daemon()
        cls.addClassCleanup(cls.daemon.destroy)
        cls.daemon.netns = cls.host.name
        cls.prepare(cls.daemon)
        cls.daemon.network = dict(cls.settings)
        cls.daemon.start()
        cls.daemon.import_busybox()

    @classmethod
    def prepare(cls, daemon):
        """Before the daemon starts: lists and plugins."""

    @classmethod
    def tearDownClass(cls):
        """The class cleanups do it, also when the daemon did not come up."""

    def tearDown(self):
        super().tearDown()
        wait_for(lambda: not self.debts(), f"debts to be paid: {self.debts()}")
        self.host.assert_clean(self, self.daemon)

    def debts(self):
        return json.loads(self.daemon.skerry("debug", "debts", "-o", "json").out or "[]")

    def operations(self):
        return json.loads(self.daemon.skerry("debug", "ops", "-o", "json").out or "[]")

    def serve(self, *options):
        uid = self.daemon.skerry("run", "-d", *options, "busybox", *SERVER).out.strip()
        return self.daemon.inspect(uid)

    def address(self, container):
        return container["networks"][0]["addresses"][0].split("/")[0]

    def fails(self, *arguments):
        done = self.daemon.skerry(*arguments, check=False)
        self.assertNotEqual(done.returncode, 0, done.out)
        return done.err


class Reaching(NetworkTest):
    def test_containers_reach_each_other_and_the_host_both(self):
        first, second = self.serve(), self.serve()
        self.assertNotEqual(self.address(first), self.address(second))
        for container in (first, second):
            url = f"http://{self.address(container)}/"
            page = wait_for(lambda url=url: self.host.fetch(url), "the page")
            self.assertIn("hello", page)
        done = self.daemon.skerry("exec", first["uid"], "wget", "-qO-",
                                  f"http://{self.address(second)}/", check=False)
        if done.returncode != 0:  # without exec: from a third one
            done = self.daemon.skerry("run", "--rm", "busybox", "wget", "-qO-",
                                      f"http://{self.address(second)}/")
        self.assertIn("hello", done.out)

    def test_a_published_port_answers_everybody(self):
        container = self.serve("-p", "18081:80")
        wait_for(lambda: self.host.fetch(f"http://{self.address(container)}/"), "the page")
        self.assertIn("hello", self.host.fetch(f"http://{HOST}:18081/", netns=self.host.outside))
        self.assertIn("hello", self.host.fetch(f"http://{HOST}:18081/"))
        self.assertIn("hello", self.host.fetch("http://127.0.0.1:18081/"))
        port = container["ports"][0]
        self.assertEqual(port["mapping"]["host_port"], 18081)
        self.assertIn("OPEN", str(port["state"]).upper())

    def test_etc_tells_of_the_network(self):
        out = self.daemon.skerry("run", "--rm", "--hostname", "web", "busybox", "sh", "-c",
                                 "cat /etc/hostname /etc/hosts /etc/resolv.conf; hostname; "
                                 "ip -4 -o addr show dev eth0").out
        lines = out.splitlines()
        self.assertEqual(lines[0], "web")
        address = [line for line in lines if "eth0" in line][0].split()[3].split("/")[0]
        self.assertIn(f"{address}\tweb", lines)
        self.assertIn("127.0.0.1\tlocalhost", lines)
        for line in lines:
            self.assertFalse(line.startswith("nameserver 127."), out)

    def test_addresses_and_ports_come_back(self):
        container = self.serve("-p", "18082:80")
        self.assertEqual(leases(self.daemon), [self.address(container)])
        self.assertEqual(len(self.host.interfaces()), 1)
        self.daemon.skerry("stop", "-t", "0", container["uid"])
        # Released at exit, not at removal.
        wait_for(lambda: self.daemon.inspect(container["uid"]).get("released"), "the release")
        self.host.assert_clean(self, self.daemon)
        self.daemon.skerry("start", container["uid"])
        again = self.daemon.inspect(container["uid"])
        wait_for(lambda: self.host.fetch("http://127.0.0.1:18082/"), "the page")
        self.assertEqual(leases(self.daemon), [self.address(again)])

    def test_a_restart_of_the_daemon_changes_nothing(self):
        container = self.serve("-p", "18083:80")
        wait_for(lambda: self.host.fetch("http://127.0.0.1:18083/"), "the page")
        self.daemon.restart()
        self.assertIn("hello", self.host.fetch("http://127.0.0.1:18083/"))
        self.assertEqual(self.daemon.inspect(container["uid"])["networks"], container["networks"])
        self.assertIn("belongs to container", self.refusal("-p", "18083:81"))

    def test_a_lease_that_a_power_cut_emptied_is_given_back(self):
        container = self.serve()
        directory = os.path.join(self.daemon.root, "cni", "networks", "skerry")
        lost = str(ipaddress.ip_address(self.address(container)) + 1)
        with open(os.path.join(directory, lost), "w", encoding="ascii"):
            pass
        self.daemon.restart()
        self.assertEqual(leases(self.daemon), [self.address(container)])

    def refusal(self, *options):
        return self.fails("run", "-d", *options, "busybox", "sleep", "60")

    def test_a_taken_port_names_its_owner(self):
        owner = self.serve("--id", "owner-of-it", "-p", "18084:80")
        text = self.refusal("-p", "18084:8080")
        self.assertIn("container owner-of-it", text)
        self.daemon.skerry("rm", "-f", owner["uid"])
        holder = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{self.host.name}", "/bin/busybox", "nc", "-l", "-p", "18084"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: "18084" in self.host.run("ss", "-ltn").stdout, "the listener")
            self.assertIn("another process of the host", self.refusal("-p", "18084:80"))
        finally:
            holder.kill()
            holder.wait()
        self.assertIn("twice", self.refusal("-p", "18085:80", "-p", "18085:81"))

    def test_an_unknown_network_names_those_there_are(self):
        text = self.refusal("--network", "nowhere")
        self.assertIn('no network "nowhere"', text)
        self.assertIn("skerry", text)

    def test_none_and_host_need_no_plugin(self):
        out = self.daemon.skerry("run", "--rm", "--network", "none", "busybox", "ls",
                                 "/sys/class/net").out
        self.assertEqual(out.split(), ["lo"])
        out = self.daemon.skerry("run", "--rm", "--network", "host", "busybox", "ls",
                                 "/sys/class/net").out
        self.assertIn("wire", out.split())
        self.assertEqual(leases(self.daemon), [])

    def test_stats_count_per_interface(self):
        container = self.serve()
        wait_for(lambda: self.host.fetch(f"http://{self.address(container)}/"), "the page")
        stats = json.loads(self.daemon.skerry("stats", "--no-stream", "-o", "json",
                                              container["uid"]).out)
        one = (stats[0] if isinstance(stats, list) else stats)["interfaces"][0]
        self.assertEqual((one["name"], one["network"]), ("eth0", "skerry"))
        self.assertGreater(int(one["received_bytes"]), 0)

    def test_a_holder_that_was_killed_is_cleaned_up_after(self):
        """The namespace is gone for the plugins then; addresses and rules go all the same."""
        container = self.serve("-p", "18086:80")
        for pid in self.daemon.launcher_pids():
            with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                if "holder" in file.read():
                    holder = pid
        os.kill(holder, 9)
        self.daemon.skerry("rm", "-f", container["uid"])


class Crashing(NetworkTest):
    """kill -9 where plugins are called: whatever they did is given back at the next start."""

    def life(self, point):
        daemon = self.daemon
        daemon.kill()
        daemon.start("--failpoint", f"{point}=kill", wait=False)
        wait_for(lambda: daemon.process.poll() is not None or daemon.ready(), "the daemon")
        # Calls may find no daemon, or one that is just dying.
        daemon.skerry("run", "-d", "--id", point.replace(":", "-") + "-x", "-p", "18090:80",
                      "busybox", "sleep", "60", check=False)
        daemon.skerry("rm", "-f", point.replace(":", "-") + "-x", check=False)
        daemon.restart()

    def test_at_every_step(self):
        for point in ("network.sandbox", "network.attach", "network.attached", "launch.network:after",
                      "launch.network:undo", "network.detach", "network.drop",
                      "release.network", "release.network:after"):
            with self.subTest(point=point):
                self.life(point)
                for container in self.daemon.ps():
                    self.daemon.skerry("rm", "-f", container["uid"])
                wait_for(lambda: not self.daemon.leaks() and not self.debts(),
                         f"{point}: {self.daemon.leaks()} {self.debts()}")
                self.host.assert_clean(self, self.daemon, point)

    def test_during_a_plugin(self):
        """The plugin dies with its call at the next start, before its DEL."""
        daemon = self.daemon
        for pause in (0.05, 0.15, 0.25):
            running = daemon.popen("run", "-d", "busybox", "sleep", "60",
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(pause)
            daemon.restart()
            running.wait(timeout=30)
            for container in daemon.ps():
                daemon.skerry("rm", "-f", container["uid"])
            wait_for(lambda: not daemon.leaks() and not self.debts(), f"{pause}: leaks to vanish")
            self.host.assert_clean(self, daemon, str(pause))


class Faulty(NetworkTest):
    """A plugin that does everything wrong."""

    # Long enough for plugins that are well, on a machine that does much else.
    deadline = 10
    settings = {"default": "skerry", "attach_deadline": f"{deadline}s", "detach_deadline": "30s"}
    modes = ("garbage", "long", "nothing", "no_address", "hang", "ignore_term", "fork_and_hang",
             "crash", "later", "mute")

    @classmethod
    def prepare(cls, daemon):
        plugins = os.path.join(daemon.base, "plugins")
        os.mkdir(plugins)
        shutil.copy(FAULTY, plugins)
        cls.settings = {**cls.settings, "plugin_dirs": ["/usr/lib/cni", plugins]}
        for mode in cls.modes:
            cls.write_list(daemon, mode, {"type": "faulty", "mode": mode,
                                          "log": os.path.join(daemon.base, "calls-" + mode)})
        cls.write_list(daemon, "holey", {"type": "nobody"})
        cls.write_list(daemon, "tiny", {
            "type": "bridge", "bridge": "tiny0", "isGateway": True,
            "ipam": {"type": "host-local", "subnet": "10.77.0.0/29",
                     "dataDir": os.path.join(daemon.base, "tiny")}})

    @staticmethod
    def write_list(daemon, name, plugin):
        with open(os.path.join(daemon.net_d, name + ".conflist"), "w", encoding="ascii") as file:
            # The plugin is a shell script: no spaces.
            json.dump({"cniVersion": "1.0.0", "name": name, "plugins": [plugin]}, file,
                      separators=(",", ":"))

    def refusal(self, mode, *options):
        return self.fails("run", "-d", "--network", mode, *options, "busybox", "sleep", "60")

    def test_every_misbehaviour_is_an_error_that_leaves_nothing(self):
        for mode, words in (("garbage", "JSON"), ("long", "more than"), ("nothing", "JSON"),
                            ("no_address", "without an address"), ("crash", "signal"),
                            ("later", "no quorum"), ("mute", "cannot reach the datastore")):
            with self.subTest(mode=mode):
                self.assertIn(words, self.refusal(mode))
                self.assertEqual(self.daemon.plugin_calls(), [])

    def test_what_hangs_is_killed_at_the_deadline(self):
        for mode in ("hang", "ignore_term", "fork_and_hang"):
            with self.subTest(mode=mode):
                begin = time.monotonic()
                text = self.refusal(mode)
                self.assertGreater(time.monotonic() - begin, self.deadline - 1)
                self.assertLess(time.monotonic() - begin, 3 * self.deadline)
                self.assertIn("did not end in time", text)
                self.assertEqual(self.daemon.plugin_calls(), [])

    def timed(self, *options):
        begin = time.monotonic()
        self.daemon.skerry("run", "--rm", *options, "busybox", "true")
        return time.monotonic() - begin

    def test_a_hung_network_delays_only_its_users(self):
        daemon = self.daemon
        usual = {options: self.timed(*options) for options in (("--network", "none"), ())}
        hung = [daemon.popen("run", "-d", "--network", "hang", "busybox", "true",
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                for _ in range(12)]
        try:
            wait_for(lambda: [one for one in self.operations() if one["step"] == "launch.network"],
                     "the hung step to be seen", seconds=3)
            # Four hang, eight wait for their turn; nobody else does.
            for options, took in usual.items():
                self.assertLess(self.timed(*options), 3 * took + 3, options)
        finally:
            for one in hung:
                one.wait(timeout=12 * self.deadline)

    def test_a_stop_ends_a_plugin_that_hangs(self):
        daemon = self.daemon
        running = daemon.popen("run", "-d", "--id", "hung", "--network", "ignore_term", "busybox",
                               "true", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: daemon.plugin_calls(), "the plugin to run")
        begin = time.monotonic()
        daemon.skerry("stop", "-t", "0", "hung")
        self.assertLess(time.monotonic() - begin, self.deadline - 2)
        running.wait(timeout=20)

    def test_a_missing_plugin_is_named_at_once(self):
        text = self.refusal("holey")
        self.assertIn('plugin "nobody" is not in', text)
        self.assertEqual(self.daemon.ps(), [])

    def test_an_exhausted_network_tells_how_full_it_is(self):
        daemon = self.daemon
        kept = [daemon.skerry("run", "-d", "--network", "tiny", "busybox", "sleep", "60").out.strip()
                for _ in range(5)]
        text = self.refusal("tiny")
        self.assertIn("5 of 5", text)
        daemon.skerry("rm", "-f", kept[0])
        daemon.skerry("run", "-d", "--network", "tiny", "busybox", "sleep", "60")
        self.host.run("ip", "link", "show", "tiny0")

    def test_a_del_that_fails_is_a_debt_until_it_succeeds(self):
        daemon = self.daemon
        refuse = os.path.join(daemon.base, "calls-mute.refuse")
        with open(refuse, "w", encoding="ascii"):
            pass
        self.refusal("mute")
        wait_for(lambda: self.debts(), "the debt")
        daemon.restart()
        self.assertTrue(self.debts())
        os.unlink(refuse)
        wait_for(lambda: not self.debts(), "the debt to be paid", seconds=30)

    def test_a_new_list_is_seen_without_a_restart(self):
        self.assertIn("no network", self.refusal("late"))
        self.write_list(self.daemon, "late", {"type": "nobody"})
        wait_for(lambda: "nobody" in self.refusal("late"), "the new list")
        os.unlink(os.path.join(self.daemon.net_d, "late.conflist"))


class NoPlugins(NetworkTest):
    settings = {"default": "skerry", "plugin_dirs": ["/nonexistent/cni"]}

    def test_the_default_network_names_the_package(self):
        text = self.fails("run", "--rm", "busybox", "true")
        self.assertIn("containernetworking-plugins", text)
        self.daemon.skerry("run", "--rm", "--network", "none", "busybox", "true")


class TwoDaemons(unittest.TestCase):
    def test_two_daemons_choose_two_subnets(self):
        if os.geteuid() != 0:
            self.fail("needs root") if os.environ.get("SKERRY_MUST_RUN") else self.skipTest("root")
        host = NetworkHost()
        self.addCleanup(host.destroy)
        addresses = []
        errors = []
        daemons = []
        for _ in range(2):
            daemon = Daemon()
            self.addCleanup(daemon.destroy)
            daemon.netns = host.name
            daemon.network = {"default": "skerry"}
            daemon.start()
            daemon.import_busybox()
            daemons.append(daemon)

        def run(daemon):
            try:
                uid = daemon.skerry("run", "-d", "busybox", "sleep", "60").out.strip()
                addresses.append(daemon.inspect(uid)["networks"][0]["addresses"][0])
                daemon.skerry("rm", "-f", uid)
            except Failed as error:
                errors.append(error)

        threads = [threading.Thread(target=run, args=(daemon,)) for daemon in daemons]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        subnets = {address.rsplit(".", 2)[0] + "." +
                   str(int(address.split(".")[2]) // 16) for address in addresses}
        self.assertEqual(len(subnets), 2, addresses)


if __name__ == "__main__":
    unittest.main()
