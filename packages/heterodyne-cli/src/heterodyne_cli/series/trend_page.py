"""The page of trends of a series: mean functions of age against the order of measurements, and a table with links."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from heterodyne_cli.series.chart import SERIES, STYLE, Point, panel
from heterodyne_cli.series.row import FAILED, Row, is_good, judgement
from heterodyne_cli.series.terminal_table import mean_text
from heterodyne_report.page import Markup, element, join_markup, paragraph, render_page, table

_PANELS = (
    ("v", "v / Å/s, mean over the measurement"),
    ("J_r", "J of the reference / Å²/s, mean"),
    ("J_s", "J of the sample / Å²/s, mean"),
    ("x", "field fraction of the sample x, mean"),
)
_HEADS = ("file", "time", "q / 1/Å", "v / Å/s", "J_r / Å²/s", "J_s / Å²/s", "x", "verdict", "summary")


def trend_page(rows: Sequence[Row], title: str, folder: Path, refresh: int | None = None) -> str:
    """Return the page of a series as self-contained HTML.

    Parameters
    ----------
    rows : rows of the summary, in order.
    title : heading of the page.
    folder : results folder; links are relative to it.
    refresh : time in s after which a browser reloads the page; never if None.
    """
    wavevectors = sorted({_rough(row["q"]) for row in rows if row.get("q") is not None})
    links = [_link(row, folder) for row in rows]
    drawn = [panel(points, words) for name, words in _PANELS if (points := _points(rows, links, name, wavevectors))]
    parts = [
        element("h1", title),
        paragraph(*_state(rows, wavevectors)),
        paragraph(
            "In order of time. Bars: one standard deviation; open circles: caution needed. Quantities for which the "
            "maps show no evidence are not plotted. Hover over a circle to see its file.",
            mood="note",
        ),
        *drawn,
        _table(rows, links),
    ]
    return render_page(title, join_markup(parts), style=STYLE, refresh=refresh)


def _state(rows: Sequence[Row], wavevectors: Sequence[float]) -> list[str]:
    """Return the state of the series in words, with every q in its colour."""
    last = f"last of {max(row['time'] for row in rows)}" if rows else "no results yet"
    colours = [element("b", f"{q:g}", class_=f"s{k % SERIES}") for k, q in enumerate(wavevectors)]
    listed = [part for colour in colours for part in (", ", colour)][1:]
    return [f"{len(rows)} measurements, {last}; q in 1/Å: ", *(listed or ["none"]), "."]


def _points(rows: Sequence[Row], links: Sequence[str], name: str, wavevectors: Sequence[float]) -> list[Point]:
    """Return the means of a function for the measurements that show evidence for it, one position per file."""
    files = {file: k for k, file in enumerate(dict.fromkeys(row["file"] for row in rows))}
    points = []
    for row, link in zip(rows, links, strict=True):
        value, sd = row.get(f"{name}_mean"), row.get(f"{name}_mean_sd")
        if value is not None:
            at = (files[row["file"]] + 0.5) / len(files)
            tooltip = f"{Path(row['file']).name}, q = {row['q']:.4g} 1/Å: {mean_text(row, name)}, "
            tooltip += f"{judgement(row)}, {row['time']}"
            style = "ok" if is_good(row) else "doubt"
            series = wavevectors.index(_rough(row["q"]))
            points.append(Point(at, value, math.nan if sd is None else sd, series, style, tooltip, link))
    return points


def _rough(q: float) -> float:
    """Return q rounded to three digits, because files may state slightly different q for the same ring."""
    return float(f"{q:.3g}")


def _link(row: Row, folder: Path) -> str:
    """Return the link of a fit: its report, or its result file if there is no report."""
    if row["fit"] == FAILED:
        return ""
    report = f"{row['result']}/report.html"
    return quote(report if (folder / report).is_file() else f"{row['result']}/nlsq_result.json")


def _table(rows: Sequence[Row], links: Sequence[str]) -> Markup:
    """Return the table, newest fit first."""
    listed = [_cells(row, link) for row, link in reversed(list(zip(rows, links, strict=True)))]
    return table(_HEADS, listed, caption="All measurements, newest first", words=(len(_HEADS) - 2, len(_HEADS) - 1))


def _cells(row: Row, link: str) -> list[str]:
    name, failed = Path(row["file"]).name, row["fit"] == FAILED
    fit = f"failed: {row['message']}" if failed else judgement(row)
    return [
        name if failed else element("a", name, href=link),
        row["time"][:19].replace("T", " "),
        "" if row.get("q") is None else f"{row['q']:.5g}",
        *("" if failed else mean_text(row, function) for function, _ in _PANELS),
        fit if is_good(row) else element("span", fit, class_="doubtful"),
        row.get("sentence", ""),
    ]
