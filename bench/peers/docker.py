"""A private dockerd."""

import json
import subprocess
import time

import bundle
from peers.engine import SLEEP, TRUE, Engine, await_answer, in_cgroup, require
from place import Failure, run


class Docker(Engine):
    name = "docker"
    log_is = "json-file, by dockerd"
    daemon_program = "/usr/sbin/dockerd"
    program = "/usr/bin/docker"

    def prepare(self):
        require(self.daemon_program, self.program)
        super().prepare()
        # A socket's path is short.
        self.host = f"unix://{self.base}/d.sock"
        command = [self.daemon_program, "--host", self.host, "--data-root", self.base + "/root"]
        command += ["--exec-root", self.base + "/exec", "--pidfile", self.base + "/pid"]
        command += ["--cgroup-parent", f"/{self.group}", "--exec-opt", "native.cgroupdriver=cgroupfs"]
        command += ["--bridge", "none", "--iptables=false", "--ip-forward=false"]
        # Else its key goes to /etc/docker, on the real host.
        with open(self.base + "/daemon.json", "w") as file:
            json.dump({"deprecated-key-path": self.base + "/key.json"}, file)
        command += ["--config-file", self.base + "/daemon.json"]
        with open(self.base + "/log", "w") as log:
            self.daemon = subprocess.Popen(in_cgroup(self.group, command), stdout=log, stderr=log)
        await_answer(self._docker("version"), self.daemon, self.base + "/log")
        archive = ["tar", "-C", self.place.path("rootfs"), "-c", "."]
        tar = subprocess.Popen(archive, stdout=subprocess.PIPE)
        run(self._docker("import", "-", "bench"), stdin=tar.stdout)
        tar.wait()

    def version(self):
        return run([self.daemon_program, "--version"]).split()[2].rstrip(",")

    def _docker(self, *arguments):
        return [self.program, "--host", self.host, *arguments]

    def _run(self, name, arguments, *options):
        limits = ["--cpus", "0.5", "--memory", "64m", "--pids-limit", str(bundle.PIDS)]
        return self._docker(
            "run", "--name", name, "--network", "none", *limits, *options, "bench", *arguments
        )

    def run_command(self, worker):
        return self._run(f"run-{worker}", TRUE, "--rm")

    def start(self, number):
        run(self._run(f"sleep-{number}", SLEEP, "--detach"))

    def list_command(self):
        return self._docker("ps", "--all")

    def helpers(self):
        return ("containerd-shim",)

    def remove(self, numbers):
        run(self._docker("rm", "--force", *(f"sleep-{n}" for n in numbers)), 600)

    def log(self, lines, length):
        writer = ["/bin/lines", str(lines), str(length)]
        begin = time.monotonic()
        run(self._docker("run", "--name", "lines", "--network", "none", "--detach", "bench", *writer))
        log = run(self._docker("inspect", "--format", "{{.LogPath}}", "lines")).strip()
        run(self._docker("wait", "lines"), 600)
        seconds = time.monotonic() - begin
        with open(log) as file:
            for number, record in enumerate(file):
                if not json.loads(record)["log"].startswith(f"{number:010d}"):
                    raise Failure(f"docker lost line {number}")
        if number != lines - 1:
            raise Failure(f"docker kept {number + 1} lines of {lines}")
        run(self._docker("rm", "--force", "lines"))
        return seconds
