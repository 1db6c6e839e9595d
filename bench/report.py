"""The form that every benchmark of weft reports in: a table, and build/bench/NAME.json.

A row is a dict of name, unit, value, against (what it is compared with), ratio (to that), target ("<= 0.33") and met.
A missed target is printed, but is no failure: only a benchmark that can't measure fails.
"""

import json
import operator
import os

KEYS = ("name", "unit", "value", "against", "ratio", "target", "met")
COMPARISONS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}


def row(name, unit, value, against=None, ratio=None, target=None):
    """A row; `met` follows from the ratio and the target."""
    met = None
    if target is not None and ratio is not None:
        sign, limit = target.split()
        met = COMPARISONS[sign](ratio, float(limit))
    return dict(zip(KEYS, (name, unit, value, against, ratio, target, met)))


def _cell(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "met" if value else "MISSED"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"
    return str(value)


def table(lines):
    """Prints lines of cells, aligned; the first is the head."""
    lines = [[_cell(cell) for cell in line] for line in lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for number, line in enumerate(lines):
        print("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(line, widths))).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


def report(name, rows, folder="build/bench"):
    """Prints the rows, and writes them to FOLDER/NAME.json."""
    table([KEYS] + [[r[key] for key in KEYS] for r in rows])
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name + ".json")
    with open(path, "w") as f:
        json.dump(rows, f, indent=1)
    print(f"written to {path}")
