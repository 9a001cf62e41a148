"""Flow consensus: a normalizing flow for every sub-posterior, and the product of their densities.

Mesquita, Blomstedt & Kaski, UAI 2019. Each sub-posterior is whitened by its own mean and covariance, w = L⁻¹(x - μ), so
that the identity is its Gaussian approximation and a trained flow describes only the deviation from it. A flow is
`LAYERS` times a monotone bump per coordinate and an autoregressive affine map, the order reversed every time:

    u_i = w_i + Σ_j c_ij tanh(w_i - t_j)                 Σ_j |c_ij| < 1
    w_i ← [u_i - m_i(u_before)] exp(-a_i(u_before))      |a_i| < SCALE_MOST

(Papamakarios, Pavlakou & Murray, NeurIPS 2017, with one small net per coordinate.) Only densities are needed, so the
map is never inverted.

Tails: the nets are sums of tanh, so m and a are bounded and constant in the tails, and bumps have slope 1 there. Away
from all draws, a flow falls off as a Gaussian whose width differs from that of the covariance of the sub-posterior by
at most a factor exp(LAYERS · SCALE_MOST), and the product of the densities can be normalised.

Needs the extra `flow` (Flax and Optax).
"""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_cmc.consensus import Anchors, gaussian_draws, gaussian_product, moments, no_anchors
from heterodyne_cmc.diagnostics import standard_error
from heterodyne_cmc.importance import Corrected, LogDensity, corrected, smoothed_weights
from heterodyne_cmc.linalg import inverse, root
from heterodyne_cmc.non_gaussianity import aligned_whitening

try:
    import optax
    from flax import linen
except ImportError as error:
    raise ImportError('the flow consensus needs Flax and Optax: pip install "heterodyne-cmc[flow]"') from error

type FloatArray = npt.NDArray[np.float64]

LAYERS = 3
HIDDEN = 16
"""Units of the net of one coordinate in one layer."""
SCALE_MOST = float(np.log(2.0))
BUMPS = (-2.0, -1.0, 0.0, 1.0, 2.0)
"""Places of the bumps, in sd of the sub-posterior."""

HELD_OUT = 0.2
"""Fraction of held-out draws at the end of every chain: a block, because consecutive draws are correlated."""
MEMBERS = 4
"""Largest number of common flows, from which the flows of the shards start."""
BATCH_COMMON, BATCH = 512, 256
"""Draws per step: of a flow of all shards together, and of every shard's own."""
STEPS_COMMON, STEPS_OWN, STEPS_PER_LOOK, PATIENCE = 3000, 500, 50, 15
"""Largest number of training steps, steps between evaluations on held-out draws, and evaluations without gain until the
training stops."""
RATE_COMMON, RATE_OWN, WEIGHT_DECAY = 5e-3, 5e-4, 1e-3
AVERAGED = 0.98
"""Decay of the running average of the parameters, which is evaluated and kept."""
GAIN_LEAST = 2.0
"""Smallest gain in held-out ln density, in standard errors, for which a flow replaces the Gaussian."""

WARMUP = 500
MAX_TREE_DEPTH = 8


