"""What a command costs before it does anything: start-up and one call."""

import series
from contenders import spawn_loop
from daemon import Daemon
from place import call
from progress import cycles


def measure(place, results):
    ours, true = series.Series("skerry version"), series.Series("true")
    with Daemon(place) as daemon:
        for _ in cycles(5, 60, "client start-up"):
            rounds = max(4, results.sizes["starts"] // 5)
            for one, command in ((ours, daemon.command("version")), (true, ["/bin/true"])):
                one.add(call(spawn_loop(rounds) + command)["exit_us"]["samples"])
    detail = f"`skerry version`, p90 {ours.p90() / 1000:.2f} ms; `true` takes {true.median() / 1000:.2f} ms"
    results.add("client", ours.median() / 1000, detail)
