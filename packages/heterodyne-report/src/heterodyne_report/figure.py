"""Figures that a notebook shows as the value of a cell."""

from __future__ import annotations

from matplotlib.figure import Figure

from heterodyne_report.page.picture import small_png

_DPI = 100


def new_figure(width: float, height: float, *, square: bool = False) -> Figure:
    """Return an empty figure that a notebook shows without pyplot, which would keep it in memory.

    Parameters
    ----------
    width, height : size in inches.
    square : whether its panels keep their aspect, as maps do; otherwise their labels may be cut off.
    """
    return _ShownFigure(figsize=(width, height), layout="compressed" if square else "constrained")


class _ShownFigure(Figure):
    """A figure with the method by which notebooks show an object."""

    def _repr_png_(self) -> bytes:
        return small_png(self, _DPI)
