"""Daemons whose root is a file system of their own, which can be filled, or fails."""

import os
import subprocess

from harness import Daemon, cgroup_hierarchies, kill_tree, wait_for


class DiskDaemon(Daemon):
    """Its root is mounted by mount_root() and unmounted at the end."""

    def __init__(self):
        super().__init__()
        os.mkdir(self.root)
        self.mount_root()

    def mount_root(self):
        raise NotImplementedError

    def destroy(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        # Containers hold the file system by their layers.
        trace, self.trace = self.trace, open(os.devnull, "ab")
        base, self.base = self.base, os.path.join(self.base, "nothing")
        super().destroy()
        self.base = base
        trace.close()
        subprocess.run(["umount", self.root], check=True)
        os.rmdir(self.root)
        subprocess.run(["rm", "-rf", "--one-file-system", base], check=True)


class SmallDaemon(DiskDaemon):
    """A small tmpfs."""

    def __init__(self, size):
        self.size = size
        super().__init__()

    def mount_root(self):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size}", "skerry-test", self.root],
                       check=True)

    def fill(self):
        """To the last byte; gives the file that does it."""
        path = os.path.join(self.root, "filler")
        with open(path, "wb", buffering=0) as file:
            for size in (1 << 20, 4096, 512):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass
        return path


class FailingDaemon(DiskDaemon):
    """An ext4 on a loop device, which can be told that it is broken: from then on it is read-only, as ext4 is by default after
    an error of its disk."""

    def mount_root(self):
        image = os.path.join(self.base, "disk")
        with open(image, "wb") as file:
            file.truncate(96 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, self.root], check=True)

    def break_disk(self):
        subprocess.run(["mount", "-o", "remount,abort", self.root], check=True)

    def mend_disk(self):
        """As an operator would: nobody uses it any more, it is checked, mounted again."""
        for hierarchy in cgroup_hierarchies():
            kill_tree(os.path.join(hierarchy, self.scope()))
        wait_for(lambda: subprocess.run(["umount", self.root], stderr=subprocess.DEVNULL,
                                        check=False).returncode == 0, "the disk to be free")
        image = os.path.join(self.base, "disk")
        checked = subprocess.run(["e2fsck", "-f", "-y", image], capture_output=True, check=False)
        if checked.returncode > 2:
            raise AssertionError(checked.stdout)
        subprocess.run(["mount", "-o", "loop", image, self.root], check=True)
