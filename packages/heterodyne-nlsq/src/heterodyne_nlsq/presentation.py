"""A point estimate in a notebook: heterodyne-data finds this module by the group ``heterodyne.presentation``."""

from heterodyne_nlsq.page import html
from heterodyne_nlsq.plots import curves_figure as curves
from heterodyne_nlsq.plots import functions_figure as functions
from heterodyne_nlsq.plots import maps_figure as maps

__all__ = ["curves", "functions", "html", "maps"]
