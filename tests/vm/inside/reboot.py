#!/usr/bin/python3
"""Inside the machine: what a reboot leaves of containers, a pod, addresses and a plugin's mount. See tests/vm/reboot.

usage: reboot.py BEFORE THEN      BEFORE: how the last life ended, THEN: how this one ends; "cut", "orderly" or "-"
"""

import json
import os
import subprocess
import sys
import time
import unittest

from harness import wait_for
from network_host import leases
from recovery_test import command_of
from unit_daemon import KEPT, UnitDaemon, systemctl
from volume_host import FAULT_PLUGIN, FaultPlugin

BEFORE, THEN = sys.argv[1:]
DAEMON = UnitDaemon().install()
POLITE = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
WRITE = "echo kept >{}; sync; exec sleep 1000"
# Name, options, command. The container "done" has ended before the host does.
CONTAINERS = (
    ("plain", ("--network", "none"), ("sleep", "1000")),
    ("polite", ("--network", "none"), ("sh", "-c", POLITE)),
    ("netted", ("-p", "8080:80"), ("sleep", "1000")),
    ("done", ("--network", "none"), ("sh", "-c", "exit 3")),
    ("local", ("--network", "none", "-v", "data:/data"), ("sh", "-c", WRITE.format("/data/file"))),
    ("plugged", ("--network", "none", "-v", "plug:/data", "--volume-driver", "faulty"),
     ("sh", "-c", WRITE.format("/data/file"))),
    ("lasting", ("--network", "none", "--durable"), ("sh", "-c", WRITE.format("/root/file"))),
    ("in-a", ("--pod", "pod"), ("sleep", "1000")),
    ("in-b", ("--pod", "pod"), ("sh", "-c", POLITE)),
)


class KeptPlugin(FaultPlugin):
    """A plugin whose volumes are on the kept disk. It runs as a service, as on a host: a reboot ends it too."""

    def __init__(self, daemon, name):  # pylint: disable=super-init-not-called
        self.name = name
        self.socket = os.path.join(daemon.plugins, name + ".sock")
        self.base = os.path.join(KEPT, "plugin")
        os.makedirs(self.base, exist_ok=True)

    def start(self, *arguments):
        subprocess.run(["systemd-run", "--quiet", "--collect", "--unit", "faulty", "/usr/bin/python3", FAULT_PLUGIN,
                        "--socket", self.socket, "--base", self.base], check=True)
        wait_for(lambda: os.path.exists(self.socket), "the plugin to listen")
        return self


PLUGIN = KeptPlugin(DAEMON, "faulty")


