"""A private skerryd with the benchmark's image."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time

import cleanup
import proc
from place import Failure, call

# Nothing on a shelf: every launch does all of it.
COLD = "[standby]\nprocesses = 0\n"


class Daemon:
    """Use as a context: what it made is gone afterwards, whatever happened in between."""

    def __init__(self, place, config=""):
        self.place = place
        self.config = config
        self.name = place.unique(place.name + "-")
        self.base = place.path(self.name)
        # Sockets have short paths; on tmpfs, as in production.
        self.run_dir = None
        self.child = None
        self.url = None

    def __enter__(self):
        try:
            os.mkdir(self.base)
            os.mkdir(os.path.join(self.base, "net.d"))
            self.run_dir = tempfile.mkdtemp(prefix="skerry-bench-", dir="/run")
            self.url = f"unix://{self.run_dir}/skerryd.sock"
            with open(os.path.join(self.base, "skerryd.toml"), "w") as file:
                file.write(f'[network]\ndefault = "none"\nconfig_dir = "{self.base}/net.d"\n')
                file.write(self.config)
            self.spawn()
            self.wait_until_ready()
            self.skerry("image", "import", "--name", "bench", self.place.path("rootfs"))
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.check_leaks()
        finally:
            self.stop()

    def root(self, *parts):
        return os.path.join(self.base, "root", *parts)

    def spawn(self):
        command = [self.place.product("skerryd"), "--root", self.root(), "--run", self.run_dir]
        command += ["--name", self.name, "--config", os.path.join(self.base, "skerryd.toml")]
        with open(os.path.join(self.base, "trace"), "a") as trace:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=trace, stderr=trace, start_new_session=True
            )

    def wait_until_ready(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                self.skerry("version")
                return
            except Failure as failure:
                if self.child.poll() is not None or time.monotonic() > deadline:
                    raise Failure(f"skerryd did not come up: {failure}\n{self.trace()}") from None
            time.sleep(0.05)

    def kill(self):
        """As a crash would."""
        self.child.kill()
        self.child.wait()

    def trace(self):
        with open(os.path.join(self.base, "trace"), errors="replace") as file:
            return file.read()[-2000:]

    def command(self, *arguments):
        return [self.place.product("skerry"), "-H", self.url, *arguments]

    def skerry(self, *arguments):
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise Failure(f"skerry {' '.join(arguments)}: exit {done.returncode}: {done.stderr}")
        return done.stdout

    def client_command(self, what, **options):
        command = [self.place.tool("client"), what, "--host", self.url, "--image", "bench"]
        for name, value in options.items():
            command.append("--" + name.replace("_", "-"))
            if value is not True:
                command.append(str(value))
        return command

    def client(self, what, **options):
        try:
            return call(self.client_command(what, **options))
        except Failure as failure:
            raise Failure(f"{failure}\n{self.trace()}") from None

    # --- its processes and what they use -----------------------------------------------------

    def scope_pids(self):
        """Holder, launcher and shims."""
        pids = set()
        for path in self._scopes():
            for group in cleanup.cgroups(path):
                if os.path.basename(group) == "shims":
                    pids |= proc.cgroup_pids(group)
        return pids

    def memory_kib(self):
        return proc.pss_kib(self.child.pid)

    def handles(self, seconds=2):
        """Descriptors and threads, the fewest in that time: a client's connection takes a moment to
        go, and so does a container."""
        pid = self.child.pid
        fewest = None
        for _ in range(20):
            now = len(os.listdir(f"/proc/{pid}/fd")) + len(os.listdir(f"/proc/{pid}/task"))
            fewest = now if fewest is None else min(fewest, now)
            time.sleep(seconds / 20)
        return fewest

    # --- its end -----------------------------------------------------------------------------

    def check_leaks(self):
        """A benchmark of something that leaks measures nothing."""
        deadline = time.monotonic() + 30
        while True:
            done = subprocess.run(
                self.command("debug", "leaks", "-o", "json"), capture_output=True, text=True
            )
            if done.returncode == 0:
                return
            if time.monotonic() > deadline:
                raise Failure(f"skerry debug leaks: {done.stdout}{done.stderr}")
            time.sleep(0.2)

    def _scopes(self):
        scope = f"skerry-{self.name}"
        return (scope, scope + ".scope")

    def stop(self):
        """The rest goes on when one of these fails."""
        with contextlib.ExitStack() as rest:
            rest.callback(self._remove_directories)
            # What is meant to outlive the daemon: holder, launcher, shims. They live in its scope.
            for name in self._scopes():
                rest.callback(cleanup.remove_cgroups, name)
                rest.callback(cleanup.kill_cgroups, name)
            if self.child is not None:
                cleanup.end(self.child)

    def _remove_directories(self):
        if self.run_dir is not None:
            shutil.rmtree(self.run_dir, ignore_errors=True)
        if os.path.isdir(self.base):
            cleanup.remove_directory(self.base)
