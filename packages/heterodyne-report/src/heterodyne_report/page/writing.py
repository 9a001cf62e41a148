"""The report of a run as a file."""

from __future__ import annotations

from pathlib import Path

from heterodyne_data import FittedData
from heterodyne_report.page.document import Report, render
from heterodyne_report.page.origin import citation
from heterodyne_spec.files import write_text


def write_report(path: Path, data: FittedData, *reports: Report) -> Path:
    """Write what is said of the results of one measurement, the most telling first, as one HTML file.

    Raises
    ------
    OutputError : when the file cannot be written; what stood there before is then kept.
    """
    name = data.provenance.get("file", "A measurement")
    return write_text(path, render(f"{name} at q = {data.q:.5g} 1/Å", reports, [citation(reports[0].model)]))
