"""What the tests of escapes share: an image with the program of attacks in it, things on the host that nobody in a container
may see or change, and hostile images."""

import os
import shutil
import subprocess

from api import Api, container_pb
from harness import BIN, DaemonTest, busybox_root

ATTACK = os.environ.get("SKERRY_ATTACK",
                        os.path.join(os.path.dirname(BIN), "tests", "integration", "escapes", "attack"))
SECRET = "the host's secret"


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def attack_here(*words, **options):
    """The attack on the host, by the host's root: what shows that it would be noticed."""
    return subprocess.run([ATTACK, *words], capture_output=True, text=True, check=False, timeout=60,
                          **options)


def outcomes(text):
    """Lines of a name and a word."""
    return dict(line.split(maxsplit=1) for line in text.splitlines() if " " in line)


class EscapeCase(DaemonTest):
    @classmethod
    def setUpClass(cls):
        # Of the daemon's environment nothing may be seen in a container.
        os.environ["SKERRY_TEST_SECRET"] = SECRET
        try:
            super().setUpClass()
        finally:
            del os.environ["SKERRY_TEST_SECRET"]
        cls.addClassCleanup(cls.daemon.destroy)
        tree = cls.tree("attacker")
        shutil.copy(ATTACK, os.path.join(tree, "bin", "attack"))
        cls.daemon.skerry("image", "import", "--name", "attacker", tree)
        cls.api = Api(cls.daemon)
        cls.addClassCleanup(cls.api.close)
        # Directories above are closed to others; what a test says of users of the host is to be
        # due to the product alone.
        os.chmod(cls.daemon.base, 0o755)
        cls.secret = os.path.join(cls.daemon.base, "secret")
        with open(cls.secret, "w", encoding="utf-8") as file:
            file.write(SECRET + "\n")
        cls.program = os.path.join(cls.daemon.base, "busybox-of-the-host")
        shutil.copy("/bin/busybox", cls.program)

    box = container_pb.ContainerRef(name="box")
    # Takes the guards away, as far as every host has them to give.
    OPEN = ("--security-opt", "seccomp=unconfined",
            *(word for name in ("SYS_ADMIN", "SYS_MODULE", "SYS_BOOT", "SYS_TIME", "SYS_PACCT", "SYS_RAWIO",
                                "SYS_PTRACE", "DAC_READ_SEARCH", "BPF", "PERFMON", "SYSLOG")
              for word in ("--cap-add", name)))

    @classmethod
    def tree(cls, name):
        """A root file system, for an image or for --rootfs."""
        path = os.path.join(cls.daemon.base, "tree-" + name)
        if not os.path.isdir(path):
            busybox_root(path)
        return path

    def hostile(self, name, change):
        """A tree of its own, which `change` makes hostile."""
        tree = self.tree(name)
        self.addCleanup(shutil.rmtree, tree, True)
        change(lambda path: os.path.join(tree, path))
        return tree

    def attacker(self, *command, options=(), check=False, timeout=120, **more):
        return self.daemon.skerry("run", "--rm", *options, "attacker", *command, check=check,
                                  timeout=timeout, **more)

    def sh(self, script, *options, **more):
        return self.attacker("sh", "-c", script, options=options, **more)

    def run_box(self, *command, options=()):
        self.daemon.skerry("run", "-d", "--name", "box", *options, "attacker",
                           *(command or ("sleep", "1000")))

    def in_box(self, *args, timeout=60, **spec):
        return self.api.call("ExecService", "Run", container=self.box, timeout=timeout,
                             spec={"args": args, **spec})

    def alive(self):
        """The daemon still runs containers, and they are what they should be."""
        self.assertEqual(self.sh("echo alive").out, "alive\n")
        self.assertIsNone(self.daemon.process.poll())

    def host_file(self, name, content=""):
        path = os.path.join(self.daemon.base, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        return path

    def host_directory(self, name):
        path = os.path.join(self.daemon.base, name)
        os.makedirs(path)
        self.addCleanup(shutil.rmtree, path, True)
        return path


def unchanged(test, *paths):
    """To be called before the attack: afterwards these files say what they said, and if not, say it again."""
    before = {path: read(path) for path in paths}

    def look():
        after = {path: read(path) for path in paths}
        for path in paths:
            if after[path] != before[path]:
                with open(path, "w", encoding="utf-8") as file:
                    file.write(before[path])
        test.assertEqual(after, before)
    test.addCleanup(look)
