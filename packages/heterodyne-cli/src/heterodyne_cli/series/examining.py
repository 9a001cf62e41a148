"""Contents of a file, determined without reading its maps: requested q, shape of the fits, hash of the file."""

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
from heterodyne_spec import BusyError, ContradictionError, DataConfig, DataError


class Signature(NamedTuple):
    """Size and modification time, which show whether a file has changed without reading it."""

    size: int
    mtime_ns: int


class Bin(NamedTuple):
    """One q of a file in 1/Å, with the numbers of maps and frames to fit (the shape of a fit)."""

    q: float
    n_phi: int
    n_frames: int


@dataclass(frozen=True)
class Contents:
    """Contents of a complete file.

    `fingerprint` is the name of what was hashed and its hash; `bins` are the requested ones; `several` states whether
    the file has more than one q.
    """

    fingerprint: tuple[str, str]
    bins: tuple[Bin, ...]
    several: bool

    @property
    def data(self) -> str:
        """Hash of the file."""
        return self.fingerprint[1]


class IncompleteError(DataError):
    """A file is incomplete, possibly because it is still being written."""


def signature_of(path: Path) -> Signature:
    """Return the signature of a file.

    Raises
    ------
    OSError : if it does not exist or cannot be read.
    """
    # Network drives cache attributes for seconds; opening the file forces a query to the server.
    with path.open("rb"):
        status = path.stat()
    return Signature(status.st_size, status.st_mtime_ns)


def examine(path: Path, config: DataConfig, choice: QChoice) -> Contents:
    """Return the requested contents of a file.

    Raises
    ------
    BusyError : if another program has it open for writing.
    IncompleteError : if it is not a complete file of a known layout.
    DataError : if it lacks the requested data, or contradicts itself.
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
    """Return the q of every fit; None if the file must have only one q."""
    if choice == "all":
        return groups
    return (None,) if choice is None else choice
