"""Directories and programs of one benchmark run."""

import json
import os
import subprocess

import bundle


class Failure(Exception):
    """Something a reader has to be told; never swallowed."""


class Absent(Exception):
    """What is to be measured is not there, and why: said in the row, no failure."""


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


def run(command, timeout=120, **options):
    """Runs it; its output, or a Failure with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-1500:]
        raise Failure(f"{' '.join(command)[:300]}: exit {done.returncode}: {said}")
    return done.stdout


def missing_files(paths):
    return [path for path in paths if not os.access(path, os.X_OK)]


class Place:
    def __init__(self, directory, build_dir):
        self.directory = directory
        self.name = f"bench-{os.getpid()}"
        self.build_dir = build_dir
        self.made = 0

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def product(self, name):
        return os.path.join(self.build_dir, "bin", name)

    def tool(self, name):
        return os.path.join(self.build_dir, "bench", name)

    def peer(self, name):
        return os.path.join(self.build_dir, "peers/bin", name)

    def unique(self, stem):
        """A name that is used once on this host."""
        self.made += 1
        return f"{stem}{self.made}"

    def prepare(self):
        os.mkdir(self.path("scratch"))
        bundle.make_rootfs(self.path("rootfs"), self.tool("true"), self.tool("lines"))

    def require_programs(self):
        """A row that cannot be measured fails the run: a figure that is not there looks like a good
        one."""
        wanted = [self.tool(name) for name in ("floor", "true", "lines", "client")]
        wanted += [self.product(n) for n in ("skerryd", "skerry", "skerry-launcher", "skerry-unpack")]
        missing = missing_files(wanted + ["/usr/bin/crun", "/usr/bin/conmon"])
        if missing:
            raise Failure("missing programs (./dev deps, ./dev build):\n  " + "\n  ".join(missing))
