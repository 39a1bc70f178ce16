"""Samples, and what is said of them."""

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
        """Against another row: ratio of the medians, and the quartiles of the ratios of blocks that
        ran side by side."""
        each = [
            statistics.median(mine) / statistics.median(other)
            for mine, other in zip(self.blocks, base.blocks)
        ]
        low, high = each[0], each[0]
        if len(each) > 1:
            low, _, high = statistics.quantiles(each, n=4, method="inclusive")
        return {"of_medians": self.median() / base.median(), "low": low, "high": high}

    def figures(self):
        return {
            "row": self.label,
            "rounds": len(self.samples),
            "median_us": self.median(),
            "p90_us": self.p90(),
            "min_us": min(self.samples),
            "block_medians_us": [statistics.median(block) for block in self.blocks],
        }


class Launches:
    """Launch to exit, and to release, of one contender in one situation."""

    def __init__(self, label):
        self.exited = Series(label)
        self.released = Series(label)

    def add(self, result):
        self.exited.add(result["exit_us"]["samples"])
        self.released.add(result["undone_us"]["samples"])

    def against(self, base):
        """The ratio to exit, and in words what it is made of."""
        ratio = self.exited.ratio(base.exited)
        detail = f"{self.exited.median():,.0f} µs ÷ {base.exited.median():,.0f} µs"
        detail += f"; {show_ratio(ratio)}"
        released = self.released.ratio(base.released)["of_medians"]
        return ratio["of_medians"], f"{detail}; to its release {released:.2f}"


def show_ratio(ratio):
    return f"{ratio['of_medians']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})"
