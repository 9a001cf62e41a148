"""Output files of a run: result, plots, report."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from heterodyne_data import NLSQResult
from heterodyne_nlsq.pictures import OF_A_FIT
from heterodyne_spec import OutputConfig

PICTURES = tuple(picture.name for picture in OF_A_FIT)
"""Names of the pictures of a fit, without their suffix."""


def save_fit(result: NLSQResult, directory: Path) -> Path:
    """Write the result itself to `directory` and return its path; plots and report of an earlier result are removed.

    Raises
    ------
    OutputError : if it cannot be written; an existing file is then kept.
    """
    path = result.save(directory)
    for old in drawings_of_fit(directory, plots=True, report=True):
        # Otherwise plots of other data would remain with these values.
        with suppress(OSError):
            old.unlink(missing_ok=True)
    return path


def drawings_of_fit(directory: Path, *, plots: bool, report: bool) -> list[Path]:
    """Return the paths of plots and report of a result."""
    pictures = [directory / "plots" / f"{name}.png" for name in PICTURES] if plots else []
    return pictures + [directory / "report.html"] * report


def write_drawings(result: NLSQResult, directory: Path, settings: OutputConfig) -> list[Path]:
    """Write plots and report as requested by `settings`, and return their paths.

    Raises
    ------
    OutputError : if a file cannot be written; files already written are kept.
    """
    written: list[Path] = []
    # Imported here because Matplotlib takes a second.
    if settings.plots:
        from heterodyne_nlsq.plots import write_plots

        written += write_plots(result, directory)
    if settings.report:
        from heterodyne_nlsq.page import write_page

        written.append(write_page(result, directory / "report.html"))
    return written
