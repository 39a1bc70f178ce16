"""A private skerryd for each test class: own root, run directory and name, so that suites run side by side. Everything a
test starts ends with it, by process id, and the daemon's own leak report has to be empty at the end."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("SKERRY_BIN", os.path.join(ROOT, "build", "bin"))
BUSYBOX = "/bin/busybox"
# How much longer to wait for anything than on a machine that is not emulated.
PATIENCE = float(os.environ.get("SKERRY_TEST_PATIENCE", "1"))


class Failed(Exception):
    """A command of the CLI that should have succeeded."""


def wait_for(condition, what, seconds=20.0):
    """Waits until condition() is true; the answer is returned."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"timed out waiting for {what}")
        time.sleep(0.02)


def busybox_root(directory):
    """A small root file system: busybox and its links, users, and a place or two."""
    os.makedirs(os.path.join(directory, "bin"))
    shutil.copy(BUSYBOX, os.path.join(directory, "bin", "busybox"))
    applets = subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True)
    for applet in applets.stdout.split():
        if applet != "busybox":
            os.symlink("busybox", os.path.join(directory, "bin", applet))
    for name in ("etc", "tmp", "root", "home", "usr", "var"):
        os.mkdir(os.path.join(directory, name))
    os.chmod(os.path.join(directory, "tmp"), 0o1777)
    with open(os.path.join(directory, "etc", "passwd"), "w", encoding="ascii") as file:
        file.write("root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home:/bin/sh\n")
    with open(os.path.join(directory, "etc", "group"), "w", encoding="ascii") as file:
        file.write("root:x:0:\nalice:x:1000:\nstaff:x:50:alice\n")


