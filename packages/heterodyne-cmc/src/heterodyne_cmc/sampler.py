"""NUTS chains on the sub-posterior of one shard.

Hoffman & Gelman 2014, as implemented in NumPyro. The shard enters the compiled code as an argument: all shards of
a run share one compilation.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_cmc.density import Density
from heterodyne_cmc.joint_vectors import Complete, joint_draws, shard_key
from heterodyne_cmc.sub_posterior import Chains, Settings, SubPosterior, Tell
from heterodyne_cmc.unfinished import ChainStore, Part, Unfinished, packed, unpacked
from heterodyne_cmc.whitening import Whitening
from heterodyne_spec import OutputError

type FloatArray = npt.NDArray[np.float64]

MAX_TREE_DEPTH = 10
ACCEPTANCE = (0.9, 0.98)
"""Target acceptance of the first attempt, and of the second with smaller steps."""
DIVERGENT = 0.005
"""Fraction of divergent steps above which the sampling of a shard is repeated."""


_BLOCK = 25
"""Number of steps of a chain between progress reports, at which it can be stopped."""
_KEPT_EVERY = 30.0
"""Interval in seconds at which chains are stored, which limits the loss if a run is killed."""

type Keep = Callable[[tuple[Part, ...]], None]
"""Called with all chains so far."""


class _Target(NamedTuple):
    """The density and coordinates of a chain, and its target acceptance."""

    problem: Density
    centre: Array
    spread: Array
    acceptance: Array


def _kernels() -> tuple[Any, Any]:
    """Return NumPyro's functions that start a chain and make a step of it."""
    with warnings.catch_warnings():
        # NumPyro adds a warning filter when imported; the filters of the process are restored.
        from numpyro.infer.hmc import hmc

    def potential(problem: Density, centre: Array, spread: Array) -> object:
        return lambda z: -problem.log_density(centre + spread @ z)

    begin, step = hmc(potential_fn_gen=potential, algo="NUTS")
    return functools.partial(begin, dense_mass=True, max_tree_depth=MAX_TREE_DEPTH), step


@functools.partial(jax.jit, static_argnames="warmup")
def _begin(key: Array, start: Float[Array, " n_dim"], target: _Target, *, warmup: int) -> Any:
    """Return the state of a chain before its first step."""
    begin, _ = _kernels()
    return begin(start, warmup, target_accept_prob=target.acceptance, model_args=tuple(target[:3]), rng_key=key)


@functools.partial(jax.jit, static_argnames="warmup")
def _advance(state: Any, target: _Target, count: Array, *, warmup: int) -> tuple[Any, tuple[Array, ...]]:
    """Return the state after `count` steps, at most `_BLOCK`, and the record of each."""
    begin, step = _kernels()
    # A step takes its settings from the function that started the chain, which is called here without computation.
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
    """The chains of one attempt, which run independently.

    `tell` is called after every block of steps, and `keep` at intervals and on interruption, with all chains so far;
    the chains continue from `parts`, if given.
    """

    def __init__(self, target: _Target, warmup: int, samples: int, tell: Tell, keep: Keep, parts: Sequence[Part]):
        self._target, self._warmup, self._samples, self._tell, self._keep = target, warmup, samples, tell, keep
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._parts, self._kept_at = list(parts), time.perf_counter()

    def run(self, keys: Array, starts: Float[Array, "n_chain n_dim"], threads: int) -> Chains:
        """Return the chains, run in `threads` threads, so that they do not wait for the longest tree of another chain.

        An exception, including Ctrl-C, stops the threads after their block.
        """
        # A call without steps compiles the function for all threads.
        self._block(_begin(keys[0], starts[0], self._target, warmup=self._warmup), 0)
        self._parts = self._parts or [Part(0, (), ())] * len(keys)
        try:
            with ThreadPoolExecutor(threads) as pool:
                try:
                    found = list(pool.map(self._chain, range(len(keys)), keys, starts))
                except BaseException:
                    self._stopped.set()
                    raise
        except BaseException:
            # An error of writing must not hide the exception that stopped the chains.
            with contextlib.suppress(OutputError):
                self._keep(tuple(self._parts))
            raise
        return jax.tree.map(lambda *parts: np.stack(parts), *found)

    def _block(self, state: Any, count: int) -> tuple[Any, tuple[Any, ...]]:
        state, rows = _advance(state, self._target, jnp.asarray(count), warmup=self._warmup)
        return state, tuple(np.asarray(row)[:count] for row in rows)

    def _chain(self, chain: int, key: Array, start: Array) -> Chains:
        # The setting is local to a thread.
        with jax.enable_x64(True):
            state, (done, kept, rows) = _begin(key, start, self._target, warmup=self._warmup), self._parts[chain]
            if kept:
                state = unpacked(kept, state)
            while done < self._warmup + self._samples:
                if self._stopped.is_set():
                    raise InterruptedError("the sampling was interrupted")
                end = self._warmup if done < self._warmup else self._warmup + self._samples
                count = min(_BLOCK, end - done)
                state, new = self._block(state, count)
                if done >= self._warmup:
                    rows = tuple(np.concatenate(part) for part in zip(rows, new, strict=True)) if rows else new
                done += count
                self._made(chain, Part(done, packed(state), rows))
            return Chains(*[*rows, np.asarray(state.adapt_state.step_size)])

    def _made(self, chain: int, part: Part) -> None:
        with self._lock:
            self._parts[chain] = part
            if time.perf_counter() - self._kept_at > _KEPT_EVERY:
                self._keep(tuple(self._parts))
                self._kept_at = time.perf_counter()
            steps = sum(part.steps for part in self._parts)
            divergences = sum(int(np.sum(part.rows[1])) for part in self._parts if part.rows)
            self._tell(steps / (len(self._parts) * (self._warmup + self._samples)), divergences)


