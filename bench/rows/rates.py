"""Launches per second with every processor busy."""

import os
import statistics

from contenders import Crun, Floor, SkerryRpc, SkerryRun
from daemon import Daemon
from progress import cycles, progress


def measure(place, results):
    workers = os.cpu_count()
    sizes = results.sizes
    with Daemon(place) as daemon, Crun(place) as crun:
        contenders = [Floor(place), crun, SkerryRpc(daemon), SkerryRun(daemon)]
        rates = {contender.key: [] for contender in contenders}
        for _ in cycles(sizes["rate_cycles"], sizes["seconds"], f"{workers} at once"):
            for contender in contenders:
                progress(f"{workers} at once: {contender.key}")
                rate = contender.measure(sizes["rate"], workers=workers)["launches_per_s"]
                rates[contender.key].append(rate)
    medians = {key: statistics.median(values) for key, values in rates.items()}
    share = 100 * medians["skerry-rpc"] / medians["floor"]
    detail = f"{medians['skerry-rpc']:.0f}/s of {medians['floor']:.0f}/s, {workers} launching at once"
    results.add("rate", share, detail)
    lines = [[k, f"{v:.0f}", f"{v / medians['floor']:.0%}"] for k, v in medians.items()]
    results.table(f"{workers} launching at once", ["", "launches/s", "of the floor's"], lines)
