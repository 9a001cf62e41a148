"""Storage of finished shards in one file each, so that an interrupted run can be resumed."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heterodyne_cmc.sub_posterior import Chains, SubPosterior, Weighted
from heterodyne_cmc.unfinished import ChainStore
from heterodyne_data import write_npz
from heterodyne_spec import write_atomically

FOLDER = "shards"


@dataclass(frozen=True)
class ShardStore:
    """The shards of one run in a folder; `fingerprint` is that of the work that they belong to."""

    folder: Path
    fingerprint: str
    n_shards: int

    def path(self, shard: int) -> Path:
        """Return the file of a shard (from 0)."""
        return self.folder / f"shard_{shard + 1:04d}_of_{self.n_shards:04d}.npz"

    def chains(self, shard: int) -> ChainStore:
        """Return the store of the unfinished chains of a shard."""
        return ChainStore(self.folder / f"chains_{shard + 1:04d}_of_{self.n_shards:04d}.npz", self.fingerprint)

    def save(self, sub: SubPosterior) -> None:
        """Write a finished shard and remove its unfinished chains.

        Raises
        ------
        OutputError : if it cannot be written.
        """
        record = {
            "fingerprint": self.fingerprint,
            "shard": sub.shard,
            "n_pairs": sub.n_pairs,
            "attempts": sub.attempts,
            "divergences": sub.divergences,
            "seconds": sub.seconds,
        }
        kind = "chains" if isinstance(sub.made, Chains) else "weighted"
        arrays = {f"{kind}_{name}": value for name, value in sub.made._asdict().items()}
        words = np.array(json.dumps(record))
        write_atomically(self.path(sub.shard), lambda path: write_npz(path, record=words, draws=sub.draws, **arrays))
        self.chains(sub.shard).clear()

    def load(self) -> tuple[dict[int, SubPosterior], list[str]]:
        """Return the finished shards by number, and messages on unused files."""
        found, words = {}, []
        for shard in range(self.n_shards):
            path = self.path(shard)
            if not path.is_file():
                continue
            try:
                sub, fingerprint = _read(path)
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                words.append(f"{path.name} is damaged ({type(error).__name__}); sampling it again")
                continue
            if fingerprint == self.fingerprint and sub.shard == shard:
                found[shard] = sub
            else:
                words.append(f"{path.name} belongs to other data, settings or versions; sampling it again")
        return found, words

    def clear(self) -> None:
        """Remove the files of the shards, and the folder if it is empty then."""
        for shard in range(self.n_shards):
            self.path(shard).unlink(missing_ok=True)
            self.chains(shard).clear()
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()


def kept(folder: Path) -> str:
    """Describe what a folder contains for resuming a run; empty if nothing."""
    finished, begun = (len(list(folder.glob(f"{kind}_*.npz"))) for kind in ("shard", "chains"))
    shards = f"{finished} finished shard{'s' if finished > 1 else ''}" if finished else ""
    return " and ".join(filter(None, (shards, "the chains so far" if begun else "")))


def _read(path: Path) -> tuple[SubPosterior, str]:
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        record = json.loads(str(file["record"]))
        made: Chains | Weighted
        if "weighted_k_hat" in file:
            log_density, *numbers = (file[f"weighted_{name}"] for name in Weighted._fields)
            made = Weighted(log_density, *(number.item() for number in numbers))
        else:
            made = Chains(*(file[f"chains_{name}"] for name in Chains._fields))
        sub = SubPosterior(
            shard=record["shard"],
            n_pairs=record["n_pairs"],
            draws=file["draws"],
            made=made,
            attempts=record["attempts"],
            divergences=tuple(record["divergences"]),
            seconds=record["seconds"],
        )
    return sub, record["fingerprint"]
