"""One fit of a series: a file, a q, and the folder of its results."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from heterodyne_cli.series.examining import Bin, Contents, Signature


@dataclass(frozen=True)
class Job:
    """A pending fit.

    `fingerprint` is the name of what was hashed and its hash, `settings` the hash of the configuration, `name` the
    folder of the result.
    """

    path: Path
    signature: Signature
    fingerprint: tuple[str, str]
    settings: str
    bin: Bin
    name: str

    @property
    def data(self) -> str:
        """Hash of the file."""
        return self.fingerprint[1]

    @property
    def key(self) -> str:
        """Key of the fit in the record; a copy of the file under another name has the same key."""
        return key_of(self.data, self.bin.q, self.settings)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of angles and frames; fits with the same shape use the same compiled code."""
        return self.bin.n_phi, self.bin.n_frames

    @property
    def label(self) -> str:
        """Description of the fit in words."""
        return f"{self.path.name} at q = {self.bin.q:.5g} 1/Å"


def key_of(data: str, q: float, settings: str) -> str:
    """Return the key of the fit of a file with this hash, at a q in 1/Å, with these settings."""
    return f"{data[:32]} {q:.6g} {settings}"


def jobs_of(path: Path, signature: Signature, found: Contents, settings: str, taken: Container[str]) -> tuple[Job, ...]:
    """Return the fits of a file; `taken` are folders of other files, which are not overwritten."""
    jobs = []
    for one in found.bins:
        name = f"{path.stem}_q{one.q:.4g}" if found.several else path.stem
        if name in taken:
            name = f"{name}_{found.data[:8]}"
        jobs.append(Job(path, signature, found.fingerprint, settings, one, name))
    return tuple(jobs)
