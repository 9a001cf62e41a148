"""Figures that a notebook shows as the value of a cell."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

_DPI = 100


class ShownFigure(Figure):
    """A Matplotlib figure that a notebook shows without pyplot, which would keep it in memory."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi=_DPI)
        return stream.getvalue()
