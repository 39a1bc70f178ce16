"""Containers that write lines, and how long it takes until the last of them is in the log. The clock
starts with the command that lets the container go."""

import json
import os
import subprocess
import time

import bundle
import cleanup
import log_files
from contenders import CRUN, on_v1
from place import Failure, run


def timed(start, log, lines, length):
    """Seconds from `start`, a command, to the complete log; which is checked, and removed."""
    begin = time.monotonic()
    run(start)
    log_files.await_line(log, lines - 1, length)
    seconds = time.monotonic() - begin
    log_files.check_complete(log, lines, length)
    return seconds


def skerry_seconds(place, daemon, lines, length):
    options = ["--network", "none", "--log-opt", "max-size=4g"]
    command = ["/bin/lines", str(lines), str(length)]
    uid = daemon.skerry("create", *options, "bench", *command).strip()
    try:
        log = json.loads(daemon.skerry("inspect", uid))[0]["log_path"]
        return timed(daemon.command("start", uid), log, lines, length)
    finally:
        daemon.skerry("rm", "-f", uid)


class Conmon:
    """conmon and crun, as podman and CRI-O use them."""

    program = "/usr/bin/conmon"

    def __init__(self, place):
        self.place = place
        self.name = place.unique(place.name + "-conmon")
        self.runs = 0

    def __enter__(self):
        os.mkdir(self.place.path(self.name))
        return self

    def __exit__(self, *_):
        self._end()

    def _end(self):
        cleanup.kill_cgroups(self.name)
        cleanup.remove_cgroups(self.name)

    def _crun(self, *arguments):
        return on_v1() + [CRUN, "--root", self.place.path(self.name, "crun"), *arguments]

    def start_command(self, name, arguments):
        """Makes the container, under a conmon that follows it; what starts it, and its log."""
        directory = self.place.path(self.name, name)
        os.mkdir(directory)
        rootfs = self.place.path("rootfs")
        bundle.make_bundle(
            directory + "/bundle", rootfs, f"/{self.name}/{name}", arguments, limits=False
        )
        log = directory + "/log"
        command = [self.program, "--api-version", "1", "-c", name, "-u", name, "-n", name]
        command += ["-r", CRUN, "--runtime-arg", "--root"]
        command += ["--runtime-arg", self.place.path(self.name, "crun"), "-b", directory + "/bundle"]
        command += ["-p", directory + "/pid", "-P", directory + "/conmon.pid"]
        command += ["--exit-dir", directory, "--socket-dir-path", directory]
        command += ["--full-attach", "-l", "k8s-file:" + log]
        run(on_v1() + command)
        self._await_created(name, directory)
        return self._crun("start", name), log

    def _await_created(self, name, directory):
        deadline = time.monotonic() + 60
        while not os.path.exists(directory + "/pid"):
            if time.monotonic() > deadline:
                raise Failure(f"conmon made no container {name}")
            time.sleep(0.005)

    def seconds(self, lines, length):
        self.runs += 1
        name = f"{self.name}-{self.runs}"
        try:
            command, log = self.start_command(name, ["/bin/lines", str(lines), str(length)])
            return timed(command, log, lines, length)
        finally:
            subprocess.run(self._crun("delete", "-f", name), capture_output=True, timeout=60)
            self._end()
            directory = self.place.path(self.name, name)
            if os.path.isdir(directory):
                cleanup.remove_directory(directory)
