"""Other people's mounts: as many as a host full of other runtimes' containers has."""

import ctypes
import os

MS_BIND = 4096
MNT_DETACH = 2
_LIBC = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


class Foreign:
    """Use as a context: a tmpfs at `directory`, and binds of it in it, `count` together. Made by
    mount(2): a program for each would take longer than what is measured."""

    def __init__(self, directory, count):
        self.directory = directory
        self.count = count

    def __enter__(self):
        os.mkdir(self.directory)
        tmpfs = b"tmpfs"
        _check(_LIBC.mount(tmpfs, self.directory.encode(), tmpfs, 0, None), "mount a tmpfs")
        try:
            for number in range(self.count - 1):
                path = os.path.join(self.directory, str(number))
                os.mkdir(path)
                _check(_LIBC.mount(path.encode(), path.encode(), None, MS_BIND, None), "bind " + path)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # With everything on it.
        _check(_LIBC.umount2(self.directory.encode(), MNT_DETACH), "unmount " + self.directory)
        os.rmdir(self.directory)
