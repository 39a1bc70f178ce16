"""From samples to a table of ratios and a JSON document."""

import statistics


class Series:
    """Samples of one row, block by block: the medians of the blocks say how far to trust it."""

    def __init__(self, label):
        self.label = label
        self.blocks = []

    def add(self, samples):
        self.blocks.append(samples)

    @property
    def samples(self):
        return [sample for block in self.blocks for sample in block]

    def median(self):
        return statistics.median(self.samples)

    def p90(self):
        ordered = sorted(self.samples)
        return ordered[(len(ordered) * 9 - 1) // 10]

    def ratio(self, base):
        """Against another row: ratio of the medians, and the quartiles of the ratios of blocks
        that ran side by side."""
        each = [
            statistics.median(mine) / statistics.median(other)
            for mine, other in zip(self.blocks, base.blocks)
        ]
        low, high = each[0], each[0]
        if len(each) > 1:
            low, _, high = statistics.quantiles(each, n=4, method="inclusive")
        return {"of_medians": self.median() / base.median(), "low": low, "high": high}


def show_ratio(ratio):
    return f"{ratio['of_medians']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})"


def table(headings, lines):
    widths = [max(len(row[i]) for row in [headings, *lines]) for i in range(len(headings))]
    for row in [headings, *lines]:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  ".join(cells).rstrip())


# The figures a row is held against: (row, base row, at most).
TARGETS = {
    "skerry: launch→exited event, by RPC": ("floor: launch→exit", 1.3),
    "skerry run --rm, the whole command": ("crun run, prepared bundle", 1.0),
}
BASES = ("floor: launch→exit", "floor: launch→undone", "crun run, prepared bundle")


def latency(title, all_series):
    """Prints one table; returns its rows as data."""
    by_label = {series.label: series for series in all_series}
    bases = [base for base in BASES if base in by_label]
    rows = []
    lines = []
    for series in all_series:
        ratios = {base: series.ratio(by_label[base]) for base in bases}
        row = {"row": series.label, "rounds": len(series.samples), "median_us": series.median()}
        row |= {"p90_us": series.p90(), "min_us": min(series.samples), "ratios": ratios}
        row["block_medians_us"] = [statistics.median(block) for block in series.blocks]
        line = [series.label, str(row["rounds"])]
        line += [f"{row[key]:.0f}" for key in ("median_us", "p90_us", "min_us")]
        line += [show_ratio(ratios[base]) for base in bases]
        line.append(_target(series.label, ratios, row))
        rows.append(row)
        lines.append(line)
    print(f"\n{title} (µs; ratios of medians, with the quartiles of the blocks' own)")
    table(["", "rounds", "median", "p90", "min", *[f"÷ {base}" for base in bases], "target"], lines)
    return rows


def _target(label, ratios, row):
    base, most = TARGETS.get(label, (None, None))
    if base not in ratios:
        return ""
    row["target"] = {"base": base, "at_most": most, "met": ratios[base]["of_medians"] <= most}
    return f"≤ {most} × {base.split(':')[0].split()[0]}: {'met' if row['target']['met'] else 'MISSED'}"


def rates(rates_by_label, workers):
    """Launches per second of each contender, against the floor's."""
    floor = statistics.median(rates_by_label["floor"])
    rows = []
    for label, values in rates_by_label.items():
        value = statistics.median(values)
        row = {"row": label, "workers": workers, "launches_per_s": value, "of_floor": value / floor}
        if label == "skerry-rpc":
            row["target"] = {"base": "floor", "at_least": 0.75, "met": value / floor >= 0.75}
        rows.append(row)
    print(f"\n{workers} launching at the same time")
    lines = [[r["row"], f"{r['launches_per_s']:.0f}", f"{r['of_floor']:.0%}"] for r in rows]
    table(["", "launches/s", "of the floor's"], lines)
    return rows


def running(pairs_by_label, count):
    """Launch latency beside sleeping containers, against the same without."""
    rows = []
    lines = []
    for label, (alone, beside) in pairs_by_label.items():
        ratio = beside.ratio(alone)
        rows.append(
            {
                "row": label,
                "running": count,
                "alone_us": alone.median(),
                "beside_us": beside.median(),
                "ratio": ratio,
            }
        )
        lines.append([label, f"{alone.median():.0f}", f"{beside.median():.0f}", show_ratio(ratio)])
    print(f"\nbeside {count} sleeping containers (µs)")
    table(["", "alone", "beside them", "ratio"], lines)
    return rows
