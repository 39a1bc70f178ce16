"""containerd, by its own command."""

import os
import subprocess
import time

import bundle
from peers.engine import SLEEP, TRUE, Engine, await_answer, in_cgroup, require, retry
from place import Failure, run


class Containerd(Engine):
    name = "containerd (ctr)"
    log_is = "raw file, by its shim"

    def prepare(self):
        names = ("containerd", "ctr", "containerd-shim-runc-v2", "runc")
        programs = [self.place.peer(name) for name in names]
        require(*programs)
        super().prepare()
        self.path = os.path.dirname(programs[0]) + ":" + os.environ["PATH"]
        self.socket = self.base + "/containerd.sock"
        with open(self.base + "/config.toml", "w") as file:
            file.write(
                f'version = 3\nroot = "{self.base}/root"\nstate = "{self.base}/state"\n'
                'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", '
                '"io.containerd.cri.v1.runtime", "io.containerd.internal.v1.opt"]\n'
                f'[grpc]\naddress = "{self.socket}"\n'
            )
        command = in_cgroup(self.group, [programs[0], "--config", self.base + "/config.toml"])
        with open(self.base + "/log", "w") as log:
            self.daemon = subprocess.Popen(
                command, env=dict(os.environ, PATH=self.path), stdout=log, stderr=log
            )
        await_answer(self._ctr("version"), self.daemon, self.base + "/log")

    def version(self):
        return run([self.place.peer("containerd"), "--version"]).split()[2].split("+")[0]

    def _ctr(self, *arguments):
        return [self.place.peer("ctr"), "--address", self.socket, *arguments]

    def _run(self, name, arguments, *options):
        # Its own limits are fewer options; what it does not take, its container does not have.
        limits = ["--cpus", "0.5", "--memory-limit", str(bundle.MEMORY_BYTES)]
        cgroup = ["--cgroup", f"/{self.group}/{name}"]
        rootfs = ["--rootfs", self.place.path("rootfs"), name]
        return self._ctr("run", *options, *limits, *cgroup, *rootfs, *arguments)

    def run_command(self, worker):
        return self._run(f"run-{worker}", TRUE, "--rm")

    def start(self, number):
        run(self._run(f"sleep-{number}", SLEEP, "--detach"))

    def list_command(self):
        return self._ctr("containers", "list")

    def helpers(self):
        return ("containerd-shim",)

    def remove(self, numbers):
        for number in numbers:
            run(self._ctr("task", "rm", "--force", f"sleep-{number}"))
            run(self._ctr("containers", "rm", f"sleep-{number}"))

    def log(self, lines, length):
        log = f"{self.base}/lines.log"
        writer = ["/bin/lines", str(lines), str(length)]
        begin = time.monotonic()
        options = ["--detach", "--log-uri", "file://" + log]
        rootfs = ["--rootfs", self.place.path("rootfs"), "lines"]
        run(self._ctr("run", *options, "--cgroup", f"/{self.group}/lines", *rootfs, *writer))
        _await_size(log, lines * length)
        seconds = time.monotonic() - begin
        retry(self._ctr("task", "rm", "--force", "lines"))
        run(self._ctr("containers", "rm", "lines"))
        os.remove(log)
        return seconds


def _await_size(path, size, seconds=300):
    deadline = time.monotonic() + seconds
    while not os.path.exists(path) or os.path.getsize(path) < size:
        if time.monotonic() > deadline:
            raise Failure(f"{path} has not {size} bytes")
        time.sleep(0.001)
