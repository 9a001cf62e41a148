"""Validation of a posterior read from a file: types, names and shapes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_cmc.posterior import BESIDE, QUANTILES, Posterior
from heterodyne_data import undeclared
from heterodyne_spec import load_model, model_names

STATS = ("diverging", "energy", "lp", "acceptance_rate", "n_steps", "tree_depth")
"""Quantities recorded for every step of every chain."""


def problems(result: Posterior) -> Iterator[str]:
    """Yield the problems of a result read from a file."""
    yield from undeclared(result)
    yield from _of_measurement(result)
    yield from _of_names(result)
    yield from _of_shapes(result)


def _of_measurement(result: Posterior) -> Iterator[str]:
    data = result.data
    if not (np.isfinite([data.q, data.dt]).all() and data.q >= 0 and data.dt > 0 and data.n_frames >= 1):
        yield f"data: found q = {data.q}, dt = {data.dt}, {data.n_frames} frames"
    if data.phi.ndim != 1 or not np.isfinite(data.phi).all():
        yield "data.phi: found no list of finite angles"


def _of_names(result: Posterior) -> Iterator[str]:
    if result.model.get("id") not in model_names():
        yield f"model: found {result.model.get('id')!r}, expected one of {', '.join(model_names())}"
        return
    spec = load_model(result.model["id"])
    for place, found, expected in (
        ("posterior", {*result.draws, *result.fixed}, set(spec.names)),
        ("sub_posterior", set(result.sub_draws), {*result.draws, *BESIDE}),
        ("bands", set(result.bands.quantiles), {f.name for f in spec.functions}),
        ("sample_stats", _stats(result) - set(result.sample_stats), set()),
        ("versions", {"heterodyne-cmc", "numpyro"} - set(result.versions), set()),
    ):
        if found != expected:
            yield f"{place}: found {', '.join(sorted(found ^ expected))} missing or too many"


def _stats(result: Posterior) -> set[str]:
    return {"lp"} if result.sampler == "importance" else {*STATS}


def _of_shapes(result: Posterior) -> Iterator[str]:
    if result.noise_sd.ndim != 2 or 0 in result.noise_sd.shape:
        yield f"noise_sd: found shape {result.noise_sd.shape}, expected (chain, draw)"
        return
    n_phi, n_t, whole = len(result.data.phi), result.data.n_frames, result.noise_sd.shape
    angles = {"contrast": (n_phi,), "offset": (n_phi,)}
    yield from _unlike("observed", result.observed, (n_phi, n_t, n_t), finite=False)
    for name, values in (*result.draws.items(), *((one, getattr(result, one)) for one in ("noise_sd", *angles))):
        yield from _unlike(name, values, (*whole, *angles.get(name, ())))
    for name, values in result.sub_draws.items():
        shards = (result.n_shards, *result.sub_draws["noise_sd"].shape[1:3])
        yield from _unlike(f"sub_posterior/{name}", values, (*shards, *angles.get(name, ())))
    for name, values in result.sample_stats.items():
        yield from _unlike(f"sample_stats/{name}", values, result.sub_draws["noise_sd"].shape, finite=False)
    yield from _unlike("bands/age", result.bands.t, (np.size(result.bands.t),))
    for name, values in result.bands.quantiles.items():
        yield from _unlike(f"bands/{name}", values, (len(QUANTILES), len(np.atleast_1d(result.bands.t))))
    if result.log_likelihood is not None:
        yield from _unlike("log_likelihood", result.log_likelihood, (*whole, n_phi), finite=False)


def _unlike(name: str, values: npt.NDArray[Any], shape: tuple[int, ...], finite: bool = True) -> Iterator[str]:
    if values.shape != shape or values.dtype.kind not in "fiub":
        yield f"{name}: found {values.dtype} of shape {values.shape}, expected numbers of shape {shape}"
    elif finite and not np.isfinite(values).all():
        yield f"{name}: found numbers that are not finite"
