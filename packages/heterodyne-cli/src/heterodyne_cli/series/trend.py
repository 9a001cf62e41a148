"""The page of a series: its functions of age against the order of the measurements, and a table with links."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from heterodyne_cli.series.chart import Point, panel
from heterodyne_cli.series.lines import quoted
from heterodyne_cli.series.row import FAILED, OK, Row

_PANELS = (
    ("v", "v / Å/s, mean over the measurement"),
    ("J_r", "J of the reference / Å²/s, mean"),
    ("J_s", "J of the sample / Å²/s, mean"),
    ("x", "field fraction of the sample x, mean"),
)
_HEADS = ("time", "file", "q / 1/Å", "v / Å/s", "J_r / Å²/s", "J_s / Å²/s", "x", "fit")
_STYLE = """
:root { color-scheme: light dark; --ink: #1c1b1f; --paper: #fff; --faint: #8884;
  --s0: #1f5fa8; --s1: #c2571a; --s2: #2b7d3b; --s3: #8a3ea8; --s4: #a8243a; --s5: #6b6b00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e1e5; --paper: #16161a;
  --s0: #7db4f0; --s1: #f0a06a; --s2: #7fce8f; --s3: #d29be8; --s4: #f08a9a; --s5: #cfcf60; } }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 62rem; margin: 1.5rem auto; padding: 0 1rem;
  color: var(--ink); background: var(--paper); }
svg { width: 100%; height: auto; } svg text { font-size: 12px; fill: currentColor; } svg .title { font-weight: 600; }
.grid { stroke: var(--faint); } .doubt circle { fill: var(--paper); }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .6rem .15rem 0; text-align: left; border-bottom: 1px solid var(--faint); white-space: nowrap; }
td:last-child { white-space: normal; }
a { color: inherit; } .bad { color: var(--s4); font-weight: 600; }
@media print { body { max-width: none; } }
"""
_COLOURS = "".join(
    f".s{k} {{ stroke: var(--s{k}); }} .s{k} circle {{ stroke-width: 1.5; }} .s{k}:not(.doubt) circle "
    f"{{ fill: var(--s{k}); }} b.s{k} {{ color: var(--s{k}); }}\n"
    for k in range(6)
)


def trend_page(rows: Sequence[Row], title: str, folder: Path, refresh: int | None = None) -> str:
    """Return the page of a series as HTML that needs nothing but itself.

    Parameters
    ----------
    rows : of the summary, in order.
    title : what the page is headed with.
    folder : of the results; links are relative to it.
    refresh : s after which a browser reads the page again; never when None.
    """
    wavevectors = sorted({_rough(row["q"]) for row in rows if row.get("q") is not None})
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
    )
    if refresh is not None:
        head += f'<meta http-equiv="refresh" content="{refresh}">'
    colours = ", ".join(f'<b class="s{k % 6}">{q:g}</b>' for k, q in enumerate(wavevectors))
    last = f"last of {max(row['time'] for row in rows)}" if rows else "nothing yet"
    links = [_link(row, folder) for row in rows]
    parts = [
        f"<h1>{html.escape(title)}</h1><p>{len(rows)} measurements, {last}; q in 1/Å: {colours or 'none'}. "
        "In order of time; bars are one standard deviation, open circles are fits with structure in the residuals or "
        "not converged; point at a circle for its file.</p>",
        *(panel(points, words) for name, words in _PANELS if (points := _points(rows, links, name, wavevectors))),
        _table(rows, links),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}{_COLOURS}</style></head><body>\n'
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _points(rows: Sequence[Row], links: Sequence[str], name: str, wavevectors: Sequence[float]) -> list[Point]:
    """Return the means of a function over all measurements, each file a place."""
    files = {file: k for k, file in enumerate(dict.fromkeys(row["file"] for row in rows))}
    points = []
    for row, link in zip(rows, links, strict=True):
        value, sd = row.get(f"{name}_mean"), row.get(f"{name}_mean_sd")
        if value is not None:
            at = (files[row["file"]] + 0.5) / len(files)
            said = f"{Path(row['file']).name}, q = {row['q']:.4g} 1/Å: {quoted(row, name)}, {row['fit']}, {row['time']}"
            style = "ok" if row["fit"] == OK else "doubt"
            series = wavevectors.index(_rough(row["q"]))
            points.append(Point(at, value, math.nan if sd is None else sd, series, style, said, link))
    return points


def _rough(q: float) -> float:
    """Return q to three digits: of one ring, files may give a little different ones."""
    return float(f"{q:.3g}")


def _link(row: Row, folder: Path) -> str:
    """Return where more is to be seen of a fit: its report, or its numbers where none was written."""
    if row["fit"] == FAILED:
        return ""
    report = f"{row['result']}/report.html"
    return quote(report if (folder / report).is_file() else f"{row['result']}/nlsq_result.json")


def _table(rows: Sequence[Row], links: Sequence[str]) -> str:
    """Return the table, newest first."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in _HEADS)
    body = "\n".join(_table_row(row, link) for row, link in reversed(list(zip(rows, links, strict=True))))
    return f"<table><tr>{head}</tr>\n{body}\n</table>"


def _table_row(row: Row, link: str) -> str:
    name = html.escape(Path(row["file"]).name)
    file = f'<a href="{html.escape(link)}">{name}</a>' if row["fit"] != FAILED else name
    fit = html.escape(row["fit"] if row["fit"] != FAILED else f"failed: {row['message']}")
    cells = [
        html.escape(row["time"][:19].replace("T", " ")),
        file,
        "" if row.get("q") is None else f"{row['q']:.5g}",
        *("" if row["fit"] == FAILED else quoted(row, name) for name, _ in _PANELS),
        fit if row["fit"] == OK else f'<span class="bad">{fit}</span>',
    ]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
