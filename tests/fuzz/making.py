"""Input number k of a session: of which kind it is and how it was made hostile, by the seed and k alone."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import archives
import measurements
import numpy as np
import seeds
import texts
from common import Made, Rng, damaged, pick

KINDS = {
    "HDF5 measurement": 40,
    ".npz measurement": 14,
    "configuration": 12,
    "model": 5,
    "foreign configuration": 11,
    "result, summary": 6,
    "result, arrays": 4,
    "posterior": 4,
    "record of a series": 4,
}
"""Kinds of input, with their shares in percent."""

BOMBS = 0.01
"""Share of measurements that are decompression bombs: they are slow to make."""


@dataclass(frozen=True)
class Box:
    """The folders of one worker: where the input lies, where may be written, and two in which nothing may be opened."""

    root: Path

    @property
    def inside(self) -> Path:
        return self.root / "in"

    @property
    def out(self) -> Path:
        return self.root / "out"

    @property
    def outside(self) -> Path:
        return self.root / measurements.MISPLACED

    @property
    def work(self) -> Path:
        """The folder of work (current directory) of the worker."""
        return self.root / "work"


class Maker:
    """Makes inputs; the sound files are made once."""

    def __init__(self, seed: int):
        self.seed = seed

    def kind(self, k: int) -> str:
        """Return the kind of input k."""
        return self._begin(k)[0]

    def make(self, k: int, box: Box) -> Made:
        """Write input k into its folder."""
        kind, rng = self._begin(k)
        return _MAKERS[kind](self, rng, box)

    def _begin(self, k: int) -> tuple[str, Rng]:
        rng = np.random.default_rng((self.seed, k))
        shares = np.array(list(KINDS.values()), float)
        return list(KINDS)[int(rng.choice(len(KINDS), p=shares / shares.sum()))], rng

    @cached_property
    def hdf5(self) -> dict[str, bytes]:
        """Sound HDF5 measurements."""
        with tempfile.TemporaryDirectory() as folder:
            return seeds.hdf5_seeds(Path(folder))

    @cached_property
    def arrays(self) -> bytes:
        """The HDF5 file of a sound result."""
        with tempfile.TemporaryDirectory() as folder:
            return seeds.estimate_arrays(Path(folder))

    @cached_property
    def posterior(self) -> bytes:
        """A sound posterior."""
        with tempfile.TemporaryDirectory() as folder:
            return seeds.posterior(Path(folder))

    def measurement(self, rng: Rng, box: Box) -> Made:
        """Write a hostile HDF5 measurement, and what its links may lead to."""
        name = pick(rng, list(self.hdf5))
        path = box.inside / pick(rng, ("a.h5", "a.h5", "a.hdf", "a.nxs"))
        return self._hdf5(path, name, self.hdf5[name], rng, box, linked=True)

    def _hdf5(
        self, path: Path, name: str, seed: bytes, rng: Rng, box: Box, bombs: float = BOMBS, linked: bool = False
    ) -> Made:
        """Write a hostile HDF5 file; `linked` tells whether its kind may hold links, wherever they lead."""
        path.write_bytes(seed)
        measurements.write_neighbours(box.inside, seed, box.work, box.outside)
        way = rng.random()
        if way < bombs:
            return Made(path, name, measurements.bomb(path, rng))
        if way < 0.08:
            words = measurements.add_bystanders(path, rng)
            return Made(path, name, f"beside: {words}", same=linked or "link" not in words)
        if way < 0.1:
            path.write_bytes(rng.bytes(int(pick(rng, (512, 1024, 2048)))) + seed)
            return Made(path, name, "a user block", same=True)
        if way < 0.75:
            return Made(path, name, measurements.spoil(path, rng))
        raw, kind = damaged(seed, rng)
        path.write_bytes(raw)
        return Made(path, name, f"bytes: {kind}")

    def archive(self, rng: Rng, box: Box) -> Made:
        """Write a hostile .npz measurement."""
        fields = seeds.npz_fields()
        name = pick(rng, list(fields))
        hostile = archives.bomb if rng.random() < BOMBS else archives.hostile_archive
        raw, done, same = hostile(fields[name], rng)
        return _written(box.inside / "a.npz", raw, name, done, same)

    def configuration(self, rng: Rng, box: Box) -> Made:
        """Write a hostile configuration."""
        return _document(seeds.configs(), "config", rng, box, (".yaml", ".yml", ".json"))

    def model(self, rng: Rng, box: Box) -> Made:
        """Write a hostile model."""
        return _document(seeds.models(), "model", rng, box, (".json", ".json", ".yaml"))

    def foreign(self, rng: Rng, box: Box) -> Made:
        """Write a hostile configuration of another program."""
        from heterodyne_spec import parse_yaml

        texts_of = seeds.foreign()
        name = pick(rng, list(texts_of))
        if rng.random() < 0.25:
            raw, done, same = texts.hostile_raw(texts_of[name], rng)
            return _written(box.inside / "old.yaml", raw, name, done, same)
        return _document({name: parse_yaml(texts_of[name])}, "old", rng, box, (".yaml", ".yaml", ".json"))

    def summary(self, rng: Rng, box: Box) -> Made:
        """Write a hostile summary of a result, beside the arrays of a sound one."""
        made = _document(seeds.estimate_documents(), "nlsq_result", rng, box, (".json",))
        if made.seed == "whole":
            (box.inside / "nlsq_result.h5").write_bytes(self.arrays)
        return made

    def result_arrays(self, rng: Rng, box: Box) -> Made:
        """Write hostile arrays of a result, beside its sound summary."""
        document = seeds.estimate_documents()["whole"]
        (box.inside / "nlsq_result.json").write_text(json.dumps(document), encoding="utf-8")
        return self._hdf5(box.inside / "nlsq_result.h5", "whole", self.arrays, rng, box)

    def nc(self, rng: Rng, box: Box) -> Made:
        """Write a hostile posterior: as a file, or in the document that it holds."""
        path = box.inside / "cmc_result.nc"
        if rng.random() < 0.5:
            return self._hdf5(path, "posterior", self.posterior, rng, box, bombs=0.0)
        import h5py

        path.write_bytes(self.posterior)
        with h5py.File(path, "r+") as file:
            document = json.loads(file["document"][()])
            raw, done, same = texts.hostile_text(document, ".json", rng)
            file["document"][()] = raw.replace(b"\0", b"")
        return Made(path, "posterior", f"document: {done}", same)

    def record(self, rng: Rng, box: Box) -> Made:
        """Write a hostile record of a series, in the folder of its results."""
        raw, done, same = texts.hostile_text(seeds.record(), ".json", rng)
        return _written(box.out / "record.json", raw, "record", done, same)


def _document(of: dict[str, Any], stem: str, rng: Rng, box: Box, endings: tuple[str, ...]) -> Made:
    name, ending = pick(rng, list(of)), pick(rng, endings)
    raw, done, same = texts.hostile_text(of[name], ending, rng)
    return _written(box.inside / f"{stem}{ending}", raw, name, done, same)


def _written(path: Path, raw: bytes, seed: str, done: str, same: bool) -> Made:
    path.write_bytes(raw)
    return Made(path, seed, done, same)


_MAKERS = {
    "HDF5 measurement": Maker.measurement,
    ".npz measurement": Maker.archive,
    "configuration": Maker.configuration,
    "model": Maker.model,
    "foreign configuration": Maker.foreign,
    "result, summary": Maker.summary,
    "result, arrays": Maker.result_arrays,
    "posterior": Maker.nc,
    "record of a series": Maker.record,
}
