"""Launch after launch after launch: nothing may grow. The event log does, up to its bound: it is given one here that it
reaches long before half-way."""

import os
import statistics

from contenders import SkerryRpc
from daemon import Daemon
from progress import progress

PARTS = 10
EVENTS = '[events]\nage = "1s"\ncount = 1000\nbytes = "4MiB"\n'


def _disk_kib(directory):
    total = 0
    for path, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_blocks
            except FileNotFoundError:
                continue  # A container's, removed meanwhile.
    return total / 2


def measure(place, results):
    launches = results.sizes["launches"]
    with Daemon(place, EVENTS) as daemon:
        parts = []
        for part in range(PARTS):
            progress(f"launches in a row: {part * launches // PARTS} of {launches}")
            samples = SkerryRpc(daemon).measure(launches // PARTS)["exit_us"]["samples"]
            parts.append(_state(daemon, samples))
    _judge(parts, launches, results)


def _state(daemon, samples):
    return {
        "median_us": statistics.median(samples),
        "memory_kib": daemon.memory_kib(),
        "disk_kib": _disk_kib(daemon.root()),
        "handles": daemon.handles(),
    }


def _judge(parts, launches, results):
    first, middle, last = parts[0], parts[PARTS // 2 - 1], parts[-1]
    ratio = last["median_us"] / first["median_us"]
    detail = f"{last['median_us']:,.0f} µs ÷ {first['median_us']:,.0f} µs"
    results.add("long_latency", ratio, detail)
    thousands = launches / 2 / 1000
    for row, key in (("long_memory", "memory_kib"), ("long_disk", "disk_kib")):
        growth = (last[key] - middle[key]) / thousands
        detail = f"{first[key]:,.0f} KiB after a tenth, {middle[key]:,.0f} half-way, "
        detail += f"{last[key]:,.0f} at the end"
        results.add(row, growth, detail)
    detail = f"{first['handles']} after a tenth, {last['handles']} at the end"
    results.add("long_fds", last["handles"] - middle["handles"], detail)
    headings = ["part", "median µs", "memory KiB", "disk KiB", "descriptors and threads"]
    lines = [
        [f"{i + 1}/{PARTS}", *(f"{part[key]:,.0f}" for key in part)] for i, part in enumerate(parts)
    ]
    results.table(f"{launches:,} launches in a row", headings, lines)
