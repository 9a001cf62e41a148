"""The posterior as a result that can be saved, loaded and plotted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heterodyne_cmc.netcdf import read_posterior, write_posterior
from heterodyne_cmc.plotting import PosteriorPlots
from heterodyne_cmc.posterior import Posterior
from heterodyne_cmc.tabular import posterior_dataset, posterior_frame
from heterodyne_data import explore

NETCDF_NAME = "cmc_result.nc"


@dataclass(frozen=True, repr=False)
class CMCResult(Posterior):
    """A posterior that can be saved, loaded, plotted and converted.

    In a notebook it is shown with verdict, functions of age, warnings and table.

    Examples
    --------
    >>> from heterodyne_cmc import CMCResult
    >>> result = CMCResult.load("results")  # doctest: +SKIP
    >>> result.success, len(result.warnings)  # doctest: +SKIP
    (True, 0)
    >>> result.draws["v0"].mean(), result.sd["v0"]  # of draws (n_chain, n_draw)  # doctest: +SKIP
    (468.1, 1.9)
    >>> result.plot.pairs().savefig("pairs.pdf")  # doctest: +SKIP
    """

    def save(self, path: str | Path) -> Path:
        """Write the result as NetCDF in the ArviZ schema and return the file's path.

        Parameters
        ----------
        path : a folder (the file is then ``cmc_result.nc``), or the path of the file, ending in ``.nc``.

        Raises
        ------
        OutputError : when the file cannot be written; what stood there before is then kept.
        """
        return write_posterior(self, _file(path))

    @property
    def plot(self) -> PosteriorPlots:
        """Figures of its report: ``plot.pairs()`` and others; ``plot(folder)`` writes all as PNG files."""
        return PosteriorPlots(self)

    def to_xarray(self) -> Any:
        """Return the posterior as an `xarray.Dataset`.

        Its variables are, with units as attributes:

        * on ``chain`` × ``draw``: every parameter that is not fixed, and noise_sd
        * on ``chain`` × ``draw`` × ``phi`` in degrees: contrast and offset
        * on ``quantile`` × ``age`` in s: the functions J_r, J_s, v, x
        * on ``phi`` × ``t1`` × ``t2``: c2

        The attributes hold success, message, q, fixed parameters, model, versions and warnings.

        Raises
        ------
        MissingPackageError : if xarray is not installed.
        """
        return posterior_dataset(self)

    def to_dataframe(self) -> Any:
        """Return the table as a `pandas.DataFrame`: parameters, noise, and contrast and offset per azimuth ``phi``.

        Raises
        ------
        MissingPackageError : if pandas is not installed.
        """
        return posterior_frame(self)

    def explore(self) -> Any:
        """Return the panes of the viewer for this posterior, to be shown in a notebook cell.

        Raises
        ------
        MissingPackageError : if the viewer is not installed.
        """
        return explore(self)

    def _repr_html_(self) -> str:
        # Imported here because Matplotlib takes a second.
        from heterodyne_cmc.page import html

        return html(self)

    @classmethod
    def load(cls, path: str | Path) -> CMCResult:
        """Read a result from a folder or the path of its file.

        Raises
        ------
        ResultError : if the file is missing, damaged, or not a result of this kind.
        """
        return cls(**vars(read_posterior(_file(path))))


def _file(path: str | Path) -> Path:
    path = Path(path)
    return path if path.suffix == ".nc" else path / NETCDF_NAME
