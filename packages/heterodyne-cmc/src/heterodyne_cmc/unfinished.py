"""Interrupted chains on disk: their states and draws, so that the same run can resume."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import numpy.typing as npt

from heterodyne_data import write_npz
from heterodyne_spec import write_atomically

type FloatArray = npt.NDArray[np.float64]


class Part(NamedTuple):
    """A chain so far: the number of its `steps`, the arrays of its `state`, and the record of each draw, `rows`."""

    steps: int
    state: tuple[npt.NDArray[Any], ...]
    rows: tuple[npt.NDArray[Any], ...]


class Unfinished(NamedTuple):
    """The chains of a shard so far: their coordinates, starts, and the outcome of earlier attempts."""

    centre: FloatArray
    spread: FloatArray
    starts: FloatArray
    divergences: tuple[int, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class ChainStore:
    """The file of the unfinished chains of one shard; `fingerprint` is that of the work that it belongs to."""

    path: Path
    fingerprint: str

    def save(self, so_far: Unfinished) -> None:
        """Write the current chains.

        Raises
        ------
        OutputError : if they cannot be written; an earlier file is then kept.
        """
        steps = [part.steps for part in so_far.parts]
        record = {"fingerprint": self.fingerprint, "divergences": so_far.divergences, "steps": steps}
        arrays = {"centre": so_far.centre, "spread": so_far.spread, "starts": so_far.starts}
        for chain, part in enumerate(so_far.parts):
            arrays |= {f"state_{chain}_{k}": value for k, value in enumerate(part.state)}
            arrays |= {f"rows_{chain}_{k}": value for k, value in enumerate(part.rows)}
        words = np.array(json.dumps(record))
        write_atomically(self.path, lambda path: write_npz(path, record=words, **arrays))

    def load(self) -> tuple[Unfinished | None, str]:
        """Return the chains of an interrupted run and a message on whether they are continued or restarted; None if
        there is no complete file of this work."""
        if not self.path.is_file():
            return None, ""
        try:
            found = self._read()
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            return None, f"{self.path.name} is damaged ({type(error).__name__}); restarting its chains"
        if found is None:
            return None, f"{self.path.name} belongs to other data, settings or versions; restarting its chains"
        return (
            found,
            f"continuing chains of an earlier run after {', '.join(str(part.steps) for part in found.parts)} steps",
        )

    def _read(self) -> Unfinished | None:
        with self.path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            record = json.loads(str(file["record"]))
            if record["fingerprint"] != self.fingerprint:
                return None

            def listed(kind: str, chain: int) -> tuple[npt.NDArray[Any], ...]:
                count = sum(name.startswith(f"{kind}_{chain}_") for name in file.files)
                return tuple(file[f"{kind}_{chain}_{k}"] for k in range(count))

            parts = (Part(steps, listed("state", k), listed("rows", k)) for k, steps in enumerate(record["steps"]))
            centre, spread, starts = (file[name] for name in ("centre", "spread", "starts"))
            return Unfinished(centre, spread, starts, tuple(record["divergences"]), tuple(parts))

    def clear(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def packed(state: Any) -> tuple[npt.NDArray[Any], ...]:
    """Return the arrays of the state of a chain, with random keys as integers."""
    return tuple(np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf) for leaf in jax.tree.leaves(state))


def unpacked(arrays: Sequence[npt.NDArray[Any]], like: Any) -> Any:
    """Return the state of a chain from its arrays, with the structure of `like`."""
    leaves, tree = jax.tree.flatten(like)
    back = [
        jax.random.wrap_key_data(jax.numpy.asarray(value)) if _is_key(leaf) else jax.numpy.asarray(value)
        for leaf, value in zip(leaves, arrays, strict=True)
    ]
    return jax.tree.unflatten(tree, back)


def _is_key(leaf: Any) -> bool:
    return bool(jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key))