class Flow(linen.Module):
    """The map of one sub-posterior; the identity if all parameters are zero, as before training."""

    @linen.compact
    def __call__(self, w: Float[Array, " n_joint"]) -> tuple[Array, Array]:
        """Return the image of a whitened vector and ln |det| of the map there."""
        volume = jnp.zeros((), w.dtype)
        for layer in range(LAYERS):
            w, added = self._bump(w, layer)
            volume += added
            w, added = self._affine(w, layer)
            volume += added
        return w, volume

    def _bump(self, w: Array, layer: int) -> tuple[Array, Array]:
        places = jnp.asarray(BUMPS, w.dtype)
        raw = self.param(f"bumps_{layer}", linen.initializers.zeros, (w.size, len(BUMPS)))
        # |c| < 0.9/√n in the Euclidean norm, so the sum of magnitudes stays below 0.9 and every slope above 0.1.
        bound = 0.9 / np.sqrt(len(BUMPS))
        height = bound * raw / jnp.sqrt(1.0 + jnp.sum(raw**2, axis=1, keepdims=True))
        level = jnp.tanh(w[:, None] - places)
        slope = 1.0 + jnp.sum(height * (1.0 - level**2), axis=1)
        return w + jnp.sum(height * level, axis=1), jnp.sum(jnp.log(slope))

    def _affine(self, w: Array, layer: int) -> tuple[Array, Array]:
        n = w.size
        # The last principal direction is the longest; the first layer shifts the short ones as functions of it.
        rank = np.arange(n)[::-1] if layer % 2 == 0 else np.arange(n)
        before = jnp.asarray(rank[None, :] < rank[:, None], w.dtype)
        normal, zeros = linen.initializers.normal, linen.initializers.zeros
        into = self.param(f"into_{layer}", normal(1.0 / np.sqrt(n)), (n, HIDDEN, n))
        # Units with different offsets, because odd functions alone cannot represent a quadratic.
        turn = self.param(f"turn_{layer}", normal(1.0), (n, HIDDEN))
        out = self.param(f"out_{layer}", zeros, (n, 2, HIDDEN))
        hidden = jnp.tanh(jnp.einsum("ihj,ij->ih", into, before * w) + turn)
        move, scale = jnp.einsum("ich,ih->ci", out, hidden)
        scale = SCALE_MOST * jnp.tanh(scale)
        return (w - move) * jnp.exp(-scale), -jnp.sum(scale)


class Fitted(NamedTuple):
    """The flows of all sub-posteriors, arrays of JAX or NumPy with a leading axis of shards.

    `weights` : parameters of the nets; all zero where the Gaussian stays. `centre` (n_shard, n_joint) and `whiten`
    (n_shard, n_joint, n_joint): w = whiten (x - centre). `anchors` are divided out up to `reach`, ln of their density
    at the most distant draw: beyond it no draw constrains the flows, and the product might not be normalisable.
    """

    weights: Any
    centre: Any
    whiten: Any
    anchors: Anchors
    reach: Any


@dataclass(frozen=True)
class Training:
    """Result of the training on held-out draws: mean gain in ln density over the Gaussian, (n_shard,), its standard
    error, and which flows replaced the Gaussian."""

    gain: FloatArray
    error: FloatArray
    kept: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FlowConsensus:
    """Draws of the product of the flows.

    `found` holds them, corrected by the true density if that was given and is near. `chains` are those of NUTS before
    any resampling, for R-hat and effective sample sizes; None if all sub-posteriors remained Gaussian and the draws are
    independent. `k_hat` is the shape of the tail of importance weights: of the flow product under the true density if
    given (`exact`), else of the Gaussian product under the flow product, as a measure of their distance. `divergences`
    are those of the chains.
    """

    found: Corrected
    chains: FloatArray | None
    training: Training
    k_hat: float
    exact: bool
    divergences: int

    @property
    def corrected(self) -> bool:
        """Whether the draws were resampled by the true density."""
        return self.found.succeeded


def _log_density(weights: Any, w: Float[Array, " n_joint"]) -> Float[Array, ""]:
    """Return ln of a flow's density of a whitened vector, up to the constant of the normal distribution."""
    image, volume = Flow().apply(weights, w)
    return -0.5 * image @ image + volume


def _log_product(x: Float[Array, " n_joint"], flows: Fitted) -> Float[Array, ""]:
    w = jnp.einsum("sij,sj->si", flows.whiten, x - flows.centre)
    away = x - flows.anchors.centre
    held = jnp.maximum(-0.5 * away @ flows.anchors.precision @ away, flows.reach)
    return jnp.sum(jax.vmap(_log_density)(flows.weights, w)) - held


@jax.jit
def _log_products(x: Float[Array, "n n_joint"], flows: Fitted) -> Float[Array, " n"]:
    return jax.lax.map(lambda one: _log_product(one, flows), x, batch_size=256)


