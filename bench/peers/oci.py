"""crun or runc on prepared bundles, with no engine around it."""

import os
import re
import subprocess

import bundle
from peers.engine import SLEEP, TRUE, Engine, require
from place import run


class OciRuntime(Engine):
    has_helper = False

    def __init__(self, place, group, name, program, prefix):
        self.name = name
        self.program = program
        self.prefix = prefix
        super().__init__(place, group)

    def prepare(self):
        require(self.program)
        super().prepare()

    def version(self):
        found = re.search(r"version (\S+)", run([self.program, "--version"]))
        return found.group(1) if found else ""

    def _command(self, *arguments):
        return [self.program, "--root", self.base + "/state", *arguments]

    def _bundle(self, name, arguments):
        path = f"{self.base}/{name}"
        if not os.path.isdir(path):
            bundle.make_bundle(path, self.place.path("rootfs"), f"/{self.group}/{name}", arguments)
        return path

    def run_command(self, worker):
        return self._command("run", "--bundle", self._bundle(f"run-{worker}", TRUE), f"run-{worker}")

    def start(self, number):
        path = self._bundle(f"sleep-{number}", SLEEP)
        # Its output would be ours, and hold our pipes open.
        command = self._command("run", "--detach", "--bundle", path, f"sleep-{number}")
        subprocess.run(
            [*self.prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=120,
        )

    def list_command(self):
        return self._command("list")

    def remove(self, numbers):
        for number in numbers:
            run([*self.prefix, *self._command("delete", "--force", f"sleep-{number}")])
