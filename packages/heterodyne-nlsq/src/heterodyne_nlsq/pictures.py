"""The pictures of a fit, one entry each: this list determines which files are written and removed."""

from __future__ import annotations

from typing import NamedTuple


class PictureKind(NamedTuple):
    """A picture: the `name` of its file without suffix, what it `shows`, and whether it needs the maps, which a result
    may lack. ``NAME_figure`` of `heterodyne_nlsq.plots` makes its figure of a result.
    """

    name: str
    shows: str
    of_maps: bool


OF_A_FIT = (
    PictureKind("maps", "data, model and residual", True),
    PictureKind("curves", "c₂ against lag at five ages", True),
    PictureKind("functions", "J_r, J_s, v and x", False),
)