class Daemon:
    """One skerryd with its directories."""

    def __init__(self):
        self.name = "t" + uuid.uuid4().hex[:10]
        self.base = tempfile.mkdtemp(prefix="skerry-test-", dir="/var/tmp")
        self.root = os.path.join(self.base, "root")
        # Sockets have short paths; tmpfs as in production.
        self.run = tempfile.mkdtemp(prefix="sk-", dir="/run")
        self.trace = open(os.path.join(self.base, "trace"), "ab")
        self.process = None
        # A network namespace for the daemon (ip-netns(8)); None: the host's, where no test makes a
        # bridge or a rule, so that containers get no network there unless they ask for one.
        self.netns = None
        # What the daemon is started by, beside that.
        self.prefix = []
        self.net_d = os.path.join(self.base, "net.d")
        os.mkdir(self.net_d)
        self.network = {"default": "none"}
        # Sockets of the test's own volume plugins; the host's are never looked for.
        self.plugins = os.path.join(self.run, "plugins")
        os.mkdir(self.plugins)
        self.volumes = {}
        self.mounts = {}
        self.standby = {}
        self.events = {}

    def write_config(self):
        path = os.path.join(self.base, "skerryd.toml")
        # A plugin that runs a dozen programs is slow where each of them is.
        patient = {"attach_deadline": "300s", "detach_deadline": "300s"} if PATIENCE > 1 else {}
        sections = {
            "network": {"config_dir": self.net_d, **patient, **self.network},
            "volumes": {"plugin_socket_dirs": [self.plugins], "plugin_spec_dirs": [],
                        **self.volumes},
            "mounts": self.mounts,
            "standby": self.standby,
            "events": self.events,
        }
        with open(path, "w", encoding="ascii") as file:
            for section, settings in sections.items():
                file.write(f"[{section}]\n")
                file.writelines(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
        return path

    def start(self, *arguments, wait=True):
        command = [os.path.join(BIN, "skerryd"), "--config", self.write_config(), "--root",
                   self.root, "--run", self.run, "--name", self.name, *arguments]
        command = [*self.prefix, *command]
        if self.netns:
            command = ["nsenter", f"--net=/run/netns/{self.netns}", *command]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.trace,
                                        stderr=self.trace, start_new_session=True)
        if wait:
            wait_for(self.ready, "the daemon to be ready: " + self.trace_tail())
        return self

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"skerryd ended with {self.process.returncode}: {self.trace_tail()}")
        return self.skerry("version", check=False).returncode == 0

    def trace_tail(self, lines=30):
        with open(os.path.join(self.base, "trace"), errors="replace", encoding="utf-8") as file:
            return "".join(file.readlines()[-lines:])

    def kill(self):
        """kill -9, as a crash would."""
        self.process.kill()
        self.process.wait()

    def restart(self, *arguments):
        self.kill()
        return self.start(*arguments)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def skerry(self, *arguments, check=True, stdin=None, timeout=60):
        patient = ["--timeout", "300s"] if PATIENCE > 1 else []
        command = [os.path.join(BIN, "skerry"), "-H", f"unix://{self.run}/skerryd.sock", *patient,
                   *arguments]
        done = subprocess.run(command, capture_output=True, timeout=timeout * PATIENCE, check=False,
                              input=stdin)
        done.out = done.stdout.decode(errors="replace")
        done.err = done.stderr.decode(errors="replace")
        if check and done.returncode != 0:
            raise Failed(f"skerry {' '.join(arguments)}: {done.returncode}: {done.err}\n"
                         f"{self.trace_tail()}")
        return done

    def popen(self, *arguments, **options):
        command = [os.path.join(BIN, "skerry"), "-H", f"unix://{self.run}/skerryd.sock", *arguments]
        return subprocess.Popen(command, **options)

    def inspect(self, key):
        return json.loads(self.skerry("inspect", key).out)[0]

    def ps(self, *arguments):
        return json.loads(self.skerry("ps", "-a", "-o", "json", *arguments).out or "[]")

    def pods(self):
        return json.loads(self.skerry("pod", "ls", "-a", "-o", "json").out or "[]")

    def inspect_pod(self, key):
        return json.loads(self.skerry("pod", "inspect", key).out)[0]

    def import_busybox(self, name="busybox"):
        tree = os.path.join(self.base, "tree-" + name)
        if not os.path.isdir(tree):
            busybox_root(tree)
        if not self.mounts:
            self.skerry("image", "import", "--name", name, tree)
            return
        # A daemon that may not read any directory does not read this one.
        archive = subprocess.run(["tar", "-C", tree, "-c", "."], check=True, capture_output=True).stdout
        self.skerry("image", "import", "--name", name, "-", stdin=archive)

    def launcher_pids(self):
        """Holder and launcher (and shims): every process in SCOPE/shims."""
        pids = set()
        for hierarchy in cgroup_hierarchies():
            path = os.path.join(hierarchy, self.scope(), "shims", "cgroup.procs")
            if os.path.exists(path):
                with open(path, encoding="ascii") as file:
                    pids.update(int(line) for line in file)
        return pids

    def scope(self):
        stem = f"skerry-{self.name}"
        if os.path.isdir("/run/systemd/system"):
            return f"skerry.slice/{stem}.scope"
        return stem

    def plugin_calls(self):
        """Control groups of plugins that run, or were left behind."""
        calls = set()
        for hierarchy in cgroup_hierarchies():
            path = os.path.join(hierarchy, self.scope(), "plugins")
            if os.path.isdir(path):
                calls.update(name for name in os.listdir(path)
                             if os.path.isdir(os.path.join(path, name)))
        return sorted(calls)

    def leaks(self):
        """Its exit status is 1 when there are some."""
        found = self.skerry("debug", "leaks", "-o", "json", check=False)
        if found.returncode > 1 or not found.out:
            raise Failed(f"skerry debug leaks: {found.returncode}: {found.err}")
        return json.loads(found.out)

    def destroy(self):
        """Ends everything this daemon made, whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for hierarchy in cgroup_hierarchies():
            kill_tree(os.path.join(hierarchy, self.scope()))
        for hierarchy in cgroup_hierarchies():
            remove_tree(os.path.join(hierarchy, self.scope()))
        self.trace.close()
        shutil.rmtree(self.base, ignore_errors=True)
        shutil.rmtree(self.run, ignore_errors=True)


def cgroup_hierarchies():
    """Mount points of every cgroup tree of this host."""
    mounts = []
    with open("/proc/self/mounts", encoding="ascii", errors="replace") as file:
        for line in file:
            fields = line.split()
            if fields[2] in ("cgroup", "cgroup2"):
                mounts.append(fields[1])
    return mounts


def kill_tree(path):
    for directory, _, files in os.walk(path, topdown=False):
        if "cgroup.procs" not in files:
            continue
        for _ in range(50):
            try:
                with open(os.path.join(directory, "cgroup.procs"), encoding="ascii") as file:
                    pids = [int(line) for line in file]
            except OSError:
                break
            if not pids:
                break
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)


def remove_tree(path):
    for directory, _, _ in os.walk(path, topdown=False):
        for _ in range(100):
            try:
                os.rmdir(directory)
                break
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(0.02)


class DaemonTest(unittest.TestCase):
    """A test class with a daemon of its own and the image "busybox"."""

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            if os.environ.get("SKERRY_MUST_RUN"):
                raise AssertionError("needs root")
            raise unittest.SkipTest("needs root")
        cls.daemon = Daemon().start()
        cls.daemon.import_busybox()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.destroy()

    def tearDown(self):
        """Every test ends with no container and nothing left of any."""
        daemon = self.daemon
        if daemon.process.poll() is not None:
            daemon.start()
        # Again and again: what happened on a failing disk is refused until it is recorded.
        wait_for(self.removed, "containers and pods to be gone")
        wait_for(lambda: not daemon.leaks(), f"leaks to vanish: {daemon.leaks()}")
        self.assertEqual(host_mounts_of(daemon), [])

    def removed(self):
        daemon = self.daemon
        for pod in daemon.pods():
            daemon.skerry("pod", "rm", "-f", pod["uid"], check=False)
        for container in daemon.ps():
            daemon.skerry("rm", "-f", container["uid"], check=False)
        return not daemon.ps() and not daemon.pods()


def host_mounts_of(daemon):
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as file:
        return [line for line in file if daemon.base in line or daemon.run + "/" in line]
