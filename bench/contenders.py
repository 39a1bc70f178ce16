"""Who launches. Every contender takes one block of rounds at a time and answers with samples in
microseconds, so that blocks of all of them can be interleaved."""

import os
import sys

import bundle
import cleanup
import plugins
from place import call

CRUN = "/usr/bin/crun"


class Floor:
    key = "floor"
    rows = {"exit_us": "floor: launch→exit", "undone_us": "floor: launch→undone"}
    share = 1

    def __init__(self, place):
        self.place = place

    def measure(self, rounds, gap_ms=0, workers=1, running=0):
        command = [self.place.tool("floor"), "--json"]
        command += ["--lower", self.place.path("rootfs")]
        command += ["--scratch", self.place.path("scratch")]
        command += ["--rounds", str(rounds), "--gap-ms", str(gap_ms)]
        command += ["--workers", str(workers), "--running", str(running)]
        return call(command, lambda pid: cleanup.remove_cgroups(f"skerry-floor-{pid}"))


class Crun:
    key = "crun"
    rows = {"exit_us": "crun run, prepared bundle"}
    share = 1

    def __init__(self, place, program=CRUN):
        self.place = place
        self.program = program
        self.name = place.unique(place.name + "-crun")

    def __enter__(self):
        for worker in range(os.cpu_count()):
            bundle.make_bundle(
                self.place.path(f"{self.name}-{worker}"),
                self.place.path("rootfs"),
                f"/{self.name}/{worker}",
            )
        return self

    def __exit__(self, *_):
        cleanup.kill_cgroups(self.name)
        cleanup.remove_cgroups(self.name)

    def measure(self, rounds, gap_ms=0, workers=1):
        command = spawn_loop(rounds, gap_ms, workers)
        command += [self.program, "--root", self.place.path(self.name), "run", "--bundle"]
        command += [self.place.path(self.name + "-{worker}"), self.name + "-{worker}"]
        return call(on_v1() + command)


def on_v1():
    """crun refuses a hybrid host whose unified tree has any controller, even one nobody uses. In a
    mount namespace without that tree it sees a v1 host. One hierarchy less: it errs in crun's
    favour."""
    unified = "/sys/fs/cgroup/unified"
    try:
        with open(unified + "/cgroup.controllers") as file:
            if not file.read().strip():
                return []
    except FileNotFoundError:
        return []
    script = 'umount "$0" && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, unified]


def spawn_loop(rounds, gap_ms=0, workers=1, warmup=3):
    command = [sys.executable, os.path.join(bundle.BENCH, "spawn_loop.py")]
    command += ["--rounds", str(rounds), "--gap-ms", str(gap_ms), "--workers", str(workers)]
    return command + ["--warmup", str(warmup), "--"]


class SkerryRpc:
    share = 1

    def __init__(self, daemon, key="skerry-rpc", label="skerry", **options):
        self.daemon = daemon
        self.key = key
        self.options = options
        self.rows = {
            "exit_us": f"{label}: launch→exited event, by RPC",
            "undone_us": f"{label}: launch→released event, by RPC",
        }

    def measure(self, rounds, gap_ms=0, workers=1):
        options = {"rounds": rounds, "gap_ms": gap_ms, "workers": workers, **self.options}
        return self.daemon.client("launch", **options)


class SkerryRun:
    share = 1
    # The limits of the floor's and crun's container.
    arguments = ["run", "--rm", "--cpus", "0.5", "--memory", "64m", "--pids-limit", str(bundle.PIDS)]
    arguments += ["--network", "none", "bench", "/bin/true"]

    def __init__(self, daemon, which=""):
        self.daemon = daemon
        self.key = "skerry-run" + which
        self.rows = {"exit_us": f"skerry run --rm{which}, the whole command"}

    def measure(self, rounds, gap_ms=0, workers=1):
        return call(spawn_loop(rounds, gap_ms, workers) + self.daemon.command(*self.arguments))


class Plugins:
    """The plugins of the network "skerry", run by hand in the order of its list."""

    key = "plugins"
    rows = {"add_us": "plugins by hand: ADD", "del_us": "plugins by hand: DEL"}

    def __init__(self, daemon, share):
        self.daemon = daemon
        self.share = share
        self.chain = None

    def __enter__(self):
        self.chain = plugins.Chain(self.daemon.root("cni/skerry.conflist"), self.daemon.base)
        return self

    def __exit__(self, *_):
        self.chain.close()

    def measure(self, rounds, gap_ms=0, workers=1):
        return self.chain.measure(rounds, gap_ms)
