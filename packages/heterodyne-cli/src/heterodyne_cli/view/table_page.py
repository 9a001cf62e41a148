"""The page of all measurements: a table that sorts, filters, downloads, and follows a running series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import panel as pn

from heterodyne_cli.series.row import judgement
from heterodyne_cli.view.workspace import Item, Workspace
from heterodyne_report.page import element, join_markup, paragraph
from heterodyne_spec import HeterodyneError

REFRESH = 1000
"""Milliseconds between two looks at the folders of series."""

COLUMNS: Mapping[str, str] = {
    "time": "time",
    "file": "file",
    "q": "q / 1/Å",
    "n_phi": "azimuths",
    "n_frames": "frames",
    "contrast": "contrast",
    "verdict": "verdict",
    "v_mean": "v / Å/s",
    "v_mean_sd": "± v",
    "J_r_mean": "J_r / Å²/s",
    "J_r_mean_sd": "± J_r",
    "J_s_mean": "J_s / Å²/s",
    "J_s_mean_sd": "± J_s",
    "x_mean": "x",
    "x_mean_sd": "± x",
    "reduced_chi2": "χ² / pair",
    "sentence": "in words",
}
"""Column of the summary -> heading; functions of age are means over the measurement."""


class TablePage:
    """The table; clicking a row opens its run in another tab of the browser."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._state = pn.pane.HTML("", sizing_mode="stretch_width")
        self._known: list[str] = []
        self.table = pn.widgets.Tabulator(
            self._frame(),
            show_index=False,
            disabled=True,
            hidden_columns=["key"],
            formatters={"run": {"type": "html"}},
            header_filters={"file": {"type": "input"}, "verdict": {"type": "input"}, "q / 1/Å": {"type": "input"}},
            layout="fit_data_table",
            sizing_mode="stretch_width",
            pagination="local",
            page_size=50,
        )
        self.download = pn.widgets.FileDownload(callback=self._csv, filename="measurements.csv", button_type="default")

    def view(self) -> Any:
        """Return the page."""
        title = pn.pane.HTML(element("h1", "Measurements"))
        pn.state.add_periodic_callback(self.refresh, REFRESH)
        return pn.Column(title, self._state, self.download, self.table, sizing_mode="stretch_width")

    def refresh(self) -> None:
        """Take up new rows."""
        frame = self._frame()
        if frame.to_csv() != self.table.value.to_csv():
            self.table.value = frame

    def _frame(self) -> pd.DataFrame:
        try:
            items = self._workspace.items()
        except (HeterodyneError, OSError) as error:
            self._state.object = paragraph(str(error), mood="bad")
            return getattr(self, "table", None).value if hasattr(self, "table") else frame_of([])
        states = [f"{folder}: {state}" for folder, state in self._workspace.states().items()]
        self._state.object = join_markup([paragraph(words, mood="note") for words in states])
        return frame_of(items)

    def _csv(self) -> Any:
        import io

        shown = self.table.current_view.drop(columns=["run", "key"])
        return io.BytesIO(shown.to_csv(index=False).encode())


def frame_of(items: Sequence[Item]) -> pd.DataFrame:
    """Return the table of items, one row each."""
    rows = [{"run": _link(item), **_cells(item), "key": item.key} for item in items]
    return pd.DataFrame(rows, columns=["run", *COLUMNS.values(), "key"])


def _cells(item: Item) -> dict[str, Any]:
    row = dict(item.row)
    row["file"] = Path(row["file"]).name
    row["verdict"] = judgement(item.row) if item.row["fit"] else "not fitted"
    row["sentence"] = row.get("sentence") or row.get("message", "")
    return {head: row.get(name) for name, head in COLUMNS.items()}


def _link(item: Item) -> str:
    return "" if item.kind == "failed" else element("a", "open", href=f"run?key={quote(item.key, safe='')}")
