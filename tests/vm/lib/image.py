"""Makes the disks, the kernel and the initial RAM disk from Debian packages. Needs root."""

import os
import shutil
import subprocess
from pathlib import Path

from settings import (DATA_BYTES, HAND_IN_BYTES, KERNEL_PACKAGE, ROOT_BYTES, SUITE, VM_DIR,
                      package_list)

# What the initial RAM disk has to load to reach the root disk.
BOOT_MODULES = ["virtio_pci", "virtio_blk", "ext4"]
UNUSED_FILES = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"]


def run(*command: str | Path, **options) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], check=True, **options)


def output_of(*command: str | Path) -> str:
    return run(*command, stdout=subprocess.PIPE, text=True).stdout


def make_image(work: Path) -> None:
    """Fills `work` with vmlinuz, initrd, root.img, xfs.img and ext4.img."""
    root = work / "root"
    install_packages(root, work)
    version = install_kernel(root, work)
    configure(root)
    make_initrd(root, version, work)
    make_ext4(work / "root.img", ROOT_BYTES, root)
    make_xfs(work / "xfs.img")
    make_ext4(work / "ext4.img", DATA_BYTES, None, "-O", "quota,project", "-E", "quotatype=prjquota")
    shutil.rmtree(root)


def host_apt_sources() -> list[str]:
    """The host's own sources of this Debian release, so that no mirror is named here."""
    lines = output_of("apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI) $(COMPONENT)",
                      "Created-By: Packages").splitlines()
    found = [line.split() for line in lines]
    sources = [f"deb {uri} {release} {component}" for release, uri, component in found
               if release == SUITE or release.startswith(SUITE + "-")]
    if not sources:
        raise SystemExit(f"tests/vm/build: this host's apt has no sources for Debian {SUITE}")
    return list(dict.fromkeys(sources))


def install_packages(root: Path, work: Path) -> None:
    """The kernel is only downloaded: installing it would build a large initial RAM disk inside."""
    apt_options = work / "apt.conf"
    apt_options.write_text(output_of("apt-config", "dump", "--no-empty", "Acquire::Check-Valid-Until")
                           + output_of("apt-config", "dump", "--no-empty", "Acquire::Check-Date")
                           + 'Acquire::Languages "none";\n')
    download_kernel = (
        'cd "$1" && package=$(chroot . apt-cache depends %s | sed -n "s/^ *Depends: //p") && '
        'chroot . sh -c "cd /boot && apt-get -o APT::Sandbox::User=root -qq download $package"' % KERNEL_PACKAGE)
    run("mmdebstrap", "--quiet", "--variant=minbase", f"--aptopt={apt_options}",
        *[f"--dpkgopt=path-exclude={pattern}" for pattern in UNUSED_FILES],
        "--include=" + ",".join(package_list(VM_DIR / "guest-packages")),
        f"--customize-hook={download_kernel}", SUITE, root, *host_apt_sources())


def install_kernel(root: Path, work: Path) -> str:
    (package,) = (root / "boot").glob("linux-image-*.deb")
    run("dpkg-deb", "-x", package, work / "kernel")
    package.unlink()
    (image,) = (work / "kernel/boot").glob("vmlinuz-*")
    version = image.name.removeprefix("vmlinuz-")
    shutil.copy(image, work / "vmlinuz")
    shutil.copy(work / f"kernel/boot/config-{version}", root / "boot")
    run("cp", "-a", work / "kernel/lib/modules", root / "usr/lib/")
    run("chroot", root, "depmod", version)
    shutil.rmtree(work / "kernel")
    return version


def configure(root: Path) -> None:
    run("cp", "-r", "--preserve=mode", f"{VM_DIR}/guest/root/.", root)
    (root / "etc/hostname").write_text("skerry-vm\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost skerry-vm\n::1 localhost\n")
    (root / "etc/machine-id").write_text("5ce6605ce6605ce6605ce6605ce66000\n")
    for mount_point in ["skerry", "mnt/xfs", "mnt/ext4"]:
        (root / mount_point).mkdir(parents=True)
    run("chroot", root, "systemctl", "--quiet", "mask", *package_list(VM_DIR / "guest/masked-units"))
    run("chroot", root, "systemctl", "--quiet", "enable", "skerry-vm.service")
    run("chroot", root, "systemctl", "--quiet", "set-default", "multi-user.target")
    # Newer than /usr, or the first boot takes its time to bring /etc and /var up to date.
    for marker in ["etc/.updated", "var/.updated"]:
        (root / marker).touch()


def make_initrd(root: Path, version: str, work: Path) -> None:
    tree = work / "initrd.tree"
    for directory in ["bin", "dev", "modules", "root"]:
        (tree / directory).mkdir(parents=True)
    shutil.copy(root / "bin/busybox", tree / "bin")
    shutil.copy(VM_DIR / "guest/initrd-init", tree / "init")
    shown = output_of("chroot", root, "modprobe", "--set-version", version, "--show-depends",
                      "--all", *BOOT_MODULES)
    files = [line.split()[1] for line in shown.splitlines() if line.startswith("insmod")]
    ordered = list(dict.fromkeys(files))
    for file in ordered:
        shutil.copy(root / file.lstrip("/"), tree / "modules")
    (tree / "modules/order").write_text("".join(os.path.basename(file) + "\n" for file in ordered))
    with open(work / "initrd", "wb") as initrd:
        run("sh", "-c", "find . | busybox cpio -o -H newc 2>/dev/null", cwd=tree, stdout=initrd)
    shutil.rmtree(tree)


def sparse_file(path: Path, size: int) -> Path:
    with open(path, "wb") as file:
        file.truncate(size)
    return path


def make_ext4(path: Path, size: int, tree: Path | None, *options: str) -> None:
    """No journal: every machine ends by a power cut and its disks are thrown away."""
    content = ["-d", str(tree)] if tree else []
    run("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-i", "65536", *options, *content,
        sparse_file(path, size))


def make_xfs(path: Path) -> None:
    run("mkfs.xfs", "-q", "-m", "reflink=1", sparse_file(path, DATA_BYTES))


def make_hand_in(path: Path, tree: Path) -> None:
    make_ext4(path, HAND_IN_BYTES, tree)
