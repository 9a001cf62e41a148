"""The table on the terminal, one line per finished fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import takewhile
from pathlib import Path

from heterodyne_cli.series.row import FAILED, NOT_CONVERGED, OK, STRUCTURED, Row, judgement, why_not
from heterodyne_nlsq import VERDICT_MOODS
from heterodyne_report import Mood, format_plus_minus, wrap_text

_COLUMNS = (
    ("time", 8),
    ("file", 24),
    ("q / 1/Å", 8),
    ("v / Å/s", 16),
    ("J_r / Å²/s", 16),
    ("J_s / Å²/s", 16),
    ("x", 17),
    ("verdict", 22),
    ("seconds", 7),
)
_MOODS: dict[str, Mood] = {**VERDICT_MOODS, OK: "good", STRUCTURED: "caution", NOT_CONVERGED: "bad", FAILED: "bad"}
_WIDTH = 150
"""Line length in characters, about the width of the table."""

type Paint = Callable[[str, Mood], str]


def table_header() -> str:
    """Return the header line; functions of age are means over the measurement."""
    return "  ".join(name.ljust(width) for name, width in _COLUMNS).rstrip()


def table_row(row: Row, now: str, paint: Paint, names: Iterable[str] = ()) -> str:
    """Return the line of a fit finished at `now`, followed by its sentence; `names` are those of all files."""
    fit = str(row["fit"])
    cells = [now, short(Path(row["file"]).name, names), "" if row.get("q") is None else f"{row['q']:.5g}"]
    if fit == FAILED:
        start = "  ".join(cell.ljust(width) for cell, (_, width) in zip(cells, _COLUMNS, strict=False))
        return f"{start}  {paint(f'failed: {row["message"]}', 'bad')}"
    cells += [mean_text(row, name) for name in ("v", "J_r", "J_s", "x")]
    cells += [judgement(row), f"{row['seconds']:.2f}"]
    padded = [cell.ljust(width) for cell, (_, width) in zip(cells, _COLUMNS, strict=True)]
    padded[-2] = paint(padded[-2], _MOODS[judgement(row)])
    sentence = row.get("sentence", "")
    below = f"\n{wrap_text(sentence, _WIDTH, ' ' * (_COLUMNS[0][1] + 2))}" if sentence else ""
    return "  ".join(padded).rstrip() + below


def short(name: str, names: Iterable[str], width: int = _COLUMNS[1][1]) -> str:
    """Return a name that fits its column; it is cut in the part common to all names of the series."""
    if len(name) <= width:
        return name
    others = [other for other in names if other != name]
    front = min((common_prefix(name, other) for other in others), default=0)
    back = min((common_prefix(name[::-1], other[::-1]) for other in others), default=0)
    differs = slice(front, max(len(name) - back, front))
    own = name[differs]
    if not own or len(own) > width - 2:
        # There is no common part, or the rest is still too long: keep both ends.
        ends = own or name
        kept = width - 1 - (width - 1) // 2
        return f"{ends[:kept]}…{ends[len(ends) - (width - 1) // 2 :]}"
    # The remaining width is used for the common end first, then for the beginning.
    after = min(len(name) - differs.stop, width - 1 - len(own))
    if differs.stop + after == len(name):
        return f"…{name[len(name) - (width - 1) :]}"
    return f"…{own}{name[differs.stop : differs.stop + width - 2 - len(own)]}…"


def common_prefix(one: str, other: str) -> int:
    """Return the length of the common prefix of two names."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def mean_text(row: Row, name: str) -> str:
    """Return the mean of a function of age with its standard deviation, or the reason why there is none."""
    value, sd = row.get(f"{name}_mean"), row.get(f"{name}_mean_sd")
    if value is None:
        return why_not(row, name)
    return format_plus_minus(value, math.nan if sd is None else sd)
