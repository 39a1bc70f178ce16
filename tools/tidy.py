#!/usr/bin/env python3
"""Runs clang-tidy over our sources, as many at once as there are processors.

What was clean before is not read again: a stamp per file holds the hash of everything of ours that
the file is made of (itself, our headers, generated code, its compiler command, the configuration
and the tool). Usage: tidy.py BUILD_DIR [FILE…]; without files, all that git knows.
"""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TIDY = "clang-tidy-16"
PLUGIN_SOURCE = Path("tools/tidy/our_code.cpp")
# The analyzer gives a function up after so many states, most of which are the standard library's.
# With its default, eleven times as many, it takes more time than everything else together.
ANALYZER_STATES = 20000


def tool_output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def load_commands(build: Path) -> dict[str, list[str]]:
    """Source path from the root → its compiler command. One source built twice is read once."""
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = os.path.relpath(build / entry["file"])
        commands.setdefault(source, shlex.split(entry["command"]))
    return commands


def without_outputs(command: list[str]) -> list[str]:
    """The command without ccache, and without what it names to write."""
    words = iter(command[1:] if command[0] == "ccache" else command)
    kept = []
    for word in words:
        if word in ("-o", "-MQ", "-MF"):
            next(words)
        elif word != "-MD":
            kept.append(word)
    return kept


def build_plugin(build: Path) -> Path:
    plugin = build / "our_code.so"
    if not plugin.exists() or plugin.stat().st_mtime < PLUGIN_SOURCE.stat().st_mtime:
        subprocess.run(["clang++-16", "-std=c++17", "-O1", "-fPIC", "-shared", "-fno-exceptions",
                        "-isystem", "/usr/lib/llvm-16/include", str(PLUGIN_SOURCE),
                        "-o", str(plugin)], check=True)
    return plugin


def options(plugin: Path) -> list[str]:
    limit = ["-Xclang", "-analyzer-config", "-Xclang", f"max-nodes={ANALYZER_STATES}"]
    return ["--quiet", "--load", str(plugin), "--checks=skerry-our-code-only",
            *(f"--extra-arg={word}" for word in limit)]


class Stamps:
    """Which files were clean, and what they were made of then."""

    def __init__(self, build: Path, tool_options: list[str]):
        self._build = build
        self._dir = build / "tidy"
        self._dir.mkdir(exist_ok=True)
        self._root = os.path.realpath(".")
        self._tool = [tool_output(TIDY, "--version"), *tool_options,
                      PLUGIN_SOURCE.read_text()]
        self._hashes: dict[str, str] = {}

    def _hash(self, path: str) -> str:
        if path not in self._hashes:
            self._hashes[path] = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        return self._hashes[path]

    def _settings(self, source: str, command: list[str]) -> str:
        """What decides the verdict beside the code: tool, command, configurations on the way up."""
        configs = [str(d / ".clang-tidy") for d in Path(source).parents]
        parts = [*self._tool, *command, *(self._hash(c) for c in configs if os.path.exists(c))]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _file(self, source: str) -> Path:
        return self._dir / (source.replace("/", "__") + ".json")

    def made_of(self, source: str, command: list[str]) -> dict:
        """Asks the compiler. The system's headers are left out: they come with the tool."""
        rule = subprocess.run([*without_outputs(command), "-M"], cwd=self._build, check=True,
                              capture_output=True, text=True).stdout
        names = rule.split(":", 1)[1].replace("\\\n", " ").split()
        real = {os.path.realpath(self._build / name) for name in names}
        ours = sorted(path for path in real if path.startswith(self._root + "/"))
        return {"settings": self._settings(source, command),
                "files": {os.path.relpath(path): self._hash(path) for path in ours}}

    def clean(self, source: str, command: list[str]) -> bool:
        try:
            stamp = json.loads(self._file(source).read_text())
            return stamp["settings"] == self._settings(source, command) and all(
                self._hash(os.path.realpath(path)) == known
                for path, known in stamp["files"].items())
        except (FileNotFoundError, ValueError):
            return False

    def write(self, source: str, made_of: dict) -> None:
        self._file(source).write_text(json.dumps(made_of))


def main() -> int:
    if shutil.which(TIDY) is None:
        print(f"tidy: {TIDY} is not installed (./dev deps)", file=sys.stderr)
        return 1
    build = Path(sys.argv[1])
    sources = sys.argv[2:] or [
        name for name in tool_output("git", "ls-files", "*.cpp").split()
        if name != str(PLUGIN_SOURCE)]
    commands = load_commands(build)
    unbuilt = [source for source in sources if source not in commands]
    if unbuilt:
        print("tidy: no target builds", *unbuilt, file=sys.stderr)
        return 1
    tool_options = options(build_plugin(build))
    stamps = Stamps(build, tool_options)
    todo = [source for source in sources if not stamps.clean(source, commands[source])]
    # The longest first, so that no processor waits for the other at the end.
    todo.sort(key=lambda source: os.path.getsize(source), reverse=True)
    print(f"clang-tidy: {len(sources)} files, {len(todo)} of them not seen clean yet", flush=True)

    lock, failed, told = threading.Lock(), [], set()

    def check(source: str) -> None:
        made_of = stamps.made_of(source, commands[source])
        run = subprocess.run([TIDY, "-p", str(build), *tool_options, source],
                             capture_output=True, text=True)
        if run.returncode == 0:
            stamps.write(source, made_of)
            return
        with lock:
            failed.append(source)
            # What is wrong in a header is found by all who include it.
            if run.stdout not in told:
                print(run.stdout, end="", flush=True)
            told.add(run.stdout)
            if not run.stdout.strip():
                print(f"{source}: clang-tidy ended with {run.returncode}\n{run.stderr}", flush=True)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in [pool.submit(check, source) for source in todo]:
            done.result()
    passed = len(sources) - len(failed)
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
