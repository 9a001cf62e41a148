"""The files of a run: result, pictures, report."""

from __future__ import annotations

from pathlib import Path

from heterodyne_nlsq.page import report_page
from heterodyne_spec import NLSQResult
from heterodyne_spec.config import OutputConfig
from heterodyne_spec.files import write_text
from heterodyne_spec.pictures import write_figure


def write_outputs(result: NLSQResult, directory: Path, settings: OutputConfig) -> list[Path]:
    """Write what `settings` asks for into `directory` and return the paths, the result first.

    Raises
    ------
    OutputError : when a file cannot be written; those written before it stay, each complete.
    """
    path = result.save(directory)
    return [path, path.with_suffix(".h5"), *write_drawings(result, directory, settings)]


def write_drawings(result: NLSQResult, directory: Path, settings: OutputConfig) -> list[Path]:
    """Write what `settings` asks for besides the result itself, pictures and report, and return the paths.

    Raises
    ------
    OutputError : when a file cannot be written; those written before it stay, each complete.
    """
    written: list[Path] = []
    figures: dict[str, Path] = {}
    if settings.plots:
        from heterodyne_nlsq.plots import FIGURES  # matplotlib takes a second to import

        title = f"heterodyne fit of {result.data.provenance.get('file', 'a measurement')}"
        figures = {
            name: write_figure(draw(result), directory / "plots" / f"{name}.png", title)
            for name, draw in FIGURES.items()
        }
        written += figures.values()
    if settings.report:
        written.append(write_text(directory / "report.html", report_page(result, figures)))
    return written
