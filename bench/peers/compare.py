"""The comparison: every engine through the same five rows."""

import statistics
import time

import logging_peers
import proc
from contenders import CRUN, SkerryRun, on_v1, spawn_loop
from daemon import Daemon
from peers.containerd import Containerd
from peers.docker import Docker
from peers.engine import Engine
from peers.oci import OciRuntime
from peers.podman import Podman
from place import Absent, Failure, call
from progress import progress

HEADINGS = [
    "",
    "ms",
    "of Skerry's",
    "{parallel} in parallel, ms",
    "helper KiB",
    "list of {listed}, ms",
    "log MB/s, start included",
]
LENGTH = 100
HELD = 10


class Skerry(Engine):
    name = "skerry"
    log_is = "CRI file, by its shim"

    def __init__(self, place, group):
        super().__init__(place, group)
        self.daemon = Daemon(place)
        self.uids = {}

    def prepare(self):
        self.daemon.__enter__()
        self.before = self.daemon.scope_pids()

    def __exit__(self, *exit_info):
        self.daemon.__exit__(*exit_info)

    def run_command(self, worker):
        return self.daemon.command(*SkerryRun.arguments)

    def start(self, number):
        arguments = [a for a in SkerryRun.arguments if a != "--rm"]
        self.uids[number] = self.daemon.skerry(arguments[0], "-d", *arguments[1:], "pause").strip()

    def list_command(self):
        return self.daemon.command("ps", "-a")

    def helper_pids(self):
        return self.daemon.scope_pids() - self.before

    def remove(self, numbers):
        self.daemon.skerry("rm", "-f", *(self.uids[number] for number in numbers))

    def log(self, lines, length):
        return logging_peers.skerry_seconds(self.place, self.daemon, lines, length)


def measure(place, results):
    sizes = results.sizes
    lines, figures, notes = [], {}, []
    for name, make in _makers(place).items():
        progress("peers")
        try:
            with make() as engine:
                engine.prepare()
                progress(f"peers: {engine.name}")
                figures[engine.name] = _measure_engine(engine, place, sizes)
                version = engine.version()
                print(f"  {engine.name} {version}: {figures[engine.name]}", flush=True)
        except (Absent, Failure) as absent:
            # One line of it: the rest is for whoever runs this.
            notes.append(f"{name}: {' '.join(str(absent).split())[:200]}")
            lines.append([name, *["–"] * (len(HEADINGS) - 1)])
            print(f"  {name}: {absent}", flush=True)
            continue
        lines.append(_line(engine, version, figures))
    progress("")
    headings = [heading.format(**sizes) for heading in HEADINGS]
    note = f"medians; helper memory of {min(HELD, sizes['listed'])}; " + "; ".join(notes)
    results.table("Peers: a launch to its exit, and four more rows", headings, lines, note.rstrip("; "))


def _makers(place):
    """Every engine by its name; made when its turn comes."""
    group = place.unique(place.name + "-peer")
    return {
        "skerry": lambda: Skerry(place, group),
        "crun": lambda: OciRuntime(place, group, "crun", CRUN, on_v1()),
        "runc": lambda: OciRuntime(place, group, "runc", place.peer("runc"), ()),
        "containerd (ctr)": lambda: Containerd(place, group),
        "podman": lambda: Podman(place, group),
        "docker": lambda: Docker(place, group),
    }


def _measure_engine(engine, place, sizes):
    found = {"run_ms": _run_ms(engine, sizes)}
    found["parallel_ms"] = _parallel_ms(engine, sizes["parallel"])
    found["helper_kib"], found["list_ms"] = _held(engine, sizes)
    found["log_mb_s"] = None
    if engine.log_is is not None:
        lines = sizes["log_lines"] // 2
        found["log_mb_s"] = lines * LENGTH / 1e6 / engine.log(lines, LENGTH)
    return found


def _run_ms(engine, sizes):
    rounds = max(5, sizes["starts"] // 4)
    result = call([*engine.prefix, *spawn_loop(rounds, warmup=2), *engine.run_command("0")])
    return statistics.median(result["exit_us"]["samples"]) / 1000


def _parallel_ms(engine, count):
    """From the first spawn to the last exit."""
    for worker in range(count):
        engine.run_command(str(worker))  # Makes its bundle, where it has one.
    command = [word.replace("run-0", "run-{worker}") for word in engine.run_command("0")]
    loop = spawn_loop(count, workers=count, warmup=0)
    return count / call([*engine.prefix, *loop, *command])["launches_per_s"] * 1000


def _held(engine, sizes):
    """Memory of what stays beside each running container, and a list of many of them."""
    count = sizes["listed"]
    started = []
    before = _helper_pids(engine)
    try:
        for number in range(min(HELD, count)):
            started.append(number)
            engine.start(number)
        time.sleep(0.5)
        memory = None
        if engine.has_helper:
            pids = _helper_pids(engine) - before
            memory = sum(proc.pss_kib(pid) for pid in pids) / len(started)
        for number in range(len(started), count):
            started.append(number)
            engine.start(number)
        listed = call([*engine.prefix, *spawn_loop(10, warmup=1), *engine.list_command()])
    finally:
        engine.remove(started)
    return memory, statistics.median(listed["exit_us"]["samples"]) / 1000


def _helper_pids(engine):
    if hasattr(engine, "helper_pids"):
        return engine.helper_pids()
    return {pid for pid in proc.pids() if proc.name_of(pid).startswith(engine.helpers())}


def _line(engine, version, figures):
    found, ours = figures[engine.name], figures.get("skerry", figures[engine.name])

    def text(value, digits=0):
        return "–" if value is None else f"{value:,.{digits}f}"

    return [
        f"{engine.name} {version}".strip(),
        text(found["run_ms"], 1),
        f"{found['run_ms'] / ours['run_ms']:.1f}×",
        text(found["parallel_ms"]),
        text(found["helper_kib"]),
        text(found["list_ms"], 1),
        text(found["log_mb_s"]) + (f" ({engine.log_is})" if engine.log_is else ""),
    ]
