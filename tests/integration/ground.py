"""What a host looks like when nothing is left: everything a daemon could leave behind, taken down once and compared with later,
for tests that let it die in between. Control groups, mounts, namespaces, interfaces, rules, leases, files, processes,
descriptors."""

import glob
import json
import os
import re
import time

from harness import cgroup_hierarchies, host_mounts_of, wait_for

WORKERS = 8
UID = re.compile("[0-9a-f]{32}")
# What every daemon writes anew, or what was there before it.
CHANGING = re.compile(r"root/(state\.db.*|layers/.*)|run/(plugins/.*|skerryd\.sock|launcher\.sock)")


def open_files(pid):
    """Descriptor numbers and what they lead to."""
    found = {}
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            try:
                found[int(number)] = os.readlink(f"/proc/{pid}/fd/{number}")
            except (FileNotFoundError, ProcessLookupError):
                pass
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def fewest_open(pid):
    """How many at rest: the connection of the client before may still be there."""
    counts = []
    for _ in range(20):
        counts.append(len(open_files(pid)))
        time.sleep(0.02)
    return min(counts)


def command_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def children_of(pid):
    found = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found.update(int(child) for child in file.read().split())
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def keepers(daemon):
    """Holder and launcher of a daemon, by name."""
    names = ("skerry-holder", "skerry-launcher")
    return {command_of(pid): pid for pid in daemon.launcher_pids() if command_of(pid) in names}


def scope_processes(daemon):
    """Every process in a control group of the daemon's, by group."""
    found = {}
    for hierarchy in cgroup_hierarchies():
        top = os.path.join(hierarchy, daemon.scope())
        for directory, _, _ in os.walk(top):
            try:
                with open(os.path.join(directory, "cgroup.procs"), encoding="ascii") as file:
                    pids = [int(line) for line in file]
            except OSError:
                continue
            for pid in pids:
                found[pid] = os.path.relpath(directory, top)
    return found


def scope_groups(daemon):
    """Control groups of containers, pods, execs, plugins and helpers, in whatever tree."""
    found = set()
    for hierarchy in cgroup_hierarchies():
        top = os.path.join(hierarchy, daemon.scope())
        for directory, names, _ in os.walk(top):
            found.update(os.path.relpath(os.path.join(directory, name), hierarchy) for name in names)
    return found


def mounts_of(daemon, pid):
    """Mounts of the daemon's files as one of its processes sees them."""
    try:
        with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [line for line in lines
            if daemon.base in line or daemon.run + "/" in line or UID.search(line.split()[4])]


def files_of(daemon):
    """Every name in root and run directory, not those within images."""
    found = set()
    for top, directory in (("root", daemon.root), ("run", daemon.run)):
        for parent, directories, files in os.walk(directory):
            for name in directories + files:
                path = os.path.join(top, os.path.relpath(os.path.join(parent, name), directory))
                if not CHANGING.fullmatch(path):
                    found.add(path)
            if parent == os.path.join(daemon.root, "layers"):
                directories.clear()
    return found


def names_in(*parts):
    directory = os.path.join(*parts)
    return os.listdir(directory) if os.path.isdir(directory) else []


def remains(daemon):
    """What must not be there when everything was removed, whatever was there before; in words. The daemon has just started:
    nothing stands by for a launch."""
    left = [f"mount: {line}" for line in host_mounts_of(daemon)]
    left += [f"cgroup: {group}" for group in sorted(scope_groups(daemon))
             if UID.fullmatch(os.path.basename(group))]
    for top, directory, kinds in (("root", daemon.root, ("containers", "pods", "volumes")),
                                  ("run", daemon.run, ("containers", "pods", "execs"))):
        left += [f"file: {top}/{kind}/{name}" for kind in kinds for name in names_in(directory, kind)
                 if name != ".host-id"]
    left += [f"file: {path}" for path in glob.glob(os.path.join(daemon.root, "layers", "tmp-*"))]
    kept = set(keepers(daemon).values())
    left += [f"process: {pid} {command_of(pid)} in {group}"
             for pid, group in scope_processes(daemon).items() if pid not in kept]
    return left


