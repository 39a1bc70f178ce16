"""The peers: runc and containerd built as Go modules into build/peers, podman and docker from Debian.
Only for --peers; nothing of them is started here."""

import os
import shutil
import subprocess

import progress

MODULES = {
    "runc": ("github.com/opencontainers/runc@v1.5.2", ["-tags", "seccomp"]),
    "ctr": ("github.com/containerd/containerd/v2/cmd/ctr@v2.4.2", []),
    "containerd": ("github.com/containerd/containerd/v2/cmd/containerd@v2.4.2", []),
    "containerd-shim-runc-v2": (
        "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2@v2.4.2",
        [],
    ),
}
PACKAGES = {"podman": "/usr/bin/podman", "docker.io": "/usr/sbin/dockerd"}
GO = ("/usr/local/go/bin/go", "/usr/lib/go/bin/go")
POLICY = "/usr/sbin/policy-rc.d"


def everything(build_dir):
    """What cannot be had is reported by the peer's own row."""
    bin_dir = os.path.join(build_dir, "peers/bin")
    os.makedirs(bin_dir, exist_ok=True)
    go = shutil.which("go") or next((path for path in GO if os.path.exists(path)), None)
    if go is None:
        print("no Go on this host: runc and containerd cannot be built")
    for name, (module, options) in MODULES.items():
        if go is not None and not os.path.exists(os.path.join(bin_dir, name)):
            _install(f"building {module}", [go, "install", *options, module], GOBIN=bin_dir)
    missing = [name for name, program in PACKAGES.items() if not os.path.exists(program)]
    if missing:
        _install_packages(missing)
    progress.progress("")


def _install(what, command, **environment):
    progress.progress(what)
    whole = dict(os.environ, **environment)
    try:
        done = subprocess.run(command, env=whole, capture_output=True, text=True, timeout=1800)
        said = done.stderr.strip()[-1000:] if done.returncode != 0 else None
    except subprocess.TimeoutExpired:
        said = "not done in half an hour"
    if said is not None:
        progress.progress("")
        print(f"{what}: {said}")


def _install_packages(names):
    """Without their services: a policy of our own, unless the host has one, keeps them down."""
    ours = not os.path.exists(POLICY)
    if ours:
        with open(POLICY, "w") as file:
            file.write("#!/bin/sh\nexit 101\n")
        os.chmod(POLICY, 0o755)
    try:
        _install("apt-get update", ["apt-get", "update", "-qq"])
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *names]
        _install(" ".join(command), command, DEBIAN_FRONTEND="noninteractive")
    finally:
        if ours:
            os.remove(POLICY)