def log_product(x: FloatArray, flows: Fitted) -> FloatArray:
    """Return ln of the product of the flows' densities over that of the anchors, (n,), of vectors (n, n_joint), up to
    a constant."""
    with jax.enable_x64(True):
        return np.asarray(_log_products(jnp.asarray(x), flows))


class _State(NamedTuple):
    """The training of one flow; `since` counts looks without gain."""

    weights: Any
    average: Any
    optimizer: Any
    best: Any
    best_loss: Array
    since: Array


def _optimizer(rate: float | Array) -> optax.GradientTransformation:
    return optax.chain(optax.clip_by_global_norm(5.0), optax.adamw(rate, weight_decay=WEIGHT_DECAY))


def _loss(weights: Any, w: Float[Array, "n n_joint"]) -> Float[Array, ""]:
    return -jnp.mean(jax.vmap(_log_density, (None, 0))(weights, w))


def _look(state: _State, held: Array) -> _State:
    """Return the state with the running average compared to the best so far."""
    loss = _loss(state.average, held)
    better = loss < state.best_loss
    best = jax.tree.map(lambda new, old: jnp.where(better, new, old), state.average, state.best)
    since = jnp.where(better, 0, state.since + 1)
    return state._replace(best=best, best_loss=jnp.minimum(loss, state.best_loss), since=since)


def _step(state: _State, batch: Float[Array, "n_batch n_joint"], rate: Array) -> _State:
    gradient = jax.grad(_loss)(state.weights, batch)
    update, optimizer = _optimizer(rate).update(gradient, state.optimizer, state.weights)
    weights = optax.apply_updates(state.weights, update)
    average = jax.tree.map(lambda old, new: AVERAGED * old + (1 - AVERAGED) * new, state.average, weights)
    return state._replace(weights=weights, average=average, optimizer=optimizer)


def _start(weights: Any, held: Float[Array, "n n_joint"]) -> _State:
    optimizer = _optimizer(0.0).init(weights)
    return _State(weights, weights, optimizer, weights, _loss(weights, held), jnp.zeros((), jnp.int32))


@functools.partial(jax.jit, static_argnames=("batch", "steps"))
def _train(
    key: Array,
    weights: Any,
    seen: Float[Array, "n_part n_seen n_joint"],
    held: Float[Array, "n_part n_held n_joint"],
    rate: Array,
    *,
    batch: int,
    steps: int,
) -> Any:
    """Return the weights that performed best on the held-out draws, trained for all flows at once.

    Every flow has its own part of the draws, or all flows share the only part.
    """
    shared = seen.shape[0] == 1
    axis = None if shared else 0
    if shared:
        seen, held = seen[0], held[0]

    def step(k: Array, carry: tuple[_State, Array]) -> tuple[_State, Array]:
        state, done = carry
        count = done + k
        chosen = jax.random.randint(jax.random.fold_in(key, count), (batch,), 0, seen.shape[-2])
        slowing = 0.5 * rate * (1.0 + jnp.cos(jnp.pi * count / steps))
        return jax.vmap(_step, (0, axis, None))(state, seen[..., chosen, :], slowing), done

    def round_of_steps(carry: tuple[_State, Array]) -> tuple[_State, Array]:
        state, done = jax.lax.fori_loop(0, STEPS_PER_LOOK, step, carry)
        return jax.vmap(_look, (0, axis))(state, held), done + STEPS_PER_LOOK

    def unfinished(carry: tuple[_State, Array]) -> Array:
        state, done = carry
        return (done < steps) & jnp.any(state.since < PATIENCE)

    begin = jax.vmap(_start, (0, axis))(weights, held), jnp.zeros((), jnp.int32)
    return jax.lax.while_loop(unfinished, round_of_steps, begin)[0].best


