"""Figures of a point estimate: ``result.plot.maps()`` and others."""

from __future__ import annotations

from typing import Any

from heterodyne_data.presentation import figure_of
from heterodyne_data.result.estimate import PointEstimate
from heterodyne_spec import DataError


class FitPlots:
    """Figures of a fit, those of its report.

    Every method returns a new `matplotlib.figure.Figure`. A notebook shows it when it is the last value of a cell;
    ``figure.savefig("maps.pdf")`` writes it, and its axes can be changed before.

    Raises
    ------
    MissingPackageError : if heterodyne-nlsq, which draws them, is not installed.
    DataError : if the figure needs the maps and the result was loaded without them.

    Examples
    --------
    >>> figure = result.plot.functions()  # doctest: +SKIP
    >>> figure.axes[0].set_yscale("log")  # doctest: +SKIP
    >>> figure.savefig("functions.pdf")  # doctest: +SKIP
    """

    def __init__(self, result: PointEstimate):
        self._result = result

    def maps(self) -> Any:
        """Return data, model and residual of every azimuth, one row each; both ages in s.

        Large maps are shown as means over squares of a few frames, and the titles state it.
        """
        return self._of_maps("maps")

    def functions(self) -> Any:
        """Return the fitted functions against age in s, with 68 % and 95 % bands and the independent age slices."""
        return figure_of(self._result, "functions")

    def curves(self) -> Any:
        """Return c2 against lag in s from five ages, data as points and model as lines, one panel per azimuth."""
        return self._of_maps("curves")

    def _of_maps(self, name: str) -> Any:
        if self._result.maps is None:
            raise DataError(
                f"plot.{name}(): the result has no maps; load it with maps=True and nlsq_result.h5 beside its JSON file"
            )
        return figure_of(self._result, name)

    def __repr__(self) -> str:
        return "figures of a fit: plot.maps(), plot.functions(), plot.curves()"