class Ground:
    """Taken when a daemon has just started and holds nothing. Takes it down and up again, because only then do holder and
    launcher have no connection of its."""

    def __init__(self, daemon, host=None):
        self.daemon = daemon
        self.host = host
        self.groups = scope_groups(daemon)
        self.files = files_of(daemon)
        self.rules = self.firewall()
        # It keeps a connection to the launcher for every worker that needed one at once.
        self.open = {"skerryd": fewest_open(daemon.process.pid) + WORKERS}
        daemon.kill()
        self.open.update({name: fewest_open(pid) for name, pid in keepers(daemon).items()})
        daemon.start()

    def firewall(self):
        """All rules and chains, without their counters."""
        if self.host is None:
            return set()
        saved = self.host.run("iptables-save").stdout.splitlines()
        return {re.sub(r"\[\d+:\d+\]", "", line).strip() for line in saved if not line.startswith("#")}

    def differences(self):
        """What is there and was not, in words; empty when nothing is left. The daemon has just started."""
        daemon = self.daemon
        left = remains(daemon)
        for kind, now, before in (("cgroup", scope_groups(daemon), self.groups),
                                  ("file", files_of(daemon), self.files),
                                  ("rule", self.firewall(), self.rules)):
            left += [f"{kind}: {one}" for one in sorted(now - before) if f"{kind}: {one}" not in left]
        left += [f"process: {pid} is not reaped" for pid in children_of(daemon.process.pid)
                 if state_of(pid) == "Z"]
        return left + self.holdings("skerryd", daemon.process.pid)

    def kept(self):
        """The same of holder and launcher, while there is no daemon."""
        return [line for name, pid in keepers(self.daemon).items() for line in self.holdings(name, pid)]

    def holdings(self, name, pid):
        opened = open_files(pid)
        left = [f"namespace: {name} keeps {what}" for what in opened.values()
                if re.match(r"(net|ipc|uts|pid|mnt|user):\[", what)]
        left += [f"mount of {name}: {line}" for line in mounts_of(self.daemon, pid)]
        if len(opened) > self.open[name]:
            left.append(f"descriptor: {name} has {len(opened)} open, not {self.open[name]}: "
                        f"{sorted(opened.values())}")
        return left


# --- bringing everything to its end ---------------------------------------------------------------


def settle(test, daemon, host, plugin, what, ground=None):
    """A daemon without failpoints brings everything to its end; nothing is left of it. With a ground it is dead afterwards."""
    if daemon.process.poll() is None:
        daemon.kill()
    daemon.start()
    remove_all(test, daemon, what)
    wait_for(lambda: not debts(daemon), f"{what}: debts to be paid", seconds=60)
    wait_for(lambda: not daemon.leaks(), f"{what}: leaks to vanish: {daemon.leaks()}")
    test.assertEqual(plugin.mounts(), [], what)
    for name in daemon.skerry("volume", "ls", "-q").out.split():
        daemon.skerry("volume", "rm", name)
    test.assertEqual(os.listdir(os.path.join(plugin.base, "data")), [], what)
    host.assert_clean(test, daemon, what)
    assert_none(test, ground.differences if ground else lambda: remains(daemon), what)
    assert_works(test, daemon, what)
    if ground:
        daemon.kill()
        assert_none(test, ground.kept, what)


def remove_all(test, daemon, what):
    for pod in daemon.pods():
        daemon.skerry("pod", "rm", "-f", pod["uid"])
    test.assertEqual(daemon.pods(), [], what)
    uids = [container["uid"] for container in daemon.ps()]
    if uids:
        daemon.skerry("rm", "-f", *uids)
    test.assertEqual(daemon.ps(), [], what)


def debts(daemon):
    return json.loads(daemon.skerry("debug", "debts", "-o", "json").out or "[]")


def assert_none(test, left, what):
    try:
        wait_for(lambda: not left(), what, seconds=10)
    except AssertionError:
        test.fail(f"{what}: {left()}")


def assert_works(test, daemon, what):
    """As if nothing had happened."""
    test.assertEqual(daemon.skerry("run", "--rm", "busybox", "echo", "fine").out, "fine\n", what)
