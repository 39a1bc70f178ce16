"""What goes into the machine with a command, and what comes back."""

import io
import os
import re
import shlex
import signal
import tarfile
import time
from pathlib import Path

from settings import COMMAND_BYTES


def write_command_disk(disk: Path, command: list[str], has_hand_in: bool) -> None:
    """A tar archive the machine unpacks; see guest/root/usr/lib/skerry-vm/wait."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    files = {"time": f"{seconds} {nanoseconds}".encode(),
             "seed": os.urandom(256),
             "command": f"exec {shlex.join(command)}\n".encode()}
    if has_hand_in:
        files["hand-in"] = b""
    with tarfile.open(disk, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    if disk.stat().st_size > COMMAND_BYTES:
        raise SystemExit("tests/vm/vm: the command is too long; hand it in as a script")
    os.truncate(disk, COMMAND_BYTES)


def exit_status(answer: bytes) -> int | None:
    """The command's status as a shell would say it; None if there is no answer."""
    found = re.search(rb"^(exited|killed|dumped) (\w+)$", answer, re.MULTILINE)
    if not found:
        return None
    how, what = (word.decode() for word in found.groups())
    return int(what) if how == "exited" else 128 + signal.Signals[f"SIG{what}"]
