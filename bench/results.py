"""What a run has found: rows against their targets, and tables beside them."""

import targets


class Results:
    def __init__(self, sizes):
        self.sizes = sizes
        self.rows = {}
        self.tables = []
        self.failures = []

    def what(self, key):
        numbers = {name: f"{value:,}" for name, value in self.sizes.items() if isinstance(value, int)}
        return targets.ROWS[key].what.format(**numbers)

    def add(self, key, value, detail, name=None, void=None, **data):
        """A measured row. `detail`: what the figure was made of. `name`: where one row of the
        budget is measured several times. `void`: why the figure says nothing."""
        row = targets.ROWS[key]
        entry = {"key": key, "what": name or self.what(key), "value": value}
        entry |= {"measured": row.show(value), "target": row.target()}
        entry["met"] = None if void else row.is_met(value)
        detail += f"; {void}" if void else ""
        entry |= {"detail": detail, **data}
        self._put(name or key, entry)

    def absent(self, key, why):
        entry = {"key": key, "what": self.what(key), "measured": "–", "detail": why}
        self._put(key, entry | {"target": targets.ROWS[key].target(), "met": None})

    def _put(self, name, entry):
        self.rows[name] = entry
        verdict = {True: "met", False: "MISSED", None: "no verdict"}[entry["met"]]
        shown = f"{entry['what']}: {entry['measured']}  [{entry['target']}: {verdict}]"
        print(f"  {shown}  {entry['detail']}", flush=True)

    def table(self, title, headings, lines, note=""):
        self.tables.append({"title": title, "headings": headings, "lines": lines, "note": note})
        print(f"\n{title}" + (f" ({note})" if note else ""))
        print_table(headings, lines)

    def fail(self, group, error):
        self.failures.append(f"{group}: {error}")
        print(f"  FAILED {group}: {error}", flush=True)

    def missing(self, groups):
        """Rows of those groups that were not produced."""
        there = {entry["key"] for entry in self.rows.values()}
        return [k for k, row in targets.ROWS.items() if row.group in groups and k not in there]


def print_table(headings, lines):
    widths = [max(len(row[i]) for row in [headings, *lines]) for i in range(len(headings))]
    for row in [headings, *lines]:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  " + "  ".join(cells).rstrip())
    print(flush=True)
