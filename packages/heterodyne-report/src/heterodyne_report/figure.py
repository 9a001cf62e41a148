"""Figures that a notebook shows as the value of a cell."""

from __future__ import annotations

from matplotlib.figure import Figure

from heterodyne_report.page.picture import small_png

_DPI = 100


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, sizes in inches, that a notebook shows without pyplot, which would keep it in memory."""
    return _ShownFigure(figsize=(width, height), layout="constrained")


class _ShownFigure(Figure):
    """A figure with the method by which notebooks show an object."""

    def _repr_png_(self) -> bytes:
        return small_png(self, _DPI)
