"""Names of the stages of a fit, for progress displays."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol, runtime_checkable


class Stage(StrEnum):
    """Stages of a fit."""

    READING = "reading"
    LOADING = "loading JAX"
    COMPILING = "compiling"
    STARTS = "starting values"
    FITS = "fit"
    UNCERTAINTIES = "uncertainties"
    PICTURES = "pictures"
    WRITING = "writing"


@runtime_checkable
class StageListener(Protocol):
    """A `progress` callback that also accepts stages."""

    def stage(self, name: str, /) -> None:
        """Called at the beginning of a stage: one of the names above, or "fit 2 of 3", "short fit 1 of 4"."""


def announce_stage(progress: object, name: str) -> None:
    """Report the beginning of a stage to `progress`, if it accepts stages."""
    if isinstance(progress, StageListener):
        progress.stage(name)


def numbered_stage(name: str, number: int, of: int) -> str:
    """Return the name of the stage `number` (from 1) out of `of`: ``fit 2 of 3``."""
    return f"{name} {number} of {of}"


def stage_kind(name: str) -> str:
    """Return the kind of a stage; all fits are of one kind."""
    return Stage.FITS if Stage.FITS in name.split() else name
