"""Attacks of images on the start of a container, each made for real: what would show that one got out is looked at on the host,
and where it can be, the same attack is made where it works, so that the test is known to notice. docs/security.md has the table
of all of them."""

import os
import subprocess
import unittest

from escape_case import EscapeCase, unchanged
from harness import host_mounts_of, wait_for

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


if __name__ == "__main__":
    unittest.main()
