"""The daemon as its unit runs it, with everything that has to outlive the machine on the kept disk."""

import json
import os
import shutil
import subprocess

from harness import Daemon, wait_for

KEPT = "/mnt/xfs"
UNIT = "/run/systemd/system/skerryd.service"


def systemctl(*arguments, check=True):
    return subprocess.run(["systemctl", *arguments], check=check, capture_output=True, text=True)


class UnitDaemon(Daemon):
    """Started and ended by systemd. Its root, images and plugins' data are there again after a boot."""

    def __init__(self):  # pylint: disable=super-init-not-called
        self.name = "skerry"
        self.base = KEPT
        self.root = os.path.join(KEPT, "skerry")
        self.run = "/run/skerry"
        self.netns = None
        self.prefix = []
        self.net_d = os.path.join(KEPT, "net.d")
        self.plugins = "/run/volume-plugins"
        for directory in (self.net_d, self.plugins):
            os.makedirs(directory, exist_ok=True)
        self.network = {"default": "skerry"}
        self.volumes = {"mount_deadline": "120s", "unmount_deadline": "120s"}
        self.mounts = {}
        self.standby = {}
        self.events = {}

    def install(self):
        """The programs and the unit, whose daemon keeps its state on the kept disk."""
        for program in os.listdir("/skerry/bin"):
            if program != "lost+found":
                shutil.copy(os.path.join("/skerry/bin", program), "/usr/bin")
        shutil.copy("/skerry/skerryd.service", UNIT)
        os.makedirs(UNIT + ".d", exist_ok=True)
        with open(UNIT + ".d/kept.conf", "w", encoding="ascii") as file:
            file.write("[Service]\nExecStart=\n"
                       f"ExecStart=/usr/bin/skerryd --config {self.write_config()} --root {self.root}\n")
        systemctl("daemon-reload")
        return self

    def start(self, *arguments, wait=True):
        started = systemctl("start", "skerryd", check=False)
        if started.returncode != 0:
            raise AssertionError(f"skerryd does not start: {started.stderr}\n{self.trace_tail()}")
        wait_for(lambda: self.skerry("version", check=False).returncode == 0, "the daemon's answer")
        return self

    def restart(self, *arguments):
        systemctl("restart", "skerryd")
        return self.start()

    def listed(self, what):
        return json.loads(self.skerry("debug", what, "-o", "json").out or "[]")

    def trace_tail(self, lines=30):
        return subprocess.run(["journalctl", "--no-pager", "-o", "cat", "-n", str(lines), "-u", "skerryd"],
                              capture_output=True, text=True, check=False).stdout
