"""The files of a run: result, pictures, report."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from heterodyne_data import NLSQResult
from heterodyne_nlsq.pictures import OF_A_FIT
from heterodyne_spec.config import OutputConfig

PICTURES = tuple(picture.name for picture in OF_A_FIT)
"""Names of the pictures of a fit, without their suffix."""


def write_outputs(result: NLSQResult, directory: Path, settings: OutputConfig) -> list[Path]:
    """Write what `settings` asks for into `directory` and return the paths, the result first.

    Raises
    ------
    OutputError : when a file cannot be written; those written before it stay, each complete.
    """
    path = save(result, directory)
    return [path, path.with_suffix(".h5"), *write_drawings(result, directory, settings)]


def save(result: NLSQResult, directory: Path) -> Path:
    """Write the result itself into `directory` and return its path; drawings of one that was there before go.

    Raises
    ------
    OutputError : when it cannot be written; what stood there before is then kept.
    """
    path = result.save(directory)
    for old in drawings(directory, plots=True, report=True):
        # Pictures of other data would stand beside these numbers.
        with suppress(OSError):
            old.unlink(missing_ok=True)
    return path


def drawings(directory: Path, *, plots: bool, report: bool) -> list[Path]:
    """Return the paths of pictures and report of a result."""
    pictures = [directory / "plots" / f"{name}.png" for name in PICTURES] if plots else []
    return pictures + [directory / "report.html"] * report


def write_drawings(result: NLSQResult, directory: Path, settings: OutputConfig) -> list[Path]:
    """Write what `settings` asks for besides the result itself, pictures and report, and return the paths.

    Raises
    ------
    OutputError : when a file cannot be written; those written before it stay, each complete.
    """
    written: list[Path] = []
    # Matplotlib takes a second to import.
    if settings.plots:
        from heterodyne_nlsq.plots import write_plots

        written += write_plots(result, directory)
    if settings.report:
        from heterodyne_nlsq.page import write_page

        written.append(write_page(result, directory / "report.html"))
    return written
