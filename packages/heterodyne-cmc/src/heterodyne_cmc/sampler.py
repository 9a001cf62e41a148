"""NUTS chains on the sub-posterior of one shard.

Hoffman & Gelman 2014, as implemented in NumPyro. The shard enters the compiled code as an argument: all shards of
a run share one compilation.
"""

from __future__ import annotations

import functools
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_cmc.density import ShardProblem, log_density
from heterodyne_cmc.joint import joint_draws, shard_key
from heterodyne_cmc.sub_posterior import Chains, Settings, SubPosterior, Tell
from heterodyne_cmc.whitening import Whitening

type FloatArray = npt.NDArray[np.float64]

MAX_TREE_DEPTH = 10
ACCEPTANCE = (0.9, 0.98)
"""Acceptance aimed at: of the first attempt, and of the second with its smaller steps."""
DIVERGENT = 0.005
"""Share of divergent steps above which a shard has failed and is tried once more."""


_BLOCK = 25
"""Steps of a chain between two moments at which it says where it is, and can be ended."""


class _Target(NamedTuple):
    """What a chain is to sample, in which coordinates, and the acceptance aimed at."""

    problem: ShardProblem
    centre: Array
    spread: Array
    acceptance: Array


def _kernels() -> tuple[Any, Any]:
    """Return NumPyro's functions that start a chain and make a step of it."""
    with warnings.catch_warnings():
        # NumPyro adds a filter when imported; the process gets its own back.
        from numpyro.infer.hmc import hmc

    def potential(problem: ShardProblem, centre: Array, spread: Array) -> object:
        return lambda z: -log_density(centre + spread @ z, problem)

    begin, step = hmc(potential_fn_gen=potential, algo="NUTS")
    return functools.partial(begin, dense_mass=True, max_tree_depth=MAX_TREE_DEPTH), step


@functools.partial(jax.jit, static_argnames="warmup")
def _begin(key: Array, start: Float[Array, " n_dim"], target: _Target, *, warmup: int) -> Any:
    """Return the state of a chain before its first step."""
    begin, _ = _kernels()
    return begin(start, warmup, target_accept_prob=target.acceptance, model_args=tuple(target[:3]), rng_key=key)


@functools.partial(jax.jit, static_argnames="warmup")
def _advance(state: Any, target: _Target, count: Array, *, warmup: int) -> tuple[Any, tuple[Array, ...]]:
    """Return the state after `count` steps, `_BLOCK` at most, and what each of them leaves."""
    begin, step = _kernels()
    # A step takes its settings from the function that began the chain: it is told them, and computes nothing.
    jax.eval_shape(
        lambda: begin(
            state.z, warmup, target_accept_prob=target.acceptance, model_args=tuple(target[:3]), rng_key=state.rng_key
        )
    )

    def kept(state: Any) -> tuple[Array, ...]:
        return state.z, state.diverging, state.energy, -state.potential_energy, state.accept_prob, state.num_steps

    def one(k: Array, carried: tuple[Any, tuple[Array, ...]]) -> tuple[Any, tuple[Array, ...]]:
        state, rows = carried
        state = step(state, tuple(target[:3]))
        return state, tuple(row.at[k].set(value) for row, value in zip(rows, kept(state), strict=True))

    rows = tuple(jnp.zeros((_BLOCK, *jnp.shape(value)), jnp.result_type(value)) for value in kept(state))
    return jax.lax.fori_loop(0, count, one, (state, rows))


class _Sampling:
    """The chains of one attempt, in step with nothing but the clock: `tell` hears of every block of steps."""

    def __init__(self, target: _Target, warmup: int, samples: int, tell: Tell):
        self._target, self._warmup, self._samples, self._tell = target, warmup, samples, tell
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._steps = self._divergences = 0

    def run(self, keys: Array, starts: Float[Array, "n_chain n_dim"], threads: int) -> Chains:
        """Return the chains, `threads` of them at once: in step with each other all would wait for the longest tree.

        Whatever ends this early, Ctrl-C too, ends the threads after their block.
        """
        # Without a step: what it compiles, all threads run.
        self._block(_begin(keys[0], starts[0], self._target, warmup=self._warmup), 0)
        with ThreadPoolExecutor(threads) as pool:
            try:
                total = len(keys) * (self._warmup + self._samples)
                found = list(pool.map(lambda key, start: self._chain(key, start, total), keys, starts))
            except BaseException:
                self._stopped.set()
                raise
        return jax.tree.map(lambda *parts: np.stack(parts), *found)

    def _block(self, state: Any, count: int) -> tuple[Any, tuple[Any, ...]]:
        state, rows = _advance(state, self._target, jnp.asarray(count), warmup=self._warmup)
        return state, tuple(np.asarray(row)[:count] for row in rows)

    def _chain(self, key: Array, start: Array, total: int) -> Chains:
        # The setting belongs to a thread.
        with jax.enable_x64(True):
            state, blocks = _begin(key, start, self._target, warmup=self._warmup), []
            for length, keep in ((self._warmup, False), (self._samples, True)):
                for done in range(0, length, _BLOCK):
                    if self._stopped.is_set():
                        raise InterruptedError("the sampling was ended")
                    state, rows = self._block(state, min(_BLOCK, length - done))
                    if keep:
                        blocks.append(rows)
                    self._count(len(rows[0]), int(np.sum(rows[1])) if keep else 0, total)
            kept = [np.concatenate(part) for part in zip(*blocks, strict=True)]
            return Chains(*[*kept, np.asarray(state.adapt_state.step_size)])

    def _count(self, steps: int, divergences: int, total: int) -> None:
        with self._lock:
            self._steps += steps
            self._divergences += divergences
            self._tell(self._steps / total, self._divergences)


def sample_shard(
    shard: int,
    problem: ShardProblem,
    whitening: Whitening,
    settings: Settings,
    warmup: int,
    tell: Tell = lambda share, divergences: None,
    starts: FloatArray | None = None,
) -> SubPosterior:
    """Return the draws of shard number `shard` (from 0) after `warmup` steps of every chain; `tell` hears of them.

    The chains begin at `starts` (n_chain, n_dim) in the whitened coordinates, or spread over a standard normal there.

    A shard with more than 0.5 % divergent steps, or with draws that are not finite, is tried once more with smaller
    steps (another acceptance aimed at); what comes of that is returned, be it good or not.
    """
    begin = time.perf_counter()
    chains, samples, seed, threads = settings
    centre, spread = jnp.asarray(whitening.centre), jnp.asarray(whitening.spread)
    arguments = (problem, centre, spread)
    key_start, key_chain, key_linear = jax.random.split(shard_key(seed, shard), 3)
    spread_out = jax.random.normal(key_start, (chains, centre.size), dtype=centre.dtype)
    begun = spread_out if starts is None else jnp.asarray(starts)
    divergences: list[int] = []
    for attempt, acceptance in enumerate(ACCEPTANCE):
        keys = jax.random.split(jax.random.fold_in(key_chain, attempt), chains)
        target = _Target(*arguments, jnp.asarray(acceptance))
        result = _Sampling(target, warmup, samples, tell).run(keys, begun, threads)
        divergences.append(int(np.sum(result.diverging)))
        if divergences[-1] <= DIVERGENT * chains * samples and bool(np.isfinite(result.z).all()):
            break
    return SubPosterior(
        shard=shard,
        n_pairs=problem.pairs.n_counting,
        draws=joint_draws(key_linear, result.z, problem, whitening.centre, whitening.spread),
        made=result,
        attempts=len(divergences),
        divergences=tuple(divergences),
        seconds=time.perf_counter() - begin,
    )
