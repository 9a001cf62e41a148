"""The posterior from values of its density alone: adaptive importance sampling, then draws from the final proposal.

First, rounds of draws from wide-tailed proposals. The draws of the latest rounds are weighted as draws from the mixture
of their proposals (deterministic mixture weights), and the next proposal, a mixture of Student's t densities, is fitted
to them. Such weights are biased low near the draws, because the proposals were fitted to them: they only show when a
proposal is good enough. The last proposal is then kept fixed, and the result consists of fresh draws from it. The tail
of their weights shows whether they can be trusted (k-hat, see `heterodyne_cmc.importance`); if not, they are added to
further rounds.

Cornuet, Marin, Mira & Robert, Scandinavian Journal of Statistics 39, 798 (2012): the weights and the rounds. Cappé,
Douc, Guillin, Marin & Robert, Statistics and Computing 18, 447 (2008): the fit of the mixture, equations in comments.
Geweke, Econometrica 57, 1317 (1989): the split-t density of the first round.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from heterodyne_cmc.importance import LogDensity, smoothed_weights

type FloatArray = npt.NDArray[np.float64]

ROUND, ROUNDS = 1000, 300
"""Draws per round, and maximum number of rounds: of five measurements that needed chains after 120 rounds, three
succeeded within 300."""
ROUNDS_UNSEEN = 100
"""Largest number of rounds if the fit finds no signal or no second component, in which case no chains follow."""
K_GOOD, K_MOST = 0.5, 0.7
"""k-hat of the rounds below which their proposal is sampled, and k-hat of that sample below which it is used."""
WANTED, _LEAST = 0.3, 0.8
"""Effective draws per kept draw at which sampling ends, and the fraction of them that suffices for use."""
_LATEST, _LATEST_MOST = 8, 32
"""Minimum and maximum number of rounds to which a proposal is fitted; between them, the latest half of all rounds."""
_ADAPTED, _ADAPTED_LEAST, _PATIENCE = 1500.0, 300.0, 24
"""Effective draws of those rounds from which their proposal is sampled; after `_PATIENCE` rounds without such a
proposal, the lower number suffices."""
_ATTEMPTS = 16
"""Number of proposals that are sampled before the density is left to chains."""
_ENOUGH = 3
"""Rounds of a sample before its k-hat is checked."""
_FREEDOM = 4.0
"""Degrees of freedom of all proposals."""
_LOOK, _NARROWEST, _WIDEST = 1.5, 0.5, 4.0
"""Distance from the centre at which the decrease of the density determines the width of the first proposal on each
side, and the limits of that width, in units of the coordinates."""
_FLATTEST = 1e-10
"""Smallest variance of a proposal in any direction, relative to the sum over all directions."""
_COMPONENTS, _DRAWS_EACH, _STEPS = 6, 8, 12
"""Maximum number of components of a mixture, effective draws per component and dimension, and steps of the fit."""
_STRETCHED, _EXPLORING = (3.0, 12.0), 0.5
"""Factors by which the exploring components are stretched along one axis, and the fraction of draws from them."""
_OUTERMOST = 1e-9
"""Smallest rank, as a fraction from either end, so that normal scores stay finite."""
_HALVINGS = 30
"""Bisection steps for the power of flattened weights."""


class Population(NamedTuple):
    """Weighted draws: `points` (n, n_dim), ln of their density (n,), their weights (n,), which sum to 1, and k-hat.

    `effective` is the smallest effective sample size of all coordinates, and `proposal` the density fitted to them.
    `own` states whether they were all drawn from `proposal`, which was not fitted to them: only then is k-hat reliable.
    """

    points: FloatArray
    log_density: FloatArray
    weights: FloatArray
    k_hat: float
    effective: float
    proposal: Proposal
    own: bool


def trusted(k_hat: float, effective: float, kept: int) -> bool:
    """Return whether the draws represent the density and are enough to keep `kept` of them."""
    return k_hat < K_MOST and effective >= _LEAST * WANTED * kept


class Shape(NamedTuple):
    """A density as estimated from a population: `mean` (n_dim,), `root` (n_dim, n_dim) of its covariance, lower
    triangular, and some `places` (n, n_dim) in it."""

    mean: FloatArray
    root: FloatArray
    places: FloatArray


def shape_of(population: Population, seed: tuple[int, ...], n: int) -> Shape:
    """Return the shape of the density that a population approximates, with `n` places, even if its weights fail."""
    x, n_dim = population.points, population.points.shape[1]
    w = _flattened(population.weights, _DRAWS_EACH * n_dim)
    mean = w @ x
    covariance = (w[:, None] * (x - mean)).T @ (x - mean) + 1e-6 * np.eye(n_dim)
    # Flattened so that the places differ, if enough draws have a weight.
    places = _flattened(population.weights, min(n, np.count_nonzero(population.weights) / 2))
    chosen = np.random.default_rng(seed).choice(len(x), n, p=places)
    return Shape(mean, _root(covariance), x[chosen])


class Proposal(Protocol):
    """A density that can be drawn from."""

    def draw(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Return draws (n, n_dim)."""
        ...

    def log_density(self, points: FloatArray) -> FloatArray:
        """Return ln of the density (n,) of points (n, n_dim)."""
        ...


