"""podman, with crun and conmon."""

import os
import time

import bundle
import log_files
from contenders import CRUN, on_v1
from peers.engine import SLEEP, TRUE, Engine, require
from place import Absent, Failure, run


class Podman(Engine):
    name = "podman"
    log_is = "k8s-file, by conmon"
    program = "/usr/bin/podman"

    def prepare(self):
        require(self.program, CRUN)
        super().prepare()
        self.prefix = on_v1()
        self.command = [self.program, "--root", self.base + "/root"]
        self.command += ["--runroot", self.base + "/run", "--tmpdir", self.base + "/tmp"]
        self.command += ["--cgroup-manager", "cgroupfs", "--events-backend", "none", "--runtime", CRUN]
        try:
            self._do("info")
        except Failure as failure:
            raise Absent(f"does not run here: {failure}") from None

    def version(self):
        return run([self.program, "--version"]).split()[-1]

    def _do(self, *arguments):
        run([*self.prefix, *self.command, *arguments], 600)

    def _run(self, name, arguments, *options):
        limits = ["--cpus", "0.5", "--memory", "64m", "--pids-limit", str(bundle.PIDS)]
        return self._plain(name, arguments, *limits, *options)

    def _plain(self, name, arguments, *options):
        command = [*self.command, "run", "--name", name, "--network", "none"]
        # Its defaults raise limits, which a host without CAP_SYS_RESOURCE refuses.
        command += ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
        command += ["--cgroup-parent", f"/{self.group}", *options]
        return [*command, "--rootfs", self.place.path("rootfs") + ":O", *arguments]

    def run_command(self, worker):
        return self._run(f"run-{worker}", TRUE, "--rm")

    def start(self, number):
        run([*self.prefix, *self._run(f"sleep-{number}", SLEEP, "--detach")])

    def list_command(self):
        return [*self.command, "ps", "--all"]

    def helpers(self):
        return ("conmon",)

    def remove(self, numbers):
        self._do("rm", "--force", "--time", "0", *(f"sleep-{n}" for n in numbers))

    def log(self, lines, length):
        log = f"{self.base}/lines.log"
        writer = ["/bin/lines", str(lines), str(length)]
        options = ["--rm", "--log-driver", "k8s-file", "--log-opt", "path=" + log, "--detach"]
        begin = time.monotonic()
        run([*self.prefix, *self._plain("lines", writer, *options)])
        log_files.await_line(log, lines - 1, length)
        seconds = time.monotonic() - begin
        log_files.check_complete(log, lines, length)
        os.remove(log)
        return seconds
