"""Attacks on the start of a container and from inside of it, each made for real: what would show that one got out is looked at
on the host, and where it can be, the same attack is made where it works, so that the test is known to notice. docs/security.md
has the table of all of them."""

import glob
import os
import subprocess

from escape_case import SECRET, EscapeCase, attack_here, outcomes, read, unchanged, unittest
from harness import BIN, cgroup_hierarchies, host_mounts_of, wait_for

REFUSED = ("EPERM", "ENOSYS")
UP = "../" * 12
# More than a container's process has open at any time on its way to its program.
NUMBERS = range(3, 40)


class Descriptors(EscapeCase):
    """What is open on the way to the program leads nowhere (CVE-2024-21626)."""

    def routes(self, number):
        """Through a descriptor of ours to a program of the host, by the mounts of the host."""
        return f"/proc/self/fd/{number}/{UP}{self.program[1:]}"

    def test_no_directory_is_open_for_an_interpreter(self):
        def scripts(at):
            for number in NUMBERS:
                with open(at(f"bin/script{number}"), "w", encoding="ascii") as file:
                    file.write(f"#!{self.routes(number)} echo\n")
                os.chmod(at(f"bin/script{number}"), 0o755)
        tree = self.hostile("interpreters", scripts)
        for number in NUMBERS:
            done = self.daemon.skerry("run", "--rm", "--rootfs", tree, f"script{number}", check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(done.out, "")
        # Where the path leads to a program, it runs.
        with open(os.path.join(tree, "bin", "good"), "w", encoding="ascii") as file:
            file.write("#!/bin/busybox echo\n")
        os.chmod(os.path.join(tree, "bin", "good"), 0o755)
        done = self.daemon.skerry("run", "--rm", "--rootfs", tree, "good")
        self.assertEqual(done.out, "/bin/good\n")

    def test_no_directory_is_open_for_the_program(self):
        for number in NUMBERS:
            done = self.attacker(self.routes(number), "echo", "out")
            self.assertIn(done.returncode, (126, 127), done.err)
        self.assertEqual(subprocess.run([self.program, "echo", "out"], capture_output=True,
                                        check=True).stdout, b"out\n")

    def test_no_directory_is_open_for_an_exec(self):
        self.run_box()
        script = "".join(f"printf '#!{self.routes(n)} echo\\n' >/bin/s{n}; chmod 755 /bin/s{n};"
                         for n in NUMBERS)
        self.in_box("sh", "-c", script)
        for number in NUMBERS:
            for command in (f"s{number}", self.routes(number)):
                done = self.daemon.skerry("exec", "box", command, "echo", "out", check=False)
                self.assertIn(done.returncode, (126, 127), done.err)
                self.assertEqual(done.out, "")

    def test_no_working_directory_outside(self):
        self.run_box()
        ways = [f"/proc/self/fd/{number}" for number in NUMBERS]
        ways += [f"{way}/{UP}" for way in ways]
        for way in ways:
            look = f"pwd -P; cat {UP}{self.secret[1:]}; cat {self.secret}"
            for done in (self.sh(look, "-w", way),
                         self.daemon.skerry("exec", "-w", way, "box", "sh", "-c", look, check=False)):
                self.assertNotEqual(done.returncode, 0)
                # An exec has the container's own root open.
                self.assertIn(done.out, ("", "/\n"), way)

    def test_a_link_as_working_directory(self):
        def links(at):
            for number in NUMBERS:
                os.symlink(f"/proc/self/fd/{number}", at(f"d{number}"))
        tree = self.hostile("directories", links)
        for number in NUMBERS:
            done = self.daemon.skerry("run", "--rm", "-w", f"/d{number}", "--rootfs", tree, "sh", "-c",
                                      f"pwd -P; cat {UP}{self.secret[1:]}", check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(done.out, "")

    def test_nothing_else_is_open(self):
        shown = self.sh("ls -l /proc/self/fd | sed -n 's/.*-> //p'").out
        for target in shown.splitlines():
            self.assertRegex(target, r"^(/dev/null|pipe:\[\d+\]|/proc/\d+/fd)$")
        self.run_box()
        shown = self.in_box("sh", "-c", "ls -l /proc/self/fd | sed -n 's/.*-> //p'").stdout.decode()
        for target in shown.splitlines():
            self.assertRegex(target, r"^(/dev/null|pipe:\[\d+\]|/proc/\d+/fd)$")


class HostileImages(EscapeCase):
    """Links and files where the start of a container writes, mounts or reads."""

    def run_tree(self, tree, *command, options=()):
        return self.daemon.skerry("run", "--rm", *options, "--rootfs", tree, *command, check=False)

    # CVE-2019-19921, CVE-2023-27561, CVE-2025-31133, CVE-2025-52881
    def test_links_for_the_kernels_directories(self):
        for name in ("proc", "sys", "dev"):
            trap = self.host_directory("trap-" + name)
            for text in (trap, UP + trap[1:], "/tmp"):
                tree = self.hostile("link-" + name, lambda at, n=name, t=text: os.symlink(t, at(n)))
                done = self.run_tree(tree, "true")
                self.assertEqual(done.returncode, 125)
                self.assertIn(f"/{name}", done.err)
                self.assertEqual(os.listdir(trap), [])
                self.doCleanups_of(tree)
        self.alive()

    def doCleanups_of(self, tree):
        subprocess.run(["rm", "-rf", tree], check=True)

    def test_what_lies_below_dev_and_proc_is_covered(self):
        trap = self.host_directory("trap-below")

        def fill(at):
            for name in ("dev", "proc", "sys"):
                os.makedirs(at(name))
            for name in ("shm", "pts", "mqueue", "console", "null", "ptmx"):
                os.symlink(trap, at("dev/" + name))
            os.symlink(trap, at("proc/sys"))
            os.symlink(trap, at("sys/fs"))
        tree = self.hostile("below", fill)
        done = self.run_tree(tree, "sh", "-c", "echo x >/dev/shm/f; echo x >/dev/null; ls -ld /dev/shm "
                             "/proc/sys /dev/pts | cut -c1; stat -c %t:%T /dev/null")
        self.assertEqual(done.out, "d\nd\nd\n1:3\n", done.err)
        self.assertEqual(os.listdir(trap), [])

    # A link where a mount is to go leads to the image's own place.
    def test_links_for_mount_targets(self):
        trap = self.host_directory("trap-targets")
        source = self.host_directory("source")
        tree = self.hostile("targets", lambda at: (os.symlink(trap, at("abs")),
                                                   os.symlink(UP + trap[1:], at("rel"))))
        for target in ("/abs", "/rel", "/abs/new", "/rel/new/er"):
            for options in (("--tmpfs", target), ("-v", f"{source}:{target}"),
                            ("-v", f"{self.secret}:{target}/f")):
                self.run_tree(tree, "touch", f"{target}/touched", options=options)
                self.assertEqual(os.listdir(trap), [])
        self.run_tree(tree, "true", options=("-w", "/abs/made"))
        self.assertEqual(os.listdir(trap), [])
        self.assertEqual(host_mounts_of(self.daemon), [])

    def test_links_that_lead_mounts_to_the_kernels_files(self):
        core_pattern = "/proc/sys/kernel/core_pattern"
        unchanged(self, core_pattern)
        shared = self.host_directory("shared")
        fake = self.host_directory("fake")
        for text in ("/proc", "/proc/sys", "/proc/self", "/sys", "../proc/sys/kernel"):
            link = os.path.join(shared, "link")
            os.symlink(text, link)
            for options in (("-v", f"{shared}:/data", "-v", f"{fake}:/data/link"),
                            ("-v", f"{shared}:/data", "--tmpfs", "/data/link",
                             "--sysctl", "kernel.shmmni=77"),
                            ("-v", f"{shared}:/data", "-v", f"{self.secret}:/data/link/kernel")):
                done = self.attacker("true", options=options)
                self.assertEqual(done.returncode, 125, (text, options))
            os.unlink(link)
        self.assertEqual(os.listdir(fake), [])
        # The same without a link is a mount.
        self.assertEqual(self.attacker("true", options=("-v", f"{shared}:/data", "--tmpfs",
                                                        "/data/link")).returncode, 0)

    # CVE-2025-31133: what covers files with /dev/null covers them with that and with nothing else.
    def test_no_other_file_for_a_mask(self):
        fake = self.host_file("fake-null", "fake\n")
        done = self.sh("cat /proc/kcore | head -c 4; ls /dev", "-v", f"{fake}:/dev/null")
        self.assertEqual((done.returncode, done.out), (125, ""))
        masked = [name for name in ("kcore", "keys", "timer_list", "interrupts")
                  if os.path.exists("/proc/" + name)]
        self.assertTrue(masked)
        for name in masked:
            self.assertEqual(self.sh(f"stat -c %t:%T /proc/{name}").out, "1:3\n", name)

    def test_users_of_the_image(self):
        def with_passwd(text=None, link=None, fifo=False):
            def change(at):
                os.unlink(at("etc/passwd"))
                if link:
                    os.symlink(link, at("etc/passwd"))
                elif fifo:
                    os.mkfifo(at("etc/passwd"))
                else:
                    with open(at("etc/passwd"), "w", encoding="ascii") as file:
                        file.write(text)
            return change
        with open("/etc/passwd", encoding="utf-8") as file:
            only_here = [line.split(":")[0] for line in file if line.startswith("daemon:")]
        self.assertEqual(only_here, ["daemon"])
        for index, link in enumerate(("/etc/../../../../../etc/passwd", UP + "etc/passwd",
                                      "/proc/1/root/etc/passwd", "/dev/zero")):
            tree = self.hostile(f"passwd{index}", with_passwd(link=link))
            done = self.run_tree(tree, "id", options=("-u", "daemon"))
            self.assertEqual((done.returncode, done.out), (125, ""), link)
        tree = self.hostile("passwd-fifo", with_passwd(fifo=True))
        self.assertEqual(self.run_tree(tree, "true", options=("-u", "daemon")).returncode, 125)
        # CVE-2016-3697: a number is a number, whatever is called so.
        tree = self.hostile("passwd-number", with_passwd(text="1000:x:0:0::/:/bin/sh\n"))
        done = self.run_tree(tree, "id", "-u", options=("-u", "1000"))
        self.assertNotEqual(done.out, "0\n")
        # CVE-2024-40635: one that wraps around is none.
        for user in ("4294967296", "4294967295", "-1", "0x0", "18446744073709551616"):
            done = self.attacker("id", "-u", options=("-u", user))
            self.assertEqual((done.returncode, done.out), (125, ""), user)

    # Neither does the daemon take anything out of a file of the kernel's while it looks for users.
    def test_users_of_a_container_that_bends_them(self):
        self.run_box("sh", "-c", "ln -sf /proc/kmsg /etc/passwd; >/tmp/done; exec sleep 1000")
        wait_for(lambda: self.daemon.skerry("exec", "box", "true", check=False).returncode != 0,
                 "the users to be refused")
        done = self.daemon.skerry("exec", "-u", "root", "box", "id", check=False)
        self.assertEqual(done.returncode, 125)
        self.assertIn("passwd", done.err)


class KernelFiles(EscapeCase):
    """Files by which the kernel is told what to run, and what it says about the host."""

    WAYS = """
        echo "$2" >"$1"; echo "$2" >>"$1"; printf '%s' "$2" | dd of="$1" conv=notrunc
        mount -o remount,rw /proc/sys; mount -o remount,rw "$1"; umount /proc/sys; umount "$1"
        echo "$2" >"$1"
        mkdir -p /tmp/p; mount -t proc proc /tmp/p; mount -t sysfs sysfs /tmp/p
        echo "$2" >"/tmp/p/${1#/proc}"; echo "$2" >"/tmp/p/${1#/sys}"
        unshare -m sh -c 'mount -t proc proc /tmp/p; echo "$1" >"/tmp/p/$0"' "${1#/proc}" "$2"
        unshare -Urm sh -c 'mount -t proc proc /tmp/p; echo "$1" >"/tmp/p/$0"' "${1#/proc}" "$2"
        echo "$2" >"/proc/self/root$1"; echo "$2" >"/proc/1/root$1"; echo "$2" >"/proc/thread-self/root$1"
        ln -sf "$1" /tmp/l; echo "$2" >/tmp/l; mv "$1" /tmp/moved; chmod 666 "$1"; rm -f "$1"
        true
    """

    def test_core_pattern_and_its_like(self):
        proof = os.path.join(self.daemon.base, "proof")
        paths = [path for path in (
            "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug",
            "/proc/sys/vm/panic_on_oom", "/proc/sys/kernel/panic", "/proc/sys/fs/file-max",
            "/proc/sys/kernel/randomize_va_space", "/sys/kernel/uevent_helper",
            "/sys/kernel/mm/transparent_hugepage/enabled", "/proc/irq/default_smp_affinity",
            "/sys/kernel/profiling", "/proc/sys/kernel/ns_last_pid") if os.path.exists(path)]
        self.assertIn("/proc/sys/kernel/core_pattern", paths)
        unchanged(self, *(path for path in paths if "last_pid" not in path))
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            mounts = file.read()
        for path in paths:
            done = self.attacker("sh", "-c", self.WAYS, "sh", path, f"|/bin/touch {proof}")
            self.assertEqual(done.returncode, 0, done.err)
        # The kernel would run it when this one dies.
        self.sh("ulimit -c unlimited; sh -c 'kill -SEGV $$'")
        self.assertFalse(os.path.exists(proof))
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            self.assertEqual(file.read(), mounts)

    def test_the_ways_lead_there_without_guards(self):
        path = "/proc/sys/vm/stat_interval"
        before = read(path)
        try:
            self.attacker("sh", "-c", self.WAYS, "sh", path, "7", options=Calls.OPEN)
            self.assertEqual(read(path), "7\n")
        finally:
            with open(path, "w", encoding="ascii") as file:
                file.write(before)
        self.attacker("sh", "-c", self.WAYS, "sh", path, "7")
        self.assertEqual(read(path), before)

    def test_what_is_masked(self):
        masked = ("kcore", "keys", "timer_list", "sched_debug", "latency_stats", "interrupts")
        present = [name for name in masked if os.path.exists("/proc/" + name)]
        self.assertGreaterEqual(len(present), 2)
        for name in present:
            self.assertEqual(self.sh(f"head -c 16 /proc/{name} | wc -c").out, "0\n", name)
            with open("/proc/" + name, "rb") as file:
                self.assertTrue(file.read(16), name)
        self.assertEqual(self.sh("ls -A /sys/firmware /proc/scsi /proc/acpi 2>/dev/null | grep -v :").out.strip(), "")

    def test_sysrq(self):
        # "h" prints help into the kernel's log, and nothing else.
        done = self.sh("echo h >/proc/sysrq-trigger")
        self.assertNotEqual(done.returncode, 0)
        if os.path.exists("/proc/sysrq-trigger"):
            self.assertIn("Read-only file system", done.err)

    # CVE-2022-0811, and names that lead up.
    def test_sysctls_stay_in_namespaces(self):
        unchanged(self, "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/shm_rmid_forced",
                  "/proc/sys/vm/swappiness")
        for setting in ("kernel.core_pattern=|/x", "kernel.shm_rmid_forced=1+kernel.core_pattern=|/x",
                        "kernel.shmmax+kernel.core_pattern=1", "net/../kernel/core_pattern=|/x",
                        "net.//.kernel.core_pattern=|/x", "net/ipv4/../../kernel/core_pattern=|/x",
                        "vm.swappiness=1", "kernel/shmmax/../core_pattern=|/x", "/kernel/core_pattern=x"):
            done = self.attacker("true", options=("--sysctl", setting))
            self.assertEqual(done.returncode, 125, setting)
        # Of the namespace it is the container's own.
        self.assertEqual(self.sh("cat /proc/sys/kernel/shm_rmid_forced", "--sysctl",
                                 "kernel.shm_rmid_forced=1").out, "1\n")


class Cgroups(EscapeCase):
    """Limits are the host's to set, and release_agent is nobody's in a container."""

    def test_release_agent(self):
        agents = [path for hierarchy in cgroup_hierarchies()
                  for path in glob.glob(os.path.join(hierarchy, "release_agent"))]
        unchanged(self, *agents)
        proof = os.path.join(self.daemon.base, "proof-of-agent")
        self.sh(f"""
            mkdir /tmp/c
            for c in memory cpu,cpuacct rdma pids devices misc; do
              mount -t cgroup -o $c cgroup /tmp/c; umount /tmp/c
              unshare -UrmC sh -c "mount -t cgroup -o $c cgroup /tmp/c && mkdir /tmp/c/x &&
                                   echo 1 >/tmp/c/x/notify_on_release; echo {proof} >/tmp/c/release_agent"
            done
            mount -t cgroup2 none /tmp/c
            for f in $(find /sys/fs/cgroup -name release_agent -o -name notify_on_release); do
              echo /bin/true >$f; echo 1 >$f
            done""")
        self.assertEqual(self.sh("find /sys/fs/cgroup -name release_agent | wc -l").out, "0\n")
        self.assertFalse(os.path.exists(proof))

    def test_limits_cannot_be_written(self):
        self.run_box("sleep", "1000", options=("-m", "64m", "--pids-limit", "50", "--cpus", "0.5"))
        uid = self.daemon.inspect("box")["uid"]
        groups = [path for path in (os.path.join(hierarchy, self.daemon.scope(), uid)
                                    for hierarchy in cgroup_hierarchies()) if os.path.isdir(path)]
        self.assertTrue(groups)
        names = ("memory.limit_in_bytes", "memory.max", "pids.max", "cpu.cfs_quota_us", "cpu.max",
                 "cpuset.cpus", "devices.list")
        files = [os.path.join(group, name) for group in groups for name in names
                 if os.path.exists(os.path.join(group, name))]
        before = {path: read(path) for path in files}
        self.assertGreaterEqual(len(before), 2)
        self.in_box("sh", "-c", """
            for f in $(find /sys/fs/cgroup -type f); do echo max >$f; echo -1 >$f; echo 1 >$f; done 2>/dev/null
            for d in /sys/fs/cgroup /sys/fs/cgroup/*; do
              mkdir $d/mine; mount -o remount,rw $d; echo $$ >$d/cgroup.procs; echo 0 >$d/tasks; echo a >$d/devices.allow
            done 2>/dev/null; true""")
        self.assertEqual({path: read(path) for path in files}, before)
        self.assertEqual([name for group in groups for name in os.listdir(group)
                          if name == "mine"], [])

    def test_it_sees_its_own_group_as_the_top(self):
        lines = self.sh("cat /proc/self/cgroup").out.splitlines()
        self.assertTrue(lines)
        self.assertEqual({line.split(":", 2)[2] for line in lines}, {"/"})
        self.assertNotIn(self.daemon.name, self.sh("cat /proc/self/mountinfo | grep cgroup").out)


class Devices(EscapeCase):
    """Nodes can be made, and only those of the allow-list opened."""

    def nodes(self):
        info = os.stat(self.daemon.base)
        disks = {("b", os.major(info.st_dev), os.minor(info.st_dev))}
        with open("/proc/partitions", encoding="ascii") as file:
            for line in file.read().splitlines()[2:]:
                disks.add(("b", *map(int, line.split()[:2])))
        # mem, port, kmsg, fuse, loop-control, tun, kvm, vhost-net, a terminal of the host
        characters = ((1, 1), (1, 4), (1, 11), (10, 229), (10, 237), (10, 200), (10, 232), (10, 238), (4, 1))
        return sorted(disks) + [("c", major, minor) for major, minor in characters]

    def test_devices_of_the_host(self):
        opened_here = 0
        for kind, major, minor in self.nodes():
            numbers = (kind, str(major), str(minor))
            # A disk may have no driver any more; what can be opened here shows that it matters.
            here = outcomes(attack_here("open-device", self.daemon.base, *numbers).stdout)
            opened_here += here.get("open") == "ok"
            for options in ((), ("--cap-add", "SYS_ADMIN", "--cap-add", "SYS_RAWIO")):
                inside = outcomes(self.attacker("attack", "open-device", "/tmp", *numbers,
                                                options=options).out)
                self.assertIn(inside.get("open", inside.get("make")), ("EPERM",), numbers)
        self.assertGreaterEqual(opened_here, 2)

    def test_in_an_exec_too(self):
        self.run_box()
        inside = outcomes(self.in_box("attack", "open-device", "/tmp", "c", "1", "11").stdout.decode())
        self.assertEqual(inside["open"], "EPERM")
        inside = outcomes(self.in_box("attack", "open-device", "/tmp", "c", "1", "3").stdout.decode())
        self.assertEqual(inside["open"], "ok")

    # CVE-2025-52565, and what lies at the places a terminal is made of.
    def test_console_and_ptmx_replaced(self):
        unchanged(self, self.secret)
        pts = set(os.listdir("/dev/pts"))
        self.run_box("sh", "-c", f"""
            cd /dev; rm -f ptmx console tty null; ln -s {self.secret} console; ln -s /tmp/x ptmx
            ln -s {self.secret} null; mv pts pts2; rmdir pts; mount -t devpts none /tmp; ln -s {self.secret} tty
            rm -f pts/ptmx; >/tmp/ready; exec sleep 1000""")
        wait_for(lambda: self.in_box("ls", "/tmp/ready").exit.code == 0, "the attack")
        master, slave = os.openpty()
        try:
            done = subprocess.run([os.path.join(BIN, "skerry"),
                                   "-H", f"unix://{self.daemon.run}/skerryd.sock", "exec", "-it", "box",
                                   "sh", "-c", "tty >/tmp/tty; echo x >/dev/null; stat -c %t /proc/self/fd/0"],
                                  stdin=slave, stdout=slave, stderr=slave, timeout=60, check=False)
            self.assertEqual(done.returncode, 0)
        finally:
            os.close(master)
            os.close(slave)
        self.assertRegex(self.in_box("cat", "/tmp/tty").stdout.decode(), r"^/dev/pts/\d+\n$")
        self.assertLessEqual(set(os.listdir("/dev/pts")), pts | {os.path.basename(os.ttyname(0))
                                                                if os.isatty(0) else "ptmx"})

    # The null device an exec has for its input is not the host's, whatever is at /dev/null.
    def test_null_device_of_the_host(self):
        before = os.stat("/dev/null")
        self.addCleanup(os.utime, "/dev/null", ns=(before.st_atime_ns, before.st_mtime_ns))
        self.addCleanup(os.chmod, "/dev/null", before.st_mode & 0o7777)
        self.addCleanup(os.chown, "/dev/null", before.st_uid, before.st_gid)
        self.run_box()
        changes = ("chmod 0600 /proc/self/fd/0; chown 1000:1000 /proc/self/fd/0; touch -d @5 /proc/self/fd/0;"
                   "stat -L -c %t:%T /proc/self/fd/0")
        for setup in ("true", "rm /dev/null", "mkfifo /dev/null", "rm /dev/null; echo >/dev/null",
                      "rm /dev/null; mkdir /dev/null"):
            self.in_box("sh", "-c", setup)
            done = self.in_box("sh", "-c", changes, timeout=30)
            self.assertIn("1:3", done.stdout.decode(), setup)
        after = os.stat("/dev/null")
        self.assertEqual((after.st_mode, after.st_uid, after.st_gid, after.st_mtime),
                         (before.st_mode, before.st_uid, before.st_gid, before.st_mtime))


class Calls(EscapeCase):
    """System calls that lead out: refused here, and let through where the operator takes the guards away."""

    OPEN = ("--security-opt", "seccomp=unconfined",
            *(word for name in ("SYS_ADMIN", "SYS_MODULE", "SYS_BOOT", "SYS_TIME", "SYS_PACCT", "SYS_RAWIO",
                                "SYS_PTRACE", "DAC_READ_SEARCH", "BPF", "PERFMON", "SYSLOG")
              for word in ("--cap-add", name)))
    # Of a container's root by default, as everywhere.
    GRANTED = {"raw-socket", "packet-socket"}

    def test_refused_by_default(self):
        inside = outcomes(self.attacker("attack", "calls").out)
        outside = outcomes(self.attacker("attack", "calls", options=self.OPEN).out)
        self.assertEqual(set(inside), set(outside))
        self.assertGreaterEqual(len(inside), 40)
        for name, outcome in inside.items():
            if name in self.GRANTED:
                self.assertEqual(outcome, "ok", name)
            else:
                self.assertIn(outcome, REFUSED, name)
        effective = [name for name, outcome in outside.items() if outcome not in REFUSED]
        # Some this kernel does not have.
        self.assertGreaterEqual(len(effective), 30, outside)

    def test_refused_in_an_exec_and_to_users(self):
        self.run_box()
        inside = outcomes(self.in_box("attack", "calls").stdout.decode())
        self.assertEqual({name for name, word in inside.items() if word not in REFUSED}, self.GRANTED)
        inside = outcomes(self.attacker("attack", "calls", options=("-u", "alice")).out)
        self.assertEqual({name for name, word in inside.items() if word not in REFUSED}, set())

    def test_seccomp_alone_and_capabilities_alone(self):
        """Each of the two walls holds most of it when the other is gone."""
        ways_in = ("mount-proc", "unshare-mount", "setns", "kexec", "module", "bpf", "open-by-handle")
        bare = outcomes(self.attacker("attack", "calls", *ways_in,
                                      options=("--security-opt", "seccomp=unconfined")).out)
        self.assertEqual(set(bare.values()) - set(REFUSED), set(), bare)

    def test_raw_sockets_need_the_capability(self):
        for options in (("--cap-drop", "NET_RAW"), ("-u", "alice")):
            inside = outcomes(self.attacker("attack", "calls", "raw-socket", "packet-socket",
                                            options=options).out)
            self.assertEqual(set(inside.values()), {"EPERM"})

    def test_keys_of_the_host(self):
        name = "skerry-test-" + self.daemon.name
        key = attack_here("keep-key", name).stdout.strip()
        self.assertTrue(key.isdigit(), key)
        self.addCleanup(attack_here, "forget-key", key)
        self.assertIn(f"content {name}", attack_here("read-key", name, key).stdout)
        self.run_box()
        for inside in (self.attacker("attack", "read-key", name, key).out,
                       self.in_box("attack", "read-key", name, key).stdout.decode()):
            self.assertNotIn("content", inside)
            self.assertEqual(set(outcomes(inside).values()), {"EPERM"})

    # "Shocker": the file is beside the directory that the container may see.
    def test_files_by_handle(self):
        shared = self.host_directory("handles")
        handle = attack_here("name-handle", self.secret).stdout.split()
        self.assertEqual(len(handle), 2, handle)
        self.assertIn(SECRET, attack_here("open-handle", shared, *handle).stdout)
        mount = ("-v", f"{shared}:/shared")
        done = self.attacker("attack", "open-handle", "/shared", *handle, options=mount)
        self.assertEqual(done.out, "open EPERM\n")

    # What its root may is the most there is: such programs bring a user there, and not if told so.
    def test_set_user_id_programs(self):
        script = "cp /bin/attack /tmp/a; chmod 4755 /tmp/a; exec su -s /bin/sh alice -c '/tmp/a who'"
        self.assertEqual(self.sh(script).out, "0 00000000a80425fb\n")
        self.assertEqual(self.sh(script, "--security-opt", "no-new-privileges").out,
                         "1000 0000000000000000\n")

    # The root directory is made by chroot and not by pivot_root: whoever leaves it is where they were.
    def test_chroot_leads_nowhere(self):
        inside = outcomes(self.attacker("attack", "break-chroot", self.secret).out)
        self.assertEqual(inside, {"open": "ENOENT", "shell": "ok"})
        here = outcomes(attack_here("break-chroot", self.secret).stdout)
        self.assertEqual((here["open"], here["content"]), ("ok", SECRET))
        os.rmdir("/tmp/jail")
        self.run_box()
        inside = outcomes(self.in_box("attack", "break-chroot", self.secret).stdout.decode())
        self.assertEqual(inside, {"open": "ENOENT", "shell": "ok"})


class Processes(EscapeCase):
    """Processes outside cannot be seen, signalled, or reached by a socket."""

    def test_everything_it_can_kill_is_its_own(self):
        self.daemon.skerry("run", "-d", "--name", "bystander", "busybox", "sleep", "1000")
        bystander = self.daemon.inspect("bystander")["pid"]
        outside = self.daemon.launcher_pids() | {bystander, self.daemon.process.pid}
        self.run_box("sh", "-c", """
            trap '' TERM; kill -9 -1; i=2
            while [ $i -lt 70000 ]; do kill -9 $i 2>/dev/null; kill -9 -$i 2>/dev/null; i=$((i+1)); done
            kill -9 0; exit 3""")
        self.assertIn(self.daemon.skerry("wait", "box").out.strip(), ("3", "137"))
        for pid in outside - (outside - {bystander, self.daemon.process.pid}):
            os.kill(pid, 0)
        self.assertEqual(self.daemon.inspect("bystander")["state"].upper().rsplit("_", 1)[-1], "RUNNING")
        self.alive()

    def test_no_process_of_the_host_is_seen(self):
        shown = self.sh("cat /proc/[0-9]*/comm; cat /proc/[0-9]*/environ; cat /proc/[0-9]*/cmdline").out
        self.assertNotIn("skerry", shown)
        self.assertNotIn(SECRET, shown)
        self.assertEqual(self.sh("grep PPid /proc/1/status").out.split()[1], "0")

    # CVE-2020-15257: a container in the host's network reaches sockets without a path.
    def test_no_abstract_sockets(self):
        self.run_box()
        with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
            paths = [line.split()[7] for line in file if len(line.split()) > 7]
        ours = [path for path in paths if self.daemon.name in path or self.daemon.run in path]
        self.assertTrue(ours)
        self.assertEqual([path for path in paths if path.startswith("@") and "skerry" in path], [])
        self.assertEqual([path for path in ours if not path.startswith("/")], [])
        found = self.sh("find / -xdev -type s; find /dev /run /tmp -type s", "--network", "host").out
        self.assertEqual(found, "")

    # CVE-2021-41103: a user of the host gets at no program a container has put down.
    def test_users_of_the_host_stay_out(self):
        self.run_box("sh", "-c", "cp /bin/busybox /suid; chmod 6755 /suid; exec sleep 1000")
        wait_for(lambda: self.in_box("ls", "/suid").exit.code == 0, "the program")
        planted = glob.glob(os.path.join(self.daemon.root, "containers", "*", "upper", "suid"))
        self.assertEqual(len(planted), 1)
        with self.assertRaises(PermissionError):
            subprocess.run([planted[0], "id"], user=65534, group=65534, check=False, timeout=20)
        done = subprocess.run(["ls", self.daemon.run, self.daemon.root], user=65534, group=65534,
                              capture_output=True, check=False, timeout=20)
        self.assertEqual((done.returncode != 0, done.stdout), (True, b""))

    # CVE-2022-24769, CVE-2022-36109, and the process the program begins as.
    def test_what_the_program_begins_with(self):
        self.run_box()
        look = "grep -E '^(Cap|NoNew|Seccomp:|Groups)' /proc/self/status"
        for text in (self.sh(look).out, self.in_box("sh", "-c", look).stdout.decode()):
            status = dict(line.split(":", 1) for line in text.splitlines())
            self.assertEqual(int(status["CapInh"], 16), 0)
            self.assertEqual(int(status["CapAmb"], 16), 0)
            self.assertEqual(int(status["CapBnd"], 16), 0xa80425fb)
            self.assertEqual(status["NoNewPrivs"].strip(), "0")
            self.assertEqual(status["Seccomp"].strip(), "2")
            self.assertEqual(status["Groups"].split(), ["0"])
        self.assertEqual(self.sh("id -G", "-u", "1234:567").out.split(), ["567"])

    def test_a_huge_environment(self):
        many = self.host_file("many-variables", "".join(f"V{i}={'x' * 100_000}\n" for i in range(60)))
        done = self.attacker("true", options=("--env-file", many))
        self.assertNotEqual(done.returncode, 0)
        self.assertTrue(done.err)
        done = self.attacker("sh", "-c", "echo ${#V}", options=("-e", "V=" + "x" * 120_000))
        self.assertEqual(done.out, "120000\n")
        self.alive()


if __name__ == "__main__":
    unittest.main()
