"""A daemon on a host of its own with a volume plugin beside it, and the ways to hurt them. Everything is killed by process
id, and only what this daemon started."""

import contextlib
import os
import signal
import sqlite3

from api import Api
from harness import Daemon, cgroup_hierarchies
from network_host import NetworkHost
from volume_host import FaultPlugin


class World:
    def __init__(self):
        self.host = NetworkHost()
        self.daemon = Daemon()
        self.plugin = FaultPlugin(self.daemon, "faulty")
        self.api = None
        try:
            self.daemon.netns = self.host.name
            self.plugin.start()
            self.daemon.start()
            self.daemon.import_busybox()
            self.api = Api(self.daemon)
        except BaseException as error:
            error.add_note(self.daemon.trace_tail())
            self.destroy()
            raise

    def destroy(self):
        if self.api is not None:
            self.api.close()
        self.daemon.destroy()
        self.plugin.destroy()
        self.host.destroy()

    def describe(self):
        """What the daemon is doing, for somebody who has to find out why it does not answer."""
        pid = self.daemon.process.pid
        threads = [f"{name_of(task)} {stat_of(task)[0]} {read(f'/proc/{pid}/task/{task}/wchan')}"
                   for task in (os.listdir(f"/proc/{pid}/task") if os.path.isdir(f"/proc/{pid}") else [])]
        return f"daemon {pid}: {threads}\n{self.daemon.trace_tail()}"

    def lose_events(self):
        """As when state.db has come back without them."""
        self.daemon.kill()
        with contextlib.closing(sqlite3.connect(os.path.join(self.daemon.root, "state.db"))) as database:
            with database:
                database.execute("DELETE FROM events")
                database.execute("DELETE FROM epochs")
        self.daemon.start()

    def kill_launcher(self):
        """The holder forks another one. The holder is the one whose parent is not among them."""
        pids = self.daemon.launcher_pids()
        parents = {pid: parent_of(pid) for pid in pids}
        for pid in pids:
            parent = parents[pid]
            if parent in pids and parents[parent] not in pids and "shim" not in name_of(pid):
                return send(pid, self.daemon.name)
        return False

    def kill_process(self, container):
        return send(container.pid, container.uid)

    def kill_shim(self, container):
        shim = parent_of(container.pid)
        return bool(shim) and "shim" in name_of(shim) and send(shim, self.daemon.name)

    def cgroup_file(self, container, names):
        """What a file of the container's cgroup says, in whichever hierarchy has it."""
        for hierarchy in cgroup_hierarchies():
            for name in names:
                path = os.path.join(hierarchy, container.cgroup_path.lstrip("/"), name)
                if os.path.exists(path):
                    with open(path, encoding="ascii") as file:
                        return file.read().strip()
        return None


def send(pid, of, number=signal.SIGKILL):
    """A signal to a process that is in a control group of that name: a pid may be somebody else's by now."""
    try:
        pidfd = os.pidfd_open(pid)
    except (ProcessLookupError, OSError):
        return False
    try:
        with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
            if of not in file.read():
                return False
        signal.pidfd_send_signal(pidfd, number)
        return True
    except (FileNotFoundError, ProcessLookupError):
        return False
    finally:
        os.close(pidfd)


def stat_of(pid):
    """The fields of /proc/PID/stat after the name: state, parent …"""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["", "0"]


def parent_of(pid):
    return int(stat_of(pid)[1])


def alive(pid):
    return stat_of(pid)[0] not in ("", "Z", "X")


def name_of(pid):
    return read(f"/proc/{pid}/comm")


def read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
