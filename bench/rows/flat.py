"""What must not matter to the next launch: finished containers, image layers, other people's mounts."""

import mounts
import series
from contenders import SkerryRpc
from daemon import Daemon
from progress import progress

CLIENTS = 4
CYCLES = 4


def measure(place, results):
    with Daemon(place) as empty, Daemon(place) as daemon:
        _finished(empty, daemon, results)
    with Daemon(place) as daemon:
        _mounts(place, daemon, results)
    results.absent("layers", "an image has one layer in this version")


def _block(daemon, sizes):
    return SkerryRpc(daemon).measure(sizes["flat_block"])


def _compare(key, alone, beside, results, more=""):
    value, detail = beside.against(alone)
    results.add(key, value, detail + more)


def _finished(empty, daemon, results):
    """Two daemons side by side, one of them with finished containers."""
    count = results.sizes["finished"]
    progress(f"{count} finished ones")
    # As many clients as make the finished ones: threads and connections for them stay.
    daemon.client("launch", rounds=40, workers=CLIENTS)
    memory = daemon.memory_kib()
    handles = []
    for _ in range(2):
        daemon.client("launch", rounds=count // 2, warmup=0, workers=CLIENTS, keep=True, label="kept")
        handles.append(daemon.handles())
    growth = (daemon.memory_kib() - memory) / count
    alone, beside = series.Launches("none"), series.Launches("finished")
    for _ in range(CYCLES):
        alone.add(_block(empty, results.sizes))
        beside.add(_block(daemon, results.sizes))
    _compare("finished", alone, beside, results, f"; the daemon has {growth:.1f} KiB more for each")
    detail = f"{handles[0]} with half of them, {handles[1]} with all"
    results.add("finished_fds", handles[1] - handles[0], detail)
    progress(f"removing {count} finished ones")
    daemon.client("remove", workers=CLIENTS, label="kept")


def _mounts(place, daemon, results):
    """In the mount namespace of this benchmark, which the daemon lives in too."""
    alone, beside = series.Launches("none"), series.Launches("mounts")
    for cycle in range(CYCLES):
        progress(f"foreign mounts, cycle {cycle + 1} of {CYCLES}")
        alone.add(_block(daemon, results.sizes))
        with mounts.Foreign(place.path(f"mounts-{cycle}"), results.sizes["mounts"]):
            beside.add(_block(daemon, results.sizes))
    _compare("mounts", alone, beside, results)
