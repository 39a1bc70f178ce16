"""The benchmark's own reading: a lost line is seen, a missed target is said, the page has every row. Needs no daemon."""

import contextlib
import io
import os
import sys
import tempfile
import unittest
import xml.dom.minidom

from harness import ROOT

sys.path.insert(0, os.path.join(ROOT, "bench"))

import log_files  # noqa: E402
import page  # noqa: E402
import series  # noqa: E402
import targets  # noqa: E402
from place import Failure  # noqa: E402
from results import Results  # noqa: E402

LENGTH = 20


def record(number, tag="F", text=None):
    text = f"{number:010d}" + "x" * (LENGTH - 11) if text is None else text
    return f"2026-01-31T10:00:00.000000000Z stdout {tag} {text}\n"


class Quiet(unittest.TestCase):
    """What is measured is also printed."""

    def setUp(self):
        self.enterContext(contextlib.redirect_stdout(io.StringIO()))


class Logs(unittest.TestCase):
    def write(self, *records):
        file = tempfile.NamedTemporaryFile("w", delete=False)
        self.addCleanup(os.remove, file.name)
        with file:
            file.writelines(records)
        return file.name

    def test_whole_and_split_lines_are_complete(self):
        path = self.write(record(0), record(0, "P", "00000"), record(0, "F", "00001" + "x" * 9))
        log_files.check_complete(path, 2, LENGTH)
        log_files.await_line(path, 1, LENGTH, seconds=1)

    def test_what_is_missing_is_seen(self):
        for records in ([record(0), record(2)], [record(0)], [record(0), record(1, text="0000000001x")],
                        [record(0), record(1), record(2)]):
            with self.assertRaises(Failure):
                log_files.check_complete(self.write(*records), 2, LENGTH)

    def test_a_log_that_goes_on_is_not_at_its_end(self):
        for records in ([record(0)], [record(0), record(1, "P", "00000000")], [record(1)[:-1]]):
            with self.assertRaises(Failure):
                log_files.await_line(self.write(*records), 1, LENGTH, seconds=0.01)


class Figures(Quiet):
    def test_ratio_is_of_the_medians_with_the_blocks_own_beside(self):
        ours, base = series.Series("ours"), series.Series("base")
        for mine, other in (([2, 2], [1, 1]), ([4, 4], [1, 1]), ([9, 9], [3, 3])):
            ours.add(mine)
            base.add(other)
        self.assertEqual(ours.ratio(base), {"of_medians": 4.0, "low": 2.5, "high": 3.5})

    def test_targets_from_above_and_below(self):
        self.assertTrue(targets.ROWS["launch_loop"].is_met(1.3))
        self.assertFalse(targets.ROWS["launch_loop"].is_met(1.31))
        self.assertTrue(targets.ROWS["rate"].is_met(75))
        self.assertFalse(targets.ROWS["rate"].is_met(74))

    def test_a_row_that_was_not_produced_is_named(self):
        results = Results({"running": 5, "launches": 10, "finished": 5, "mounts": 5})
        results.add("log", 3.5, "detail")
        self.assertEqual(results.missing(["log"]), [])
        self.assertEqual(results.missing(["log", "client"]), ["client"])


class Page(Quiet):
    def document(self):
        results = Results({"running": 1000, "launches": 24_000, "finished": 5, "mounts": 5})
        results.add("client", 6.5, "a | b")
        results.add("launch_loop", 1.25, "detail")
        results.absent("shelves_loop", "this version has none")
        lines = [["floor: launch→exit", "60", "4,000"], ["crun run, prepared bundle", "60", "8,000"]]
        results.table("Launches, back to back", ["", "rounds", "median"], lines, "µs")
        host = {"processor": "P", "cpus": 2, "memory_gib": 1, "kernel": "6.1", "cgroups": "v2", "date": "today",
                "file_system": "ext4", "load_before": 9.0, "versions": {"crun": "1.8"}}
        return {"rows": list(results.rows.values()), "tables": results.tables, "sizes": results.sizes, "host": host}

    def test_page_chart_and_readme(self):
        with tempfile.TemporaryDirectory() as directory:
            os.mkdir(os.path.join(directory, "docs"))
            readme = os.path.join(directory, "README.md")
            with open(readme, "w", encoding="utf-8") as file:
                file.write(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
            page.write(self.document(), directory)
            with open(os.path.join(directory, "docs/benchmarks.md"), encoding="utf-8") as file:
                text = file.read()
            self.assertIn("./dev bench --full --write", text)
            self.assertLess(text.index("launch→exited event by RPC"), text.index("client start-up"))
            self.assertIn("| ≤ 5 ms | 6.50 ms | **no** | a \\| b |", text)
            self.assertIn("no verdict", text)
            self.assertIn("busy with other things", text)
            svg = xml.dom.minidom.parse(os.path.join(directory, "docs/benchmarks.svg"))
            self.assertEqual(len(svg.getElementsByTagName("rect")), 2)
            with open(readme, encoding="utf-8") as file:
                text = file.read()
            self.assertTrue(text.startswith("before\n") and text.endswith("\nafter\n"))
            self.assertIn("1 of 3 targets met", text)
            self.assertNotIn("old", text)


if __name__ == "__main__":
    unittest.main()
