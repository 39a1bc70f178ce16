"""What an engine is asked: how it runs, starts, lists and logs a container, with private directories.

An engine raises Absent when it cannot be here. Processes of its own live in the cgroup of the
comparison, and so do its containers' groups, so that all of it can be ended by name."""

import contextlib
import os
import subprocess
import time

import cleanup
from place import Absent, Failure, missing_files, run

TRUE = ["/bin/true"]
SLEEP = ["/bin/true", "pause"]


def require(*programs):
    if missing := missing_files(programs):
        raise Absent("not here: " + ", ".join(missing))


def in_cgroup(group, command, hierarchy="pids"):
    """The command, in that cgroup of one v1 hierarchy, or of the only one."""
    v1 = f"/sys/fs/cgroup/{hierarchy}"
    directory = f"{v1 if os.path.isdir(v1) else '/sys/fs/cgroup'}/{group}/daemon"
    os.makedirs(directory, exist_ok=True)
    return ["sh", "-c", 'echo 0 >"$0/cgroup.procs" && exec "$@"', directory, *command]


class Engine:
    name = ""
    # What has to stand before its commands here: outside of what is timed.
    prefix = ()
    # Whether something of it stays beside each container.
    has_helper = True
    log_is = None  # what its log row measures; None: it has no log of its own

    def __init__(self, place, group):
        self.place = place
        self.group = group  # the cgroup of everything
        self.base = place.path(place.unique(self.name.split()[0] + "-"))
        self.daemon = None

    def __enter__(self):
        return self

    def prepare(self):
        """Starts what it needs. Raises Absent. Whatever it began ends with the context."""
        os.mkdir(self.base)

    def __exit__(self, *_):
        """The rest goes on when one of these fails."""
        with contextlib.ExitStack() as rest:
            rest.callback(_unmount_below, self.base)
            rest.callback(cleanup.remove_cgroups, self.group)
            rest.callback(cleanup.kill_cgroups, self.group)
            if self.daemon is not None:
                cleanup.end(self.daemon)

    def version(self):
        return ""

    def run_command(self, worker):
        """Runs `true` in a container of that name and waits for its exit."""
        raise NotImplementedError

    def start(self, number):
        """A sleeping container; its engine's command has ended."""
        raise NotImplementedError

    def list_command(self):
        raise NotImplementedError

    def helpers(self):
        """Names of processes that stay beside containers."""
        return ()

    def remove(self, numbers):
        """The sleeping ones."""

    def log(self, lines, length):
        """Seconds until a container's lines are in its log, all of them."""
        raise NotImplementedError


def await_answer(command, daemon, log, seconds=60):
    """Until the daemon answers; Absent when it does not come up here."""
    deadline = time.monotonic() + seconds
    while subprocess.run(command, capture_output=True, timeout=60).returncode != 0:
        if daemon.poll() is not None or time.monotonic() > deadline:
            with open(log, errors="replace") as file:
                raise Absent("does not come up here: " + file.read()[-600:].strip())
        time.sleep(0.1)


def retry(command, seconds=20):
    deadline = time.monotonic() + seconds
    while True:
        try:
            return run(command)
        except Failure:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _unmount_below(directory):
    """What an engine left mounted, in this benchmark's own mount namespace, innermost first."""
    with open("/proc/self/mountinfo") as file:
        mounts = [line.split()[4] for line in file]
    for mount in reversed([m for m in mounts if m.startswith(directory + "/")]):
        subprocess.run(["umount", "--lazy", mount], capture_output=True)
