"""Colours of the maps."""

from __future__ import annotations

from bokeh.palettes import RdBu11, Viridis256, interp_palette

PALETTES = {"data": Viridis256, "model": Viridis256, "residual": interp_palette(RdBu11, 256)}
