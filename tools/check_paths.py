#!/usr/bin/env python3
"""Checks that every path ARCHITECTURE.md and README.md name exists, every test that a page of docs/ names, and every reason of an
error that proto/ names: a map with a wrong name on it is worse than none."""

import functools
import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NAMED = re.compile(r"`([a-z_]+/[A-Za-z0-9_./-]*|[a-z_]+\.(?:md|build))`|\b((?:agent|os|launcher|isolators|plan|images|logs|unpack|cni|volumes|cli|base)/[a-z0-9_/]+\.(?:cpp|h))\b|\]\(([^)#]+)\)")


# As docs/security.md names them: where below tests/, and suite and name.
TEST = re.compile(r"`([a-z_/]+) ([A-Za-z0-9]+)\.([A-Za-z0-9_]+)`")


def sources(place: str) -> list[str]:
    """A file of Python tests, or every C++ file below a directory of tests."""
    path = os.path.join(ROOT, "tests", place)
    if os.path.isfile(path + ".py"):
        return [path + ".py"]
    return [os.path.join(directory, name) for directory, _, names in os.walk(path)
            for name in names if name.endswith(".cpp")]


@functools.cache
def tests_at(place: str) -> frozenset[tuple[str, str]]:
    found = set()
    for source in sources(place):
        with open(source, encoding="utf-8") as file:
            text = file.read()
        if source.endswith(".cpp"):
            found.update(re.findall(r"^(?:TYPED_)?TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)", text, re.MULTILINE))
            continue
        suite = ""
        for line in text.splitlines():
            if match := re.match(r"class (\w+)", line):
                suite = match[1]
            elif match := re.match(r"    def (test_\w+)", line):
                found.add((suite, match[1]))
    return frozenset(found)


def missing_tests() -> list[str]:
    missing = []
    for page in sorted(glob.glob(os.path.join(ROOT, "docs", "*.md"))):
        with open(page, encoding="utf-8") as file:
            named = TEST.findall(file.read())
        missing += [f"{os.path.basename(page)}: {place} {suite}.{name}" for place, suite, name in named
                    if (suite, name) not in tests_at(place)]
    return missing


# "reason X", "reason X or Y", "reasons X, Y and Z": what programs compare with.
REASONS = re.compile(r"\breasons?((?:,? (?:or |and )?[A-Z][A-Z0-9_]{2,}\b)+)")


def missing_reasons() -> list[str]:
    """The command line is no source of reasons: it waits for words that the daemon gives."""
    given = set()
    for folder in ("agent", "base", "cni", "images", "isolators", "launcher", "logs", "os", "plan", "unpack", "volumes"):
        for path in glob.glob(os.path.join(ROOT, folder, "**", "*.cpp"), recursive=True):
            with open(path, encoding="utf-8") as file:
                given.update(re.findall(r'"([A-Z][A-Z0-9_]+)"', file.read()))
    missing = []
    for path in sorted(glob.glob(os.path.join(ROOT, "proto", "**", "*.proto"), recursive=True)):
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"\s*\n\s*//\s*", " ", file.read())
        named = {word for words in REASONS.findall(text) for word in re.findall(r"[A-Z][A-Z0-9_]{2,}", words)}
        missing += [f"{os.path.basename(path)}: {word}" for word in sorted(named - given)]
    return missing


def main() -> int:
    missing = missing_tests() + missing_reasons()
    for page in ("ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"):
        with open(os.path.join(ROOT, page), encoding="utf-8") as file:
            text = file.read()
        named = {next(filter(None, match)) for match in NAMED.findall(text)}
        for path in sorted(named):
            if path.startswith("build/") or not re.match(r"[A-Za-z.]", path):
                continue
            # Folders inside agent/ are named without it.
            if not any(os.path.exists(os.path.join(ROOT, top, path)) for top in ("", "agent")):
                missing.append(f"{page}: {path}")
    for line in missing:
        print(f"no such path, test or reason: {line}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