def _standard_t(rng: np.random.Generator, n: int, n_dim: int) -> FloatArray:
    return rng.standard_normal((n, n_dim)) * np.sqrt(_FREEDOM / rng.chisquare(_FREEDOM, (n, 1)))


def _log_standard_t(squares: FloatArray, n_dim: int) -> FloatArray:
    """Return ln of the normalised spherical t density at squared distances from its centre."""
    half = (_FREEDOM + n_dim) / 2
    constant = math.lgamma(half) - math.lgamma(_FREEDOM / 2) - n_dim / 2 * math.log(_FREEDOM * math.pi)
    return np.asarray(constant - half * np.log1p(squares / _FREEDOM))


class _Split(NamedTuple):
    """A t density about 0 with a separate width on each side of every axis: `below`, `above` (n_dim,)."""

    below: FloatArray
    above: FloatArray

    def draw(self, rng: np.random.Generator, n: int) -> FloatArray:
        e = _standard_t(rng, n, self.below.size)
        return e * np.where(e < 0, self.below, self.above)

    def log_density(self, points: FloatArray) -> FloatArray:
        widths = np.where(points < 0, self.below, self.above)
        return _log_standard_t(np.sum((points / widths) ** 2, axis=1), self.below.size) - np.log(widths).sum(axis=1)