def _train_all(seed: int, seen: Array, held: Array) -> Any:
    """Return the weights of all shards, trained on all draws together first and then for each shard.

    Random shards have about the same shape, which all draws together determine far better than those of one shard; the
    individual flows start from there. The common flows differ in their random initialisation and are assigned in turn:
    the product averages over their errors, which a single flow would repeat in every shard.
    """
    n_shard, _, n_joint = seen.shape
    key_start, key_common, key_own = jax.random.split(jax.random.key(seed), 3)
    together = seen.reshape(1, -1, n_joint), held.reshape(1, -1, n_joint)
    starts = jax.random.split(key_start, min(MEMBERS, n_shard))
    common = jax.vmap(Flow().init, (0, None))(starts, seen[0, 0])
    common = _train(key_common, common, *together, jnp.float32(RATE_COMMON), batch=BATCH_COMMON, steps=STEPS_COMMON)
    turn = np.arange(n_shard) % len(starts)
    own = jax.tree.map(lambda x: x[turn], common)
    return _train(key_own, own, seen, held, jnp.float32(RATE_OWN), batch=BATCH, steps=STEPS_OWN)


@jax.jit
def _gains(weights: Any, held: Float[Array, "n_shard n_held n_joint"]) -> Float[Array, "n_shard n_held"]:
    """Return the gain of the flows in ln density over the Gaussian, draw by draw."""

    def one(weights: Any, w: Array) -> Array:
        return jax.vmap(_log_density, (None, 0))(weights, w) + 0.5 * jnp.sum(w**2, axis=1)

    return jax.vmap(one)(weights, held)


def fit_flows(draws: FloatArray, seed: int, anchors: Anchors | None = None) -> tuple[Fitted, Training]:
    """Return a flow for every sub-posterior of draws (n_shard, n_chain, n_draw, n_joint), and their performance.

    A flow replaces the Gaussian if its gain on held-out draws exceeds `GAIN_LEAST` standard errors. If the gain of all
    shards together does, every flow with a gain is kept, because deviations that are not significant in single shards
    add up in the product.

    Raises
    ------
    LinAlgError : if a sub-posterior has zero width.
    """
    n_shard, n_chain, n_draw, n_joint = draws.shape
    centre, covariances = moments(draws)
    whiten = aligned_whitening(covariances)
    w = np.einsum("sij,scnj->scni", whiten, draws - centre[:, None, None]).astype(np.float32)
    n_seen = max(int((1 - HELD_OUT) * n_draw), 1)
    seen, held = (part.reshape(n_shard, -1, n_joint) for part in (w[:, :, :n_seen], w[:, :, n_seen:]))
    # Single precision: twice as fast, and far below the noise of the gradient.
    with jax.enable_x64(False):
        weights = _train_all(seed, jnp.asarray(seen), jnp.asarray(held))
        gains = np.asarray(_gains(weights, jnp.asarray(held)), np.float64).reshape(n_shard, n_chain, -1)
    gain = gains.mean(axis=(1, 2))
    error = np.array([float(standard_error(one)) for one in gains])
    together = gain.sum() > GAIN_LEAST * np.sqrt(np.sum(error**2))
    kept = (gain > GAIN_LEAST * error) | (together & (gain > 0))
    stacked = jax.tree.map(lambda x: np.asarray(x, np.float64) * kept.reshape(-1, *[1] * (x.ndim - 1)), weights)
    anchors = no_anchors(n_joint) if anchors is None else anchors
    reach = np.min(anchors.log_density(draws.reshape(-1, n_joint)))
    return Fitted(stacked, centre, whiten, anchors, reach), Training(gain, error, kept)


