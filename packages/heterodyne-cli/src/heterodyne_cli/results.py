"""Saved results: loading, plots and reports."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from heterodyne_data import JOINT_NAME, RESULT_JSON_NAME, FittedData, NLSQResult
from heterodyne_spec import Problem, ResultError

if TYPE_CHECKING:
    from heterodyne_cmc import CMCResult

_POSTERIOR = "cmc_result.nc"

_OF_SEVERAL = (JOINT_NAME, "joint_posterior.json")
"""Files of a joint fit and of a joint posterior, whose measurements are in folders beside them."""


@dataclass(frozen=True)
class Saved:
    """The results at `path`: a point estimate, a posterior, or both from one run."""

    path: Path
    fit: NLSQResult | None
    posterior: CMCResult | None

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self.path if self.path.is_dir() else self.path.parent

    @property
    def data(self) -> FittedData:
        """The fitted data."""
        found = self.fit if self.posterior is None else self.posterior
        assert found is not None
        return found.data


def load(path: Path) -> Saved:
    """Return the results in a folder, or the one in a file (``.json`` of a fit, ``.nc`` of a posterior).

    Raises
    ------
    ResultError : if there is none, or it cannot be read.
    """
    if path.is_dir():
        fit, posterior = path / RESULT_JSON_NAME, path / _POSTERIOR
        if not fit.is_file() and not posterior.is_file():
            found, remedy = "no result", "give the folder or a result file of a run"
            if any((path / name).is_file() for name in _OF_SEVERAL):
                found, remedy = "results of several measurements", f"give the folder of one, such as {path / '01'}"
            raise ResultError(str(path), [Problem("", found, f"{RESULT_JSON_NAME} or {_POSTERIOR}", remedy)])
        return Saved(
            path,
            NLSQResult.load(fit) if fit.is_file() else None,
            _posterior(posterior) if posterior.is_file() else None,
        )
    if path.suffix == ".nc":
        return Saved(path, None, _posterior(path))
    return Saved(path, NLSQResult.load(_document(path)), None)


def _document(path: Path) -> Path:
    if path.suffix == ".json":
        return path
    found = "another kind of file" if path.exists() else "no such file or folder"
    expected = "the folder of a run, its nlsq_result.json or cmc_result.nc"
    raise ResultError(str(path), [Problem("", found, expected, "give one of these")])


def _posterior(path: Path) -> CMCResult:
    if importlib.util.find_spec("heterodyne_cmc") is None:
        remedy = "install it with: pip install 'heterodyne-cli[cmc]'"
        raise ResultError(str(path), [Problem("", "a posterior", "heterodyne-cmc, which reads it", remedy)])
    # Imported here because JAX takes a second.
    from heterodyne_cmc import CMCResult

    return CMCResult.load(path)


def write_plots(saved: Saved, directory: Path) -> list[Path]:
    """Write the plots of all saved results to ``plots`` in `directory` and return their paths."""
    written: list[Path] = []
    if saved.fit is not None:
        from heterodyne_nlsq import write_plots as write_plots_of_fit

        written += write_plots_of_fit(saved.fit, directory)
    return written if saved.posterior is None else written + saved.posterior.plot(directory)


def write_page(saved: Saved, path: Path) -> Path:
    """Write the report of all saved results, the posterior first, as one HTML file.

    Raises
    ------
    ResultError : if fit and posterior belong to different measurements.
    """
    from heterodyne_report.page import write_report

    reports = []
    if saved.posterior is not None:
        from heterodyne_cmc import report_of_posterior

        reports.append(report_of_posterior(saved.posterior))
    if saved.fit is not None:
        from heterodyne_nlsq import report_of_fit

        reports.append(report_of_fit(saved.fit))
    return write_report(path, saved.data, *reports)


def fit_of(saved: Saved) -> NLSQResult:
    """Return the point estimate of saved results.

    Raises
    ------
    ResultError : if there is none.
    """
    if saved.fit is None:
        found, remedy = "a posterior without a point estimate", "give the folder of the run"
        raise ResultError(str(saved.path), [Problem("", found, "a point estimate", remedy)])
    return saved.fit


def check_one_measurement(saved: Saved) -> None:
    """Check that fit and posterior of a folder belong to the same measurement.

    Raises
    ------
    ResultError : stating the difference.
    """
    if saved.fit is None or saved.posterior is None:
        return
    one, other = (_measurement(result.data) for result in (saved.fit, saved.posterior))
    if differing := [f"{key} {one[key]} and {other[key]}" for key in one if one[key] != other[key]]:
        found = f"a fit and a posterior of different measurements ({'; '.join(differing)})"
        raise ResultError(str(saved.path), [Problem("", found, "results of one measurement", "give one of the files")])


def _measurement(data: FittedData) -> dict[str, str]:
    last = data.start_frame + data.n_frames - 1
    return {
        "file": str(data.provenance.get("sha256", "in memory"))[:12],
        "q": f"{data.q:.6g}",
        "phi": np.array2string(data.phi, separator=", "),
        "frames": f"{data.start_frame}..{last}",
    }