class _Mixture(NamedTuple):
    """Student's t densities: `shares` (k,), `means` (k, n_dim), `roots` (k, n_dim, n_dim), lower triangular."""

    shares: FloatArray
    means: FloatArray
    roots: FloatArray

    def draw(self, rng: np.random.Generator, n: int) -> FloatArray:
        component = rng.choice(self.shares.size, n, p=self.shares)
        e = _standard_t(rng, n, self.means.shape[1])
        return self.means[component] + np.einsum("nij,nj->ni", self.roots[component], e)

    def log_density(self, points: FloatArray) -> FloatArray:
        return _log_sum(self.of_components(points)[0])

    def of_components(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return ln of share times density of every component, and squared distances, (k, n) each."""
        n_dim = self.means.shape[1]
        inward = np.linalg.inv(self.roots)
        # One product for all components.
        e = inward.reshape(-1, n_dim) @ points.T - np.einsum("kij,kj->ki", inward, self.means).reshape(-1, 1)
        squares = np.sum(e.reshape(-1, n_dim, len(points)) ** 2, axis=1)
        volumes = np.sum(np.log(np.diagonal(self.roots, axis1=1, axis2=2)), axis=1)
        logs = np.log(np.maximum(self.shares, 1e-300)) - volumes
        return logs[:, None] + _log_standard_t(squares, n_dim), squares


class _Round(NamedTuple):
    """Draws `points` (n, n_dim) of a proposal, with `values` (n,) of ln of the target density.

    `known` caches ln of the density of proposals at the points, by the identity of the proposal, which is kept alive
    here."""

    proposal: Proposal
    points: FloatArray
    values: FloatArray
    known: dict[int, tuple[Proposal, FloatArray]]

    def under(self, proposal: Proposal) -> FloatArray:
        """Return ln of the density of a proposal at the points."""
        if id(proposal) not in self.known:
            self.known[id(proposal)] = proposal, proposal.log_density(self.points)
        return self.known[id(proposal)][1]


def sample_population(
    log_density: LogDensity,
    n_dim: int,
    wanted: float,
    seed: tuple[int, ...],
    tell: Callable[[int, Population], None] = lambda rounds, population: None,
    most: int = ROUNDS,
) -> Population:
    """Return weighted draws of a density, in coordinates in which it is roughly standard normal.

    Parameters
    ----------
    log_density : of points (n, n_dim), up to a constant; -inf outside the support.
    wanted : effective draws at which sampling ends, if the weights can be trusted.
    seed : of the draws.
    tell : called after every round with the number of rounds and the current population.
    most : maximum number of rounds.

    Returns
    -------
    The final population, which need not be good enough: check ``own``, ``k_hat`` and ``effective``.
    """
    rounds = _Rounds(log_density, np.random.default_rng(seed), most)
    proposal: Proposal = _first(log_density, n_dim)
    tried = attempts = 0
    while True:
        rounds.draw(proposal)
        population = rounds.latest()
        tell(rounds.count, population)
        patient = rounds.count - tried < _PATIENCE
        if population.k_hat < K_GOOD and population.effective >= (_ADAPTED if patient else _ADAPTED_LEAST):
            sampled = rounds.sample(population.proposal, wanted, tell)
            if sampled.k_hat < K_MOST and sampled.effective >= wanted:
                return sampled
            tried, attempts, population = rounds.count, attempts + 1, rounds.latest()
        if rounds.count >= rounds.most or attempts == _ATTEMPTS:
            return population
        proposal = population.proposal


class _Rounds:
    """The rounds so far: their proposals, points and values of the density."""

    def __init__(self, log_density: LogDensity, rng: np.random.Generator, most: int):
        self._log_density, self.rng, self.most = log_density, rng, most
        self._made: list[_Round] = []
        self.count = 0

    def draw(self, proposal: Proposal) -> None:
        """Add a round of draws of a proposal."""
        points = proposal.draw(self.rng, ROUND)
        values = np.asarray(self._log_density(points), float)
        self._made.append(_Round(proposal, points, np.where(np.isnan(values), -np.inf, values), {}))
        self.count += 1

    def latest(self) -> Population:
        """Return the draws of the latest rounds, weighted by the mixture of their proposals."""
        self._made = self._made[-int(np.clip(self.count // 2, _LATEST, _LATEST_MOST)) :]
        return _weighted(self._made, self.rng)

    def sample(self, proposal: Proposal, wanted: float, tell: Callable[[int, Population], None]) -> Population:
        """Return draws of one proposal alone: as many as wanted, or fewer if k-hat shows that they are unusable."""
        begin = len(self._made)
        while True:
            self.draw(proposal)
            own = self._made[begin:]
            population = _weighted(own, None)
            tell(self.count, population)
            # k-hat of few draws is unreliable.
            refused = len(own) >= _ENOUGH and population.k_hat >= K_MOST
            if refused or (population.effective >= wanted and len(own) >= _ENOUGH) or self.count >= self.most:
                return population


def _weighted(made: Sequence[_Round], rng: np.random.Generator | None) -> Population:
    """Return the draws of rounds, weighted by the mixture of their proposals, and a proposal fitted to them.

    Without `rng`, the rounds have a single proposal, which is kept."""
    points, values = np.concatenate([row.points for row in made]), np.concatenate([row.values for row in made])
    proposals = {id(row.proposal): row.proposal for row in made}
    times = {key: sum(id(row.proposal) == key for row in made) / len(made) for key in proposals}
    of = [
        np.log(times[key]) + np.concatenate([row.under(proposal) for row in made])
        for key, proposal in proposals.items()
    ]
    weights, k_hat = smoothed_weights(values - _log_sum(np.array(of)))
    proposal = made[0].proposal if rng is None else _fitted(points, weights, rng)
    return Population(points, values, weights, k_hat, _effective(points, weights), proposal, rng is None)


def _effective(points: FloatArray, weights: FloatArray) -> float:
    """Return the effective sample size of weighted points (n, n_dim), the smallest of all coordinates.

    A few draws far out along one direction can have the largest weights, which hardly affects an average over all
    coordinates. Ranks are used, as in the effective sample size of chains.
    """
    least = 1.0 / np.sum(weights**2)
    for x in points.T:
        order = np.argsort(x)
        w = weights[order]
        levels = np.cumsum(w) - w / 2
        squares = ndtri(np.clip(levels, _OUTERMOST, 1.0 - _OUTERMOST)) ** 2
        least = min(least, w @ squares / (w**2 @ squares))
    return float(least)


def _first(log_density: LogDensity, n_dim: int) -> _Split:
    """Return the first proposal, with the width of the density on each side of every axis."""
    steps = _LOOK * np.eye(n_dim)
    found = np.asarray(log_density(np.concatenate([np.zeros((1, n_dim)), -steps, steps])), float)
    fall = np.maximum(np.nan_to_num(found[0] - found[1:], nan=np.inf), 1e-300)
    widths = np.clip(_LOOK / np.sqrt(2.0 * fall), _NARROWEST, _WIDEST)
    return _Split(widths[:n_dim], widths[n_dim:])


def _log_sum(logs: FloatArray) -> FloatArray:
    """Return ln of the sum of exponentials over the first axis, in a third of the time of `scipy.special.logsumexp`."""
    most = logs.max(axis=0)
    return np.asarray(most + np.log(np.sum(np.exp(logs - most), axis=0)))


def _fitted(x: FloatArray, weights: FloatArray, rng: np.random.Generator) -> _Mixture:
    """Return the mixture fitted to weighted points (n, n_dim) by expectation maximisation."""
    n_dim = x.shape[1]
    k = int(np.clip(1.0 / np.sum(weights**2) / (_DRAWS_EACH * n_dim), 1, _COMPONENTS))
    w = _flattened(weights, _DRAWS_EACH * n_dim)
    mean = w @ x
    away = x - mean
    # A t density with this scale matrix has the covariance of the draws.
    scale = (_FREEDOM - 2.0) / _FREEDOM * ((w[:, None] * away).T @ away) + 1e-6 * np.eye(n_dim)
    centres = x[rng.choice(len(x), k, p=w)] if k > 1 else mean[None]
    mixture = _Mixture(np.full(k, 1.0 / k), centres, np.tile(_root(scale), (k, 1, 1)))
    for _ in range(_STEPS):
        mixture = _step(mixture, x, w, scale)
    return _with_exploring(mixture, mean, scale)


def _root(covariance: FloatArray) -> FloatArray:
    """Return the lower triangular root of a covariance, or of several, that rounding may have made singular."""
    size = np.trace(covariance, axis1=-2, axis2=-1)[..., None, None]
    return np.asarray(np.linalg.cholesky(covariance + _FLATTEST * size * np.eye(covariance.shape[-1])))


def _with_exploring(mixture: _Mixture, mean: FloatArray, scale: FloatArray) -> _Mixture:
    """Return the mixture with additional exploring components, each stretched along one axis.

    A region without draws lies in some direction from the others, and a proposal that is wide in all directions at once
    would hardly ever reach it. The axes are the principal axes of the whole, and those of every component, along which
    a curved density continues.
    """
    covariances = mixture.roots @ mixture.roots.swapaxes(1, 2)
    from_each = zip(mixture.means, covariances, strict=True) if len(mixture.shares) > 1 else ()
    stretched = [(mean, scale, stretch) for stretch in _STRETCHED]
    stretched += [(at, covariance, _STRETCHED[0]) for at, covariance in from_each]
    centres, roots = [], []
    for at, covariance, stretch in stretched:
        values, axes = np.linalg.eigh(covariance)
        further = (stretch**2 - 1.0) * values[:, None, None] * np.einsum("ik,jk->kij", axes, axes)
        roots.append(_root(covariance + further))
        centres.append(np.tile(at, (len(values), 1)))
    n = sum(map(len, roots))
    return _Mixture(
        np.append((1.0 - _EXPLORING) * mixture.shares, np.full(n, _EXPLORING / n)),
        np.concatenate([mixture.means, *centres]),
        np.concatenate([mixture.roots, *roots]),
    )


def _step(mixture: _Mixture, x: FloatArray, w: FloatArray, scale: FloatArray) -> _Mixture:
    n_dim = x.shape[1]
    logs, squares = mixture.of_components(x)
    # Equations 17 to 19: the responsibility of every component for every draw, reduced for draws far from its centre.
    part = w * np.exp(logs - _log_sum(logs))
    inward = part * (_FREEDOM + n_dim) / (_FREEDOM + squares)
    shares = part.sum(axis=1)
    kept = shares > 1e-3
    means, roots = [], []
    for own, near, share in zip(part[kept], inward[kept], shares[kept], strict=True):
        mean = near @ x / near.sum()
        away = x - mean
        spread = (near[:, None] * away).T @ away / share
        # The covariance of a component with few draws is shrunk towards that of the whole.
        count = share**2 / np.sum(own**2)
        weight = count / (count + _DRAWS_EACH * n_dim / 2)
        means.append(mean)
        roots.append(_root(weight * spread + (1.0 - weight) * scale))
    return _Mixture(shares[kept] / shares[kept].sum(), np.array(means), np.array(roots))


def _flattened(weights: FloatArray, least: float) -> FloatArray:
    """Return weights raised to the largest power, at most 1, at which `least` draws are effective.

    Fewer draws do not determine a covariance; flatter weights include the nearest ones."""
    logs = np.log(np.maximum(weights, 1e-300))

    def raised(power: float) -> FloatArray:
        found = np.exp(power * (logs - logs.max()))
        return np.asarray(found / found.sum())

    def enough(power: float) -> bool:
        return bool(1.0 / np.sum(raised(power) ** 2) >= least)

    if enough(1.0):
        return weights
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if enough(middle) else (low, middle)
    return raised(low)
