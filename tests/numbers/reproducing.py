"""The same fit again: with other numbers of workers to the last bit, on another number of cores nearly."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from endurance import Report, run_apart, written

from heterodyne_cmc import CMCResult
from heterodyne_data import NLSQResult
from heterodyne_spec import load_model

TOLERANCE = 1e-4
"""Largest difference between numbers of cores, of a determined value in its standard deviations."""
DIFFERS = ("timings", "created", "command")
"""Entries of a result that tell when and how it was made."""
FREE = ("D0_sample", "v0", "f3")


def reproducible(report: Report, folder: Path) -> None:
    """Repeat fits, batches and posteriors and compare what they wrote."""
    data = [written(folder / f"{n_phi}x60.h5", n_phi, 60) for n_phi in (2, 3)]
    config = folder / "config.json"
    config.write_text(json.dumps(_configuration()), encoding="utf-8")
    _repeated(report, folder, config, data)
    _on_cores(report, folder, config, data[1])


def _configuration() -> dict[str, Any]:
    held = {p.name: {"vary": False} for p in load_model().parameters if p.name not in FREE}
    cmc = {"shards": 3, "chains": 2, "warmup": 100, "samples": 100, "consensus": "gaussian"}
    return {"model": {"parameters": held}, "cmc": cmc, "output": {"plots": False, "report": False}}


def _repeated(report: Report, folder: Path, config: Path, data: Sequence[Path]) -> None:
    fits = [_run(report, folder / f"fit{k}", ["--config", config, "--data", data[0]]) for k in (1, 2)]
    same(report, "a fit, twice", *fits)
    for workers in (1, 2):
        _run(report, folder / f"batch{workers}", ["batch", *data, "--config", config, "--workers", workers])
    same(report, "a batch, 1 and 2 processes", folder / "batch1", folder / "batch2")
    asked = ["--config", config, "--data", data[0], "--method", "cmc", "--nlsq-result", fits[0]]
    posteriors = [_run(report, folder / f"cmc{n}", [*asked, "--set", f"cmc.workers={n}"]) for n in (1, 2, 3)]
    for n, one in enumerate(posteriors[1:], 2):
        same(report, f"a posterior, 1 and {n} workers", posteriors[0], one)


def _on_cores(report: Report, folder: Path, config: Path, data: Path) -> None:
    """Compare a fit and its posterior on one core and on all."""
    fits, posteriors = [], []
    for cores in (1, len(os.sched_getaffinity(0))):
        asked = ["--config", config, "--data", data, "--method", "cmc", "--set", "cmc.workers=1"]
        at = _run(report, folder / f"cores{cores}", asked, cores)
        fits.append(NLSQResult.load(at))
        posteriors.append(CMCResult.load(at / "cmc_result.nc"))
    one, other = fits
    known = [row.name for row in one.table if row.status == "free" and row.determined]
    apart = max(abs(one.parameters[n] - other.parameters[n]) / one.sd[n] for n in known)
    spread = max(abs(one.sd[n] / other.sd[n] - 1) for n in known)
    report.row("fit on 1 core and on all", f"{apart:.1e} sd apart", f"sd {spread:.1e} apart, relative")
    report.require(apart < TOLERANCE and spread < TOLERANCE, f"fits on other cores are {apart:.1e} sd apart")
    moved = max(
        abs(a.mean() - b.mean()) / a.std() for a, b in zip(*(p.draws.values() for p in posteriors), strict=True)
    )
    report.row("posterior on 1 core and on all", f"means {moved:.1e} sd apart", "")
    report.require(moved < 0.2, f"posteriors on other cores are {moved:.1e} sd apart")


def _run(report: Report, output: Path, arguments: Sequence[object], cores: int | None = None) -> Path:
    """Run ``heterodyne`` in a process of its own, on some cores, and return its folder."""
    before = os.sched_getaffinity(0)
    # A process inherits the cores of the one that starts it, here as with taskset.
    os.sched_setaffinity(0, set(sorted(before)[:cores]))
    code, seconds, _, said = run_apart([*map(str, arguments), "--output", str(output), "--quiet"])
    os.sched_setaffinity(0, before)
    report.require(code in (0, 2), f"{output.name}: exit {code}, {said}")
    report.row(output.name, f"exit {code}", f"{seconds:.0f} s")
    return output


def same(report: Report, name: str, one: Path, other: Path) -> None:
    """Require that two folders hold the same files with the same numbers, times and commands apart."""
    found = list(unlike(one, other))
    report.row(name, "the same bits" if not found else f"{len(found)} differences", "")
    report.require(not found, f"{name}: {'; '.join(found[:5])}")


def unlike(one: Path, other: Path) -> Iterator[str]:
    """Yield where the results in two folders differ."""
    names = [sorted(str(p.relative_to(at)) for p in at.rglob("*") if p.is_file()) for at in (one, other)]
    if names[0] != names[1]:
        yield f"files {names[0]} and {names[1]}"
    for name in set(names[0]) & set(names[1]):
        if name.endswith("nlsq_result.json"):
            documents = [json.loads((at / name).read_text(encoding="utf-8")) for at in (one, other)]
            yield from (f"{name}: {key}" for key in documents[0] if key not in DIFFERS and _unlike(documents, key))
        elif name.endswith((".h5", ".nc")):
            yield from (f"{name}: {key}" for key in _unlike_arrays(one / name, other / name))


def _unlike(documents: Sequence[Any], key: str) -> bool:
    return bool(json.dumps(documents[0][key]) != json.dumps(documents[1].get(key)))


def _unlike_arrays(one: Path, other: Path) -> list[str]:
    """Return the names of the arrays that differ in a bit."""
    found = []
    with h5py.File(one) as a, h5py.File(other) as b:

        def compare(name: str, item: h5py.Dataset | h5py.Group) -> None:
            # Seconds of shards are times as well.
            if isinstance(item, h5py.Dataset) and "seconds" not in name and item.dtype.kind in "fiub":
                there = name in b and np.array_equal(item[()], b[name][()], equal_nan=item.dtype.kind == "f")
                found.extend([] if there else [name])

        a.visititems(compare)
    return found
