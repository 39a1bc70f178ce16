#!/usr/bin/env python3
"""skerry-unpack as root, against hostile archives. Usage: unpack_test.py PATH/TO/skerry-unpack

Every test runs the real program in its own sandbox and then looks at the tree, at the result and at
a canary beside the tree.
"""

import bz2
import ctypes
import gzip
import hashlib
import io
import lzma
import os
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import unittest

PROGRAM = None
RESULT = struct.Struct("=IIiIQQ32s64s512s1024s")
MAGIC = 0x31554B53
INVALID_ARGUMENT, RESOURCE_EXHAUSTED = 3, 8

LIMITS = {
    "source": "archive",
    "whiteouts": "literal",
    "max-bytes": 64 << 20,
    "max-entries": 100_000,
    "max-ratio": 2000,
    "max-memory": 512 << 20,
    "max-cpu-seconds": 60,
}


class Result:
    def __init__(self, data):
        (magic, self.code, self.errno, self.retryable, self.bytes, self.entries, digest, reason,
         entry, message) = RESULT.unpack(data)
        assert magic == MAGIC
        self.digest = digest.hex()
        self.reason, self.entry, self.message = (
            text.split(b"\0")[0].decode() for text in (reason, entry, message))

    def __repr__(self):
        return f"code={self.code} {self.reason} entry={self.entry!r} {self.message}"


def entry(name, **fields):
    """A tar entry; content= for a file, any TarInfo field else."""
    content = fields.pop("content", b"")
    info = tarfile.TarInfo(name)
    info.mtime = 1_000_000_000
    info.mode = 0o644
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


def directory(name, **fields):
    return entry(name, type=tarfile.DIRTYPE, **{"mode": 0o755, **fields})


def symlink(name, target):
    return entry(name, type=tarfile.SYMTYPE, linkname=target)


def hardlink(name, target):
    return entry(name, type=tarfile.LNKTYPE, linkname=target)


def make_tar(entries, tar_format=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tar_format) as tar:
        for info, content in entries:
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def descriptor_mapper(pairs):
    """For preexec_fn: puts our descriptors at fixed numbers; dup2 leaves them inheritable."""
    def apply():
        high = [(os.dup2(ours, 100 + theirs), theirs) for ours, theirs in pairs]
        for ours, theirs in high:
            os.dup2(ours, theirs)
            os.close(ours)
    return apply


