#!/usr/bin/env python3
"""./dev bench: what a launch costs, as ratios against the floor program and crun.

All contenders run interleaved in one run, in blocks of rounds, once back to back and once with
100 ms before each launch (the gap shows what a loop hides). Read the ratios; the microseconds are
this machine's, today.
"""

import argparse
import datetime
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time

import cleanup
import report
from contenders import Failure, Place, all_contenders

BENCH = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(os.path.dirname(BENCH), "build")

# cycles: blocks of each contender; block: rounds in a block, by gap; rate: launches for a rate;
# seconds: after so many a phase begins no more cycles, so that a busy machine gives fewer rounds
# and not a longer run.
FULL = {
    "cycles": {"latency": 16, "rate": 5, "running": 3},
    "block": {0: 40, 100: 20},
    "rate": 600,
    "running": 1000,
    "seconds": 600,
}
QUICK = {
    "cycles": {"latency": 5, "rate": 3, "running": 3},
    "block": {0: 30, 100: 8},
    "rate": 200,
    "running": 100,
    "seconds": 20,
}
RUNNING_ROUNDS = 30


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds: about a minute, two on a busy machine")
    parser.add_argument("--only", help="floor,crun,skerry-rpc,skerry-run: just these (and floor)")
    parser.add_argument("--json", metavar="FILE", default=os.path.join(BUILD, "bench.json"))
    parser.add_argument("--build-dir", default=BUILD, help="where bin/ and bench/ are")
    parser.add_argument("--dir", default="/var/tmp", help="on the file system to measure on")
    return parser.parse_args()


def choose(contenders, only):
    if only is None:
        return contenders
    wanted = set(only.split(",")) | {"floor"}
    unknown = wanted - {contender.key for contender in contenders}
    if unknown:
        raise Failure(f"--only: no contender {', '.join(sorted(unknown))}")
    return [contender for contender in contenders if contender.key in wanted]


def require(contenders):
    """A row that cannot be measured fails the run: a figure that is not there looks like a good
    one."""
    lines = []
    for contender in contenders:
        lines += [f"  {contender.key}: {path}" for path in contender.missing()]
    if lines:
        hint = "Build them, or say --only with the rows to measure."
        raise Failure("missing programs:\n" + "\n".join(lines) + "\n" + hint)


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def cycles(settings, phase):
    """Numbers the cycles of a phase, from 1, as long as it has time. At least one."""
    deadline = time.monotonic() + settings["seconds"]
    wanted = settings["cycles"][phase]
    for cycle in range(1, wanted + 1):
        yield cycle
        if time.monotonic() > deadline and cycle < wanted:
            progress("")
            print(f"the machine is busy: {cycle} of {wanted} cycles ({phase})")
            return


def measure_latency(contenders, settings, gap_ms):
    rows = {c.key: {key: report.Series(label) for key, label in c.rows.items()} for c in contenders}
    order = list(contenders)
    for cycle in cycles(settings, "latency"):
        # In another order each time, so that nobody always runs after the same neighbour.
        random.shuffle(order)
        for contender in order:
            progress(f"gap {gap_ms} ms, cycle {cycle}: {contender.key}")
            result = contender.measure(settings["block"][gap_ms], gap_ms)
            for key, series in rows[contender.key].items():
                series.add(result[key]["samples"])
    progress("")
    return [series for by_key in rows.values() for series in by_key.values()]


def measure_rates(contenders, settings, workers):
    rates = {contender.key: [] for contender in contenders}
    for _ in cycles(settings, "rate"):
        for contender in contenders:
            progress(f"{workers} at once: {contender.key}")
            result = contender.measure(settings["rate"], workers=workers)
            rates[contender.key].append(result["launches_per_s"])
    progress("")
    return rates


def measure_running(contenders, settings):
    pairs = {
        contender.key: (report.Series("alone"), report.Series("beside"))
        for contender in contenders
        if contender.key in ("floor", "skerry-rpc")
    }
    for _ in cycles(settings, "running"):
        for contender in contenders:
            for series, count in zip(pairs.get(contender.key, ()), (0, settings["running"])):
                progress(f"beside {count} running: {contender.key}")
                result = contender.measure(RUNNING_ROUNDS, running=count)
                series.add(result["exit_us"]["samples"])
    progress("")
    return pairs


def host_facts(directory):
    command = ["findmnt", "--noheadings", "--output", "FSTYPE", "--target", directory]
    kind = subprocess.run(command, capture_output=True, text=True, check=True)
    load = os.getloadavg()[0]
    return {
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "file_system": kind.stdout.strip(),
        "load_before": load,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


def measure(contenders, settings):
    document = {}
    for gap_ms, title in ((0, "back to back"), (100, "100 ms apart")):
        series = measure_latency(contenders, settings, gap_ms)
        document[f"gap_{gap_ms}_ms"] = report.latency(title, series)
    workers = os.cpu_count()
    rates = measure_rates(contenders, settings, workers)
    document["concurrent"] = report.rates(rates, workers)
    pairs = measure_running(contenders, settings)
    document["running"] = report.running(pairs, settings["running"])
    return document


def run(options):
    settings = QUICK if options.quick else FULL
    directory = tempfile.mkdtemp(prefix="skerry-bench-", dir=options.dir)
    started = []
    try:
        bench_dir = os.path.join(options.build_dir, "bench")
        place = Place(directory, os.path.join(options.build_dir, "bin"), bench_dir)
        contenders = choose(all_contenders(place), options.only)
        require(contenders)
        place.prepare()
        document = {"host": host_facts(directory), "settings": settings}
        host = document["host"]
        print(
            f"Linux {host['kernel']}, {host['cpus']} CPUs, {host['file_system']}, "
            f"load {host['load_before']:.1f} before"
        )
        for contender in contenders:
            # Before start, so that a half-started one is stopped too.
            started.append(contender)
            contender.start()
        document |= measure(contenders, settings)
    finally:
        for contender in reversed(started):
            contender.stop()
        cleanup.remove_directory(directory)
    with open(options.json, "w") as file:
        json.dump(document, file, indent=1)
    print(f"\nwritten: {options.json}")


def main():
    if os.geteuid() != 0:
        sys.exit("bench: has to run as root")
    # Ends through `finally`, which stops and removes everything.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        run(parse())
    except KeyboardInterrupt:
        sys.exit(130)
    except Failure as failure:
        progress("")
        sys.exit(f"bench: {failure}")


if __name__ == "__main__":
    main()
