"""Pages, pictures, tables and the terminal: how results are shown, and what the commands of the project share."""

from heterodyne_report._version import __version__

__all__ = ["__version__"]
