"""Volumes as users meet them: shared by containers, there after every kind of end, and kept by plugins that do everything
wrong."""

import json
import os
import subprocess
import threading
import time
import unittest

from harness import DaemonTest, Daemon, wait_for
from volume_host import FaultPlugin, Rclone

WRITE = ("sh", "-c", "echo $0 >/data/file; sync")
READ = ("cat", "/data/file")


class VolumeTest(DaemonTest):
    """A daemon that waits for no driver longer than it must in a test."""

    settings = {"mount_deadline": "15s", "unmount_deadline": "5s"}

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            if os.environ.get("SKERRY_MUST_RUN"):
                raise AssertionError("needs root")
            raise unittest.SkipTest("needs root")
        cls.daemon = Daemon()
        cls.addClassCleanup(cls.daemon.destroy)
        cls.daemon.volumes = dict(cls.settings)
        cls.prepare(cls.daemon)
        cls.daemon.start()
        cls.daemon.import_busybox()

    @classmethod
    def prepare(cls, daemon):
        """Before the daemon starts."""

    @classmethod
    def tearDownClass(cls):
        """The class cleanups do it, also when the daemon did not come up."""

    def tearDown(self):
        super().tearDown()
        wait_for(lambda: not self.debts(), f"debts to be paid: {self.debts()}", seconds=60)
        for volume in self.volumes():
            self.daemon.skerry("volume", "rm", "--tenant", volume["tenant"], volume["name"])
        self.assertEqual(self.volumes(), [])
        left = [name for name in os.listdir(os.path.join(self.daemon.root, "volumes"))
                if name != ".host-id"]
        self.assertEqual(left, [])

    def listed(self, *arguments):
        return json.loads(self.daemon.skerry(*arguments, "-o", "json").out or "[]")

    def debts(self):
        return self.listed("debug", "debts")

    def operations(self):
        return self.listed("debug", "ops")

    def volumes(self, *arguments):
        return self.listed("volume", "ls", *arguments)

    def volume(self, name):
        return json.loads(self.daemon.skerry("volume", "inspect", name).out)[0]

    def run_in(self, volume, *command, options=()):
        return self.daemon.skerry("run", "--rm", "-v", f"{volume}:/data", *options, "busybox",
                                  *command).out

    def sleeper(self, volume, *options):
        return self.daemon.skerry("run", "-d", "-v", f"{volume}:/data", *options, "busybox",
                                  "sleep", "1000").out.strip()

    def fails(self, *arguments, timeout=60):
        done = self.daemon.skerry(*arguments, check=False, timeout=timeout)
        self.assertNotEqual(done.returncode, 0, done.out)
        return done.err


