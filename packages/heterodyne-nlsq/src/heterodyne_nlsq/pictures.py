"""The pictures of a fit, one entry each: what is written, removed and drawn follows from this list."""

from __future__ import annotations

from typing import NamedTuple


class PictureKind(NamedTuple):
    """A picture: the `name` of its file without suffix, the function of `heterodyne_nlsq.plots` that makes its figure
    of a result, and whether it needs the maps, which a result may lack.
    """

    name: str
    figure: str
    of_maps: bool


OF_A_FIT = (
    PictureKind("maps", "maps_figure", True),
    PictureKind("curves", "curves_figure", True),
    PictureKind("functions", "functions_figure", False),
)
