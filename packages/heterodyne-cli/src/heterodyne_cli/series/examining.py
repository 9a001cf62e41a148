"""Which measurements a file holds, found without reading its maps: the q asked for, their shape, the file's hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from heterodyne_cli.series.request import QChoice
from heterodyne_data import (
    check_window,
    fingerprint,
    frame_count,
    list_maps,
    mean_q,
    needed_step,
    open_source,
    q_groups,
    select_maps,
)
from heterodyne_spec.config import DataConfig
from heterodyne_spec.errors import BusyError, ContradictionError, DataError


class Signature(NamedTuple):
    """What tells without reading a file whether it has changed."""

    size: int
    mtime_ns: int


class Bin(NamedTuple):
    """One q of a file in 1/Å, with the number of its maps and of the frames to be fitted: the shape of a fit."""

    q: float
    n_phi: int
    n_frames: int


@dataclass(frozen=True)
class Contents:
    """What was found in a complete file.

    `fingerprint` is its hash after the name of what was hashed; `bins` are those asked for; `several` tells whether the
    file has more than one q.
    """

    fingerprint: tuple[str, str]
    bins: tuple[Bin, ...]
    several: bool

    @property
    def data(self) -> str:
        """The hash of the file."""
        return self.fingerprint[1]


class IncompleteError(DataError):
    """A file cannot be opened as a whole one, perhaps not yet."""


def signature_of(path: Path) -> Signature:
    """Return the signature of a file.

    Raises
    ------
    OSError : when it is not there or may not be read.
    """
    # A network drive answers from its memory for seconds; opening a file makes it ask the server.
    with path.open("rb"):
        status = path.stat()
    return Signature(status.st_size, status.st_mtime_ns)


def examine(path: Path, config: DataConfig, choice: QChoice) -> Contents:
    """Return what a file holds of what is asked for.

    Raises
    ------
    BusyError : when another program has it open for writing.
    IncompleteError : when it cannot be opened as a whole file of a known layout.
    DataError : when it does not hold what is asked for, or contradicts itself.
    """
    try:
        with open_source(path) as source:
            _, contents = list_maps(source, config.bins)
            refs = contents.maps
            n_frames = frame_count(source, refs)
    except DataError as error:
        raise error if isinstance(error, BusyError | ContradictionError) else IncompleteError(str(error)) from None
    known = [ref for ref in refs if ref.q > 0]
    groups = [mean_q(group) for group in q_groups(known, config.q_tolerance)]
    try:
        needed_step(contents.clock, config.dt)
        chosen = [select_maps(refs, q, config.phi, config.q_tolerance)[0] for q in _asked(choice, groups)]
        first, last = check_window(config.frames, n_frames)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    bins = tuple(Bin(mean_q(one), len(one), last - first + 1) for one in chosen)
    return Contents(next(iter(fingerprint(path).items())), bins, len(groups) > 1)


def _asked(choice: QChoice, groups: Sequence[float]) -> Sequence[float | None]:
    """Return what to choose the maps of every fit by; None where the file shall have one q only."""
    if choice == "all":
        return groups
    return (None,) if choice is None else choice
