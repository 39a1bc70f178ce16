"""The cache: finished images by key, and one directory per run. Safe for concurrent use.

  CACHE/lock         held (exclusive) while an image is built and while directories are made or swept
  CACHE/image-KEY/   complete when it exists; held (shared) by every run that uses it
  CACHE/run-XXXX/    held (exclusive) by its run; one that nobody holds was left by a killed run
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import settings

KEPT_IMAGES = 2


@contextlib.contextmanager
def held(path: Path, mode: int) -> Iterator[None]:
    """Blocks: until the lock on the file or directory `path` is ours."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, mode)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def cache_lock() -> Iterator[Path]:
    cache = settings.cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "lock").touch()
    with held(cache / "lock", fcntl.LOCK_EX):
        yield cache


@contextlib.contextmanager
def image(build: Callable[[Path], None]) -> Iterator[Path]:
    """The image of this key, built by `build` if it is not there, and kept while in use."""
    with contextlib.ExitStack() as stack:
        with cache_lock() as cache:
            path = cache / f"image-{settings.cache_key()}"
            if not path.exists():
                remove_unused(cache)
                unfinished = cache / "run-build"
                unfinished.mkdir()
                build(unfinished)
                unfinished.rename(path)
            os.utime(path)
            stack.enter_context(held(path, fcntl.LOCK_SH))
        yield path


@contextlib.contextmanager
def run_dir() -> Iterator[Path]:
    with contextlib.ExitStack() as stack:
        with cache_lock() as cache:
            sweep(cache.glob("run-*"))
            path = Path(tempfile.mkdtemp(prefix="run-", dir=cache))
            stack.enter_context(held(path, fcntl.LOCK_EX))
        stack.callback(shutil.rmtree, path, ignore_errors=True)
        yield path


def remove_unused(cache: Path) -> None:
    images = sorted(cache.glob("image-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    sweep(images[KEPT_IMAGES - 1:])
    sweep(cache.glob("run-*"))


def sweep(directories) -> None:
    for path in directories:
        with contextlib.suppress(BlockingIOError), held(path, fcntl.LOCK_EX | fcntl.LOCK_NB):
            shutil.rmtree(path)
