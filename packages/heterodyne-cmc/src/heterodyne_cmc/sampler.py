"""NUTS chains on the sub-posterior of one shard.

Hoffman & Gelman 2014, as implemented in NumPyro. The shard enters the compiled code as an argument: all shards of
a run share one compilation.
"""

from __future__ import annotations

import functools
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_cmc.density import ShardProblem, draw_coefficients, log_density
from heterodyne_cmc.whitening import Whitening

type FloatArray = npt.NDArray[np.float64]

MAX_TREE_DEPTH = 10
ACCEPTANCE = (0.8, 0.95)
"""Acceptance aimed at: of the first attempt, and of the second with its smaller steps."""
DIVERGENT = 0.01
"""Share of divergent steps above which a shard has failed and is tried once more."""


class Chains(NamedTuple):
    """What the chains leave, (n_chain, n_draw) each; `z` (n_chain, n_draw, n_dim),
    `step_size` (n_chain,)."""

    z: Any
    diverging: Any
    energy: Any
    log_density: Any
    acceptance: Any
    steps: Any
    step_size: Any


@dataclass(frozen=True)
class SubPosterior:
    """The draws of one shard in unconstrained coordinates, and how they were made.

    `draws` (n_chain, n_draw, n_joint): unconstrained parameters, ln σ, coefficients of contrast and of offset.
    `divergences` counts those of every attempt; the draws are of the last.
    """

    shard: int
    n_pairs: int
    draws: FloatArray
    chains: Chains
    attempts: int
    divergences: tuple[int, ...]
    seconds: float


def _kernels() -> tuple[object, object]:
    """Return NumPyro's functions that start a chain and make a step of it."""
    with warnings.catch_warnings():
        # NumPyro adds a filter when imported; the process gets its own back.
        from numpyro.infer.hmc import hmc

    def potential(problem: ShardProblem, centre: Array, spread: Array) -> object:
        return lambda z: -log_density(centre + spread @ z, problem)

    return hmc(potential_fn_gen=potential, algo="NUTS")


@functools.partial(jax.jit, static_argnames=("warmup", "samples"))
def _chain(
    key: Array,
    start: Float[Array, " n_dim"],
    arguments: tuple[ShardProblem, Array, Array],
    acceptance: Float[Array, ""],
    *,
    warmup: int,
    samples: int,
) -> Chains:
    """Return one chain, without the axis of the chains."""
    begin, step = _kernels()
    state = begin(  # type: ignore[operator]
        start,
        warmup,
        dense_mass=True,
        target_accept_prob=acceptance,
        max_tree_depth=MAX_TREE_DEPTH,
        model_args=arguments,
        rng_key=key,
    )

    def advance(state: object, _: None) -> tuple[object, tuple[Array, ...]]:
        new = step(state, arguments)  # type: ignore[operator]
        kept = (new.z, new.diverging, new.energy, -new.potential_energy, new.accept_prob, new.num_steps)
        return new, kept

    state = jax.lax.fori_loop(0, warmup, lambda _, state: step(state, arguments), state)  # type: ignore[operator]
    state, kept = jax.lax.scan(advance, state, None, length=samples)
    return Chains(*(*kept, state.adapt_state.step_size))


def _run(keys: Array, starts: Float[Array, "n_chain n_dim"], threads: int, *given: Any, **lengths: int) -> Chains:
    """Return the chains, `threads` of them at once: in step with each other all would wait for the longest tree."""

    def one(key: Array, start: Array) -> Chains:
        # The setting belongs to a thread.
        with jax.enable_x64(True):
            return jax.tree.map(np.asarray, _chain(key, start, *given, **lengths))

    with ThreadPoolExecutor(threads) as pool:
        # The first alone: all others run what it has compiled.
        first = one(keys[0], starts[0])
        found = [first, *pool.map(one, keys[1:], starts[1:])]
    return jax.tree.map(lambda *parts: np.stack(parts), *found)


@jax.jit
def _joint(
    key: Array, z: Array, arguments: tuple[ShardProblem, Array, Array]
) -> Float[Array, "n_chain n_draw n_joint"]:
    """Return the sampled vectors with the coefficients of contrast and offset drawn back."""
    problem, centre, spread = arguments
    vectors = z.reshape(-1, z.shape[-1]) @ spread.T + centre

    def one(given: tuple[Array, Array]) -> Array:
        key, vector = given
        return jnp.concatenate([vector, draw_coefficients(key, vector, problem)])

    joint = jax.lax.map(one, (jax.random.split(key, len(vectors)), vectors))
    return joint.reshape(*z.shape[:2], -1)


def shard_key(seed: int, shard: int) -> Array:
    """Return the random key of a shard: of `seed` and its number alone, whatever ran before it."""
    return jax.random.fold_in(jax.random.key(seed), shard)


def sample_shard(
    shard: int,
    problem: ShardProblem,
    whitening: Whitening,
    *,
    chains: int,
    warmup: int,
    samples: int,
    seed: int,
    threads: int = 1,
) -> SubPosterior:
    """Return the draws of shard number `shard` (from 0), with `threads` chains at once.

    A shard with more than 1 % divergent steps, or with draws that are not finite, is tried once more with smaller
    steps (another acceptance aimed at); what comes of that is returned, be it good or not.
    """
    begin = time.perf_counter()
    centre, spread = jnp.asarray(whitening.centre), jnp.asarray(whitening.spread)
    arguments = (problem, centre, spread)
    key_start, key_chain, key_linear = jax.random.split(shard_key(seed, shard), 3)
    starts = whitening.start * jax.random.normal(key_start, (chains, centre.size), dtype=centre.dtype)
    divergences: list[int] = []
    for attempt, acceptance in enumerate(ACCEPTANCE):
        keys = jax.random.split(jax.random.fold_in(key_chain, attempt), chains)
        result = _run(keys, starts, threads, arguments, jnp.asarray(acceptance), warmup=warmup, samples=samples)
        divergences.append(int(np.sum(result.diverging)))
        if divergences[-1] <= DIVERGENT * chains * samples and bool(np.isfinite(result.z).all()):
            break
    return SubPosterior(
        shard=shard,
        n_pairs=problem.pairs.n_counting,
        draws=np.asarray(_joint(key_linear, result.z, arguments)),
        chains=result,
        attempts=len(divergences),
        divergences=tuple(divergences),
        seconds=time.perf_counter() - begin,
    )
