"""Leaves nothing behind: cgroups by their unique name, processes by their cgroup and pidfd, files
after a look at the mount table."""

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import time

# Of v2, of every v1 hierarchy, and the slice of either that systemd keeps scopes in.
CGROUP_ROOTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/*", "/sys/fs/cgroup/*/*")


def cgroups(name):
    """Every cgroup directory of that name, children first. The name has to be unique to this
    run."""
    found = []
    for root in CGROUP_ROOTS:
        for directory in glob.glob(f"{root}/{name}"):
            found += [path for path, _, _ in os.walk(directory, topdown=False)]
    return found


def remove_cgroups(name):
    """Anything that cannot go is an error."""
    for path in cgroups(name):
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


def _pids(name):
    pids = set()
    for path in cgroups(name):
        try:
            with open(path + "/cgroup.procs") as file:
                # 0 is a process of another pid namespace: not ours to name.
                pids |= {int(line) for line in file} - {0}
        except OSError:
            continue  # Gone since it was listed.
    return pids


def kill_cgroups(name, deadline_s=10):
    """Kills what lives in the cgroups of that name until nothing does."""
    deadline = time.monotonic() + deadline_s
    while pids := _pids(name):
        handles = {}
        for pid in pids:
            try:
                handles[pid] = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
        # Looked at again, now that none of these pids can be given to somebody else.
        still_there = _pids(name)
        for pid, handle in handles.items():
            if pid in still_there:
                with contextlib.suppress(ProcessLookupError):  # Dead already, by itself.
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.close(handle)
        if time.monotonic() > deadline:
            raise RuntimeError(f"processes in cgroup {name} do not die: {sorted(pids)}")
        time.sleep(0.02)


def end(child, patience_s=30):
    """Ends a process of ours: asked first."""
    child.terminate()
    try:
        child.wait(timeout=patience_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def remove_directory(directory):
    with open("/proc/self/mountinfo") as file:
        mounts = [line.split()[4] for line in file]
    inside = [mount for mount in mounts if (mount + "/").startswith(directory + "/")]
    if inside:
        raise RuntimeError(f"not removing {directory}: mounts in it: {' '.join(inside)}")
    shutil.rmtree(directory)
