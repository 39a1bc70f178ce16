"""Leaves nothing behind: cgroups by their unique name, processes by pid, files after a look at the
mount table."""

import glob
import os
import shutil
import signal
import time

CGROUP_ROOTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/*")


def remove_cgroups(name):
    """Removes every cgroup directory of that name, children first. The name has to be unique to
    this run. Anything that cannot go is an error."""
    for root in CGROUP_ROOTS:
        for directory in glob.glob(f"{root}/{name}") + glob.glob(f"{root}/*/{name}"):
            for path, _, _ in os.walk(directory, topdown=False):
                _remove_cgroup(path)


def _remove_cgroup(path):
    deadline = time.monotonic() + 2
    while True:
        try:
            os.rmdir(path)
            return
        except FileNotFoundError:
            return
        except OSError:
            # Processes just killed are counted until they are reaped.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def processes_of(directory):
    """Pids whose command line names a path in that directory, and this process's children never
    among them unless they do."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if any(os.fsencode(directory) + b"/" in word for word in words):
            found.append(int(entry))
    return found


def kill_processes_of(directory, deadline_s=5):
    deadline = time.monotonic() + deadline_s
    while pids := processes_of(directory):
        for pid in pids:
            try:
                fd = os.pidfd_open(pid)
            except OSError:
                continue
            try:
                # Looked at again now that the pid cannot be given to somebody else.
                if pid in processes_of(directory):
                    signal.pidfd_send_signal(fd, signal.SIGKILL)
            except ProcessLookupError:
                pass
            finally:
                os.close(fd)
        if time.monotonic() > deadline:
            raise RuntimeError(f"processes {pids} of {directory} do not die")
        time.sleep(0.02)


def remove_directory(directory):
    with open("/proc/self/mountinfo") as file:
        mounts = [line.split()[4] for line in file]
    inside = [mount for mount in mounts if (mount + "/").startswith(directory + "/")]
    if inside:
        raise RuntimeError(f"not removing {directory}: mounts in it: {' '.join(inside)}")
    shutil.rmtree(directory)
