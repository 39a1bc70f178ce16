"""Attacks from inside of a container: files of the kernel's, control groups, devices, system calls, processes. As in
escapes_test.py, what would show that one succeeded is looked at on the host."""

import glob
import os
import subprocess
import unittest

from escape_case import SECRET, EscapeCase, attack_here, outcomes, read, unchanged
from harness import BIN, cgroup_hierarchies, wait_for

REFUSED = ("EPERM", "ENOSYS")


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
            self.attacker("sh", "-c", self.WAYS, "sh", path, "7", options=self.OPEN)
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
