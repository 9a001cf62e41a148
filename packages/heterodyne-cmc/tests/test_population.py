"""Weighted draws of densities whose moments are known in closed form, as they are not easy to draw from."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest

from heterodyne_cmc.density import no_adjustment, no_anchor
from heterodyne_cmc.population import (
    K_MOST,
    LogDensity,
    Population,
    Proposal,
    _effective,
    sample_population,
)
from heterodyne_cmc.weighted import learned, part_done
from heterodyne_cmc.whitening import Whitening

type FloatArray = npt.NDArray[np.float64]

N_DIM, WANTED = 10, 2000.0


def normal(x: FloatArray) -> FloatArray:
    return np.asarray(-0.5 * np.sum(x**2, axis=1))


def bent(x: FloatArray) -> FloatArray:
    """Normal along all but the second axis, which has its centre on a parabola of the first."""
    straight = np.array(x)
    straight[:, 1] -= 0.7 * (x[:, 0] ** 2 - 1.0)
    return normal(straight)


def skewed(x: FloatArray) -> FloatArray:
    """The logarithm of a gamma variable of shape 2 along the first axis."""
    return np.asarray(normal(x[:, 1:]) + 2.0 * x[:, 0] - np.exp(x[:, 0]))


def crossed(x: FloatArray) -> FloatArray:
    """Two bars at right angles, each ten times as long as wide, of equal weight."""
    arms = []
    for k in (0, 1):
        scaled = np.array(x)
        scaled[:, k] /= 10.0
        arms.append(normal(scaled))
    return np.logaddexp(*arms)


type Of = Callable[[FloatArray], FloatArray]

CASES: dict[str, tuple[LogDensity, Of, float, float]] = {
    # A density, a function of its draws, the mean of that and its standard deviation.
    "normal": (normal, lambda x: x[:, 0] ** 2, 1.0, np.sqrt(2.0)),
    "bent": (bent, lambda x: x[:, 1] ** 2, 1.0 + 0.49 * 2.0, 4.0),
    # Digamma and trigamma of 2.
    "skewed": (skewed, lambda x: x[:, 0], 0.42278433509846714, np.sqrt(0.6449340668482264)),
    "crossed": (crossed, lambda x: x[:, 1] ** 2, (1.0 + 100.0) / 2, 110.0),
}


def found(name: str, seed: int = 0) -> Population:
    return sample_population(CASES[name][0], N_DIM, WANTED, (seed,))


@pytest.mark.parametrize("name", CASES)
def test_weighted_draws_have_the_moments_of_the_density(name: str) -> None:
    _, of, mean, sd = CASES[name]
    population = found(name)
    assert population.own
    assert population.k_hat < K_MOST
    assert population.effective >= WANTED
    np.testing.assert_allclose(population.weights.sum(), 1.0)
    assert population.weights @ of(population.points) == pytest.approx(mean, abs=4 * sd / np.sqrt(population.effective))


def test_draws_depend_on_the_seed_alone() -> None:
    np.testing.assert_array_equal(found("bent").points, found("bent").points)
    assert not np.array_equal(found("bent").points, found("bent", seed=1).points)


def test_what_weights_cannot_describe_is_given_up_and_not_trusted() -> None:
    """A funnel: the width of nine axes is e to the three halves of the first."""
    heard: list[int] = []

    def funnel(x: FloatArray) -> FloatArray:
        width = np.exp(1.5 * x[:, :1])
        return np.asarray(-0.5 * x[:, 0] ** 2 + normal(x[:, 1:] / width) - (N_DIM - 1) * np.log(width[:, 0]))

    found = sample_population(funnel, N_DIM, WANTED, (0,), lambda rounds, so_far: heard.append(rounds), most=20)
    assert not found.own
    assert heard == list(range(1, 21))


def test_points_without_a_density_have_no_weight() -> None:
    population = sample_population(lambda x: np.where(x[:, 0] > 0, normal(x), np.nan), N_DIM, WANTED, (0,))
    assert np.all(population.weights[population.points[:, 0] <= 0] == 0)
    # Half a normal one.
    assert population.weights @ population.points[:, 0] == pytest.approx(
        np.sqrt(2 / np.pi), abs=4 * np.sqrt((1 - 2 / np.pi) / population.effective)
    )


def test_chains_begin_at_places_of_the_density_where_it_is_round() -> None:
    rng = np.random.default_rng(5)
    skew = np.tril(rng.normal(size=(4, 4))) + 3 * np.eye(4)
    points = np.array([1.0, -2.0, 0.5, 3.0]) + rng.standard_normal((20_000, 4)) @ skew.T
    weights = np.full(len(points), 1 / len(points))
    population = Population(points, np.zeros(len(points)), weights, np.inf, 1.0, cast(Proposal, None), False)
    given = Whitening(np.arange(4.0), 2 * np.eye(4), no_adjustment(3, 0), no_anchor(3))
    found, starts = learned(given, population, 400, 0)
    np.testing.assert_allclose(found.centre, given.centre + 2 * points.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(found.spread @ found.spread.T, 4 * np.cov(points.T, bias=True), rtol=1e-4, atol=1e-4)
    assert np.abs(starts.mean(axis=0)).max() < 0.2
    assert np.abs(np.cov(starts.T) - np.eye(4)).max() < 0.25
    # They are places of the density itself.
    there = ((found.centre + starts @ found.spread.T) - given.centre) / 2
    assert all(np.abs(points - place).max(axis=1).min() < 1e-9 for place in there[:20])


def test_draws_are_worth_what_they_are_along_the_worst_coordinate() -> None:
    rng = np.random.default_rng(0)
    points = rng.standard_normal((4000, 3))
    even = np.full(4000, 1 / 4000)
    assert _effective(points, even) == pytest.approx(4000)
    # Draws beyond 2 sd along one axis have ten times the weight of the others, as where the proposal is too narrow.
    weights = np.where(np.abs(points[:, 1]) > 2, 10.0, 1.0)
    weights /= weights.sum()
    found, all_alike = _effective(points, weights), 1 / np.sum(weights**2)
    assert found < 0.75 * all_alike
    assert _effective(points[:, [0, 2]], weights) == pytest.approx(all_alike, rel=0.1)


def test_a_search_for_a_proposal_is_half_of_the_work_at_most() -> None:
    def of(effective: float, own: bool) -> Population:
        return Population(np.zeros((1, 1)), np.zeros(1), np.ones(1), 0.6, effective, cast(Proposal, None), own)

    shares = [part_done(3, of(100.0, own=False), 400.0, 300), part_done(9, of(4e3, own=False), 400.0, 300)]
    shares += [part_done(9, of(200.0, own=True), 400.0, 300), part_done(12, of(4e3, own=True), 400.0, 300)]
    assert shares == sorted(shares)
    assert shares[1] < 0.5 < shares[2] < shares[3] < 1.0
    # One that goes on and on moves towards the last round.
    assert 0.9 < part_done(300, of(4e3, own=False), 400.0, 300) < 1.0
