"""The stages of a fit, as they are announced to whoever shows its progress."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

READING = "reading"
LOADING = "loading JAX"
COMPILING = "compiling"
STARTS = "starting values"
FITS = "fit"
UNCERTAINTIES = "uncertainties"
PICTURES = "pictures"
WRITING = "writing"


@runtime_checkable
class Staged(Protocol):
    """A `progress` that is told of stages, too."""

    def stage(self, name: str, /) -> None:
        """Take note that a stage begins: one of the names above, or "fit 2 of 3", "short fit 1 of 4"."""


def announce(progress: object, name: str) -> None:
    """Tell `progress` that a stage begins, where it has a method for that."""
    if isinstance(progress, Staged):
        progress.stage(name)


def numbered(name: str, number: int, of: int) -> str:
    """Return the name of one of several stages of a kind, counted from 1."""
    return f"{name} {number} of {of}"


def kind_of(name: str) -> str:
    """Return the kind of a stage: all fits are one."""
    return FITS if FITS in name.split() else name
