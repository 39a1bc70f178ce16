"""A launch against the floor and crun, without a network and with its own address; all contenders
interleaved in blocks."""

import contextlib
import random

import series
import targets
from contenders import Crun, Floor, Plugins, SkerryRpc, SkerryRun
from daemon import COLD, Daemon
from progress import cycles, progress

GAPS = ((0, "loop", "back to back"), (100, "gap", "100 ms apart"))
FLOOR = "floor: launch→exit"
CRUN = "crun run, prepared bundle"
# As it is configured by default.
RUN = "skerry run --rm with shelves, the whole command"


def measure(place, results):
    sizes = results.sizes
    with contextlib.ExitStack() as stack:
        contenders = _contenders(place, sizes, stack)
        for gap_ms, suffix, title in GAPS:
            rows = _measure_gap(contenders, sizes, gap_ms)
            _judge(rows, suffix, results)
            _table(rows, title, results)


def _contenders(place, sizes, stack):
    daemon = stack.enter_context(Daemon(place, COLD))
    shelves = stack.enter_context(Daemon(place))
    contenders = [Floor(place), stack.enter_context(Crun(place))]
    contenders += [SkerryRpc(shelves, "shelves", "skerry with shelves")]
    contenders += [SkerryRpc(daemon), SkerryRun(daemon), SkerryRun(shelves, " with shelves")]
    address = SkerryRpc(daemon, "address", "skerry with its own IP", network="skerry")
    address.share = sizes["address_share"]
    address.measure(1)  # The network's list is written when it is first used.
    contenders += [address, stack.enter_context(Plugins(daemon, sizes["address_share"]))]
    return contenders


def _measure_gap(contenders, sizes, gap_ms):
    rows = {c.key: {k: series.Series(label) for k, label in c.rows.items()} for c in contenders}
    order = list(contenders)
    for _ in cycles(sizes["cycles"], sizes["seconds"], f"launches, gap {gap_ms} ms"):
        # In another order each time, so that nobody always runs after the same neighbour.
        random.shuffle(order)
        for contender in order:
            progress(f"launches, gap {gap_ms} ms: {contender.key}")
            rounds = max(2, sizes["block"][gap_ms] // contender.share)
            result = contender.measure(rounds, gap_ms)
            for key, one in rows[contender.key].items():
                one.add(result[key]["samples"])
    return {one.label: one for by_key in rows.values() for one in by_key.values()}


def _judge(rows, suffix, results):
    floor = rows[FLOOR]

    def add(key, label, base):
        ratio = rows[label].ratio(base)
        detail = f"{rows[label].median():,.0f} µs ÷ {base.median():,.0f} µs; {series.show_ratio(ratio)}"
        results.add(key, ratio["of_medians"], detail, ratio=ratio)

    add(f"launch_{suffix}", "skerry: launch→exited event, by RPC", floor)
    add(f"shelves_{suffix}", "skerry with shelves: launch→exited event, by RPC", floor)
    add(f"run_{suffix}", RUN, rows[CRUN])
    _judge_address(rows, suffix, results)


def _judge_address(rows, suffix, results):
    """Against a sum: the difference of two long, noisy times would say nothing about a short one."""
    ours = rows["skerry with its own IP: launch→exited event, by RPC"].median()
    floor, plugins = rows[FLOOR].median(), rows["plugins by hand: ADD"].median()
    most = targets.ROWS["launch_loop"].at_most
    detail = f"{ours:,.0f} µs ÷ ({most} × {floor:,.0f} µs + {plugins:,.0f} µs)"
    results.add(f"address_{suffix}", ours / (most * floor + plugins), detail)


def _table(rows, title, results):
    bases = [rows[FLOOR], rows[CRUN]]
    lines = []
    for one in rows.values():
        figures = one.figures()
        line = [one.label, str(figures["rounds"])]
        line += [f"{figures[key]:,.0f}" for key in ("median_us", "p90_us", "min_us")]
        line += [series.show_ratio(one.ratio(base)) for base in bases]
        lines.append(line)
    headings = ["", "rounds", "median", "p90", "min", "÷ floor", "÷ crun"]
    note = "µs; ratios of medians, with the quartiles of the blocks' own"
    results.table(f"Launches, {title}", headings, lines, note)
