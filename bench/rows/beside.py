"""What N running containers cost: themselves, the next launch, the daemon, and a stranger."""

import statistics
import time

import proc
import series
import stranger
from contenders import Floor, SkerryRpc
from daemon import Daemon
from place import Failure, call
from progress import cycles, progress

START_WORKERS = 8
SETTLE_S = 0.5


def measure(place, results):
    for count in results.sizes["counts"]:
        with Daemon(place) as daemon:
            _measure_count(place, daemon, count, results)


def _measure_count(place, daemon, count, results):
    sizes = results.sizes
    floor, ours = Floor(place), SkerryRpc(daemon)
    pairs = {c.key: (series.Launches("alone"), series.Launches("beside")) for c in (floor, ours)}
    strangers = (stranger.Samples(), stranger.Samples())
    host_kib = []  # more for each running one, in each cycle
    for cycle in cycles(sizes["beside_cycles"], sizes["seconds"], f"beside {count}"):
        block = sizes["beside_block"]
        for one, running in zip(pairs["floor"], (0, count)):
            one.add(floor.measure(block, running=running))
        pairs["skerry-rpc"][0].add(ours.measure(block))
        strangers[0].take()
        # Everything about the running ones is measured once, at the largest count.
        with_figures = cycle == 1 and count == sizes["running"]
        before = _memory(daemon)
        daemon.client("start", running=count, workers=START_WORKERS)
        try:
            time.sleep(SETTLE_S)
            host_kib.append((proc.host_memory_kib() - before["host"]) / count)
            if with_figures:
                _figures(daemon, count, before, results)
            pairs["skerry-rpc"][1].add(ours.measure(block))
            strangers[1].take()
        finally:
            progress(f"removing {count}")
            daemon.client("remove", workers=START_WORKERS)
    _judge(count, pairs, strangers, results)
    if count == sizes["running"]:
        detail = "anonymous memory, tmpfs, slab, stacks, page tables and per-CPU memory of the host"
        detail += "; in each cycle " + ", ".join(f"{kib:,.0f}" for kib in host_kib)
        median = statistics.median(host_kib)
        # Less than shim and daemon alone: others on the host gave more back meanwhile.
        void = "the host was busy" if median < results.rows["memory_own"]["value"] else None
        results.add("memory_all", median, detail, void=void)


def _judge(count, pairs, strangers, results):
    alone, beside = pairs["skerry-rpc"]
    value, detail = beside.against(alone)
    floor, _ = pairs["floor"][1].against(pairs["floor"][0])
    name = f"launch latency beside {count:,} running"
    results.add("beside", value, f"{detail}; the floor's own {floor:.2f}", name=name)
    if count != results.sizes["running"]:
        return
    for key in ("newns", "mountinfo"):
        without, with_them = (getattr(samples, key) for samples in strangers)
        detail = f"{statistics.median(with_them):.0f} µs ÷ {statistics.median(without):.0f} µs"
        value = statistics.median(with_them) / statistics.median(without)
        results.add(f"stranger_{key}", value, detail)


def _memory(daemon):
    """Of holder, launcher and shims (those on standby among them, before as after); of the daemon;
    of the host."""
    shims = sum(proc.pss_kib(pid) for pid in daemon.scope_pids())
    return {"shims": shims, "daemon": daemon.memory_kib(), "host": proc.host_memory_kib()}


def _figures(daemon, count, before, results):
    _memory_row(daemon, count, before, results)
    _read_rows(daemon, count, results)
    _idle_row(daemon, results)
    _recovery_row(daemon, count, results)


def _memory_row(daemon, count, before, results):
    after = _memory(daemon)
    shim = (after["shims"] - before["shims"]) / count
    growth = (after["daemon"] - before["daemon"]) / count
    detail = f"shim {shim:.0f} KiB, daemon {growth:.0f} KiB more for each"
    results.add("memory_own", shim + growth, detail)


def _read_rows(daemon, count, results):
    for key in ("list", "stats"):
        result = daemon.client(key, rounds=results.sizes["reads"])
        # One more or two: launched before, and not removed yet.
        if result["count"] < count:
            raise Failure(f"{key}: {result['count']} of {count}")
        samples = sorted(result["us"]["samples"])
        detail = f"p90 {samples[(len(samples) * 9 - 1) // 10] / 1000:.2f} ms, one call"
        results.add(key, statistics.median(samples) / 1000, detail)


def _idle_row(daemon, results):
    seconds = results.sizes["idle_s"]
    pids = daemon.scope_pids() | {daemon.child.pid}
    before, start = proc.cpu_ns(pids), time.monotonic()
    time.sleep(seconds)
    share = (proc.cpu_ns(pids) - before) / 1e7 / (time.monotonic() - start)
    detail = f"daemon, launcher, holder and shims, for {seconds} s"
    results.add("idle", share, detail)


def _recovery_row(daemon, count, results):
    shims = daemon.scope_pids()
    daemon.kill()
    start = time.monotonic_ns()
    daemon.spawn()
    ready = call(daemon.client_command("await", running=count))["ready_ns"]
    # What was on standby went with the daemon.
    if len(daemon.scope_pids() & shims) < count:
        raise Failure("shims of containers did not survive the daemon")
    detail = "from the new daemon's exec until it lists all of them as running"
    results.add("recovery", (ready - start) / 1e9, detail)
