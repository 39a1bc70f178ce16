"""Builds an image: its disks as made (for machines that boot), the same disks as they were when a booted machine
was saved, and that machine's state (for machines that are restored)."""

import os
import shutil
import sys
import time
from pathlib import Path

import image
import qemu
import settings

BOOT_SECONDS = 600


def build(work: Path) -> None:
    if os.geteuid() != 0:
        raise SystemExit("tests/vm/build: making the image needs root")
    print("tests/vm: building the test machine (once; about a minute)", file=sys.stderr)
    started = time.monotonic()
    image.make_image(work)
    boot_and_save(work)
    print(f"tests/vm: built in {time.monotonic() - started:.0f} s", file=sys.stderr)


def boot_and_save(work: Path) -> None:
    saved = work / "saved"
    saved.mkdir()
    for disk in ["root", "xfs", "ext4"]:
        qemu.copy_sparse(work / f"{disk}.img", saved / f"{disk}.img")
    disks = {name: saved / f"{name}.img" for name in ["root", "xfs", "ext4"]}
    disks["command"] = image.sparse_file(work / "command.img", settings.COMMAND_BYTES)
    disks["hand-in"] = image.sparse_file(work / "hand-in.img", settings.HAND_IN_BYTES)
    scratch = work / "first-boot"
    scratch.mkdir()
    machine = qemu.Machine(work, scratch, disks=disks, throw_away=set())
    try:
        wait_until_ready(machine)
        machine.save(saved / "state")
    finally:
        machine.kill()
    shutil.rmtree(scratch)


def wait_until_ready(machine: qemu.Machine) -> None:
    deadline = time.monotonic() + BOOT_SECONDS
    while b"ready" not in machine.read("status"):
        if machine.ended() or time.monotonic() > deadline:
            raise SystemExit(f"tests/vm/build: the machine does not boot; its console:\n"
                             f"{qemu.console_tail(machine)}")
        time.sleep(0.1)
