"""A host of its own for a daemon: a network namespace, and another one beside it that is "another host" on the same wire.
Nothing of it touches the real host's interfaces, rules or /etc/cni."""

import os
import subprocess
import uuid

HOST = "10.66.0.1"
OUTSIDE = "10.66.0.2"


class NetworkHost:
    def __init__(self):
        stem = "sknt" + uuid.uuid4().hex[:6]
        self.name = stem
        self.outside = stem + "o"
        for name in (self.name, self.outside):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", "wire", "netns", self.name, "type", "veth",
           "peer", "name", "wire", "netns", self.outside)
        for name, address in ((self.name, HOST), (self.outside, OUTSIDE)):
            ip("-n", name, "address", "add", address + "/24", "dev", "wire")
            ip("-n", name, "link", "set", "wire", "up")

    def run(self, *command, netns=None, timeout=30):
        """A command on this host, or on the other one."""
        return subprocess.run(["nsenter", f"--net=/run/netns/{netns or self.name}", *command],
                              capture_output=True, text=True, timeout=timeout, check=False)

    def fetch(self, url, netns=None):
        """The page, or None."""
        done = self.run("timeout", "3", "busybox", "wget", "-Y", "off", "-q", "-O", "-", url, netns=netns)
        return done.stdout if done.returncode == 0 else None

    def rules(self):
        """Firewall rules that name a container."""
        saved = self.run("iptables-save").stdout.splitlines()
        return [line for line in saved if "--comment" in line and "id:" in line]

    def interfaces(self):
        listed = self.run("ip", "-o", "link", "show", "type", "veth").stdout.splitlines()
        return [line.split(":")[1].strip() for line in listed if " wire" not in line.split(":")[1]]

    def assert_clean(self, test, daemon, what=""):
        """No address, rule, interface, cache file or plugin call of any container."""
        test.assertEqual(leases(daemon), [], what)
        test.assertEqual(os.listdir(os.path.join(daemon.root, "cni", "results")), [], what)
        test.assertEqual(self.rules(), [], what)
        test.assertEqual(self.interfaces(), [], what)
        test.assertEqual(daemon.plugin_calls(), [], what)

    def destroy(self):
        for name in (self.name, self.outside):
            subprocess.run(["ip", "netns", "delete", name], check=False)


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def leases(daemon):
    """Addresses that are given out on the network "skerry"."""
    directory = os.path.join(daemon.root, "cni", "networks", "skerry")
    if not os.path.isdir(directory):
        return []
    return sorted(name for name in os.listdir(directory) if name[0].isdigit())
