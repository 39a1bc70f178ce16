"""One QEMU process: its devices, its monitor, its end."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from settings import CPUS, MEMORY_MIB, QEMU

# Emulated: without mitigations a system call is 9 us cheaper, and what is left out need not be measured or probed.
KERNEL_LINE = ("console=ttyS0 quiet panic=-1 systemd.show_status=0 mitigations=off nokaslr "
               "tsc=reliable no_timer_check cryptomgr.notests random.trust_cpu=on")


class Machine:
    """A running machine; `run_dir` takes the files it writes: output, status, console.

    A saved machine can only be restored into the same devices, so they are listed here once.
    """

    def __init__(self, image: Path, run_dir: Path, *, disks: dict[str, Path], throw_away: set[str],
                 saved_state: Path | None = None):
        self.run_dir = run_dir
        self.monitor, qemu_side = socket.socketpair()
        self.monitor_lines = self.monitor.makefile("r")
        options = self._devices(image, disks, throw_away, qemu_side.fileno())
        keep = [qemu_side.fileno()]
        if saved_state:
            state = os.open(saved_state, os.O_RDONLY | os.O_CLOEXEC)
            keep.append(state)
            options += ["-incoming", f"fd:{state}"]
        # Its own session, so that a Ctrl-C is ours to handle; the death signal covers a kill -9 of us.
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", QEMU, *options], cwd=run_dir, pass_fds=keep,
            stdin=subprocess.DEVNULL, start_new_session=True, env={**os.environ, "TMPDIR": str(run_dir)})
        qemu_side.close()
        if saved_state:
            os.close(state)

    def _devices(self, image: Path, disks: dict[str, Path], throw_away: set[str], monitor: int) -> list[str]:
        options = ["-M", "pc", "-accel", "tcg,thread=multi", "-cpu", "Nehalem,+rdrand",
                   "-smp", str(CPUS), "-m", str(MEMORY_MIB), "-nodefaults", "-display", "none",
                   "-no-reboot", "-kernel", f"{image}/vmlinuz", "-initrd", f"{image}/initrd",
                   "-append", KERNEL_LINE, "-serial", "file:console",
                   "-chardev", f"socket,id=monitor,fd={monitor}", "-mon", "chardev=monitor,mode=control",
                   "-device", "virtio-serial-pci"]
        for port in ["output", "status"]:
            options += ["-chardev", f"file,id={port},path={port}",
                        "-device", f"virtserialport,chardev={port},name=skerry.{port}"]
        for name in ["root", "command", "hand-in", "xfs", "ext4"]:
            snapshot = "on" if name in throw_away else "off"
            options += ["-drive", f"if=none,id={name},format=raw,cache=unsafe,file={disks[name]},"
                                  f"snapshot={snapshot}",
                        "-device", f"virtio-blk-pci,drive={name},serial=skerry-{name}"]
        return options

    def ask(self, command: str, **arguments) -> dict:
        """One monitor command and its answer; events in between are skipped."""
        self.monitor.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        for line in self.monitor_lines:
            answer = json.loads(line)
            if "error" in answer:
                raise RuntimeError(f"QEMU refuses {command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise RuntimeError(f"QEMU ended during {command}")

    def save(self, file: Path) -> None:
        """Write the machine's state to `file` and end it.

        It is not stopped first: a machine saved while stopped is restored stopped.
        """
        self.ask("qmp_capabilities")
        self.ask("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        self.ask("migrate", uri=f"exec:cat >'{file}'")
        while (status := self.ask("query-migrate")["status"]) != "completed":
            if status in ("failed", "cancelled"):
                raise RuntimeError(f"saving the machine {status}")
            time.sleep(0.1)
        self.ask("quit")
        self.process.wait(60)

    def read(self, name: str) -> bytes:
        path = self.run_dir / name
        return path.read_bytes() if path.exists() else b""

    def ended(self) -> bool:
        return self.process.poll() is not None

    def kill(self) -> None:
        if not self.ended():
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.monitor_lines.close()
        self.monitor.close()


def copy_sparse(source: Path, target: Path) -> None:
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", source, target], check=True)


def console_tail(machine: Machine, lines: int = 40) -> str:
    text = machine.read("console").decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])
