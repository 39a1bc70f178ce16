"""docs/benchmarks.md, its chart, and the place in README.md that shows it: written from what a run
has found, by nobody's hand."""

import os
import re

import chart
import targets

BEGIN, END = "<!-- benchmark: begin -->", "<!-- benchmark: end -->"
FLOOR_ROW = "floor: launch→exit"
CHARTED = {
    FLOOR_ROW: ("the kernel work alone (floor)", "floor"),
    "skerry: launch→exited event, by RPC": ("Skerry, by RPC", "ours"),
    "skerry with shelves: launch→exited event, by RPC": ("Skerry with shelves, by RPC", "ours"),
    "skerry run --rm with shelves, the whole command": ("skerry run --rm", "ours"),
    "crun run, prepared bundle": ("crun run", "other"),
}

METHOD = """\
Every row is measured in one run, and most are ratios: what they are held against runs beside them, block by block, in
an order that changes with each cycle. Figures are medians; brackets have the quartiles of the blocks' own ratios. The
**floor** (`bench/floor/`) is one C program that does the kernel work of the same launch in a straight line: clone3 with
all namespaces, overlay on the same file system, the same mounts and masks, the same cgroups and limits, seccomp, exec of
a `true` without libc, wait, undo; no RPC, journal, log or event. crun and the other engines run the same root, limits and
program. The benchmark runs in mount and network namespaces of its own; daemons are private ones that end with their row.
"""


def write(document, source_dir):
    docs = os.path.join(source_dir, "docs")
    svg = _chart(document)
    with open(os.path.join(docs, "benchmarks.md"), "w") as file:
        file.write(_page(document, svg is not None))
    written = ["docs/benchmarks.md"]
    if svg is not None:
        with open(os.path.join(docs, "benchmarks.svg"), "w") as file:
            file.write(svg)
        _write_readme(document, os.path.join(source_dir, "README.md"))
        written += ["docs/benchmarks.svg", "README.md"]
    print("written: " + ", ".join(written))


def _page(document, with_chart):
    parts = ["# Benchmarks\n", f"Written by `./dev bench{_options(document)} --write`; not edited.\n"]
    if with_chart:
        parts.append("![How long a launch takes](benchmarks.svg)\n")
    parts += [_rows(document), "## Method\n", METHOD, "## Machine\n", _machine(document)]
    parts.append("## In detail\n")
    parts += [_table(table) for table in document["tables"]]
    return "\n".join(parts)


def _options(document):
    full = " --full" if document["sizes"]["launches"] > 2000 else ""
    peers = any(table["title"].startswith("Peers") for table in document["tables"])
    return full + (" --peers" if peers else "")


def _cells(cells):
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _rows(document):
    lines = [_cells(["what", "target", "measured", "met", "of what"]), "|---|---|---|---|---|"]
    order = list(targets.ROWS)
    for row in sorted(document["rows"], key=lambda row: order.index(row["key"])):
        lines.append(
            _cells([row["what"], row["target"], row["measured"], _verdict(row), row["detail"]])
        )
    return "\n".join(lines) + "\n"


def _verdict(row):
    if row["met"]:
        return "yes"
    reason = targets.REASONS.get(row["key"], "")
    if row["met"] is None:
        return "no verdict" + (f": {reason}" if reason else "")
    return "**no**" + (f": {reason}" if reason else "")


def _machine(document):
    host = document["host"]
    versions = ", ".join(f"{k} {v}" for k, v in host["versions"].items() if v)
    lines = [
        f"- {host['processor']}, {host['cpus']} processors, {host['memory_gib']} GiB of memory",
        f"- Linux {host['kernel']}, cgroup {host['cgroups']}, {host['file_system']}",
        f"- {versions}",
        f"- {host['date']}, load {host['load_before']:.1f} before",
    ]
    if host["load_before"] > host["cpus"]:
        lines.append("- **The machine was busy with other things: read none of these as final.**")
    return "\n".join(lines) + "\n"


def _table(table):
    lines = [f"### {table['title']}\n"]
    if table["note"]:
        lines.append(f"({table['note']})\n")
    lines.append(_cells(table["headings"]))
    lines.append("|---" + "|---:" * (len(table["headings"]) - 1) + "|")
    lines += [_cells(line) for line in table["lines"]]
    return "\n".join(lines) + "\n"


def _chart(document):
    """Of the launches back to back, and of the peers' where there were any. None without launches."""
    launches = [t for t in document["tables"] if t["title"] == "Launches, back to back"]
    if not launches:
        return None
    medians = {line[0]: float(line[2].replace(",", "")) for line in launches[0]["lines"]}
    entries = [
        (CHARTED[row][0], medians[row] / 1000, CHARTED[row][1]) for row in CHARTED if row in medians
    ]
    for table in document["tables"]:
        if table["title"].startswith("Peers: a launch"):
            entries += _peer_bars(table)
    floor = medians[FLOOR_ROW] / 1000
    entries.sort(key=lambda entry: entry[1])
    bars = [(label, ms, f"{ms:,.1f} ms  {ms / floor:,.1f}×", kind) for label, ms, kind in entries]
    return chart.bars("Launch to exit of a container, ms, shorter is better", bars)


def _peer_bars(table):
    for line in table["lines"]:
        if line[0].split()[0] not in ("skerry", "crun") and re.fullmatch(r"[\d,.]+", line[1]):
            yield line[0], float(line[1].replace(",", "")), "other"


def _write_readme(document, path):
    with open(path) as file:
        text = file.read()
    if BEGIN not in text or END not in text:
        raise ValueError(f"{path}: no place for the chart ({BEGIN} … {END})")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    met = [row["met"] for row in document["rows"]]
    shown = (
        f"\n![How long a launch takes](docs/benchmarks.svg)\n\n{met.count(True)} of {len(met)} targets met; "
        "every row, its method and machine: [docs/benchmarks.md](docs/benchmarks.md).\n"
    )
    with open(path, "w") as file:
        file.write(before + BEGIN + shown + END + after)
