"""Every row of the performance budget: what it is, what it is to be. The order is that of the page."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    group: str
    what: str
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    digits: int = 2

    def show(self, value):
        """The factor alone where the unit says what it is taken of: the target beside it says that."""
        unit = "×" if self.unit.startswith("×") else " " + self.unit
        return f"{value:,.{self.digits}f}{unit}"

    def target(self):
        if self.at_most is not None:
            return f"≤ {self.at_most:,g} {self.unit}"
        if self.at_least is not None:
            return f"≥ {self.at_least:,g} {self.unit}"
        return ""

    def is_met(self, value):
        if self.at_most is not None:
            return value <= self.at_most
        return value >= self.at_least


def _row(group, what, unit, **target):
    return Row(group, what, unit, **target)


FLOOR = "× the floor"
WITH_PLUGINS = "× (1.3 × the floor + the plugins' own time)"
NONE = "× with none"

ROWS = {
    "launch_loop": _row("launch", "launch→exited event by RPC, back to back", FLOOR, at_most=1.3),
    "launch_gap": _row(
        "launch", "launch→exited event by RPC, 100 ms apart", FLOOR, at_most=1.3
    ),
    "shelves_loop": _row("launch", "with shelves, back to back", FLOOR, at_most=1.0),
    "shelves_gap": _row("launch", "with shelves, 100 ms apart", FLOOR, at_most=1.0),
    "address_loop": _row(
        "launch", "with its own IP from CNI, back to back", WITH_PLUGINS, at_most=1.0
    ),
    "address_gap": _row(
        "launch", "with its own IP from CNI, 100 ms apart", WITH_PLUGINS, at_most=1.0
    ),
    "run_loop": _row(
        "launch", "`skerry run --rm`, the whole command, back to back", "× crun", at_most=1.0
    ),
    "run_gap": _row(
        "launch", "`skerry run --rm`, the whole command, 100 ms apart", "× crun", at_most=1.0
    ),
    "client": _row("client", "client start-up with one RPC", "ms", at_most=5),
    "rate": _row(
        "rate", "launches per second, all processors", "% of the floor's", at_least=75, digits=0
    ),
    "beside": _row("beside", "launch latency beside {running} running", NONE, at_most=1.2),
    "memory_own": _row(
        "beside", "memory per container, {running} running: shim and daemon", "KiB", at_most=64, digits=0
    ),
    "memory_all": _row(
        "beside",
        "memory per container, {running} running: all in, the kernel's too",
        "KiB",
        at_most=600,
        digits=0,
    ),
    "list": _row("beside", "list of {running}", "ms", at_most=5),
    "stats": _row("beside", "statistics of {running}", "ms", at_most=50),
    "idle": _row("beside", "idle processor time with {running}", "% of a core", at_most=0.5),
    "recovery": _row("beside", "recovery of {running} after kill -9", "s", at_most=1),
    "stranger_newns": _row(
        "beside", "a stranger's CLONE_NEWNS beside {running}", NONE, at_most=1.1
    ),
    "stranger_mountinfo": _row(
        "beside", "a stranger's read of mountinfo beside {running}", NONE, at_most=1.1
    ),
    "log": _row("log", "container output to the log file, nothing lost", "× conmon", at_least=3),
    "finished": _row(
        "flat", "launch latency with {finished} finished ones in the store", NONE, at_most=1.1
    ),
    "finished_fds": _row(
        "flat", "descriptors and threads, for the second half of them", "more", at_most=0, digits=0
    ),
    "layers": _row("flat", "launch latency with 60 image layers", "× with one", at_most=1.1),
    "mounts": _row("flat", "launch latency with {mounts} foreign mounts", NONE, at_most=1.1),
    "long_latency": _row(
        "long", "latency of the last tenth of {launches} launches in a row", "× the first", at_most=1.1
    ),
    "long_memory": _row(
        "long",
        "the daemon's memory, second half of {launches} launches",
        "KiB more per 1,000",
        at_most=64,
        digits=0,
    ),
    "long_disk": _row(
        "long", "disk, second half of {launches} launches", "KiB more per 1,000", at_most=64, digits=0
    ),
    "long_fds": _row(
        "long", "descriptors and threads, second half of {launches} launches", "more", at_most=0, digits=0
    ),
}

_COLD = (
    "the whole of it for one container, which the floor lacks: 0.8 ms directories of its own on ext4, 0.4 ms journal, 1.2 ms the "
    "shim's fork and start, twice the wake-ups; that is what the shelves are for, on by default"
)

# Why a target is missed, or a row is not there: key → what was found out (with a profile). Shown on
# the page.
REASONS = {
    "launch_loop": _COLD,
    "launch_gap": _COLD,
    "shelves_loop": "both processors are at work (84 % in a profile without a hot spot): what is put on the shelf again takes "
    "time from the launch beside it",
    "shelves_gap": "of a launch as traced: 0.4 ms until the reactor has the call, 0.35 the journal, 0.5 the worker's steps, 0.15 "
    "the shim; then 0.6 mounts and masks, 0.1 exec and 0.6 the end of its namespaces, which the floor has too; 0.4 exit to "
    "event. Next: run the mounts of the image launched last in the process that stands by",
    "run_loop": "the command's own start is 3.4 ms of it, its container's shelf is filled beside it; 100 ms apart it takes half "
    "of crun's time",
    "address_loop": "no addresses on a shelf; beside the plugins' own time, as traced: 4.5 ms four fsync(2) of the result cache, so "
    "that no power cut leaves an address of nobody, 1.5 the plugins' cgroup, 1 the namespaces, 0.4 the start of each plugin, 1 files "
    "in /etc",
    "address_gap": "as back to back",
    "rate": "a launch takes 7.5 ms of processor time, of which the daemon has 2.3 (a flat profile: SQLite, gRPC, protobuf, the "
    "kernel's part of cgroups and directories), the client 0.8, shim and launcher 1.9, kernel threads 0.9 and idling 0.8; one of the "
    "floor's takes 3.9 in all",
    "beside": "the kernel goes through all there is, for the floor as for us. In a profile of the floor beside 1,000, on cgroup v1: 9 % "
    "the end of a memory cgroup, which asks the lists of every mounted file system, and 7 % waiting for the lock it holds; 7 % mounting "
    "cgroups, 3 % sysfs, 4 % cpuset's domains, 2 % CPU quotas. Next: bind the cgroup directories in place of mounting them",
    "memory_own": "a shim has 15 pages of its own: heap 7, stack 3, data 5; the daemon keeps record, spec, view and 14 "
    "descriptors. Next: a heap that is made anew after the fork",
    "memory_all": "in a run of 100 beside other work 680 KiB of it were the kernel's: slab 530, page tables 90, stacks 45, per-CPU "
    "16; of the floor's containers slab 450 to 630",
    "log": "the container writes as long as its log is written: the program that makes the lines takes as much processor "
    "time as the shim in a profile",
    "finished_fds": "133 or 134 of both together, looked at twice; in the run before 134 and 134",
    "long_memory": "it comes to rest at about 46 MiB, in this run later than half-way; once more alone, the same build had 45,579 KiB "
    "half-way and 45,611 at the end, 3 KiB more per 1,000",
    "long_disk": "an id is remembered for a day after its removal, so that a late retry is refused",
    "layers": "an image has one layer in this version",
}
