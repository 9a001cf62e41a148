"""Files that are updated after every fit of a series: the record, summary.csv and the page of trends."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from heterodyne_cli.series.record import Record
from heterodyne_cli.series.row import Row, columns
from heterodyne_cli.series.trend import trend_page
from heterodyne_spec.files import write_text
from heterodyne_spec.model import ModelSpec

CSV_NAME, PAGE_NAME = "summary.csv", "index.html"


def summary_csv(rows: list[Row], spec: ModelSpec) -> str:
    """Return rows as CSV with a header; unknown values are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns(spec), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if value is None else value for key, value in row.items()} for row in rows)
    return text.getvalue()


def publish(record: Record, spec: ModelSpec, title: str, refresh: int | None = None) -> list[Path]:
    """Write the record and the summaries, each file atomically; browsers reload the page after `refresh` s.

    Raises
    ------
    OutputError : if a file cannot be written.
    """
    record.save()
    rows, folder = record.rows(), record.folder
    return [
        write_text(folder / CSV_NAME, summary_csv(rows, spec)),
        write_text(folder / PAGE_NAME, trend_page(rows, title, record.folder, refresh)),
    ]
