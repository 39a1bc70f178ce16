"""What the machine is made of, and the name of its cache entry."""

import hashlib
import os
import subprocess
from pathlib import Path

VM_DIR = Path(__file__).resolve().parent.parent
PROJECT_DIR = VM_DIR.parent.parent

SUITE = "bookworm"
KERNEL_PACKAGE = "linux-image-cloud-amd64"
QEMU = "qemu-system-x86_64"
CPUS = int(os.environ.get("SKERRY_VM_CPUS", "2"))
MEMORY_MIB = int(os.environ.get("SKERRY_VM_MEMORY", "4096"))

# Disks are sparse files; a restored machine cannot learn a new size, so these are fixed.
ROOT_BYTES = 6 << 30
DATA_BYTES = 4 << 30
HAND_IN_BYTES = 8 << 30
COMMAND_BYTES = 1 << 20


def cache_dir() -> Path:
    return Path(os.environ.get("SKERRY_VM_CACHE") or PROJECT_DIR / "build/vm").resolve()


def package_list(path: Path) -> list[str]:
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def cache_key() -> str:
    """Changes with everything a saved machine depends on: what is in it and what it runs on."""
    digest = hashlib.sha256()
    version = subprocess.run([QEMU, "--version"], check=True, capture_output=True).stdout
    digest.update(version + f"{SUITE} {CPUS} {MEMORY_MIB}".encode())
    sources = [VM_DIR / "build", VM_DIR / "guest-packages"]
    sources += sorted((VM_DIR / "lib").glob("*.py")) + sorted((VM_DIR / "guest").rglob("*"))
    for path in sources:
        if path.is_file():
            digest.update(f"{path.relative_to(VM_DIR)} {path.stat().st_mode & 0o111}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
