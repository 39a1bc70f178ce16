"""Volume plugins of the tests: processes with a socket in the daemon's plugin directory, and a place of their own where
they mount. What they leave mounted is taken away at the end."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile

from harness import ROOT, wait_for

FAULT_PLUGIN = os.path.join(ROOT, "tests", "interop", "volumes", "fault_plugin.py")


def mounts_below(directory):
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as file:
        return [line.split()[1] for line in file if line.split()[1].startswith(directory + "/")]


def listens(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(path)
            return True
        except OSError:
            return False


class Plugin:
    """One plugin process. It may be killed and started again."""

    def __init__(self, daemon, name):
        self.name = name
        self.socket = os.path.join(daemon.plugins, name + ".sock")
        self.base = tempfile.mkdtemp(prefix="skerry-volumes-", dir="/var/tmp")
        self.process = None

    def command(self, *arguments):
        raise NotImplementedError

    def start(self, *arguments):
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        self.process = subprocess.Popen(self.command(*arguments), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, start_new_session=True)
        wait_for(lambda: listens(self.socket), f"plugin {self.name} to listen")
        return self

    def kill(self):
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process = None

    def restart(self, *arguments):
        self.kill()
        return self.start(*arguments)

    def uninstall(self):
        self.kill()
        if os.path.exists(self.socket):
            os.unlink(self.socket)

    def mounts(self):
        return mounts_below(self.base)

    def destroy(self):
        self.uninstall()
        for path in self.mounts():
            subprocess.run(["umount", "-l", path], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.base, ignore_errors=True)


class FaultPlugin(Plugin):
    """Ours, which does what it is told: start("--fault", "Mount=hang")."""

    def command(self, *arguments):
        return ["/usr/bin/python3", FAULT_PLUGIN, "--socket", self.socket, "--base", self.base,
                *arguments]

    def calls(self, function):
        """How often it was called, by volume."""
        try:
            with open(os.path.join(self.base, "calls"), encoding="ascii") as file:
                return [line.split()[1] for line in file if line.split()[0] == function]
        except FileNotFoundError:
            return []

    def data(self, volume):
        return os.path.join(self.base, "data", volume)


class Rclone(Plugin):
    """Debian's, which serves a directory of this host through FUSE."""

    def __init__(self, daemon, name="rclone"):
        super().__init__(daemon, name)
        self.remote = os.path.join(self.base, "remote")
        for directory in (self.remote, self.place("mounts"), self.place("cache")):
            os.mkdir(directory)

    def place(self, name):
        return os.path.join(self.base, name)

    def command(self, *arguments):
        return ["/usr/bin/rclone", "serve", "docker", "--socket-addr", self.socket, "--base-dir",
                self.place("mounts"), "--cache-dir", self.place("cache"), "--config",
                self.place("rclone.conf"), "--no-spec", "--log-level", "ERROR", *arguments]
