"""Where a launch's time goes, by the product's own account (`skerry inspect --timing`)."""

import json
import statistics

from contenders import Floor, SkerryRpc
from daemon import Daemon
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


def measure(place, results):
    count = results.sizes["timing"]
    with Daemon(place) as daemon:
        launched = daemon.client("launch", rounds=count, keep=True, label="kept")
        exited = statistics.median(launched["exit_us"]["samples"])
        uids = daemon.skerry("ps", "-aq", "--no-trunc").split()
        timings = [c["launch_timing"] for c in json.loads(daemon.skerry("inspect", *uids))]
        daemon.client("remove", label="kept")
    floor = statistics.median(Floor(place).measure(count)["exit_us"]["samples"])
    if not timings:
        raise Failure("no launch left its timing")
    _table(timings, exited, floor, results)


def _us(values):
    return statistics.median(int(value) for value in values) / 1000


def _flat(timing):
    """Every phase, and below it its parts."""
    for phase in timing["phases"]:
        yield phase["name"], phase
        for part in phase.get("parts", []):
            yield "  " + part["name"], part


def _table(timings, exited, floor, results):
    total = _us(timing["total_ns"] for timing in timings)
    figures = {}
    for timing in timings:
        for name, phase in _flat(timing):
            figures.setdefault(name, []).append(phase["took_ns"])
    lines = []
    for name, values in figures.items():
        took = _us(values)
        lines.append([name, f"{took:,.0f}", f"{took / total:.0%}", WHERE.get(name.strip(), "")])
    lines.append(["until it runs", f"{total:,.0f}", "100%", ""])
    lines.append(["launch→exited event, at the client", f"{exited:,.0f}", f"{exited / total:.0%}", ""])
    lines.append(["the floor, launch→exit", f"{floor:,.0f}", f"{floor / total:.0%}", ""])
    note = f"medians of {len(timings)} launches"
    results.table("Where a launch's time goes", ["", "µs", "of it", ""], lines, note)
