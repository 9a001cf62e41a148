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

    In a notebook it is shown with verdict, functions of age, warnings and table. Read ``success`` and ``warnings``
    first, then the values.

    Attributes
    ----------
    success, message : whether the chains converged, or the weights are reliable, and why not.
    warnings : what limits the use of the draws.
    calibration : how noise that is correlated between pairs was taken into account.
    summary : the table: mean, sd, intervals, effective sample sizes; `row` returns one row.
    draws : consensus draws of every parameter that is not fixed by name, (n_chain, n_draw), in the units of `summary`.
    mean, sd : their means and standard deviations by name.
    fixed : values of the other parameters.
    contrast, offset : draws, (n_chain, n_draw, n_phi).
    noise_sd : draws of the standard deviation of one entry of c2, (n_chain, n_draw).
    bands : quantiles of the functions at (n_age,) ages in s, (5, n_age) each.
    observed : measured c2, (n_phi, n_t, n_t).
    data : q in 1/Å, phi (n_phi,) in degrees, frames, ages ``data.t`` (n_t,) in s, provenance.
    sub_draws : draws of the shards by the same names, contrast, offset and noise_sd included, with a leading axis.
    sample_stats : diverging, energy, lp, acceptance_rate, n_steps, tree_depth, (n_shard, n_chain, n_draw) each; of
        weighted draws lp alone.
    diagnostics : convergence of the chains and agreement of the shards.
    log_likelihood : ln of the calibrated likelihood of each azimuth's pairs, (n_chain, n_draw, n_phi), if
        ``cmc.log_likelihood`` was set.
    sampler : importance if the draws of all shards were weighted, else nuts.
    method, requested : the consensus that was used, and the configured one.

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
