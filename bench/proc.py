"""What /proc says of processes and of the host's memory."""

import os

# Kinds of memory that containers take, and that others' page cache does not blur.
_KINDS = ("AnonPages", "Shmem", "Slab", "KernelStack", "PageTables", "Percpu")


def cgroup_pids(path):
    try:
        with open(path + "/cgroup.procs") as file:
            # 0 is a process of another pid namespace.
            return {int(line) for line in file} - {0}
    except OSError:
        return set()


def pss_kib(pid):
    """Proportional share of what it maps; 0 when it has gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def host_memory_kib():
    total = 0
    with open("/proc/meminfo") as file:
        for line in file:
            name, value = line.split(":")
            if name in _KINDS:
                total += int(value.split()[0])
    return total


def cpu_ns(pids):
    """Processor time of every thread of these."""
    total = 0
    for pid in pids:
        try:
            threads = os.listdir(f"/proc/{pid}/task")
        except FileNotFoundError:
            continue
        for thread in threads:
            try:
                with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                    total += int(file.read().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue
    return total


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