class AfterTheReboot(unittest.TestCase):
    """In the order of their names. After the cut the plugin comes up before the daemon, after the orderly end later: units of
    plugins have no order towards ours."""

    @classmethod
    def setUpClass(cls):
        cls.unmounts = len(PLUGIN.calls("Unmount"))
        cls.mounts = len(PLUGIN.calls("Mount"))
        if BEFORE == "cut":
            PLUGIN.start()
        DAEMON.start()

    def exit_of(self, name):
        return DAEMON.inspect(name)["exit"]

    def test_1_nothing_started_by_itself(self):
        self.assertEqual({each["name"]: each["state"] for each in DAEMON.ps()},
                         {name: "exited" for name, _, _ in CONTAINERS})
        self.assertIn([pod["state"] for pod in DAEMON.pods()], (["stopping"], ["stopped"]))
        self.assertEqual([pid for pid in DAEMON.launcher_pids() if "shim" in command_of(pid)], [])

    def test_2_the_causes_are_true(self):
        whole = "host_reboot" if BEFORE == "cut" else "host_shutdown"
        self.assertEqual(self.exit_of("done")["cause"], "exited")
        self.assertEqual(self.exit_of("done")["code"], 3)
        for name, _, command in CONTAINERS:
            if name == "done":
                continue
            with self.subTest(name):
                ended = self.exit_of(name)
                # One that ends by itself when it is told that the host goes down has recorded so.
                if BEFORE == "orderly" and POLITE in command and ended["cause"] == "exited":
                    self.assertEqual(ended["code"], 0)
                    continue
                self.assertEqual(ended["cause"], whole)
        self.assertEqual(DAEMON.inspect_pod("pod")["stop_cause"], "host_reboot")

    def test_3_addresses_come_back(self):
        wait_for(lambda: DAEMON.inspect_pod("pod")["released"], "the pod's release", 60)
        wait_for(lambda: not leases(DAEMON), f"the leases: {leases(DAEMON)}", 60)
        wait_for(lambda: not os.listdir(os.path.join(DAEMON.root, "cni", "results")), "attachments to go", 60)

    def test_4_a_mount_of_another_boot_is_not_believed(self):
        volume = json.loads(DAEMON.skerry("volume", "inspect", "plug").out)[0]
        self.assertNotEqual(volume["state"], "mounted", volume)
        self.assertFalse(PLUGIN.mounts())

    def test_5_the_plugin_is_told(self):
        if BEFORE != "cut":
            # It comes later than the daemon: until then it is owed.
            self.assertTrue(DAEMON.listed("debts"))
            PLUGIN.start()
        wait_for(lambda: not DAEMON.listed("debts"), f"debts: {DAEMON.listed('debts')}", 120)
        self.assertEqual(PLUGIN.calls("Unmount")[self.unmounts:], ["plug"])
        self.assertEqual(PLUGIN.calls("Mount")[self.mounts:], [])
        wait_for(lambda: not DAEMON.leaks(), f"leaks: {DAEMON.leaks()}", 60)

    def test_6_volumes_have_what_was_written(self):
        for name in ("data", "plug"):
            self.assertEqual(DAEMON.skerry("run", "--rm", "--network", "none", "-v", f"{name}:/data", "busybox",
                                           "cat", "/data/file").out, "kept\n")
        self.assertEqual(PLUGIN.calls("Mount")[self.mounts:], ["plug"])
        wait_for(lambda: not PLUGIN.mounts(), "the unmount")

    def test_7_they_start_again_when_told(self):
        for name in ("plain", "netted", "lasting"):
            DAEMON.skerry("start", name)
            self.assertEqual(DAEMON.inspect(name)["state"], "running", name)
        self.assertEqual(DAEMON.skerry("exec", "lasting", "cat", "/root/file").out, "kept\n")
        self.assertEqual(len(leases(DAEMON)), 1)
        refused = DAEMON.skerry("start", "in-a", check=False)
        self.assertIn("stopped", refused.err)

    def test_8_everything_can_be_removed(self):
        DAEMON.skerry("pod", "rm", "-f", "pod")
        DAEMON.skerry("rm", "-f", *[each["uid"] for each in DAEMON.ps()])
        wait_for(lambda: not DAEMON.ps() and not leases(DAEMON), "all of it to go", 60)
        wait_for(lambda: not DAEMON.leaks(), f"leaks: {DAEMON.leaks()}", 60)
        for name in ("data", "plug"):
            DAEMON.skerry("volume", "rm", name)


def fill():
    DAEMON.start()
    DAEMON.import_busybox()
    if not os.path.exists(PLUGIN.socket):
        PLUGIN.start()
    DAEMON.skerry("pod", "create", "--name", "pod", "--share", "pid")
    for name, options, command in CONTAINERS:
        DAEMON.skerry("run", "-d", "--name", name, *options, "busybox", *command)
    wait_for(lambda: DAEMON.inspect("done")["state"] == "exited", "the brief one to end")
    for place, name in (("/data/file", "local"), ("/data/file", "plugged"), ("/root/file", "lasting")):
        wait_for(lambda: DAEMON.skerry("exec", name, "test", "-s", place, check=False).returncode == 0, name)
    assert len(leases(DAEMON)) == 2, leases(DAEMON)
    assert len(PLUGIN.mounts()) == 1, PLUGIN.mounts()
    os.sync()


def end():
    if THEN == "cut":
        with open("/proc/sysrq-trigger", "w", encoding="ascii") as file:
            file.write("b")
    # This command's own service cuts the power when it is stopped: not this time.
    directory = "/run/systemd/system/skerry-vm.service.d"
    os.makedirs(directory)
    with open(os.path.join(directory, "reboot.conf"), "w", encoding="ascii") as file:
        file.write("[Service]\nExecStopPost=\n")
    systemctl("daemon-reload")
    systemctl("--no-block", "reboot")
    time.sleep(300)


def main():
    if BEFORE != "-":
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(AfterTheReboot)
        if not unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite).wasSuccessful():
            print(DAEMON.trace_tail(80))
            return 1
    if THEN != "-":
        fill()
        end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
