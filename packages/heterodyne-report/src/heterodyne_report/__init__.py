"""Presentation of results (HTML pages, plots, tables, terminal output) and the code shared by the commands."""

from heterodyne_report._version import __version__

__all__ = ["__version__"]
