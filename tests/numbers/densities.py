"""Log densities of the posterior, their gradients and draws, where chains go and far beyond."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from functions import Findings, note
from jaxtyping import Array
from measurements import ANGLES, DT, Q

from heterodyne_cmc.density import (
    ShardProblem,
    coefficients_given,
    log_density,
    log_likelihood,
    log_tempered_prior,
)
from heterodyne_cmc.fit import prepared_work
from heterodyne_cmc.problem import make_problem
from heterodyne_cmc.request import prepare
from heterodyne_data import TwoTimeData
from heterodyne_spec import load_config

type FloatArray = npt.NDArray[np.float64]

LOGARITHMS = {"log_density": log_density, "log_likelihood": log_likelihood, "log_tempered_prior": log_tempered_prior}
FAR = (0.0, 1.0, 6.0, 40.0, 700.0)
"""Distances from the centre, in unconstrained coordinates; at 40 the logistic function is 1 to the last bit."""


def problems() -> Iterator[tuple[str, ShardProblem]]:
    """Yield problems of one and two shards, with all kinds of scaling, in short, ordinary and late windows."""
    n_t, rng = 24, np.random.default_rng(0)
    noise = np.triu(1e-2 * rng.normal(size=(2, n_t, n_t)))
    c2 = 1.1 + noise + np.swapaxes(np.triu(noise, 1), 1, 2)
    held = {"contrast": {"value": 0.2}, "offset": {"value": 1.0}}
    names = ("phi0", "f2", "D_offset_ref", "D_offset_sample", "v_offset", "alpha_ref", "alpha_sample")
    few = {name: {"vary": False} for name in names}
    windows = {"seconds": (DT, 1), "microseconds": (2e-5, 1), "late": (1.0, 100_000)}
    ways = itertools.product(windows.items(), (1, 2), ("individual", "shared", "fixed"))
    for (name, (dt, first)), shards, scaling in ways:
        data = TwoTimeData(c2=c2, q=Q, phi=ANGLES[:2], t=dt * np.arange(first, first + n_t), dt=dt)
        config = {"scaling": scaling, "cmc": {"shards": shards}, "model": {"parameters": {**few, **held}}}
        work = prepared_work(prepare(data, load_config(config), None))
        yield f"{name}, {shards} shards, {scaling}", make_problem(work.request, work.noise, work.whitening, 0)


def vectors(rng: np.random.Generator, problem: ShardProblem, n: int) -> FloatArray:
    """Return (n, n_dim) sampled vectors, every one at a distance of its own."""
    size = problem.expand.shape[1]
    far = rng.choice(FAR, size=(n, 1))
    u = far * np.where(rng.integers(0, 2, (n, 1)), rng.normal(size=(n, size)), rng.choice([-1.0, 0.0, 1.0], (n, size)))
    log_noise = float(problem.log_noise) + rng.choice([0.0, 1.0, -1.0, 10.0, -10.0], size=(n, 1))
    return np.hstack([u, log_noise])


@functools.partial(jax.jit, static_argnums=0)
def _of_each(name: str, some: Array, problem: ShardProblem) -> Array:
    def one(vector: Array) -> Array:
        value, slope = jax.value_and_grad(LOGARITHMS[name])(vector, problem)
        return jnp.stack([jnp.isfinite(value), jnp.all(jnp.isfinite(slope))])

    return jax.lax.map(one, some)


@jax.jit
def _drawn(some: Array, problem: ShardProblem) -> Array:
    key = jax.random.key(0)
    return jax.lax.map(lambda vector: jnp.all(jnp.isfinite(coefficients_given(vector, problem).draw(key))), some)


def examine_densities(seed: int, n: int, findings: Findings) -> None:
    """Add to `findings` what `n` vectors of every problem show."""
    rng = np.random.default_rng(seed)
    for name, problem in problems():
        some = vectors(rng, problem, n)
        flags: dict[str, Any] = {}
        for logarithm in LOGARITHMS:
            value, slope = np.asarray(_of_each(logarithm, some, problem)).T
            flags |= {f"{logarithm}: value": value, f"{logarithm}: gradient": slope}
        if problem.basis.shape[1]:
            flags["coefficients_given"] = np.asarray(_drawn(some, problem))
        note(findings, flags, some, name)
