"""Other engines, each with private directories: how they run, start, list and log a container.

An engine raises Absent when it cannot be here. Processes of its own live in the cgroup of the
comparison, and so do its containers' groups, so that all of it can be ended by name."""

import json
import os
import re
import subprocess
import time

import bundle
import cleanup
import log_files
from contenders import CRUN, on_v1
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
        self.base = place.path(place.unique(self.name + "-"))

    def __enter__(self):
        return self

    def prepare(self):
        """Starts what it needs. Raises Absent. Whatever it began ends with the context."""
        os.mkdir(self.base)

    def __exit__(self, *_):
        cleanup.kill_cgroups(self.group)
        cleanup.remove_cgroups(self.group)

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


class OciRuntime(Engine):
    """crun or runc on prepared bundles, with no engine around it."""

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
            [*self.prefix, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, timeout=120
        )

    def list_command(self):
        return self._command("list")

    def remove(self, numbers):
        for number in numbers:
            run([*self.prefix, *self._command("delete", "--force", f"sleep-{number}")])


class Containerd(Engine):
    name = "containerd (ctr)"
    log_is = "raw file, by its shim"

    def __init__(self, place, group):
        super().__init__(place, group)
        self.base = place.path(place.unique("containerd-"))
        self.daemon = None

    def prepare(self):
        programs = [self.place.peer(n) for n in ("containerd", "ctr", "containerd-shim-runc-v2", "runc")]
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
        _await(self._ctr("version"), self.daemon, self.base + "/log")

    def __exit__(self, *_):
        if self.daemon is not None:
            self.daemon.terminate()
            _wait(self.daemon)
        super().__exit__()
        # Its shims' root file systems are mounts.
        _unmount_below(self.base)

    def version(self):
        return run([self.place.peer("containerd"), "--version"]).split()[2]

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
        await_size(log, lines * length)
        seconds = time.monotonic() - begin
        _retry(self._ctr("task", "rm", "--force", "lines"))
        run(self._ctr("containers", "rm", "lines"))
        os.remove(log)
        return seconds


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

    def __exit__(self, *_):
        super().__exit__()
        _unmount_below(self.base)

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


class Docker(Engine):
    name = "docker"
    log_is = "json-file, by dockerd"
    daemon_program = "/usr/sbin/dockerd"
    program = "/usr/bin/docker"

    def __init__(self, place, group):
        super().__init__(place, group)
        self.daemon = None

    def prepare(self):
        require(self.daemon_program, self.program)
        super().prepare()
        # A socket's path is short.
        self.host = f"unix://{self.base}/d.sock"
        command = [self.daemon_program, "--host", self.host, "--data-root", self.base + "/root"]
        command += ["--exec-root", self.base + "/exec", "--pidfile", self.base + "/pid"]
        command += ["--cgroup-parent", f"/{self.group}", "--exec-opt", "native.cgroupdriver=cgroupfs"]
        command += ["--bridge", "none", "--iptables=false", "--ip-forward=false"]
        with open(self.base + "/log", "w") as log:
            self.daemon = subprocess.Popen(in_cgroup(self.group, command), stdout=log, stderr=log)
        _await(self._docker("version"), self.daemon, self.base + "/log")
        tar = subprocess.Popen(["tar", "-C", self.place.path("rootfs"), "-c", "."], stdout=subprocess.PIPE)
        run(self._docker("import", "-", "bench"), stdin=tar.stdout)
        tar.wait()

    def __exit__(self, *_):
        if self.daemon is not None:
            self.daemon.terminate()
            _wait(self.daemon)
        super().__exit__()
        _unmount_below(self.base)

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


# --- helpers ---------------------------------------------------------------------------------


def await_size(path, size, seconds=300):
    deadline = time.monotonic() + seconds
    while not os.path.exists(path) or os.path.getsize(path) < size:
        if time.monotonic() > deadline:
            raise Failure(f"{path} has not {size} bytes")
        time.sleep(0.001)


def _retry(command, seconds=20):
    deadline = time.monotonic() + seconds
    while True:
        try:
            return run(command)
        except Failure:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _await(command, daemon, log, seconds=60):
    """Until the daemon answers; Absent when it does not come up here."""
    deadline = time.monotonic() + seconds
    while subprocess.run(command, capture_output=True, timeout=60).returncode != 0:
        if daemon.poll() is not None or time.monotonic() > deadline:
            with open(log, errors="replace") as file:
                raise Absent("does not come up here: " + file.read()[-600:].strip())
        time.sleep(0.1)


def _wait(daemon):
    try:
        daemon.wait(timeout=30)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _unmount_below(directory):
    """What an engine left mounted, in this benchmark's own mount namespace, innermost first."""
    with open("/proc/self/mountinfo") as file:
        mounts = [line.split()[4] for line in file]
    for mount in reversed([m for m in mounts if m.startswith(directory + "/")]):
        subprocess.run(["umount", "--lazy", mount], capture_output=True)
