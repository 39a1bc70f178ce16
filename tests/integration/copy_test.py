"""Copying into and out of containers, running and stopped, friendly and hostile."""

import io
import os
import tarfile
import time
import unittest

import grpc

from api import Api, container_pb, message, reason, service_pb
from harness import DaemonTest, wait_for

SERVICE = "ContainerService"


class CopyCase(DaemonTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.api = Api(cls.daemon)
        cls.addClassCleanup(cls.api.close)

    box = container_pb.ContainerRef(name="box")

    def run_box(self, *command, options=()):
        self.daemon.skerry("run", "-d", "--name", "box", *options, "busybox",
                           *(command or ("sleep", "1000")))

    def sh(self, script):
        done = self.api.call("ExecService", "Run", container=self.box,
                             spec={"args": ["sh", "-c", script]})
        self.assertEqual(done.exit.code, 0, done.stderr)
        return done.stdout.decode()

    def stop(self):
        self.daemon.skerry("stop", "-t", "0", "box")

    def copy_in(self, archive, path="/", owner="", chunk=64 << 10):
        def requests():
            yield service_pb.CopyInRequest(header={"container": self.box, "path": path, "owner": owner})
            for at in range(0, len(archive), chunk):
                yield service_pb.CopyInRequest(chunk=archive[at:at + chunk])
        return self.api.stream_in(SERVICE, "CopyIn", requests())

    def copy_out(self, path):
        stream = self.api.stream_out(SERVICE, "CopyOut", container=self.box, path=path)
        info = next(stream).header.info
        return info, b"".join(answer.chunk for answer in stream)

    def entries(self, path):
        info, archive = self.copy_out(path)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            return info, {member.name: member for member in tar.getmembers()}, tar, archive

    def stat(self, path):
        return self.api.call(SERVICE, "StatPath", container=self.box, path=path).info

    def assert_fails(self, code, word, function, *arguments, **fields):
        with self.assertRaises(grpc.RpcError) as caught:
            function(*arguments, **fields)
        self.assertEqual((caught.exception.code(), reason(caught.exception)), (code, word),
                         caught.exception.details())


def archive_of(*members):
    """(name, content, fields) each; of what is no file the content is None and the type a field."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content, extra in members:
            info = tarfile.TarInfo(name)
            info.mode = 0o644
            for key, value in extra.items():
                setattr(info, key, value)
            info.size = len(content or b"")
            tar.addfile(info, io.BytesIO(content or b""))
    return out.getvalue()


class Running(CopyCase):
    def test_out_and_back(self):
        self.run_box()
        self.sh("mkdir -p /srv/a/b; echo text >/srv/a/b/f; ln -s f /srv/a/b/l; ln /srv/a/b/f /srv/a/h;"
                "chown 1000:50 /srv/a/b/f; chmod 751 /srv/a/b; mkfifo /srv/a/p")
        info, members, _, archive = self.entries("/srv/a")
        self.assertEqual((info.name, info.kind), ("a", service_pb.PATH_KIND_DIRECTORY))
        self.assertEqual(set(members), {"a", "a/b", "a/b/f", "a/b/l", "a/h", "a/p"})
        self.assertEqual((members["a/b"].mode, members["a/b/f"].uid, members["a/b/f"].gid),
                         (0o751, 1000, 50))
        self.assertTrue(members["a/h"].islnk() or members["a/b/f"].islnk())
        self.sh("mkdir /copy")
        done = self.copy_in(archive, "/copy")
        self.assertEqual((done.entries, done.bytes), (6, 5))
        self.assertEqual(self.sh("cat /copy/a/b/l /copy/a/h; stat -c %u:%g:%a /copy/a/b/f").split(),
                         ["text", "text", "1000:50:644"])

    def test_names_and_what_they_mean(self):
        self.run_box()
        self.sh("mkdir /d; echo x >/d/f; ln -s /d /l")
        self.assertEqual(set(self.entries("/d/f")[1]), {"f"})
        self.assertEqual(set(self.entries("/d")[1]), {"d", "d/f"})
        self.assertEqual(set(self.entries("/d/.")[1]), {".", "./f"})
        self.assertEqual(set(self.entries("/l/")[1]), {"l", "l/f"})
        self.assertTrue(self.entries("/l")[1]["l"].issym())

    def test_volumes_come_along(self):
        host = os.path.join(self.daemon.base, "vol")
        os.makedirs(host, exist_ok=True)
        self.run_box(options=("--tmpfs", "/vol"))
        self.sh("echo inside >/vol/f")
        self.assertEqual(set(self.entries("/vol")[1]), {"vol", "vol/f"})
        self.copy_in(archive_of(("g", b"new\n", {})), "/vol")
        self.assertEqual(self.sh("cat /vol/g"), "new\n")

    def test_the_kernels_file_systems_are_left_out(self):
        self.run_box()
        names = set(self.entries("/")[1])
        self.assertIn("./bin/busybox", names)
        self.assertIn("./proc", names)
        self.assertFalse([name for name in names if name.startswith(("./proc/", "./sys/"))])

    def test_owner(self):
        self.run_box()
        self.copy_in(archive_of(("f", b"x", {"uid": 7, "gid": 7})), "/tmp", owner="alice")
        self.assertEqual(self.sh("stat -c %u:%g /tmp/f").strip(), "1000:1000")
        self.copy_in(archive_of(("g", b"x", {"uid": 7, "gid": 8})), "/tmp")
        self.assertEqual(self.sh("stat -c %u:%g /tmp/g").strip(), "7:8")

    def test_large_and_cancelled(self):
        self.run_box()
        self.sh("head -c 20000000 /dev/urandom >/big; sha256sum </big >/sum")
        _, archive = self.copy_out("/big")
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            self.assertEqual(tar.getmembers()[0].size, 20_000_000)
        self.copy_in(archive, "/tmp")
        self.assertEqual(self.sh("sha256sum </tmp/big"), self.sh("cat /sum"))
        stream = self.api.stream_out(SERVICE, "CopyOut", container=self.box, path="/big")
        next(stream)
        stream.cancel()
        wait_for(lambda: not self.unpackers(), "the packer to be gone")

    def unpackers(self):
        found = []
        for pid in os.listdir("/proc"):
            if not pid.isdigit():
                continue
            try:
                with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                    if file.read().strip() != "skerry-unpack":
                        continue
                with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                    if int(file.read().rsplit(")", 1)[1].split()[1]) == self.daemon.process.pid:
                        found.append(pid)
            except OSError:
                pass
        return found

    def test_stop_ends_a_copy(self):
        self.run_box()
        self.sh("head -c 50000000 /dev/zero >/big")
        stream = self.api.stream_out(SERVICE, "CopyOut", container=self.box, path="/big")
        next(stream)
        self.stop()
        wait_for(lambda: not self.unpackers(), "the packer to be gone")
        with self.assertRaises(grpc.RpcError):
            for _ in stream:
                pass

    def test_link_targets_are_told_as_text(self):
        self.run_box()
        self.sh("ln -s größe /plain; ln -s $(printf 'a\\377b') /bytes")
        self.assertEqual(self.stat("/plain").link_target, "größe")
        self.assertEqual(self.stat("/bytes").link_target, "a?b")


class Refused(CopyCase):
    def test_paths(self):
        self.run_box()
        missing = grpc.StatusCode.NOT_FOUND
        self.assert_fails(missing, "PATH_NOT_FOUND", self.copy_out, "/no/such")
        self.assert_fails(missing, "PATH_NOT_FOUND", self.stat, "/no/such")
        self.assert_fails(missing, "PATH_NOT_FOUND", self.copy_in, archive_of(), "/no/such")
        self.assert_fails(grpc.StatusCode.INVALID_ARGUMENT, "NOT_A_DIRECTORY", self.copy_in,
                          archive_of(("f", b"x", {})), "/etc/passwd")
        self.assert_fails(grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", self.stat, "relative")

    def test_archives(self):
        self.run_box()
        invalid = grpc.StatusCode.INVALID_ARGUMENT
        self.assert_fails(invalid, "ARCHIVE_INVALID", self.copy_in, b"no archive" * 1000, "/tmp")
        self.assert_fails(invalid, "ARCHIVE_INVALID", self.copy_in,
                          archive_of(("../evil", b"x", {})), "/tmp")
        self.assert_fails(invalid, "WOULD_REPLACE_DIRECTORY", self.copy_in,
                          archive_of(("etc", b"x", {})), "/")
        self.assert_fails(invalid, "WOULD_REPLACE_FILE", self.copy_in,
                          archive_of(("passwd", None, {"type": tarfile.DIRTYPE})), "/etc")

    def test_read_only_root(self):
        self.run_box(options=("--read-only",))
        self.assert_fails(grpc.StatusCode.FAILED_PRECONDITION, "READ_ONLY", self.copy_in,
                          archive_of(("f", b"x", {})), "/etc")

    def test_the_directory_itself_stays_as_it_is(self):
        self.run_box()
        self.copy_in(archive_of((".", None, {"type": tarfile.DIRTYPE, "mode": 0o700, "uid": 5}), ("f", b"x", {})),
                     "/tmp")
        self.assertEqual(self.sh("stat -c %u:%a /tmp").strip(), "0:1777")


class Hostile(CopyCase):
    """Links of the container's lead to the container's own files, whenever they appear."""

    def setUp(self):
        self.secret = os.path.join(self.daemon.base, "secret")
        os.makedirs(self.secret, exist_ok=True)
        with open(os.path.join(self.secret, "f"), "w", encoding="ascii") as file:
            file.write("host\n")

    def test_links_stay_inside(self):
        self.run_box()
        up = "../" * 30
        self.sh(f"ln -s {self.secret} /abs; ln -s {up}{self.secret[1:]} /rel; ln -s / /root2")
        for link in ("/abs/", "/rel/", "/abs/f", "/rel/f"):
            self.assert_fails(grpc.StatusCode.NOT_FOUND, "PATH_NOT_FOUND", self.copy_out, link)
        # An archive through a link: it leads to the same place for us as for the container.
        self.sh("ln -s /tmp /etc/there")
        self.copy_in(archive_of(("there/f", b"in\n", {})), "/etc")
        self.assertEqual(self.sh("cat /tmp/f"), "in\n")
        # A link that the archive itself brings: what it names is not there in the container.
        brought = archive_of(("l", None, {"type": tarfile.SYMTYPE, "linkname": self.secret}),
                             ("l/g", b"x", {}))
        self.assert_fails(grpc.StatusCode.INVALID_ARGUMENT, "ARCHIVE_INVALID", self.copy_in, brought,
                          "/tmp")
        self.assertEqual(os.listdir(self.secret), ["f"])

    def test_swapped_while_it_is_read(self):
        self.run_box("sh", "-c", f"mkdir -p /x/{self.secret[1:]} /y; echo mine >/x/f;"
                     f"cd /; while :; do mv y z; ln -s {self.secret} y; rm y; mv z y; done")
        for _ in range(40):
            try:
                _, archive = self.copy_out("/y/")
            except grpc.RpcError:
                continue
            self.assertNotIn(b"host\n", archive)
            try:
                self.copy_in(archive_of(("g", b"x", {})), "/y")
            except grpc.RpcError:
                pass
        self.assertEqual(os.listdir(self.secret), ["f"])


class Stopped(CopyCase):
    def test_out_and_in_and_start_again(self):
        self.run_box("sh", "-c", "echo written >/tmp/w; exec sleep 1000")
        wait_for(lambda: self.stat_or_none("/tmp/w"), "the file")
        self.stop()
        self.assertEqual(set(self.entries("/tmp/w")[1]), {"w"})
        self.assertEqual(self.stat("/bin/busybox").kind, service_pb.PATH_KIND_FILE)
        self.copy_in(archive_of(("n", b"new\n", {})), "/tmp")
        self.assertEqual(set(self.entries("/tmp")[1]), {"tmp", "tmp/w", "tmp/n"})
        self.daemon.skerry("start", "box")
        self.assertEqual(self.sh("cat /tmp/n"), "new\n")

    def stat_or_none(self, path):
        try:
            return self.stat(path)
        except grpc.RpcError:
            return None

    def test_nothing_is_mounted_on_the_host(self):
        self.run_box("true")
        wait_for(lambda: "EXITED" in self.daemon.inspect("box")["state"].upper(), "the end")
        self.entries("/etc")
        self.copy_in(archive_of(("f", b"x", {})), "/etc")
        with open("/proc/self/mounts", encoding="utf-8", errors="replace") as file:
            self.assertFalse([line for line in file if self.daemon.base in line])


if __name__ == "__main__":
    unittest.main()