class UnpackTest(unittest.TestCase):
    def setUp(self):
        self.base = tempfile.mkdtemp(prefix="skerry-unpack-")
        self.canary = os.path.join(self.base, "canary")
        with open(self.canary, "w") as file:
            file.write("untouched")
        self.canary_stat = os.lstat(self.canary)
        self.root = os.path.join(self.base, "fs")
        os.mkdir(self.root)

    def tearDown(self):
        try:
            with open(self.canary) as file:
                self.assertEqual(file.read(), "untouched")
            now = os.lstat(self.canary)
            for field in ("st_mode", "st_uid", "st_ino", "st_nlink", "st_mtime_ns", "st_ctime_ns"):
                self.assertEqual(getattr(now, field), getattr(self.canary_stat, field), field)
            self.assertEqual(sorted(os.listdir(self.base)), ["canary", "fs"])
        finally:
            shutil.rmtree(self.base)

    def at(self, name):
        return os.path.join(self.root, name)

    def start(self, source_fd, root=None, **options):
        """Starts the program with a descriptor as source; returns it and the result's read end."""
        merged = {**LIMITS, **{key.replace("_", "-"): value for key, value in options.items()}}
        arguments = [PROGRAM] + [f"--{key}={value}" for key, value in merged.items()]
        destination = os.open(root or self.root, os.O_RDONLY | os.O_DIRECTORY)
        read_end, write_end = os.pipe()
        process = subprocess.Popen(
            arguments, close_fds=False, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env={},
            preexec_fn=descriptor_mapper([(source_fd, 3), (destination, 4), (write_end, 5)]))
        os.close(destination)
        os.close(write_end)
        return process, read_end

    def finish(self, process, read_end):
        data = b""
        while piece := os.read(read_end, 65536):
            data += piece
        os.close(read_end)
        error_text = process.stderr.read().decode()
        process.stderr.close()
        status = process.wait()
        self.assertEqual(status, 0, error_text)
        return Result(data)

    def unpack(self, archive, **options):
        source = os.memfd_create("archive")
        os.write(source, archive) if len(archive) < 1 << 20 else os.pwrite(source, archive, 0)
        os.lseek(source, 0, os.SEEK_SET)
        try:
            return self.finish(*self.start(source, **options))
        finally:
            os.close(source)

    def unpack_ok(self, archive, **options):
        result = self.unpack(archive, **options)
        self.assertEqual(result.code, 0, result)
        return result

    def refuse(self, archive, reason, code=INVALID_ARGUMENT, **options):
        result = self.unpack(archive, **options)
        self.assertEqual((result.code, result.reason), (code, reason), result)
        return result

    # What is kept.

    def test_keeps_metadata(self):
        archive = make_tar([
            directory("./", mode=0o750, uid=7),
            directory("bin", mtime=1_234_567_890),
            entry("bin/su", mode=0o4755, uid=0, content=b"#!"),
            entry("bin/wall", mode=0o2755, gid=5),
            entry("home", mode=0o600, uid=1234, gid=4321, content=b"abc"),
            entry("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666),
            entry("disk", type=tarfile.BLKTYPE, devmajor=8, devminor=0, mode=0o660),
            entry("pipe", type=tarfile.FIFOTYPE),
            symlink("link", "../../etc/passwd"),
            hardlink("hard", "home"),
        ])
        result = self.unpack_ok(archive)
        self.assertEqual((result.bytes, result.entries), (5, 10))
        self.assertEqual(result.digest, hashlib.sha256(archive).hexdigest())
        info = os.lstat(self.root)
        self.assertEqual((stat.S_IMODE(info.st_mode), info.st_uid), (0o750, 7))
        self.assertEqual(os.lstat(self.at("bin")).st_mtime, 1_234_567_890)
        self.assertEqual(stat.S_IMODE(os.lstat(self.at("bin/su")).st_mode), 0o4755)
        self.assertEqual(stat.S_IMODE(os.lstat(self.at("bin/wall")).st_mode), 0o2755)
        home = os.lstat(self.at("home"))
        self.assertEqual((home.st_uid, home.st_gid, home.st_size, home.st_mtime, home.st_nlink),
                         (1234, 4321, 3, 1_000_000_000, 2))
        self.assertEqual(os.lstat(self.at("null")).st_rdev, os.makedev(1, 3))
        self.assertTrue(stat.S_ISBLK(os.lstat(self.at("disk")).st_mode))
        self.assertTrue(stat.S_ISFIFO(os.lstat(self.at("pipe")).st_mode))
        self.assertEqual(os.readlink(self.at("link")), "../../etc/passwd")

    def test_keeps_file_capabilities_and_user_xattrs(self):
        # VFS_CAP_REVISION_2, permitted and effective CAP_NET_RAW.
        capability = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)
        info, content = entry("ping", mode=0o755, content=b"x")
        info.pax_headers = {
            "SCHILY.xattr.security.capability": capability.decode("latin-1"),
            "SCHILY.xattr.user.note": "hello",
        }
        # tarfile would encode the bytes as UTF-8; they are all below 0x80 here.
        self.unpack_ok(make_tar([(info, content)]))
        self.assertEqual(os.getxattr(self.at("ping"), "security.capability"), capability)
        self.assertEqual(os.getxattr(self.at("ping"), "user.note"), b"hello")

    def test_compressions_have_one_digest(self):
        plain = make_tar([entry("a", content=os.urandom(300_000)), directory("d")])
        zstd = subprocess.run(["zstd", "-q", "-c"], input=plain, stdout=subprocess.PIPE, check=True)
        archives = [plain, gzip.compress(plain), bz2.compress(plain), lzma.compress(plain),
                    zstd.stdout, gzip.compress(plain[:1000]) + gzip.compress(plain[1000:]),
                    gzip.compress(plain) + bytes(512)]
        for archive in archives:
            result = self.unpack_ok(archive)
            self.assertEqual(result.digest, hashlib.sha256(plain).hexdigest())

    def test_reads_a_pipe(self):
        archive = make_tar([entry("a", content=b"x" * 500_000)])
        read_end, write_end = os.pipe()
        process, result = self.start(read_end)
        os.close(read_end)
        with open(write_end, "wb") as pipe:
            pipe.write(archive)
        self.assertEqual(self.finish(process, result).bytes, 500_000)

    def test_gnu_and_ustar_and_long_and_foreign_names(self):
        long_name = "/".join(["d" * 200] * 15) + "/file"
        for tar_format in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            self.unpack_ok(make_tar([entry(long_name), entry("ünï/日本")], tar_format))
            self.assertTrue(os.path.exists(self.at("ünï/日本")))
            self.assertTrue(os.path.exists(self.at(long_name)))
        self.unpack_ok(make_tar([entry("u", content=b"u")], tarfile.USTAR_FORMAT))

    def test_sparse_file_stays_sparse(self):
        path = os.path.join(self.root, "sparse")
        with open(path, "wb") as file:
            file.truncate(32 << 20)
            file.seek(16 << 20)
            file.write(b"middle")
        archive = subprocess.run(["tar", "-C", self.root, "-cSf", "-", "sparse"],
                                 stdout=subprocess.PIPE, check=True).stdout
        os.unlink(path)
        self.assertLess(len(archive), 1 << 20)
        self.assertEqual(self.unpack_ok(archive).bytes, 32 << 20)
        info = os.lstat(path)
        self.assertEqual(info.st_size, 32 << 20)
        self.assertLess(info.st_blocks * 512, 1 << 20)
        with open(path, "rb") as file:
            file.seek(16 << 20)
            self.assertEqual(file.read(6), b"middle")

    # Where names lead.

    def test_dot_dot_is_refused(self):
        for name in ("../canary", "a/../../canary", "/..", "a/.."):
            result = self.refuse(make_tar([entry(name, content=b"evil")]), "ENTRY_ESCAPES")
            self.assertEqual(result.entry, name)

    def test_absolute_name_stays_inside(self):
        self.unpack_ok(make_tar([entry(self.canary, content=b"evil"), entry("/etc/x")]))
        self.assertTrue(os.path.exists(self.root + self.canary))
        self.assertTrue(os.path.exists(self.at("etc/x")))

    def test_links_lead_inside(self):
        self.unpack_ok(make_tar([
            symlink("root", "/"),
            entry("root/through-root", content=b"1"),
            symlink("up", "../../../../../../.."),
            entry("up/through-up", content=b"2"),
            directory("dir"),
            symlink("abs", "/dir"),
            entry("abs/file", content=b"3"),
        ]))
        self.assertTrue(os.path.isfile(self.at("through-root")))
        self.assertTrue(os.path.isfile(self.at("through-up")))
        self.assertTrue(os.path.isfile(self.at("dir/file")))
        self.assertFalse(os.path.exists("/through-root"))

    def test_link_to_the_canary_is_not_followed(self):
        self.unpack_ok(make_tar([symlink("x", self.canary), entry("x", content=b"evil")]))
        self.assertTrue(stat.S_ISREG(os.lstat(self.at("x")).st_mode))
        self.refuse(make_tar([symlink("d", self.base), entry("d/canary", content=b"evil")]),
                    "ENTRY_PARENT_NOT_DIRECTORY")

    def test_hard_link_outside_is_refused(self):
        self.refuse(make_tar([hardlink("x", "../canary")]), "ENTRY_ESCAPES")
        self.refuse(make_tar([hardlink("x", self.canary)]), "ENTRY_LINK_INVALID")
        self.refuse(make_tar([symlink("s", self.base), hardlink("x", "s/canary")]),
                    "ENTRY_LINK_INVALID")
        self.refuse(make_tar([directory("d"), hardlink("x", "d")]), "ENTRY_LINK_INVALID")

    def test_hard_link_to_a_link_does_not_follow(self):
        self.unpack_ok(make_tar([symlink("s", self.canary), hardlink("x", "s"),
                                 entry("x", content=b"evil")]))
        self.assertTrue(stat.S_ISREG(os.lstat(self.at("x")).st_mode))

    def test_later_entries_replace(self):
        self.unpack_ok(make_tar([
            entry("a", content=b"1"), hardlink("b", "a"), entry("a", content=b"22"),
            entry("d/x/y"), entry("d", content=b"a file now"),
            entry("f"), directory("f"), entry("f/in"),
            directory("m", mode=0o700), entry("m/kept"), directory("m", mode=0o711),
            entry("self", content=b"self"), hardlink("self", "self"),
        ]))
        with open(self.at("b")) as file:
            self.assertEqual(file.read(), "1")
        self.assertEqual(os.lstat(self.at("a")).st_size, 2)
        self.assertTrue(os.path.isfile(self.at("d")))
        self.assertTrue(os.path.isfile(self.at("f/in")))
        self.assertTrue(os.path.isfile(self.at("m/kept")))
        self.assertEqual(stat.S_IMODE(os.lstat(self.at("m")).st_mode), 0o711)
        self.assertEqual(os.lstat(self.at("self")).st_size, 4)

    def test_a_root_that_is_no_directory_is_refused(self):
        self.refuse(make_tar([entry("./", type=tarfile.SYMTYPE, linkname="/etc")]),
                    "ENTRY_NAME_INVALID")

    def test_long_names_are_refused(self):
        for name in ("n" * 5000, "n" * 256, "/".join(["d" * 100] * 50)):
            self.refuse(make_tar([entry(name)]), "ENTRY_NAME_INVALID")

    # Attributes and types.

    def test_foreign_xattrs_are_refused(self):
        for name in ("trusted.overlay.opaque", "trusted.overlay.redirect", "security.selinux",
                     "security.ima", "system.posix_acl_access", "user."):
            info, content = entry("x")
            info.pax_headers = {f"SCHILY.xattr.{name}": "y"}
            result = self.refuse(make_tar([(info, content)]), "ENTRY_XATTR_REFUSED")
            self.assertIn(name, result.message)

    def test_whiteout_device_is_refused(self):
        self.refuse(make_tar([entry("w", type=tarfile.CHRTYPE)]), "ENTRY_TYPE_REFUSED")

    def test_whiteouts_are_names_in_a_flat_tree(self):
        self.unpack_ok(make_tar([entry(".wh.x"), entry("d/.wh..wh..opq")]))
        self.assertTrue(os.path.isfile(self.at(".wh.x")))
        self.assertTrue(os.path.isfile(self.at("d/.wh..wh..opq")))

    def test_whiteouts_of_a_layer(self):
        def is_whiteout(name):
            info = os.lstat(self.at(name))
            return stat.S_ISCHR(info.st_mode) and info.st_rdev == 0

        def is_opaque(name):
            try:
                return os.getxattr(self.at(name), "trusted.overlay.opaque") == b"y"
            except OSError:
                return False

        self.unpack_ok(make_tar([
            entry("d/.wh.gone"),
            entry("opaque/new"), entry("opaque/.wh..wh..opq"),
            entry("own", content=b"own"), entry(".wh.own"),
            directory("both"), entry(".wh.both"),
            entry(".wh.after"), directory("after"),
            entry(".wh.file"), entry("file", content=b"new"),
            entry(".wh..wh.plnk"),
        ]), whiteouts="overlay")
        self.assertTrue(is_whiteout("d/gone"))
        self.assertTrue(is_opaque("opaque") and not is_opaque("d"))
        self.assertTrue(os.path.isfile(self.at("own")))
        self.assertTrue(is_opaque("both"))
        self.assertTrue(is_opaque("after"))
        self.assertTrue(os.path.isfile(self.at("file")))
        self.assertFalse([name for name in os.listdir(self.root) if name.startswith(".wh.")])
        for name in (".wh.", ".wh..", ".wh..."):
            self.refuse(make_tar([entry(name)]), "ENTRY_NAME_INVALID", whiteouts="overlay")

    # Limits.

    def test_a_million_entries(self):
        header = bytearray(make_tar([entry("%")], tarfile.USTAR_FORMAT)[:512])

        def stream(end):
            try:
                pipe = os.fdopen(end, "wb", closefd=False)
                for number in range(1_000_000):
                    block = bytearray(header)
                    name = b"%07d" % number
                    block[:7] = name
                    total = 256 + sum(block[:148]) + sum(block[156:])
                    block[148:156] = b"%06o\0 " % total
                    pipe.write(block)
            except BrokenPipeError:
                pass
            finally:
                os.close(end)

        read_end, write_end = os.pipe()
        process, result_end = self.start(read_end, max_entries=5_000)
        os.close(read_end)
        writer = threading.Thread(target=stream, args=(write_end,))
        writer.start()
        result = self.finish(process, result_end)
        writer.join()
        self.assertEqual((result.code, result.reason),
                         (RESOURCE_EXHAUSTED, "ARCHIVE_TOO_MANY_ENTRIES"))
        self.assertEqual(len(os.listdir(self.root)), 5_000)

    def test_implied_directories_count(self):
        self.refuse(make_tar([entry("/".join(f"{n}-{depth}" for depth in range(100)))
                              for n in range(20)]),
                    "ARCHIVE_TOO_MANY_ENTRIES", RESOURCE_EXHAUSTED, max_entries=1_000)

    def test_size_in_the_header_is_checked_before_writing(self):
        info, _ = entry("huge")
        info.size = 1 << 50
        result = self.refuse(info.tobuf(tarfile.PAX_FORMAT) + b"\0" * 4096,
                             "ARCHIVE_TOO_LARGE", RESOURCE_EXHAUSTED)
        self.assertEqual(result.entry, "huge")
        self.assertEqual(os.listdir(self.root), [])

    def test_bombs(self):
        zeros = make_tar([entry("zeros", content=bytes(256 << 20))])
        self.refuse(gzip.compress(zeros, 9), "ARCHIVE_TOO_LARGE", RESOURCE_EXHAUSTED)
        self.refuse(gzip.compress(zeros, 9), "ARCHIVE_RATIO", RESOURCE_EXHAUSTED,
                    max_bytes=1 << 30, max_ratio=500)
        # Zeros after the end of the archive are read for the digest only, and limited too.
        tail = make_tar([entry("a")]) + bytes(400 << 20)
        self.refuse(gzip.compress(tail, 1), "ARCHIVE_TOO_LARGE", RESOURCE_EXHAUSTED)
        self.refuse(gzip.compress(gzip.compress(zeros)), "ARCHIVE_FORMAT_UNKNOWN")

    def test_memory_is_limited(self):
        filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 512 << 20, "preset": 0}]
        archive = lzma.compress(make_tar([entry("a")]), format=lzma.FORMAT_XZ, filters=filters)
        result = self.unpack(archive, max_memory=256 << 20)
        self.assertNotEqual(result.code, 0, result)

    # Broken input.

    def test_garbage(self):
        for garbage in (b"", b"\0", b"hello", os.urandom(100_000), b"PK\x03\x04" + bytes(600)):
            self.refuse(garbage, "ARCHIVE_FORMAT_UNKNOWN")
        for magic in (b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh9"):
            self.assertEqual(self.unpack(magic + os.urandom(5000)).code, INVALID_ARGUMENT)

    def test_truncated(self):
        plain = make_tar([entry("a", content=os.urandom(100_000)), entry("b")])
        for archive in (plain, gzip.compress(plain), lzma.compress(plain), bz2.compress(plain)):
            for part in (600, 50_000, 90_000):
                self.refuse(archive[:part], "ARCHIVE_CORRUPT")

    def test_flipped_bit_in_gzip(self):
        archive = bytearray(gzip.compress(make_tar([entry("a", content=os.urandom(100_000))])))
        archive[50_000] ^= 1
        self.refuse(bytes(archive), "ARCHIVE_CORRUPT")

    # The world around.

    def test_full_disk(self):
        libc = ctypes.CDLL(None, use_errno=True)
        small = self.at("small")
        os.mkdir(small)
        self.assertEqual(libc.mount(b"skerry-test", small.encode(), b"tmpfs", 0, b"size=1m"), 0)
        try:
            archive = make_tar([entry("a"), entry("big", content=b"x" * (4 << 20))])
            result = self.unpack(archive, root=small)
            self.assertEqual((result.code, result.reason, result.retryable, result.entry),
                             (RESOURCE_EXHAUSTED, "DISK_FULL", 1, "big"), result)
        finally:
            self.assertEqual(libc.umount2(small.encode(), 2), 0)

    def test_killed_in_the_middle_gives_no_result(self):
        read_end, write_end = os.pipe()
        process, result = self.start(read_end)
        os.close(read_end)
        os.write(write_end, make_tar([entry("a", content=b"x")])[:1024])
        self.wait_until(lambda: os.path.exists(self.at("a")))
        process.send_signal(signal.SIGKILL)
        self.assertEqual(os.read(result, 1), b"")
        process.stderr.close()
        self.assertEqual(process.wait(), -signal.SIGKILL)
        os.close(result)
        os.close(write_end)

    def test_sandbox_of_a_running_process(self):
        read_end, write_end = os.pipe()
        process, result = self.start(read_end)
        os.close(read_end)
        try:
            proc = f"/proc/{process.pid}"

            def status(key):
                with open(f"{proc}/status") as file:
                    return next(line.split()[1] for line in file if line.startswith(key + ":"))

            self.wait_until(lambda: status("Seccomp") == "2")
            self.assertEqual(status("NoNewPrivs"), "1")
            # CHOWN DAC_OVERRIDE FOWNER FSETID MKNOD SETFCAP
            expected = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 27 | 1 << 31
            self.assertEqual(int(status("CapEff"), 16), expected)
            self.assertEqual(int(status("CapPrm"), 16), expected)
            for namespace in ("mnt", "net", "ipc", "uts"):
                self.assertNotEqual(os.readlink(f"{proc}/ns/{namespace}"),
                                    os.readlink(f"/proc/self/ns/{namespace}"))
            self.assertEqual(os.listdir(f"{proc}/root/"), [])
            targets = {fd: os.readlink(f"{proc}/fd/{fd}") for fd in os.listdir(f"{proc}/fd")}
            self.assertNotIn("4", targets)
            # Beyond the standard ones: source, result, and the clone of the destination.
            self.assertEqual(len(targets), 6, targets)
            with open("/proc/self/mountinfo") as file:
                self.assertNotIn(self.base, file.read())
        finally:
            os.close(write_end)
        self.assertEqual(self.finish(process, result).reason, "ARCHIVE_FORMAT_UNKNOWN")

    def wait_until(self, condition):
        deadline = time.monotonic() + 20
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.005)

    # Directories.

    def make_source(self):
        source = os.path.join(self.root, "source")
        os.makedirs(f"{source}/d/e")
        for name, content in (("d/file", b"content"), ("d/e/empty", b"")):
            with open(f"{source}/{name}", "wb") as file:
                file.write(content)
        os.link(f"{source}/d/file", f"{source}/second")
        os.symlink("/etc/passwd", f"{source}/link")
        os.mkfifo(f"{source}/fifo")
        os.chmod(f"{source}/d/file", 0o4711)
        os.chown(f"{source}/d/e", 12, 34)
        os.setxattr(f"{source}/d/file", "user.note", b"x")
        os.setxattr(f"{source}/d", "trusted.overlay.opaque", b"y")
        os.utime(f"{source}/d", (1, 1_111_111_111))
        return source

    def copy(self, path, name, **options):
        destination = self.at(name)
        os.mkdir(destination)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return self.finish(
                *self.start(fd, root=destination, source="directory", **options)), destination
        finally:
            os.close(fd)

    def test_directory_is_copied(self):
        source = self.make_source()
        result, copied = self.copy(source, "copy")
        self.assertEqual(result.code, 0, result)
        self.assertEqual((result.bytes, result.entries), (7, 7))
        self.assertEqual(subprocess.run(
            ["diff", "-r", "--no-dereference", f"{source}/d", f"{copied}/d"]).returncode, 0)
        first, second = os.lstat(f"{copied}/d/file"), os.lstat(f"{copied}/second")
        self.assertEqual(first.st_ino, second.st_ino)
        self.assertEqual(stat.S_IMODE(first.st_mode), 0o4711)
        self.assertEqual(os.lstat(f"{copied}/d/e").st_uid, 12)
        self.assertEqual(os.lstat(f"{copied}/d").st_mtime, 1_111_111_111)
        self.assertEqual(os.getxattr(f"{copied}/d/file", "user.note"), b"x")
        self.assertEqual(os.listxattr(f"{copied}/d"), [])
        self.assertEqual(os.readlink(f"{copied}/link"), "/etc/passwd")

        again, _ = self.copy(copied, "again")
        self.assertEqual(again.digest, result.digest)
        os.chmod(f"{copied}/d/file", 0o755)
        other, _ = self.copy(copied, "other")
        self.assertNotEqual(other.digest, result.digest)

    def test_directory_limits(self):
        source = self.make_source()
        result, _ = self.copy(source, "a", max_entries=3)
        self.assertEqual(result.reason, "ARCHIVE_TOO_MANY_ENTRIES")
        result, _ = self.copy(source, "b", max_bytes=3)
        self.assertEqual(result.reason, "ARCHIVE_TOO_LARGE")

    def test_mount_inside_a_directory_is_not_entered(self):
        source = self.make_source()
        libc = ctypes.CDLL(None, use_errno=True)
        inner = f"{source}/d/e".encode()
        self.assertEqual(libc.mount(b"skerry-test", inner, b"tmpfs", 0, b"size=1m"), 0)
        try:
            with open(f"{source}/d/e/secret", "w") as file:
                file.write("of the mount")
            result, copied = self.copy(source, "copy")
        finally:
            self.assertEqual(libc.umount2(inner, 2), 0)
        self.assertEqual(result.code, 0, result)
        self.assertEqual(os.listdir(f"{copied}/d/e"), ["empty"])

    # The command line.

    def test_options_are_required_and_known(self):
        for arguments in ([], ["--source=archive"], ["--nonsense=1"], ["--source=file"],
                          [f"--{key}={value}" for key, value in {**LIMITS, "max-ratio": 0}.items()]):
            done = subprocess.run([PROGRAM] + arguments, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn("option", done.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    if os.geteuid() != 0:
        sys.exit("unpack_test.py needs root: a privileged test that is skipped is a failure")
    unittest.main()
