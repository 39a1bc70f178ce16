"""docs/transcripts.md, replayed: every command of the page is run, in order, against a private daemon, and its output has to
be what the page says.

What the page may leave open, so that it stays readable:
  <uid>          a uid or the first 12 digits of it; the same number stands for the same uid on the whole page: <uid1>
  <time>         RFC 3339          <ago>     "3 seconds"        <size>    "1.21MiB"
  <address>      IPv4              <number>  digits             <any>     anything in this line
  ...            any lines, or none (a line of its own)
Runs of blanks count as one: tables are as wide as what stands in them. "[exit 1]" after the output is the exit code, 0 if
it is not there. Output to stderr comes with that to stdout."""

import os
import re
import subprocess
import unittest

from harness import BIN, ROOT, DaemonTest

PAGE = os.environ.get("SKERRY_TRANSCRIPTS", os.path.join(ROOT, "docs", "transcripts.md"))
PLACEHOLDERS = {
    "uid": r"[0-9a-f]{12}(?:[0-9a-f]{20})?",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z",
    "ago": r"\d+ (?:second|minute|hour|day|week)s?",
    "size": r"\d+(?:\.\d+)?(?:[KMGTPE]iB|B)",
    "address": r"\d+\.\d+\.\d+\.\d+",
    "number": r"\d+",
    "any": r".*",
}


class Step:
    """One command of the page and what it says about it."""

    def __init__(self, line, section, command):
        self.line = line
        self.section = section
        self.command = command
        self.expected = []
        self.exit_code = 0


def read_page(text):
    """The steps of every ```console block, in order. A command goes on after a backslash at the line's end."""
    steps = []
    section, inside = "", False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            inside = line == "```console"
        elif not inside:
            section = line.lstrip("# ") if line.startswith("## ") else section
        elif steps and steps[-1].command.endswith("\\\n") and not steps[-1].expected:
            steps[-1].command += line
        elif line.startswith("$ "):
            steps.append(Step(number, section, line[2:] + ("\n" if line.endswith("\\") else "")))
        elif (code := re.fullmatch(r"\[exit (\d+)\]", line)) and steps:
            steps[-1].exit_code = int(code.group(1))
        elif steps:
            steps[-1].expected.append(line)
    return steps


def pattern_of(lines, known):
    """A regular expression for lines of the page. `known` has the values of numbered placeholders seen before; new ones
    become groups of that name."""
    def placeholder(match):
        kind, number = match.group(1), match.group(2)
        name = kind + number
        if kind not in PLACEHOLDERS:
            return re.escape(match.group(0))
        if not number:
            return f"(?:{PLACEHOLDERS[kind]})"
        if name in known:
            return re.escape(known[name]) + ("[0-9a-f]*" if kind == "uid" else "")
        if name in named:
            return f"(?P={name})"
        named.add(name)
        return f"(?P<{name}>{PLACEHOLDERS[kind]})"

    named = set()
    parts = []
    for line in lines:
        if line == "...":
            parts.append(r"(?:.*\n)*?")
            continue
        squeezed = re.sub(r"\s+", " ", line.rstrip())
        pieces = re.split(r"(<[a-z]+\d*>)", squeezed)
        parts.append("".join(placeholder(re.fullmatch(r"<([a-z]+)(\d*)>", piece))
                             if re.fullmatch(r"<[a-z]+\d*>", piece) else re.escape(piece)
                             for piece in pieces) + r"\n")
    return "".join(parts)


def squeeze(text):
    return "".join(re.sub(r"[ \t]+", " ", line.rstrip()) + "\n" for line in text.splitlines())


class Reader(unittest.TestCase):
    """The test's own reading of pages; needs no daemon."""

    def test_reads_commands_outputs_and_codes(self):
        steps = read_page("## A\n```console\n$ one \\\n  two\nout\n[exit 3]\n$ three\n```\n```\n$ not\n```\n")
        self.assertEqual([step.command for step in steps], ["one \\\n  two", "three"])
        self.assertEqual((steps[0].expected, steps[0].exit_code, steps[0].section), (["out"], 3, "A"))

    def test_placeholders_match_what_they_name(self):
        pattern = pattern_of(["<uid1>  up <ago>", "...", "<uid1> x.y"], {})
        good = squeeze("0123456789ab   up 3 seconds\nmore\n0123456789ab x.y")
        self.assertTrue(re.fullmatch(pattern, good))
        self.assertFalse(re.fullmatch(pattern, good.replace("x.y", "xzy")))
        self.assertFalse(re.fullmatch(pattern, squeeze("0123456789ab up 3 seconds\nfedcba987654 x.y")))

    def test_known_uids_are_the_same_everywhere(self):
        pattern = pattern_of(["<uid1>"], {"uid1": "0123456789ab"})
        self.assertTrue(re.fullmatch(pattern, "0123456789ab" + "0" * 20 + "\n"))
        self.assertFalse(re.fullmatch(pattern, "fedcba987654\n"))


class Transcripts(DaemonTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.work = os.path.join(cls.daemon.base, "work")
        os.makedirs(os.path.join(cls.work, "site"))
        with open(os.path.join(cls.work, "site", "index.html"), "w", encoding="ascii") as file:
            file.write("<h1>hello</h1>\n")
        tree = os.path.join(cls.daemon.base, "tree-busybox")
        subprocess.run(["tar", "-C", tree, "-cf", os.path.join(cls.work, "busybox.tar"), "."], check=True)
        cls.daemon.skerry("image", "rm", "busybox")

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()

    def run_step(self, step):
        environment = dict(os.environ, PATH=BIN + ":" + os.environ["PATH"], NO_COLOR="1",
                           SKERRY_HOST=f"unix://{self.daemon.run}/skerryd.sock")
        return subprocess.run(["bash", "-c", step.command], cwd=self.work, env=environment, timeout=120,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)

    def test_page(self):
        with open(PAGE, encoding="utf-8") as file:
            steps = read_page(file.read())
        self.assertGreater(len(steps), 10)
        known = {}
        for step in steps:
            where = f"{PAGE}:{step.line} ({step.section}): $ {step.command}"
            with self.subTest(where):
                done = self.run_step(step)
                output = squeeze(done.stdout.decode(errors="replace"))
                match = re.fullmatch(pattern_of(step.expected, known), output)
                page = "\n".join(step.expected)
                self.assertIsNotNone(match, f"{where}\n--- printed\n{output}--- the page says\n{page}")
                self.assertEqual(done.returncode, step.exit_code, f"{where}\n{output}")
                for name, value in match.groupdict().items():
                    known[name] = value[:12] if name.startswith("uid") else value


if __name__ == "__main__":
    unittest.main()
