"""The command ``heterodyne``."""

from heterodyne_cli._version import __version__

__all__ = ["__version__"]
