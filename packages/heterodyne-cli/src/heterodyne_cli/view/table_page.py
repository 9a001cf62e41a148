"""The page of all measurements: a sortable, filterable table that can be downloaded and follows a running series."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import panel as pn

from heterodyne_cli.series.row import FAILED, Row, judgement
from heterodyne_cli.series.summary_files import summary_csv
from heterodyne_cli.view.style import TABLE_SHEET
from heterodyne_cli.view.thumbnails import Looks, looks_of
from heterodyne_cli.view.workspace import Item, Workspace
from heterodyne_report import format_value_and_sd
from heterodyne_report.page import element, join_markup, paragraph
from heterodyne_spec import DEFAULT_MODEL, HeterodyneError, load_model

REFRESH = 1000
"""Milliseconds between two checks of the folders of series."""

_FUNCTIONS = {"v": "v / Å/s", "J_r": "J_r / Å²/s", "J_s": "J_s / Å²/s", "x": "x"}
_EMPTY: Row = {"file": "", "fit": ""}
_FILTERS = ("file", "verdict", "q / 1/Å", "noise")


class TablePage:
    """The table; every line has a link to the page of its run."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self._looks = workspace, looks_of(workspace)
        self._items: list[Item] = []
        self.state = pn.pane.HTML("", sizing_mode="stretch_width")
        self.table = pn.widgets.Tabulator(
            self._read(),
            show_index=False,
            disabled=True,
            selectable=False,
            hidden_columns=["key"],
            formatters={
                **{key: {"type": "plaintext"} for key in cells(_EMPTY)},
                "run": {"type": "html"},
                "map": {"type": "html"},
            },
            header_filters={name: {"type": "input", "func": "like", "placeholder": "filter"} for name in _FILTERS},
            frozen_columns=["run"],
            widths={"summary": 420, "verdict": 110, "map": 84},
            layout="fit_data",
            stylesheets=[TABLE_SHEET],
            sizing_mode="stretch_width",
            pagination="local",
            page_size=50,
        )
        self.download = pn.widgets.FileDownload(
            callback=self._csv, filename="measurements.csv", label="Download as CSV"
        )

    def view(self) -> Any:
        """Return the page."""
        pn.state.add_periodic_callback(self.refresh, REFRESH)
        title = pn.pane.HTML(element("h1", "Measurements"))
        return pn.Column(title, self.state, self.download, self.table, sizing_mode="stretch_width")

    def refresh(self) -> None:
        """Add new lines."""
        frame = self._read()
        if not frame.equals(self.table.value):
            self.table.value = frame

    def _read(self) -> pd.DataFrame:
        try:
            self._items = self._workspace.items()
            states = [f"{folder}: {state}" for folder, state in self._workspace.states().items()]
            self.state.object = join_markup([paragraph(words, mood="note") for words in states])
        except (HeterodyneError, OSError) as error:
            # What was read stays.
            self.state.object = paragraph(str(error), mood="bad")
        return frame_of(self._items, self._looks)

    def _csv(self) -> io.BytesIO:
        """Return the lines that pass the filters, with all columns and digits."""
        shown = set(self.table.current_view["key"])
        rows = [item.row for item in self._items if item.key in shown]
        return io.BytesIO(summary_csv(rows, load_model(DEFAULT_MODEL)).encode())


def frame_of(items: Sequence[Item], looks: Looks) -> pd.DataFrame:
    """Return the table of items, one line each; numbers are rounded to their standard deviation."""
    lines = [
        {"run": _link(item), "map": look.picture, **cells(item.row, look.noise), "key": item.key}
        for item in items
        for look in [looks.of(item)]
    ]
    names = ["run", "map", *cells(_EMPTY), "key"]
    frame = pd.DataFrame(lines, columns=names)
    # What is not known is an empty cell.
    whole = frame.astype({"azimuths": "Int64", "frames": "Int64"}).astype(object)
    return whole.where(whole.notna(), None)


def cells(row: Row, noise: str = "") -> dict[str, Any]:
    """Return the line for a row of the summary; functions of age are means over the measurement."""
    found: dict[str, Any] = {
        "file": Path(row["file"]).name,
        "q / 1/Å": _rounded(row.get("q"), 5),
        "verdict": judgement(row) if row["fit"] else "not fitted",
    }
    for name, head in _FUNCTIONS.items():
        value, sd = row.get(f"{name}_mean"), row.get(f"{name}_mean_sd")
        found[head], found[f"± {name}"] = _with_sd(value, sd)
    contrast = [float(one) for one in str(row.get("contrast") or "").split()]
    return {
        **found,
        "χ² / pair": _rounded(row.get("reduced_chi2"), 3),
        "contrast": _rounded(sum(contrast) / len(contrast), 3) if contrast else None,
        "noise": noise,
        "azimuths": row.get("n_phi"),
        "frames": row.get("n_frames"),
        "time": str(row.get("time", ""))[:19].replace("T", " "),
        "summary": row.get("message", "") if row["fit"] == FAILED else row.get("sentence", ""),
    }


def _with_sd(value: float | None, sd: float | None) -> tuple[float | None, float | None]:
    if value is None or sd is None or not math.isfinite(sd) or sd <= 0:
        return _rounded(value, 4), None
    rounded, spread = format_value_and_sd(value, sd)
    return float(rounded), float(spread)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else float(f"{value:.{digits}g}")


def _link(item: Item) -> str:
    return "" if item.kind == "failed" else element("a", "open", href=f"run?key={quote(item.key, safe='')}")
