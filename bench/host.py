"""The machine measured on, and a host of its own on it: mount and network namespaces in which
bridges, rules, leases and mounts of the benchmark live and with which they vanish."""

import datetime
import os
import platform
import subprocess
import sys

MARK = "SKERRY_BENCH_OWN_HOST"


def enter_own_host():
    """Runs this program again, once, inside."""
    if os.environ.get(MARK):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    os.environ[MARK] = "1"
    command = ["unshare", "--mount", "--net", "--propagation", "private", sys.executable, *sys.argv]
    os.execvp(command[0], command)


def _first_line(path, key):
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(key):
                return line.split(":", 1)[1].strip()
    return "unknown"


def _cgroup_mode():
    if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        return "v2"
    return "hybrid" if os.path.exists("/sys/fs/cgroup/unified/cgroup.procs") else "v1"


def _package(name):
    command = ["dpkg-query", "-W", "-f", "${Version}", name]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def _revision(directory):
    command = ["git", "-C", directory, "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or "unknown"


def facts(directory, source_dir):
    command = ["findmnt", "--noheadings", "--output", "FSTYPE", "--target", directory]
    kind = subprocess.run(command, capture_output=True, text=True, check=True)
    memory_kb = int(_first_line("/proc/meminfo", "MemTotal").split()[0])
    return {
        "processor": _first_line("/proc/cpuinfo", "model name"),
        "cpus": os.cpu_count(),
        "memory_gib": round(memory_kb / 2**20, 1),
        "kernel": platform.release(),
        "cgroups": _cgroup_mode(),
        "file_system": kind.stdout.strip(),
        "load_before": os.getloadavg()[0],
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "versions": {
            "skerry": _revision(source_dir),
            "crun": _package("crun"),
            "conmon": _package("conmon"),
            "containernetworking-plugins": _package("containernetworking-plugins"),
        },
    }