def sample_shard(
    shard: int,
    problem: Density,
    whitening: Whitening,
    settings: Settings,
    warmup: int,
    tell: Tell = lambda share, divergences: None,
    starts: FloatArray | None = None,
    store: ChainStore | None = None,
    going_on: Unfinished | None = None,
    complete: Complete = joint_draws,
) -> SubPosterior:
    """Return the draws of shard number `shard` (from 0) after `warmup` steps of every chain.

    The chains begin at `starts` (n_chain, n_dim) in the whitened coordinates, or at draws of a standard normal there;
    or they continue from `going_on`, in its coordinates. Progress is reported to `tell`, and unfinished chains are
    kept in `store`. `complete` adds what is not sampled, contrast and offset, to the draws.

    A shard with more than 0.5 % divergent steps, or with draws that are not finite, is sampled once more with smaller
    steps (a higher target acceptance), and the second result is returned in any case.
    """
    begin = time.perf_counter()
    chains, samples, seed, threads, _ = settings
    if going_on is not None:
        whitening = replace(whitening, centre=going_on.centre, spread=going_on.spread)
        starts = going_on.starts
    centre, spread = jnp.asarray(whitening.centre), jnp.asarray(whitening.spread)
    arguments = (problem, centre, spread)
    key_start, key_chain, key_linear = jax.random.split(shard_key(seed, shard), 3)
    spread_out = jax.random.normal(key_start, (chains, centre.size), dtype=centre.dtype)
    begun = spread_out if starts is None else jnp.asarray(starts)
    divergences = [] if going_on is None else list(going_on.divergences)
    parts = () if going_on is None else going_on.parts
    for attempt in range(len(divergences), len(ACCEPTANCE)):
        keys = jax.random.split(jax.random.fold_in(key_chain, attempt), chains)
        target = _Target(*arguments, jnp.asarray(ACCEPTANCE[attempt]))
        tried = tuple(divergences)

        def keep(made: tuple[Part, ...], tried: tuple[int, ...] = tried) -> None:
            if store is not None:
                store.save(Unfinished(whitening.centre, whitening.spread, np.asarray(begun), tried, made))

        result = _Sampling(target, warmup, samples, tell, keep, parts).run(keys, begun, threads)
        parts = ()
        divergences.append(int(np.sum(result.diverging)))
        if divergences[-1] <= DIVERGENT * chains * samples and bool(np.isfinite(result.z).all()):
            break
    return SubPosterior(
        shard=shard,
        n_pairs=problem.n_counting,
        draws=complete(key_linear, result.z, problem, whitening.centre, whitening.spread),
        made=result,
        attempts=len(divergences),
        divergences=tuple(divergences),
        seconds=time.perf_counter() - begin,
    )
