"""Who is measured. Every contender says what it misses, takes one block of rounds at a time and
answers with samples in microseconds, so that blocks of all of them can be interleaved."""

import json
import os
import subprocess
import sys
import time

import bundle
import cleanup


class Failure(Exception):
    """Something a reader has to be told; never swallowed."""


def call(command, on_failure=lambda pid: None):
    """The JSON a measuring program prints."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        output, errors = child.communicate()
    except BaseException:
        child.terminate()
        child.wait()
        on_failure(child.pid)
        raise
    if child.returncode != 0:
        on_failure(child.pid)
        raise Failure(f"{os.path.basename(command[0])}: exit {child.returncode}\n{errors.strip()}")
    return json.loads(output)


class Place:
    """Directories of one benchmark run and the programs it measures."""

    def __init__(self, directory, bin_dir, bench_dir):
        self.directory = directory
        self.name = f"bench-{os.getpid()}"
        self.bin_dir = bin_dir
        self.bench_dir = bench_dir

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def product(self, name):
        return os.path.join(self.bin_dir, name)

    def tool(self, name):
        return os.path.join(self.bench_dir, name)

    def prepare(self):
        os.mkdir(self.path("scratch"))
        bundle.make_rootfs(self.path("rootfs"), self.tool("true"))


def missing_files(paths):
    return [path for path in paths if not os.access(path, os.X_OK)]


class Floor:
    key = "floor"
    rows = {"exit_us": "floor: launch→exit", "undone_us": "floor: launch→undone"}

    def __init__(self, place):
        self.place = place

    def missing(self):
        return missing_files([self.place.tool("floor"), self.place.tool("true")])

    def start(self):
        pass

    def stop(self):
        pass

    def measure(self, rounds, gap_ms=0, workers=1, running=0):
        command = [self.place.tool("floor"), "--json"]
        command += ["--lower", self.place.path("rootfs")]
        command += ["--scratch", self.place.path("scratch")]
        command += ["--rounds", str(rounds), "--gap-ms", str(gap_ms)]
        command += ["--workers", str(workers), "--running", str(running)]
        return call(command, lambda pid: cleanup.remove_cgroups(f"skerry-floor-{pid}"))


class Crun:
    key = "crun"
    rows = {"exit_us": "crun run, prepared bundle"}
    program = "/usr/bin/crun"

    def __init__(self, place):
        self.place = place
        self.workers = os.cpu_count()

    def missing(self):
        return missing_files([self.program, self.place.tool("true")])

    def start(self):
        for worker in range(self.workers):
            bundle.make_bundle(
                self.place.path(f"bundle-{worker}"),
                self.place.path("rootfs"),
                f"/crun-{self.place.name}/{worker}",
            )

    def stop(self):
        cleanup.remove_cgroups(f"crun-{self.place.name}")

    def measure(self, rounds, gap_ms=0, workers=1, running=0):
        if running > 0:
            raise Failure("crun: sleeping containers are measured against the floor only")
        command = spawn_loop(rounds, gap_ms, workers)
        command += [self.program, "--root", self.place.path("crun"), "run", "--bundle"]
        command += [self.place.path("bundle-{worker}"), f"{self.place.name}-{{worker}}"]
        return call(self.on_v1() + command)

    @staticmethod
    def on_v1():
        """crun refuses a hybrid host whose unified tree has any controller, even one nobody uses.
        In a mount namespace without that tree it sees a v1 host. One hierarchy less: it errs in
        crun's favour."""
        unified = "/sys/fs/cgroup/unified"
        try:
            with open(unified + "/cgroup.controllers") as file:
                if not file.read().strip():
                    return []
        except FileNotFoundError:
            return []
        script = 'umount "$0" && exec "$@"'
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, unified]


def spawn_loop(rounds, gap_ms, workers):
    command = [sys.executable, os.path.join(bundle.BENCH, "spawn_loop.py")]
    command += ["--rounds", str(rounds), "--gap-ms", str(gap_ms), "--workers", str(workers)]
    return command + ["--"]


