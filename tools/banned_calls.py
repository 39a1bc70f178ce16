#!/usr/bin/env python3
"""Finds calls that are banned here, and says why. The reason is the rule: a ban nobody can explain
is removed. Usage: banned_calls.py FILE…"""

import re
import sys

# (pattern, where it is allowed: path prefixes, reason)
RULES = [
    (r"(?<![\w:.>])system\s*\(", (), "runs a shell: what comes from outside becomes a command"),
    (r"(?<![\w.>])popen\s*\(", (), "runs a shell: use os::run"),
    (r"(?<![\w.>])(::)?v?fork\s*\(", ("os/spawn.cpp", "os/scratch", "os/foreign_path.cpp",
                                      "os/mount", "launcher/", "tests/", "bench/"),
     "a forked copy of a threaded process may only call what signal-safety(7) lists"),
    (r"(?<![\w.>])strtok\s*\(", (), "keeps state in a global"),
    (r"(?<![\w.>])v?sprintf\s*\(", (), "knows no bounds: use fmt or snprintf"),
    (r"(?<![\w.>])(::)?dup\s*\(", (), "loses O_CLOEXEC: use fcntl(F_DUPFD_CLOEXEC)"),
    (r"(?<![\w.>])::close\s*\(", ("base/unique_fd.cpp", "launcher/", "tests/", "bench/", "os/spawn"),
     "descriptors are owned by UniqueFd; a raw close of a borrowed one closes somebody else's"),
    (r"(?<![\w.>])::mount\s*\(", ("os/", "launcher/", "unpack/", "tests/", "bench/"),
     "the host's mount table stays flat: mounts are detached descriptors (os/mount.h)"),
    (r"remove_all\s*\(", (), "follows no root file system rule: use os::remove_tree"),
    # launcher/ has no threads; what is detached there are connections.
    (r"\.detach\s*\(\s*\)", ("launcher/",), "a detached thread outlives what it uses"),
    (r"(?<![\w.>])strerror\s*\(", (), "not thread-safe: use errno_text"),
    (r"(?<![\w.>])(getpwnam|getgrnam|getpwuid|getgrgid)\s*\(", ("cli/", "tests/"),
     "reads the host's database: users of a container are looked up inside its root"),
]

COMMENT = re.compile(r"//.*?$|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", re.S | re.M)


def blank(match: re.Match) -> str:
    """Comments and strings become blanks, so that line numbers stay."""
    return re.sub(r"[^\n]", " ", match.group(0))


def main() -> int:
    found = 0
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            text = COMMENT.sub(blank, file.read())
        for number, line in enumerate(text.split("\n"), 1):
            for pattern, allowed, reason in RULES:
                if allowed and path.startswith(allowed):
                    continue
                match = re.search(pattern, line)
                if match:
                    print(f"{path}:{number}: {match.group(0).strip()}…): {reason}")
                    found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