@functools.partial(jax.jit, static_argnames=("samples",))
def _chains(
    keys: Array, starts: Float[Array, "n_chain n_joint"], arguments: tuple[Fitted, Array, Array], *, samples: int
) -> tuple[Float[Array, "n_chain n_draw n_joint"], Array]:
    """Return NUTS chains on the product, in coordinates whitened by the Gaussian product, and their divergent steps."""
    with warnings.catch_warnings():
        # NumPyro adds a warning filter when imported; the filters of the process are restored.
        from numpyro.infer.hmc import hmc

    def potential(flows: Fitted, mean: Array, spread: Array) -> object:
        return lambda y: -_log_product(mean + spread @ y, flows)

    def chain(given: tuple[Array, Array]) -> tuple[Array, Array]:
        key, start = given
        begin, step = hmc(potential_fn_gen=potential, algo="NUTS")
        options = {"dense_mass": True, "max_tree_depth": MAX_TREE_DEPTH, "model_args": arguments, "rng_key": key}
        state = begin(start, WARMUP, **options)

        def advance(state: Any, _: None) -> tuple[Any, tuple[Array, Array]]:
            new = step(state, arguments)
            return new, (new.z, new.diverging)

        state = jax.lax.fori_loop(0, WARMUP, lambda _, state: step(state, arguments), state)
        return jax.lax.scan(advance, state, None, length=samples)[1]

    y, diverging = jax.lax.map(chain, (keys, starts))
    return y @ arguments[2].T + arguments[1], jnp.sum(diverging)


def sample_product(
    flows: Fitted, mean: FloatArray, covariance: FloatArray, shape: tuple[int, int], seed: int
) -> tuple[FloatArray, int]:
    """Return draws (n_chain, n_draw, n_joint) of the product of the flows, and the number of divergent steps.

    The chains start at draws of the Gaussian product, `mean` (n_joint,) and `covariance` (n_joint, n_joint), and move
    in its coordinates.
    """
    with jax.enable_x64(True):
        key_start, key_chain = jax.random.split(jax.random.fold_in(jax.random.key(seed), 1))
        starts = jax.random.normal(key_start, (shape[0], mean.size))
        arguments = jax.tree.map(jnp.asarray, (flows, mean, root(covariance)))
        draws, diverging = _chains(jax.random.split(key_chain, shape[0]), starts, arguments, samples=shape[1])
        return np.asarray(draws), int(diverging)


def flow_consensus(
    draws: FloatArray, seed: int, log_density: LogDensity | None = None, anchors: Anchors | None = None
) -> FlowConsensus:
    """Return the consensus of joint sub-posterior draws (n_shard, n_chain, n_draw, n_joint) by flows.

    Parameters
    ----------
    draws : unconstrained joint coordinates.
    seed : of the training, the chains and the resampling, each its own stream.
    log_density : ln of the true density of the product, where it can be evaluated: its draws are then corrected by
        Pareto-smoothed importance sampling, unless k-hat shows that the weights cannot be trusted.
    anchors : what the anchors of all shards brought into the product.

    Raises
    ------
    LinAlgError : if a sub-posterior has zero width.
    """
    shape = (draws.shape[1], draws.shape[2])
    mean, covariance = gaussian_product(*moments(draws), anchors)
    flows, training = fit_flows(draws, seed, anchors)
    normal = gaussian_draws(mean, covariance, shape, seed)
    product, chains, divergences = normal, None, 0
    if training.kept.any():
        product, divergences = sample_product(flows, mean, covariance, shape, seed)
        chains = product
    if log_density is not None:
        flat = product.reshape(-1, mean.size)
        found = corrected(product, np.asarray(log_density(flat), float) - log_product(flat, flows), seed)
        return FlowConsensus(found, chains, training, found.k_hat, True, divergences)
    k_hat = _distance(normal, flows, mean, covariance) if training.kept.any() else -np.inf
    return FlowConsensus(Corrected(product, np.nan, 1.0), chains, training, k_hat, False, divergences)


def _distance(normal: FloatArray, flows: Fitted, mean: FloatArray, covariance: FloatArray) -> float:
    """Return k-hat of draws of the Gaussian product weighted by the flow product."""
    flat = normal.reshape(-1, mean.size)
    away = flat - mean
    return smoothed_weights(log_product(flat, flows) + 0.5 * np.sum(away @ inverse(covariance) * away, axis=1))[1]
