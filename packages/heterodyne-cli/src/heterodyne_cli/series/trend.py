"""The page of a series: its functions of age against the order of the measurements, and a table with links."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from heterodyne_cli.series.chart import SERIES, STYLE, Point, panel
from heterodyne_cli.series.lines import quoted
from heterodyne_cli.series.row import FAILED, Row, is_good, judgement
from heterodyne_report.page import Markup, element, joined, paragraph, table, whole

_PANELS = (
    ("v", "v / Å/s, mean over the measurement"),
    ("J_r", "J of the reference / Å²/s, mean"),
    ("J_s", "J of the sample / Å²/s, mean"),
    ("x", "field fraction of the sample x, mean"),
)
_HEADS = ("file", "time", "q / 1/Å", "v / Å/s", "J_r / Å²/s", "J_s / Å²/s", "x", "verdict", "in words")


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
    links = [_link(row, folder) for row in rows]
    drawn = [panel(points, words) for name, words in _PANELS if (points := _points(rows, links, name, wavevectors))]
    parts = [
        element("h1", title),
        paragraph(*_state(rows, wavevectors)),
        paragraph(
            "In order of time; bars are one standard deviation; open circles need caution. A quantity for which the "
            "maps show no evidence has no circle. Point at a circle for its file.",
            mood="note",
        ),
        *drawn,
        _table(rows, links),
    ]
    return whole(title, joined(parts), style=STYLE, refresh=refresh)


def _state(rows: Sequence[Row], wavevectors: Sequence[float]) -> list[str]:
    """Return in words how far the series is, every q in its colour."""
    last = f"last of {max(row['time'] for row in rows)}" if rows else "nothing yet"
    colours = [element("b", f"{q:g}", class_=f"s{k % SERIES}") for k, q in enumerate(wavevectors)]
    listed = [part for colour in colours for part in (", ", colour)][1:]
    return [f"{len(rows)} measurements, {last}; q in 1/Å: ", *(listed or ["none"]), "."]


def _points(rows: Sequence[Row], links: Sequence[str], name: str, wavevectors: Sequence[float]) -> list[Point]:
    """Return the means of a function over the measurements that show it, each file a place."""
    files = {file: k for k, file in enumerate(dict.fromkeys(row["file"] for row in rows))}
    points = []
    for row, link in zip(rows, links, strict=True):
        value, sd = row.get(f"{name}_mean"), row.get(f"{name}_mean_sd")
        if value is not None:
            at = (files[row["file"]] + 0.5) / len(files)
            said = f"{Path(row['file']).name}, q = {row['q']:.4g} 1/Å: {quoted(row, name)}, "
            said += f"{judgement(row)}, {row['time']}"
            style = "ok" if is_good(row) else "doubt"
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


def _table(rows: Sequence[Row], links: Sequence[str]) -> Markup:
    """Return the table, newest first."""
    listed = [_cells(row, link) for row, link in reversed(list(zip(rows, links, strict=True)))]
    return table(_HEADS, listed, caption="All measurements, the newest first", words=(len(_HEADS) - 2, len(_HEADS) - 1))


def _cells(row: Row, link: str) -> list[str]:
    name, failed = Path(row["file"]).name, row["fit"] == FAILED
    fit = f"failed: {row['message']}" if failed else judgement(row)
    return [
        name if failed else element("a", name, href=link),
        row["time"][:19].replace("T", " "),
        "" if row.get("q") is None else f"{row['q']:.5g}",
        *("" if failed else quoted(row, function) for function, _ in _PANELS),
        fit if is_good(row) else element("span", fit, class_="doubtful"),
        row.get("sentence", ""),
    ]
