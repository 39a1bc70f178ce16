#!/usr/bin/env python3
"""Writes the seed archives of unpack_fuzz into unpack_corpus/, the same bytes every time."""

import bz2
import gzip
import io
import lzma
import os
import subprocess
import tarfile

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "unpack_corpus")


def make_tar(entries, tar_format=tarfile.USTAR_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tar_format) as tar:
        for name, fields in entries:
            info = tarfile.TarInfo(name)
            content = fields.pop("content", b"")
            info.size = len(content)
            for key, value in fields.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(content))
    # Python pads to 10 KiB; two empty blocks are enough.
    return out.getvalue().rstrip(b"\0").ljust(512, b"\0") + bytes(1024)


def whole_blocks(data):
    return data + bytes(-len(data) % 512)


def link(kind, target):
    return {"type": kind, "linkname": target}


SEEDS = {
    "files": make_tar([("d", {"type": tarfile.DIRTYPE}), ("d/f", {"content": b"x"})]),
    "links": make_tar([("l", link(tarfile.SYMTYPE, "/")), ("l/f", {}),
                       ("h", link(tarfile.LNKTYPE, "f"))]),
    "nodes": make_tar([("c", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}),
                       ("p", {"type": tarfile.FIFOTYPE})]),
    "escapes": make_tar([("../x", {}), ("/y", {}), ("a/../../z", {})]),
    "replaces": make_tar([("a/b", {}), ("a", {}), ("a", {"type": tarfile.DIRTYPE})]),
    "whiteouts": make_tar([(".wh.a", {}), ("d/.wh..wh..opq", {}),
                           ("a", {"type": tarfile.DIRTYPE})]),
    "pax": make_tar([("x", {"pax_headers": {"SCHILY.xattr.user.a": "b", "path": "n" * 120}})],
                    tarfile.PAX_FORMAT),
    "xattr": make_tar([("x", {"pax_headers": {"SCHILY.xattr.trusted.overlay.opaque": "y"}})],
                      tarfile.PAX_FORMAT),
    "gnu": make_tar([("n" * 120, {}), ("l", link(tarfile.SYMTYPE, "t" * 120))],
                    tarfile.GNU_FORMAT),
    "sparse": make_tar([("s", {"content": b"0\n10\n", "pax_headers": {
        "GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": "s",
        "GNU.sparse.size": "100", "GNU.sparse.map": "0,2,50,3"}})], tarfile.PAX_FORMAT),
}


def main():
    os.makedirs(FOLDER, exist_ok=True)
    seeds = {name: whole_blocks(data) for name, data in SEEDS.items()}
    seeds["whiteouts"] += b"\0"
    plain = seeds["files"]
    seeds["files.gz"] = gzip.compress(plain, mtime=0)
    seeds["files.xz"] = lzma.compress(plain)
    seeds["files.bz2"] = bz2.compress(plain)
    seeds["files.zst"] = subprocess.run(["zstd", "-q", "-c"], input=plain, check=True,
                                        stdout=subprocess.PIPE).stdout
    for name, data in seeds.items():
        with open(os.path.join(FOLDER, name), "wb") as file:
            file.write(data)


if __name__ == "__main__":
    main()
