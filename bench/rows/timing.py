"""Where a launch's time goes, by the product's own account (`skerry inspect --timing`)."""

import json
import statistics

from contenders import Floor
from daemon import COLD, Daemon
from place import Failure

# What a phase is spent on, for the reader.
WHERE = {
    "request": "RPC: from gRPC's thread to the reactor, the spec checked",
    "journal": "journal: record, events and journal entry, one transaction",
    "queue": "wake-up of a worker",
    "launcher": "launcher: fork of the shim, in the kernel",
    "shim": "shim: its start, clone3 with the namespaces, in the kernel",
    "process": "kernel: mounts, masks, limits, seccomp and exec of the container's process",
    "report": "wake-up of the reactor",
}


# Apart, so that the shelf is full again.
GAP_MS = 50


def measure(place, results):
    count = results.sizes["timing"]
    floor = statistics.median(Floor(place).measure(count, GAP_MS)["exit_us"]["samples"])
    for title, config in (("", COLD), (", a process on standby", "")):
        with Daemon(place, config) as daemon:
            timings, exited = _launches(daemon, count)
        _table(f"Where a launch's time goes{title}", timings, exited, floor, results)


def _launches(daemon, count):
    """Their timings, and how long they took as a client sees it."""
    launched = daemon.client("launch", rounds=count, gap_ms=GAP_MS, keep=True, label="kept")
    uids = daemon.skerry("ps", "-aq", "--no-trunc").split()
    if len(uids) < count:
        raise Failure(f"{len(uids)} containers after {count} launches")
    timings = [c["launch_timing"] for c in json.loads(daemon.skerry("inspect", *uids))]
    daemon.client("remove", label="kept")
    return timings, statistics.median(launched["exit_us"]["samples"])


def _us(values):
    return statistics.median(int(value) for value in values) / 1000


def _flat(timing):
    """Every phase, and below it its parts."""
    for phase in timing["phases"]:
        yield phase["name"], phase
        for part in phase.get("parts", []):
            yield "  " + part["name"], part


def _table(title, timings, exited, floor, results):
    total = _us(timing["total_ns"] for timing in timings)
    figures = {}
    for timing in timings:
        for name, phase in _flat(timing):
            figures.setdefault(name, []).append(phase["took_ns"])
    lines = []
    for name, values in figures.items():
        took = _us(values)
        where = WHERE.get(name.strip(), "")
        if len(values) < len(timings):
            name += f" (of {len(values)})"
        lines.append([name, f"{took:,.0f}", f"{took / total:.0%}", where])
    lines.append(["until it runs", f"{total:,.0f}", "100%", ""])
    lines.append(["launch→exited event, at the client", f"{exited:,.0f}", f"{exited / total:.0%}", ""])
    lines.append(["the floor, launch→exit", f"{floor:,.0f}", f"{floor / total:.0%}", ""])
    note = f"medians of {len(timings)} launches"
    results.table(title, ["", "µs", "of it", ""], lines, note)
