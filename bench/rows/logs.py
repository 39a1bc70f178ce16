"""A container that writes as fast as its log is written, against conmon; every line is looked for."""

import statistics

import logging_peers
from daemon import Daemon
from progress import cycles

LENGTH = 100


def measure(place, results):
    lines = results.sizes["log_lines"]
    mb = lines * LENGTH / 1e6
    speeds = {"skerry": [], "conmon": []}
    with Daemon(place) as daemon, logging_peers.Conmon(place) as conmon:
        for _ in cycles(results.sizes["log_cycles"], results.sizes["seconds"], "log"):
            speeds["skerry"].append(mb / logging_peers.skerry_seconds(place, daemon, lines, LENGTH))
            speeds["conmon"].append(mb / conmon.seconds(lines, LENGTH))
    ours, theirs = (statistics.median(speeds[key]) for key in ("skerry", "conmon"))
    detail = f"{ours:,.0f} MB/s ÷ {theirs:,.0f} MB/s; {lines:,} lines of {LENGTH} bytes, each found"
    results.add("log", ours / theirs, detail, skerry_mb_s=ours, conmon_mb_s=theirs)
