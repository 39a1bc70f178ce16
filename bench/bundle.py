"""What the contenders run: a root file system from Debian's static busybox with the benchmark's own
`true` in it, and the same container as an OCI bundle for crun."""

import json
import os
import re
import shutil

BENCH = os.path.dirname(os.path.abspath(__file__))

DEFAULT_CAPABILITIES = [
    "CAP_" + name
    for name in (
        "CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID "
        "SETPCAP SETUID SYS_CHROOT AUDIT_WRITE"
    ).split()
]
MASKED = [
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/acpi",
    "/proc/asound",
    "/sys/firmware",
]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
DEVICES = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2), (136, None)]
MEMORY_BYTES = 64 << 20
PIDS = 1024


def make_rootfs(path, true_program, lines_program, busybox="/bin/busybox"):
    """Busybox, so that the tree is a real image; /bin/true and /bin/lines are ours, the rest links to
    busybox."""
    for directory in ("bin", "proc", "sys", "dev", "tmp", "etc", "root"):
        os.makedirs(os.path.join(path, directory))
    shutil.copy(busybox, os.path.join(path, "bin/busybox"))
    for applet in ("sh", "sleep", "cat", "ls"):
        os.symlink("busybox", os.path.join(path, "bin", applet))
    for name, program in (("true", true_program), ("lines", lines_program)):
        shutil.copy(program, os.path.join(path, "bin", name))
        os.chmod(os.path.join(path, "bin", name), 0o755)
    with open(os.path.join(path, "etc/passwd"), "w") as file:
        file.write("root:x:0:0:root:/root:/bin/sh\n")
    with open(os.path.join(path, "etc/group"), "w") as file:
        file.write("root:x:0:\n")


def _allowed_names():
    with open(os.path.join(BENCH, "floor/syscalls.inc")) as file:
        return re.findall(r'^"(\w+)",$', file.read(), re.MULTILINE)


def _argument(value, comparison, second=0):
    return {"index": 0, "value": value, "valueTwo": second, "op": "SCMP_CMP_" + comparison}


def _seccomp():
    """The rules of floor/profile.c."""
    allow = "SCMP_ACT_ALLOW"
    rules = [{"names": _allowed_names(), "action": allow}]
    for personality in (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF):
        rules.append(
            {
                "names": ["personality"],
                "action": allow,
                "args": [_argument(personality, "EQ")],
            }
        )
    rules.append({"names": ["socket"], "action": allow, "args": [_argument(40, "NE")]})
    namespaces = 0x7E020000
    rules.append(
        {
            "names": ["clone"],
            "action": allow,
            "args": [_argument(namespaces, "MASKED_EQ", 0)],
        }
    )
    rules.append({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38})
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": rules,
    }


def _mounts():
    plain = ["nosuid", "noexec", "nodev"]
    return [
        {"destination": "/proc", "type": "proc", "source": "proc", "options": plain},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": plain + ["ro"]},
        {
            "destination": "/sys/fs/cgroup",
            "type": "cgroup",
            "source": "cgroup",
            "options": plain + ["ro"],
        },
        {
            "destination": "/dev",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["nosuid", "mode=755", "size=65536k"],
        },
        {
            "destination": "/dev/pts",
            "type": "devpts",
            "source": "devpts",
            "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        },
        {
            "destination": "/dev/shm",
            "type": "tmpfs",
            "source": "shm",
            "options": plain + ["mode=1777", "size=65536k"],
        },
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": plain},
    ]


def _device_rules():
    rules = [{"allow": False, "access": "rwm"}]
    rules += [{"allow": True, "type": kind, "access": "m"} for kind in ("c", "b")]
    for major, minor in DEVICES:
        rule = {"allow": True, "type": "c", "major": major, "access": "rwm"}
        if minor is not None:
            rule["minor"] = minor
        rules.append(rule)
    return rules


def _resources():
    return {
        "devices": _device_rules(),
        "cpu": {"shares": 512, "period": 100000, "quota": 50000},
        "memory": {"limit": MEMORY_BYTES},
        "pids": {"limit": PIDS},
    }


def _process(arguments):
    kinds = ("bounding", "effective", "permitted")
    return {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": arguments,
        "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
        "cwd": "/",
        "capabilities": {kind: DEFAULT_CAPABILITIES for kind in kinds},
        "noNewPrivileges": False,
    }


def make_bundle(path, rootfs, cgroups_path, arguments=("/bin/true",), limits=True):
    """An OCI bundle of the container that the floor program makes, but for the overlay: crun is
    given its root ready. Without limits: for what is to write as fast as it can."""
    os.makedirs(path)
    namespaces = ("pid", "ipc", "uts", "mount", "network", "cgroup")
    config = {
        "ociVersion": "1.0.2",
        "process": _process(list(arguments)),
        "root": {"path": rootfs, "readonly": False},
        "hostname": "bench",
        "mounts": _mounts(),
        "linux": {
            "resources": _resources() if limits else {"devices": _device_rules()},
            "cgroupsPath": cgroups_path,
            "namespaces": [{"type": name} for name in namespaces],
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
            "seccomp": _seccomp(),
        },
    }
    with open(os.path.join(path, "config.json"), "w") as file:
        json.dump(config, file)
