#!/usr/bin/env python3
"""./dev bench: every row of the performance budget, as ratios in one run.

The contenders of a row run interleaved, in blocks of rounds; launches once back to back and once
with 100 ms before each (the gap shows what a loop hides). Read the ratios; the microseconds are this
machine's, today. Everything happens in mount and network namespaces of the benchmark's own.
"""

import argparse
import json
import os
import signal
import sys
import tempfile

import cleanup
import host
import page
import peers.install
import sizes
import targets
from peers import compare
from place import Failure, Place
from progress import progress
from results import Results
from rows import beside, client_start, flat, launch, logs, long_run, rates, timing

BENCH = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(BENCH)

GROUPS = {
    "launch": launch.measure,
    "client": client_start.measure,
    "rate": rates.measure,
    "timing": timing.measure,
    "beside": beside.measure,
    "log": logs.measure,
    "flat": flat.measure,
    "long": long_run.measure,
    "peers": compare.measure,
}


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    how_much = parser.add_mutually_exclusive_group()
    how_much.add_argument("--quick", action="store_true", help="every row, few rounds: two minutes")
    how_much.add_argument(
        "--full", action="store_true", help="1,000 running, 10,000 finished, 24,000 launches"
    )
    parser.add_argument("--only", metavar="GROUP,…", help="of " + ", ".join(GROUPS))
    parser.add_argument(
        "--peers",
        action="store_true",
        help="other engines beside; installs podman and docker, builds runc and containerd",
    )
    parser.add_argument(
        "--write", action="store_true", help="write docs/benchmarks.md, its chart and README.md's"
    )
    build_dir = os.path.join(SOURCE, "build")
    parser.add_argument("--json", metavar="FILE", default=os.path.join(build_dir, "bench.json"))
    parser.add_argument("--page-of", metavar="FILE", help="measure nothing; --write from this JSON")
    parser.add_argument("--build-dir", default=build_dir, help="where bin/ and bench/ are")
    parser.add_argument("--dir", default="/var/tmp", help="on the file system to measure on")
    return parser.parse_args()


def choose(options):
    if options.only is None:
        return [name for name in GROUPS if name != "peers" or options.peers]
    wanted = options.only.split(",")
    if unknown := set(wanted) - set(GROUPS):
        raise Failure(f"--only: no group {', '.join(sorted(unknown))}")
    return [name for name in GROUPS if name in wanted]


def measure(groups, place, results):
    for name in groups:
        print(f"\n{name}", flush=True)
        try:
            GROUPS[name](place, results)
        # One group that fails leaves the others their rows; the run has failed all the same.
        except Exception as error:  # pylint: disable=broad-except
            progress("")
            results.fail(name, f"{type(error).__name__}: {error}")
    for key in results.missing(groups):
        results.fail(targets.ROWS[key].group, f"row {key} was not produced")


def run(options):
    groups = choose(options)
    chosen = sizes.QUICK if options.quick else sizes.FULL if options.full else sizes.STANDARD
    results = Results(chosen)
    directory = tempfile.mkdtemp(prefix="skerry-bench-", dir=options.dir)
    try:
        place = Place(directory, options.build_dir)
        place.require_programs()
        place.prepare()
        facts = host.facts(directory, SOURCE)
        print(
            f"Linux {facts['kernel']}, {facts['cpus']} CPUs, {facts['file_system']}, "
            f"load {facts['load_before']:.1f} before"
        )
        measure(groups, place, results)
    finally:
        cleanup.remove_directory(directory)
    return {
        "host": facts,
        "sizes": chosen,
        "rows": list(results.rows.values()),
        "tables": results.tables,
        "failures": results.failures,
    }


def finish(document, options):
    with open(options.json, "w") as file:
        json.dump(document, file, indent=1)
    print(f"\nwritten: {options.json}")
    if document["failures"]:
        raise Failure("rows are missing:\n  " + "\n  ".join(document["failures"]))
    if options.write:
        page.write(document, SOURCE)


def main():
    options = parse()
    if options.page_of:
        with open(options.page_of) as file:
            return page.write(json.load(file), SOURCE)
    if os.geteuid() != 0:
        sys.exit("bench: has to run as root")
    # Ends through `finally`, which stops and removes everything.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if options.quick and options.write:
            raise Failure("--write wants more rounds than --quick has")
        if "peers" in choose(options) and not os.environ.get(host.MARK):
            # Out here, where the package archive and the modules can be reached.
            peers.install.everything(options.build_dir)
        host.enter_own_host()
        finish(run(options), options)
    except KeyboardInterrupt:
        sys.exit(130)
    except Failure as failure:
        progress("")
        sys.exit(f"bench: {failure}")


if __name__ == "__main__":
    main()
