#!/usr/bin/env python3
"""Checks that every path ARCHITECTURE.md and README.md name exists: a map with a wrong name on it is worse than none."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NAMED = re.compile(r"`([a-z_]+/[A-Za-z0-9_./-]*|[a-z_]+\.(?:md|build))`|\b((?:agent|os|launcher|isolators|plan|images|logs|unpack|cni|volumes|cli|base)/[a-z0-9_/]+\.(?:cpp|h))\b|\]\(([^)#]+)\)")


def main() -> int:
    missing = []
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
        print(f"no such path: {line}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
