"""A measurement with white noise made from the model itself, and the point estimate that a fit of it would leave."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from heterodyne_data import FittedData, FittedParameter, FittedScaling, Identifiability, NLSQResult, TwoTimeData
from heterodyne_physics_elementwise import HeterodyneModel, c2_pairs, precompute_shard_grid
from heterodyne_spec import load_model

TRUTH = {
    "D0_ref": 1500.0,
    "alpha_ref": 0.3,
    "D_offset_ref": 200.0,
    "D0_sample": 9000.0,
    "alpha_sample": -0.3,
    "D_offset_sample": 500.0,
    "v0": 700.0,
    "beta": -0.4,
    "v_offset": 15.0,
    "f0": 0.3,
    "f1": -0.15,
    "f2": 0.0,
    "f3": 0.35,
    "phi0": -2.0,
}
FREE = ("D0_sample", "v0", "f3")
Q, DT, PHI, NOISE = 0.0054, 0.1, (10.0, 80.0), 4e-3
CONTRAST, OFFSET = (0.2, 0.25), (1.0, 1.01)


@jax.jit
def _maps(t: jax.Array, frames: jax.Array, phi: jax.Array, contrast: jax.Array, offset: jax.Array) -> jax.Array:
    """Return the maps of the truth: compiled as a whole, as its operations one by one take longer."""
    model, grid = HeterodyneModel(**TRUTH), precompute_shard_grid(t, Q)
    return c2_pairs(model, grid, frames[:, None], frames, phi, contrast, offset)


@jax.jit
def _jacobian(t: jax.Array, pairs: tuple[jax.Array, jax.Array], phi: jax.Array) -> tuple[jax.Array, ...]:
    """Return the derivatives of all pairs at the truth by the free parameters, contrast and offset."""
    grid = precompute_shard_grid(t, Q)

    def model(free: jax.Array, contrast: jax.Array, offset: jax.Array) -> jax.Array:
        full = HeterodyneModel(**{**TRUTH, **dict(zip(FREE, free, strict=True))})
        return c2_pairs(full, grid, *pairs, phi[:, None], contrast[:, None], offset[:, None]).ravel()

    at = (jnp.array([TRUTH[name] for name in FREE]), jnp.array(CONTRAST), jnp.array(OFFSET))
    return jax.jacfwd(model, argnums=(0, 1, 2))(*at)


def make(n_t: int = 24, seed: int = 0, noise: float = NOISE, **given: Any) -> TwoTimeData:
    """Return maps at two angles with symmetric white noise; `given` goes to TwoTimeData."""
    t, frames = DT * np.arange(1, n_t + 1), np.arange(n_t)
    with jax.enable_x64(True):
        scaling = (np.array(values)[:, None, None] for values in (PHI, CONTRAST, OFFSET))
        c2 = np.array(_maps(t, frames, *scaling))
    upper = np.triu(np.random.default_rng(seed).normal(0, noise, c2.shape))
    c2 += upper + np.swapaxes(np.triu(upper, 1), 1, 2)
    return TwoTimeData(c2=c2, t=t, q=Q, phi=PHI, dt=DT, **given)


def parameters(*free: str) -> dict[str, Any]:
    """Return configuration entries that hold all but `free` (those of FREE when none is named) at the truth."""
    return {name: {"value": value, "vary": name in (free or FREE)} for name, value in TRUTH.items()}


def config(**sections: Any) -> dict[str, Any]:
    """Return a configuration that samples FREE in two shards with short chains, or in one as by default."""
    given = {"shards": 2, **sections.pop("cmc", {})}
    sampler = "auto" if given["shards"] == 1 else "nuts"
    cmc = {"sampler": sampler, "chains": 2, "warmup": 200, "samples": 200, "workers": 1, **given}
    return {"model": {"parameters": parameters()}, "cmc": cmc, **sections}


def joint_covariance(data: TwoTimeData) -> np.ndarray:
    """Return the covariance of the linearised model for white noise, of FREE, contrasts and offsets."""
    i, j = np.triu_indices(data.n_t, 1)
    with jax.enable_x64(True):
        jacobian = np.concatenate(_jacobian(data.t, (i, j), data.phi), axis=1)
    return np.asarray(NOISE**2 * np.linalg.inv(jacobian.T @ jacobian))


def point_estimate(data: TwoTimeData, **changes: Any) -> NLSQResult:
    """Return the result of a fit that ended at the truth, with the covariance of the linearised model."""
    spec = load_model()
    covariance = joint_covariance(data)[: len(FREE), : len(FREE)]
    sd = dict(zip(FREE, np.sqrt(np.diag(covariance)), strict=True))
    rows = tuple(
        FittedParameter(
            p.name, p.unit, TRUTH[p.name], sd.get(p.name, np.nan), *p.bounds, "free" if p.name in FREE else "fixed"
        )
        for p in spec.parameters
    )
    two = np.full(2, 1e-3)
    fields: dict[str, Any] = {
        "table": rows,
        "varying": FREE,
        "covariance": covariance,
        "covariance_iid": covariance,
        "covariance_kind": "independent",
        "scaling": FittedScaling("individual", np.array(CONTRAST), np.array(OFFSET), two, two),
        "data": FittedData(data.q, data.phi, data.n_t, data.start_frame, data.dt),
        "cost": 1.0,
        "reduced_chi2": 1.0,
        "noise_sd": np.full(2, NOISE),
        "n_pairs": data.n_t * (data.n_t - 1),
        "n_evaluations": 1,
        "method": "factored",
        "start": "made by hand",
        "success": True,
        "message": "made by hand",
        "warnings": (),
        "identifiability": Identifiability(FREE, ()),
        "model": {"id": spec.id, "version": spec.version, "sha256": spec.sha256},
        "timings": {},
        "versions": {},
    }
    return NLSQResult(**{**fields, **changes})