class Daemon:
    """A private skerryd with the benchmark's image, shared by the Skerry rows."""

    programs = ("skerryd", "skerry", "skerry-launcher", "skerry-unpack")

    def __init__(self, place):
        self.place = place
        self.users = 0
        self.child = None
        self.url = "unix://" + place.path("run", "skerryd.sock")

    def missing(self):
        return missing_files([self.place.product(name) for name in self.programs])

    def start(self):
        self.users += 1
        if self.child is not None:
            return
        for name in ("root", "run"):
            os.mkdir(self.place.path(name))
        command = [self.place.product("skerryd"), "--root", self.place.path("root")]
        command += ["--run", self.place.path("run"), "--name", self.place.name]
        with open(self.place.path("skerryd.trace"), "w") as trace:
            self.child = subprocess.Popen(command, stdout=trace, stderr=trace)
        self.wait_until_ready()
        self.skerry("image", "import", "--name", "bench", self.place.path("rootfs"))

    def wait_until_ready(self):
        deadline = time.monotonic() + 10
        while True:
            try:
                self.skerry("version")
                return
            except Failure as failure:
                if self.child.poll() is not None or time.monotonic() > deadline:
                    raise Failure(f"skerryd did not come up: {failure}\n{self.trace()}") from None
            time.sleep(0.05)

    def trace(self):
        with open(self.place.path("skerryd.trace")) as file:
            return file.read()[-2000:]

    def skerry(self, *arguments):
        command = [self.place.product("skerry"), "-H", self.url, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise Failure(f"skerry {' '.join(arguments)}: exit {done.returncode}: {done.stderr}")

    def stop(self):
        self.users -= 1
        if self.users > 0 or self.child is None:
            return
        self.child.terminate()
        try:
            self.child.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        # What is meant to outlive the daemon: holder, launcher, shims. They live in its scope.
        scope = f"skerry-{self.place.name}"
        for name in (scope, scope + ".scope"):
            cleanup.kill_cgroups(name)
            cleanup.remove_cgroups(name)


class SkerryRpc:
    key = "skerry-rpc"
    rows = {
        "exit_us": "skerry: launch→exited event, by RPC",
        "undone_us": "skerry: launch→released event, by RPC",
    }

    def __init__(self, place, daemon):
        self.place = place
        self.daemon = daemon

    def missing(self):
        return self.daemon.missing() + missing_files([self.place.tool("client")])

    def start(self):
        self.daemon.start()

    def stop(self):
        self.daemon.stop()

    def measure(self, rounds, gap_ms=0, workers=1, running=0):
        command = [self.place.tool("client"), "--host", self.daemon.url, "--image", "bench"]
        command += ["--rounds", str(rounds), "--gap-ms", str(gap_ms)]
        command += ["--workers", str(workers), "--running", str(running)]
        return call(command)


class SkerryRun:
    key = "skerry-run"
    rows = {"exit_us": "skerry run --rm, the whole command"}

    def __init__(self, place, daemon):
        self.place = place
        self.daemon = daemon

    def missing(self):
        return self.daemon.missing()

    def start(self):
        self.daemon.start()

    def stop(self):
        self.daemon.stop()

    def measure(self, rounds, gap_ms=0, workers=1, running=0):
        if running > 0:
            raise Failure("skerry run: sleeping containers are measured by RPC only")
        command = spawn_loop(rounds, gap_ms, workers)
        command += [self.place.product("skerry"), "-H", self.daemon.url, "run", "--rm"]
        # The limits of the floor's and crun's container.
        command += ["--cpus", "0.5", "--memory", "64m", "--pids-limit", str(bundle.PIDS)]
        command += ["--network", "none", "bench", "/bin/true"]
        return call(command)


def all_contenders(place):
    daemon = Daemon(place)
    return [Floor(place), Crun(place), SkerryRpc(place, daemon), SkerryRun(place, daemon)]
