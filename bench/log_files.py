"""Logs in the CRI form (time, stream, P or F, text), as kubelet, conmon and Skerry write them."""

import os
import time

from place import Failure

TAIL = 64 << 10


def _records(data):
    for line in data.splitlines():
        yield line.split(b" ", 3)


def _ends_with(path, number, length):
    """Whether the last whole line is that one."""
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            file.seek(max(0, size - TAIL))
            data = file.read()
    except FileNotFoundError:
        return False
    if not data.endswith(b"\n"):
        return False
    lines = data.splitlines()[-4:]
    text = b"".join(fields[3] for fields in _records(b"\n".join(lines)) if len(fields) == 4)
    is_whole = lines[-1].split(b" ", 3)[2] == b"F"
    return is_whole and text[-(length - 1) :].startswith(b"%010d" % number)


def await_line(path, number, length, seconds=300):
    """Waits until the log ends with that line of `lines`."""
    deadline = time.monotonic() + seconds
    while not _ends_with(path, number, length):
        if time.monotonic() > deadline:
            raise Failure(f"{path}: line {number} did not come")
        time.sleep(0.001)


def check_complete(path, count, length):
    """Every line of `lines COUNT LENGTH`, in order, whole."""
    expected, text = 0, b""
    filler = b"x" * (length - 1 - 10)
    with open(path, "rb") as file:
        for record in file:
            _, _, tag, part = record.rstrip(b"\n").split(b" ", 3)
            text += part
            if tag == b"P":
                continue
            if text != b"%010d" % expected + filler:
                raise Failure(f"{path}: line {expected} of {count} is not what was written: {text!r}")
            expected, text = expected + 1, b""
    if expected != count:
        raise Failure(f"{path}: {expected} lines of {count}")
