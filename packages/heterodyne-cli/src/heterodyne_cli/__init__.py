"""The ``heterodyne`` command over the packages of the project."""

from heterodyne_cli._version import __version__

__all__ = ["__version__"]
