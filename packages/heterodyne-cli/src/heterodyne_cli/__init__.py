"""The command ``heterodyne``; its modules may change without notice."""

from heterodyne_cli._version import __version__

__all__ = ["__version__"]


def __dir__() -> list[str]:
    return sorted(__all__)
