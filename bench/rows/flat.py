"""What must not matter to the next launch: finished containers, image layers, other people's mounts."""

import os
import subprocess

import series
from contenders import SkerryRpc
from daemon import Daemon
from place import run
from progress import progress


def measure(place, results):
    with Daemon(place) as daemon:
        _finished(daemon, results)
    with Daemon(place) as daemon:
        _mounts(place, daemon, results)
    results.absent("layers", "an image has one layer in this version")


def _blocks(daemon, sizes, one, count=3):
    for _ in range(count):
        one.add(SkerryRpc(daemon).measure(sizes["flat_block"])["exit_us"]["samples"])


def _compare(key, alone, beside, results, more=""):
    ratio = beside.ratio(alone)
    detail = f"{beside.median():,.0f} µs ÷ {alone.median():,.0f} µs; {series.show_ratio(ratio)}{more}"
    results.add(key, ratio["of_medians"], detail)


def _finished(daemon, results):
    sizes = results.sizes
    alone, beside = series.Series("none"), series.Series("finished")
    _blocks(daemon, sizes, alone)
    handles, memory = daemon.handles(), daemon.memory_kib()
    progress(f"{sizes['finished']} finished ones")
    count = sizes["finished"]
    daemon.client("launch", rounds=count, warmup=0, workers=4, keep=True, label="kept")
    _blocks(daemon, sizes, beside)
    growth = (daemon.memory_kib() - memory) / count
    _compare("finished", alone, beside, results, f"; the daemon has {growth:.1f} KiB more for each")
    more = daemon.handles() - handles
    results.add("finished_fds", more, f"{handles} before")
    progress(f"removing {count} finished ones")
    daemon.client("remove", workers=4, label="kept")


def _mounts(place, daemon, results):
    """In the mount namespace of this benchmark, which the daemon lives in too."""
    sizes = results.sizes
    alone, beside = series.Series("none"), series.Series("mounts")
    directory = place.path("mounts")
    os.mkdir(directory)
    _blocks(daemon, sizes, alone)
    # One tmpfs, and binds of it: as containers of other runtimes leave them, and quickly made.
    run(["mount", "-t", "tmpfs", "tmpfs", directory])
    try:
        script = 'i=0; while [ $i -lt "$1" ]; do mkdir "$0/$i" && mount --bind "$0/$i" "$0/$i" || exit; i=$((i+1)); done'
        run(["sh", "-c", script, directory, str(sizes["mounts"])], timeout=600)
        _blocks(daemon, sizes, beside)
    finally:
        subprocess.run(["umount", "--recursive", directory], capture_output=True, timeout=600)
    _compare("mounts", alone, beside, results)
