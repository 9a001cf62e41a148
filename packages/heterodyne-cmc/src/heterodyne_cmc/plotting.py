"""Figures of a posterior: ``result.plot.pairs()`` and others, and ``result.plot(folder)``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from heterodyne_cmc.posterior import Posterior

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class PosteriorPlots:
    """Figures of a posterior, those of its report.

    Called with a folder, it writes all as PNG files. Every method returns a new `matplotlib.figure.Figure`. A notebook
    shows it when it is the last value of a cell; ``figure.savefig("pairs.pdf")`` writes it.

    Examples
    --------
    >>> result.plot("results")  # doctest: +SKIP
    >>> result.plot.pairs().savefig("pairs.pdf")  # doctest: +SKIP
    """

    # Matplotlib is imported in the methods because it takes a second.

    def __init__(self, result: Posterior):
        self._result = result

    def __call__(self, directory: str | Path) -> list[Path]:
        """Write plots as PNG into the folder ``plots`` of `directory` and return their paths.

        Pairs of parameters with prior and point estimate, functions of age, data against the posterior's maps, ranks
        and energies of the chains, shards against the whole.

        Raises
        ------
        OutputError : if a file cannot be written; files already written are kept.
        """
        from heterodyne_cmc.plots import write_plots

        return write_plots(self._result, Path(directory))

    def maps(self) -> Figure:
        """Return data, posterior mean and their difference in standard deviations of an entry, one row per azimuth.

        Both ages are in s. Takes some seconds for large maps.
        """
        from heterodyne_cmc.plots import predictive_figure

        return predictive_figure(self._result)

    predictive = maps

    def functions(self) -> Figure:
        """Return the functions against age in s: median with central 68 % and 95 % intervals."""
        from heterodyne_cmc.plots import bands_figure

        return bands_figure(self._result)

    def curves(self) -> Figure:
        """Return c2 against lag in s from five ages, data as points and posterior mean as lines, one panel per
        azimuth."""
        from heterodyne_cmc.plots import curves_figure

        return curves_figure(self._result)

    def pairs(self) -> Figure:
        """Return every pair of sampled parameters, and each with its prior and the point estimate."""
        from heterodyne_cmc.plots import pairs_figure

        return pairs_figure(self._result)

    def ranks(self) -> Figure:
        """Return the ranks of the draws of every chain: flat histograms if the chains sample the same density."""
        from heterodyne_cmc.plots import ranks_figure

        return ranks_figure(self._result)

    def shards(self) -> Figure:
        """Return mean and standard deviation of every parameter in each shard, compared to the consensus."""
        from heterodyne_cmc.plots import shards_figure

        return shards_figure(self._result)

    def __repr__(self) -> str:
        names = "maps, functions, curves, pairs, ranks, shards"
        return f"figures of a posterior: plot(folder), or plot.NAME() with one of {names}"