class Local(VolumeTest):
    def test_is_made_at_first_use_and_shared(self):
        self.run_in("data", *WRITE, "first")
        self.assertEqual(self.run_in("data", *READ), "first\n")
        volume = self.volume("data")
        self.assertEqual((volume["driver"], volume["state"]), ("local", "idle"))
        self.assertEqual(volume.get("uses", []), [])

    def test_two_containers_see_each_other_in_it(self):
        writer = self.sleeper("data")
        reader = self.daemon.skerry("run", "-d", "--mount",
                                    "type=volume,source=data,target=/in,readonly", "busybox",
                                    "sleep", "1000").out.strip()
        self.daemon.skerry("exec", writer, "sh", "-c", "echo now >/data/file")
        self.assertEqual(self.daemon.skerry("exec", reader, "cat", "/in/file").out, "now\n")
        self.assertIn("Read-only", self.fails("exec", reader, "sh", "-c", "echo x >/in/file"))
        uses = self.volume("data")["uses"]
        self.assertEqual([use["container_uid"] for use in uses], [writer, reader])
        self.assertEqual([use["target"] for use in uses], ["/data", "/in"])
        self.assertTrue(uses[1]["read_only"])

    def test_survives_kills_of_the_daemon(self):
        uid = self.sleeper("data")
        self.daemon.skerry("exec", uid, "sh", "-c", "echo before >/data/file")
        self.daemon.restart()
        self.assertEqual(self.volume("data")["state"], "mounted")
        self.assertEqual(self.run_in("data", *READ), "before\n")
        pid = self.daemon.inspect(uid)["pid"]
        self.daemon.kill()
        os.kill(pid, 9)
        self.daemon.start()
        wait_for(lambda: self.volume("data")["state"] == "idle",
                 "what the dead container held to be given back")
        self.assertEqual(self.run_in("data", *READ), "before\n")

    def test_survives_a_lost_state(self):
        self.run_in("data", *WRITE, "kept")
        uid = self.sleeper("data")
        self.daemon.kill()
        for name in os.listdir(self.daemon.root):
            if name.startswith("state.db"):
                os.unlink(os.path.join(self.daemon.root, name))
        self.daemon.start()
        self.daemon.import_busybox()
        self.assertEqual([use["container_uid"] for use in self.volume("data")["uses"]], [uid])
        self.assertIn("used by container", self.fails("volume", "rm", "data"))
        self.assertEqual(self.run_in("data", *READ), "kept\n")

    def test_one_in_use_is_not_removed(self):
        uid = self.sleeper("data", "--name", "holder")
        done = self.daemon.skerry("volume", "rm", "data", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn('volume "data" is used by container "holder"', done.err)
        # A stopped one may be started again, and must find its data.
        self.daemon.skerry("stop", "-t", "0", uid)
        wait_for(lambda: self.volume("data")["state"] == "idle", "the release")
        self.assertIn("used by", self.fails("volume", "rm", "data"))
        self.daemon.skerry("start", uid)
        self.daemon.skerry("rm", "-f", uid)
        self.daemon.skerry("volume", "rm", "data")
        self.assertIn("does not exist", self.fails("volume", "rm", "data"))
        self.assertIn("does not exist", self.fails("volume", "inspect", "data"))

    def test_is_made_as_its_options_say(self):
        self.daemon.skerry("volume", "create", "-o", "uid=1000", "-o", "mode=700", "-l", "team=web",
                           "data")
        self.daemon.skerry("volume", "create", "-o", "uid=1000", "-o", "mode=700", "data")
        self.assertIn("other options", self.fails("volume", "create", "data"))
        self.assertIn("with the driver", self.fails("volume", "create", "-d", "host", "-o",
                                                    "path=/tmp", "data"))
        self.assertIn("other options", self.fails("run", "--rm", "--mount",
                                                  "type=volume,source=data,target=/d,volume-opt=uid=1",
                                                  "busybox", "true"))
        self.assertEqual(self.run_in("data", "stat", "-c", "%u %a", "/data"), "1000 700\n")
        self.assertEqual([each["name"] for each in self.volumes("-l", "team=web")], ["data"])
        self.assertEqual(self.volumes("-l", "team=db"), [])
        self.assertEqual(self.daemon.skerry("volume", "ls", "-q").out, "data\n")

    def test_tenants_have_volumes_of_their_own(self):
        self.run_in("data", *WRITE, "mine")
        self.daemon.skerry("volume", "create", "--tenant", "blue", "data")
        out = self.daemon.skerry("run", "--rm", "--tenant", "blue", "-v", "data:/data", "busybox",
                                 "ls", "/data").out
        self.assertEqual(out, "")
        self.assertEqual([(each["tenant"], each["name"]) for each in self.volumes()],
                         [("blue", "data"), ("default", "data")])
        self.assertIn("another tenant", self.fails("volume", "create", "4.blue.data"))

    def test_tells_of_what_happens(self):
        self.run_in("data", "true")
        self.daemon.skerry("volume", "rm", "data")
        lines = self.daemon.skerry("events", "--since", "10m", "--until", "0s", "-o",
                                   "jsonl").out.splitlines()
        types = [event["type"] for event in map(json.loads, lines) if event.get("volume") == "data"]
        self.assertEqual(types[-4:], ["volume_created", "volume_mounted", "volume_unmounted",
                                      "volume_removed"])

    def test_bad_input_is_refused(self):
        for arguments, words in (
                (("volume", "create", "a/b"), "letter or digit"),
                (("volume", "create", ".hidden"), "letter or digit"),
                (("volume", "create", "a" * 65), "letter or digit"),
                (("volume", "create", "-d", "nobody", "data"), "nobody"),
                (("volume", "create", "-d", "../x", "data"), "volume driver name"),
                (("volume", "create", "-o", "size=1G", "data"), '"size" is unknown'),
                (("volume", "create", "-o", "mode=99", "data"), "mode"),
                (("volume", "create", "-l", "a b=c", "data"), "labels"),
                (("volume", "create", "--tenant", "a/b", "data"), "tenant"),
                (("run", "-v", "data:/proc", "busybox", "true"), "/proc"),
                (("run", "-v", "data:rel", "busybox", "true"), "absolute"),
                (("run", "-v", "data:/a", "-v", "more:/a", "busybox", "true"), "/a"),
                (("run", "-v", "data:/a", "--volume-driver", "nobody", "busybox", "true"), "nobody"),
                (("run", "--mount", "type=volume,target=/a", "busybox", "true"), "source"),
                (("run", "-v", "data:/a", "--mount",
                  "type=volume,source=x,target=/x,volume-opt=y=z", "busybox", "true"), '"y"')):
            with self.subTest(arguments=arguments):
                self.assertIn(words, self.fails(*arguments))
        wait_for(lambda: not [each for each in self.volumes() if each["name"] != "data"],
                 "nothing to be made")

    def test_drivers_are_listed(self):
        drivers = {each["name"]: each for each in self.listed("volume", "drivers")}
        self.assertEqual(set(drivers), {"host", "local"})
        self.assertEqual(drivers["local"]["kind"], "built-in")


class HostPaths(VolumeTest):
    @classmethod
    def prepare(cls, daemon):
        cls.allowed = os.path.join(daemon.base, "allowed")
        cls.other = os.path.join(daemon.base, "other")
        for directory in (cls.allowed, cls.other):
            os.mkdir(directory)
            with open(os.path.join(directory, "file"), "w", encoding="ascii") as file:
                file.write("of the host\n")
        os.symlink(cls.other, os.path.join(cls.allowed, "out"))
        os.symlink(os.path.join(cls.allowed, "file"), os.path.join(cls.other, "in"))
        # Images are imported from where bind mounts may come from.
        daemon.mounts = {"bind_sources": [cls.allowed, os.path.join(daemon.base, "tree-busybox")]}

    def test_those_allowed_are_volumes_and_binds(self):
        self.daemon.skerry("volume", "create", "-d", "host", "-o", f"path={self.allowed}", "pages")
        self.assertEqual(self.run_in("pages", *READ), "of the host\n")
        self.assertEqual(self.run_in(self.allowed, *READ), "of the host\n")
        # Where a link leads is what counts.
        self.daemon.skerry("volume", "create", "-d", "host", "-o", f"path={self.other}/in", "one")
        out = self.daemon.skerry("run", "--rm", "-v", "one:/one:ro", "busybox", "cat", "/one").out
        self.assertEqual(out, "of the host\n")
        for name in ("pages", "one"):
            self.daemon.skerry("volume", "rm", name)
        self.assertTrue(os.path.exists(os.path.join(self.allowed, "file")))

    def test_others_are_refused(self):
        for path in (self.other, "/", "/etc", self.allowed + "/out", self.allowed + "/../other"):
            with self.subTest(path=path):
                text = self.fails("volume", "create", "-d", "host", "-o", f"path={path}", "x")
                self.assertIn("mounts.bind_sources", text)
                self.assertNotEqual(self.fails("run", "--rm", "-v", f"{path}:/data", "busybox",
                                               "true"), "")
        self.assertIn("path", self.fails("volume", "create", "-d", "host", "x"))
        self.assertIn("absolute", self.fails("volume", "create", "-d", "host", "-o", "path=x", "x"))
        self.fails("volume", "create", "-d", "host", "-o", f"path={self.allowed}/missing", "x")

    def test_one_that_is_gone_later_is_said(self):
        path = os.path.join(self.allowed, "short-lived")
        os.mkdir(path)
        self.daemon.skerry("volume", "create", "-d", "host", "-o", f"path={path}", "brief")
        os.rmdir(path)
        text = self.fails("run", "--rm", "-v", "brief:/data", "busybox", "true")
        self.assertIn("short-lived", text)
        self.assertIn("short-lived", self.volume("brief")["problem"])


class OnPlugins(VolumeTest):
    """With the plugin "faulty", which is in order at the beginning of each test."""

    def setUp(self):
        self.plugin = FaultPlugin(self.daemon, "faulty").start()
        self.addCleanup(self.plugin.destroy)

    def tearDown(self):
        if self.plugin.process is None or self.plugin.process.poll() is not None:
            self.plugin.restart()
        super().tearDown()
        self.assertEqual(self.plugin.mounts(), [])

    def on(self, *options):
        return ("--volume-driver", "faulty", *options)

    def start_failing(self, *arguments):
        """A run in the background; join() gives what it said."""
        box = {}

        def run():
            box["done"] = self.daemon.skerry(*arguments, check=False, timeout=90)

        thread = threading.Thread(target=run)
        thread.start()

        def join():
            thread.join(90)
            return box["done"]

        return join


class Plugins(OnPlugins):
    def test_mounts_once_and_unmounts_after_the_last(self):
        first = self.sleeper("plug", *self.on())
        second = self.sleeper("plug")
        self.daemon.skerry("exec", first, "sh", "-c", "echo shared >/data/file")
        self.assertEqual(self.daemon.skerry("exec", second, *READ).out, "shared\n")
        self.assertEqual(self.plugin.calls("Mount"), ["plug"])
        volume = self.volume("plug")
        self.assertEqual(volume["driver"], "faulty")
        self.assertEqual(volume["state"], "mounted")
        self.assertIn(volume["mountpoint"], self.plugin.mounts())
        self.daemon.skerry("rm", "-f", first)
        self.assertEqual(self.plugin.calls("Unmount"), [])
        self.daemon.skerry("rm", "-f", second)
        wait_for(lambda: self.plugin.calls("Unmount") == ["plug"], "the unmount")
        self.assertEqual(self.run_in("plug", *READ), "shared\n")
        self.daemon.skerry("volume", "rm", "plug")
        self.assertFalse(os.path.exists(self.plugin.data("plug")))

    def test_the_plugin_is_listed_and_asked_only_on_request(self):
        os.makedirs(self.plugin.data("found"))
        self.assertEqual(self.volumes(), [])
        self.assertEqual(self.plugin.calls("List"), [])
        self.assertEqual([each["name"] for each in self.volumes("--ask-drivers")], ["found"])
        driver = {each["name"]: each for each in self.listed("volume", "drivers")}["faulty"]
        self.assertEqual(driver["kind"], "docker plugin")
        self.assertEqual(driver["address"], self.plugin.socket)
        os.rmdir(self.plugin.data("found"))

    def test_over_a_kill_of_the_daemon(self):
        uid = self.sleeper("plug", *self.on())
        self.daemon.skerry("exec", uid, "sh", "-c", "echo before >/data/file")
        self.daemon.restart()
        self.assertEqual(self.run_in("plug", *READ), "before\n")
        self.assertEqual(self.plugin.calls("Mount"), ["plug"])
        self.daemon.skerry("rm", "-f", uid)
        wait_for(lambda: not self.plugin.mounts(), "the unmount")

    def test_a_plugin_that_forgets_its_counts(self):
        uid = self.sleeper("plug", *self.on())
        self.plugin.restart()
        self.assertEqual(self.run_in("plug", "echo", "fine"), "fine\n")
        self.daemon.skerry("rm", "-f", uid)
        # It says that nothing is mounted, and the kernel that it is: owed until the two agree.
        wait_for(self.debts, "the debt")
        subprocess.run(["umount", *self.plugin.mounts()], check=True)

    def test_many_at_once_share_it(self):
        for volume, options in (("data", ()), ("plug", self.on())):
            joins = [self.start_failing("run", "--rm", "-v", f"{volume}:/data", *options, "busybox",
                                        "sh", "-c", f"echo {i} >>/data/file") for i in range(24)]
            for join in joins:
                done = join()
                self.assertEqual(done.returncode, 0, done.err)
            lines = self.run_in(volume, "cat", "/data/file").split()
            self.assertEqual(sorted(map(int, lines)), list(range(24)))
        wait_for(lambda: not self.plugin.mounts(), "the last unmount")

    def test_a_slow_plugin_is_waited_for(self):
        self.plugin.restart("--fault", "Mount=slow", "--fault", "Unmount=slow", "--fault",
                            "Create=slow")
        self.assertEqual(self.run_in("plug", "echo", "in time", options=self.on()), "in time\n")
        self.assertEqual(self.debts(), [])

    def test_a_plain_directory_is_a_volume_too(self):
        self.plugin.restart("--plain")
        self.run_in("plug", *WRITE, "plain", options=self.on())
        self.assertEqual(self.run_in("plug", *READ), "plain\n")
        self.plugin.restart()

    def test_a_plugin_that_loses_its_mounts(self):
        uid = self.sleeper("plug", *self.on())
        self.daemon.skerry("exec", uid, "sh", "-c", "echo kept >/data/file")
        self.plugin.restart("--lose-mounts")
        self.assertEqual(self.run_in("plug", *READ), "kept\n")
        self.assertEqual(self.plugin.calls("Mount"), ["plug", "plug"])
        self.daemon.skerry("rm", "-f", uid)
        wait_for(lambda: not self.plugin.mounts(), "the unmount")

    def test_a_plugin_that_is_gone_owes_until_the_kernel_says_otherwise(self):
        uid = self.sleeper("plug", *self.on())
        mounts = self.plugin.mounts()
        self.plugin.uninstall()
        self.daemon.skerry("rm", "-f", uid)
        wait_for(self.debts, "the debt")
        self.assertEqual(self.debts()[0]["object"], "faulty/plug")
        self.assertIn("still to be unmounted", self.fails("volume", "rm", "plug"))
        subprocess.run(["umount", *mounts], check=True)
        wait_for(lambda: not self.debts(), "the debt to be settled", seconds=60)


class Faults(OnPlugins):
    def test_a_mount_that_hangs_delays_only_its_users(self):
        self.plugin.restart("--fault", "Mount=hang")
        hanging = [self.start_failing("run", "-d", "-v", f"hung{i}:/data", *self.on(), "busybox",
                                      "sleep", "1000") for i in range(6)]
        begin = time.monotonic()
        wait_for(lambda: [op for op in self.operations() if op["step"] == "launch.volumes"],
                 "the hanging launch to be seen")
        seen = time.monotonic() - begin
        # Everybody else goes on: more of them than there are workers.
        begin = time.monotonic()
        for i in range(10):
            self.assertEqual(self.run_in("data", "echo", str(i)), f"{i}\n")
        each = (time.monotonic() - begin) / 10
        self.assertIn("mounting", {each["state"] for each in self.volumes("-d", "faulty")})
        print(f"seen after {seen:.2f} s; the runs of others took {each:.2f} s each", end=" ")
        for join in hanging:
            done = join()
            self.assertEqual(done.returncode, 125, done.err)
            self.assertIn("faulty", done.err)
        self.plugin.restart()

    def test_a_stop_does_not_wait_for_a_plugin(self):
        self.plugin.restart("--fault", "Mount=hang")
        join = self.start_failing("run", "-d", "--name", "held", "-v", "plug:/data", *self.on(),
                                  "busybox", "sleep", "1000")
        wait_for(lambda: [op for op in self.operations() if op["step"] == "launch.volumes"],
                 "the launch to hang")
        self.daemon.skerry("rm", "-f", "held")
        join()
        self.plugin.restart()

    def test_a_daemon_killed_in_a_mount_leaves_nothing(self):
        self.plugin.restart("--fault", "Mount=hang")
        join = self.start_failing("run", "-d", "-v", "plug:/data", *self.on(), "busybox", "sleep",
                                  "1000")
        wait_for(lambda: self.plugin.calls("Mount"), "the call")
        self.daemon.kill()
        join()
        self.plugin.restart()
        self.daemon.start()
        wait_for(lambda: self.plugin.calls("Unmount"), "what may be mounted to be unmounted")

    def test_a_daemon_ends_while_a_plugin_hangs(self):
        self.plugin.restart("--fault", "Mount=hang")
        join = self.start_failing("run", "-d", "-v", "plug:/data", *self.on(), "busybox", "sleep",
                                  "1000")
        wait_for(lambda: self.plugin.calls("Mount"), "the call")
        self.assertEqual(self.daemon.terminate(), 0)
        join()
        self.plugin.restart()
        self.daemon.start()

    def test_a_plugin_that_dies_after_mounting(self):
        self.plugin.restart("--fault", "Mount=die-after")
        text = self.fails("run", "--rm", "-v", "plug:/data", *self.on(), "busybox", "true")
        self.assertIn("faulty", text)
        self.assertTrue(self.plugin.mounts())
        self.assertEqual(self.debts()[0]["object"], "faulty/plug")
        self.plugin.kill()
        subprocess.run(["umount", *self.plugin.mounts()], check=True)
        self.plugin.restart()

    def test_an_unmount_that_fails_is_owed_and_paid(self):
        for fault in ("500", "die", "garbage", "hang"):
            with self.subTest(fault=fault):
                self.plugin.restart("--fault", f"Unmount={fault}")
                self.run_in("plug", "true", options=self.on())
                wait_for(self.debts, "the debt", seconds=30)
                self.assertEqual(self.volume("plug")["state"], "unmounting")
                # Nothing has changed for its next user.
                if fault != "die":
                    self.assertEqual(self.run_in("plug", "echo", "again"), "again\n")
                self.plugin.kill()
                for path in self.plugin.mounts():
                    subprocess.run(["umount", path], check=True)
                self.plugin.restart()
                wait_for(lambda: not self.debts(), "the debt to be paid", seconds=60)

    def test_answers_that_make_no_sense(self):
        for function in ("Get", "Create", "Mount"):
            for fault in ("500", "garbage", "huge", "deep", "array", "types", "err200", "cut",
                          "close", "nothttp", "404", "die"):
                if (function, fault) in (("Get", "array"), ("Get", "types"), ("Get", "404"),
                                         ("Get", "err200"), ("Get", "500"), ("Get", "garbage"),
                                         ("Get", "huge"), ("Get", "deep")):
                    continue  # no volume, then: it is made
                with self.subTest(function=function, fault=fault):
                    self.plugin.restart("--fault", f"{function}={fault}")
                    name = f"v{function}{fault}".lower()
                    text = self.fails("run", "--rm", "-v", f"{name}:/data", *self.on(), "busybox",
                                      "true")
                    self.assertIn("faulty", text)
        self.plugin.restart()

    def test_mountpoints_that_cannot_be(self):
        for fault in ("root", "proc", "relative", "dots", "absent", "nul", "missing", "null"):
            with self.subTest(fault=fault):
                self.plugin.restart("--fault", f"Mount={fault}")
                done = self.daemon.skerry("run", "--rm", "-v", f"m{fault}:/data", *self.on(),
                                          "busybox", "ls", "/data", check=False)
                self.assertNotEqual(done.returncode, 0, done.out)
                self.assertNotIn("etc", done.out)
        self.plugin.restart()

    def test_silent_drivers_are_named(self):
        self.run_in("plug", "true", options=self.on())
        self.plugin.restart("--fault", "List=hang")
        done = self.daemon.skerry("volume", "ls", "--ask-drivers")
        self.assertIn('the driver "faulty" did not answer', done.err)
        self.assertIn("plug", done.out)
        self.plugin.restart()

    def test_a_removal_that_fails_says_so_and_succeeds_later(self):
        self.run_in("plug", "true", options=self.on())
        self.plugin.restart("--fault", "Remove=err200")
        self.assertIn("/dev/xvdz", self.fails("volume", "rm", "plug"))
        self.assertIn("/dev/xvdz", self.volume("plug")["problem"])
        problems = {each["name"]: each.get("problem") for each in self.listed("volume", "drivers")}
        self.assertIn("/dev/xvdz", problems["faulty"])
        self.plugin.restart()
        self.daemon.skerry("volume", "rm", "plug")


class RclonePlugin(VolumeTest):
    def setUp(self):
        for path in ("/dev/fuse", "/usr/bin/rclone"):
            if not os.path.exists(path):
                self.fail(f"needs {path}") if os.environ.get("SKERRY_MUST_RUN") else \
                    self.skipTest(f"needs {path}")
        self.rclone = Rclone(self.daemon).start()
        self.addCleanup(self.rclone.destroy)

    def test_written_by_one_read_by_another_over_a_kill(self):
        self.daemon.skerry("volume", "create", "-d", "rclone", "-o", f"remote={self.rclone.remote}",
                           "-o", "vfs-cache-mode=writes", "-o", "vfs-write-back=0s", "cloud")
        uid = self.sleeper("cloud")
        self.daemon.skerry("exec", uid, *WRITE, "by one")
        self.daemon.restart()
        out = self.daemon.skerry("run", "--rm", "-v", "cloud:/data:ro", "busybox", *READ).out
        self.assertEqual(out, "by one\n")
        wait_for(lambda: os.path.exists(os.path.join(self.rclone.remote, "file")), "the upload")
        self.daemon.skerry("rm", "-f", uid)
        wait_for(lambda: not self.rclone.mounts(), "the unmount")
        self.assertEqual(self.run_in("cloud", *READ), "by one\n")

    def test_a_killed_server_is_mended_for_the_next_user(self):
        self.daemon.skerry("volume", "create", "-d", "rclone", "-o", f"remote={self.rclone.remote}",
                           "cloud")
        with open(os.path.join(self.rclone.remote, "file"), "w", encoding="ascii") as file:
            file.write("kept\n")
        uid = self.sleeper("cloud")
        self.rclone.kill()
        self.assertIn("not connected", self.fails("exec", uid, *READ))
        self.rclone.restart()
        self.assertEqual(self.run_in("cloud", *READ), "kept\n")
        self.daemon.skerry("rm", "-f", uid)
        wait_for(lambda: not self.rclone.mounts(), "the unmount")


if __name__ == "__main__":
    unittest.main()
