"""Maps to the real line, priors in it, and the whitening."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from measurement import FREE, NOISE, config, make, point_estimate

from heterodyne_cmc.density import NOISE_PRIOR_SCALE, log_tempered_prior, shard_problem, untilted
from heterodyne_cmc.parameters import ParameterSpace, parameter_space
from heterodyne_cmc.priors import Priors, log_prior, prior_moments
from heterodyne_cmc.request import prepare
from heterodyne_cmc.sums import some_pairs
from heterodyne_cmc.transforms import Intervals, constrain, log_jacobian, unconstrain
from heterodyne_cmc.whitening import SPREAD_MOST, make_whitening, of_shards
from heterodyne_spec import load_config, load_model

pytestmark = pytest.mark.usefixtures("float64")


def whole_space(**entries: object) -> ParameterSpace:
    return parameter_space(load_model(), load_config({"model": {"parameters": entries}}), None)


def test_round_trip_over_all_parameters() -> None:
    space = whole_space()
    u = jnp.asarray(np.random.default_rng(0).normal(0, 3, len(space.free)))
    p = constrain(u, space.intervals())
    assert np.all((p > space.bounds[:, 0]) & (p < space.bounds[:, 1]))
    # Near a bound of ±1e5 the distance to it is known to 1e-11 only.
    np.testing.assert_allclose(unconstrain(p, space.intervals()), u, rtol=1e-7)


def test_midpoint_is_that_of_the_scale() -> None:
    intervals = Intervals(jnp.array([1e2, -2.0]), jnp.array([1e6, 4.0]), jnp.array([True, False]))
    np.testing.assert_allclose(constrain(jnp.zeros(2), intervals), [1e4, 1.0], rtol=1e-14)


def test_jacobian_is_the_derivative() -> None:
    space = whole_space()
    u = jnp.asarray(np.random.default_rng(1).normal(0, 3, len(space.free)))
    derivative = jnp.diag(jax.jacfwd(lambda x: constrain(x, space.intervals()))(u))
    np.testing.assert_allclose(log_jacobian(u, space.intervals()), jnp.log(derivative), rtol=1e-10)


@pytest.mark.parametrize("far", [-800.0, 800.0])
def test_far_out_all_stays_inside_and_finite(far: float) -> None:
    space = whole_space()
    u = jnp.full(len(space.free), far)
    p = constrain(u, space.intervals())
    assert np.all((p >= space.bounds[:, 0]) & (p <= space.bounds[:, 1]))
    gradient = jax.grad(lambda x: jnp.sum(log_prior(x, space.prior_arrays(), space.intervals())))(u)
    assert np.isfinite(gradient).all()


def test_prior_is_the_truncated_density() -> None:
    # In p, on a grid: prior density over the Jacobian must be the normal or lognormal one, up to a constant.
    space = whole_space()
    u = jnp.linspace(-3, 3, 7)[:, None] + jnp.zeros(len(space.free))
    found = log_prior(u, space.prior_arrays(), space.intervals()) - log_jacobian(u, space.intervals())
    p = np.asarray(constrain(u, space.intervals()))
    for k, prior in enumerate(space.priors):
        value = np.log(p[:, k]) if prior.family == "lognormal" else p[:, k]
        expected = -0.5 * ((value - prior.location) / prior.scale) ** 2
        expected = expected - (value if prior.family == "lognormal" else 0)
        difference = np.asarray(found)[:, k] - expected
        np.testing.assert_allclose(difference, difference[0], atol=1e-9)


def test_prior_moments_of_a_narrow_prior_are_linear() -> None:
    space = whole_space()
    _, sd = prior_moments(space.prior_arrays(), space.intervals())
    k = space.free_names.index("D_offset_ref")  # sd 1e3 in the middle of ±1e5, where du/dp is 4 over the width
    assert sd[k] == pytest.approx(1e3 * 4 / 2e5, rel=1e-3)


def test_prior_moments_of_the_narrowest_prior_are_linear() -> None:
    intervals, one = Intervals(*(jnp.array([value]) for value in (-2.0, 2.0, False))), jnp.ones(1)
    mean, sd = prior_moments(Priors(0.5 * one, 1e-9 * one, jnp.array([False])), intervals)
    # u = ln((p + 2) / (2 - p)), du/dp = 4 / ((p + 2) (2 - p)).
    assert mean[0] == pytest.approx(np.log(2.5 / 1.5), abs=1e-9)
    assert sd[0] == pytest.approx(1e-9 * 4 / (2.5 * 1.5), rel=1e-3)


@pytest.mark.parametrize("n_shards", [2, 5])
def test_tempered_priors_multiply_to_the_prior_once(n_shards: int) -> None:
    request = prepare(make(), load_config(config()), None)
    pairs = some_pairs(request.data, request.partition.pairs(0))
    whole, part = (
        shard_problem(pairs, request.space, request.scaling, NOISE, untilted(len(FREE), 4), n) for n in (1, n_shards)
    )
    for seed in range(3):
        vector = jnp.asarray(np.random.default_rng(seed).normal(0, 2, len(FREE) + 1))
        assert n_shards * float(log_tempered_prior(vector, part)) == pytest.approx(
            float(log_tempered_prior(vector, whole)), rel=1e-12
        )
    # The linear coefficients: a normal density to the power 1/K has K times the variance.
    np.testing.assert_allclose(n_shards * part.temper * part.coefficient_precision, whole.coefficient_precision)


def test_ties_fixed_values_and_configured_bounds_are_honoured() -> None:
    space = whole_space(
        alpha_sample={"tie": "alpha_ref"},
        phi0={"value": 1.5, "vary": False},
        D0_ref={"bounds": [-10, 2e4], "value": 500, "prior": normal(0.0, 1e3)},
    )
    assert "alpha_sample" not in space.free_names
    assert "phi0" not in space.free_names
    names = load_model().names
    free = np.arange(1.0, len(space.free) + 1)
    full = dict(zip(names, space.full(free), strict=True))
    assert full["alpha_sample"] == full["alpha_ref"] == free[space.free_names.index("alpha_ref")]
    assert full["phi0"] == 1.5
    k = space.free_names.index("D0_ref")
    assert tuple(space.bounds[k]) == (-10, 2e4)
    assert not space.log[k], "no logarithm of an interval that reaches below zero"
    assert space.start[k] == 500
    assert space.priors[k].family == "normal"


def normal(location: float, scale: float) -> dict[str, object]:
    return {"family": "normal", "location": location, "scale": scale, "truncated": True}


@pytest.mark.parametrize(
    ("n_shards", "anchored", "wider"), [(1, True, 1.0), (4, False, 4.0), (2, True, 2.0), (16, True, SPREAD_MOST)]
)
def test_shards_are_as_wide_as_the_point_estimate_times_root_k_and_less_where_anchored(
    n_shards: int, anchored: bool, wider: float
) -> None:
    data = make()
    nlsq = point_estimate(data)
    request = prepare(data, load_config(config()), nlsq)
    whole = make_whitening(request.space, request.scaling, nlsq, NOISE, 2 * 276.0)
    whitening = of_shards(whole, n_shards, anchored=anchored)
    p = constrain(jnp.asarray(whitening.centre[:3]), request.space.intervals())
    np.testing.assert_allclose(p, [nlsq.parameters[name] for name in FREE], rtol=1e-9)
    slope = np.exp(log_jacobian(jnp.asarray(whitening.centre[:3]), request.space.intervals()))
    covariance = whitening.spread @ whitening.spread.T
    sd = np.sqrt(np.diag(covariance))[:3] * slope / np.sqrt(wider)
    # The prior takes part, a little.
    np.testing.assert_allclose(sd, [nlsq.sd[name] for name in FREE], rtol=0.02)
    expected = np.sqrt(n_shards / (4 * 276 + NOISE_PRIOR_SCALE**-2))
    np.testing.assert_allclose(np.sqrt(np.diag(covariance))[3], expected, rtol=1e-9)


def test_a_point_estimate_outside_the_bounds_starts_just_inside() -> None:
    data, given = make(), config()
    given["model"]["parameters"]["v0"] = {"bounds": [1.0, 600.0], "value": 500.0}
    nlsq = point_estimate(data)
    request = prepare(data, load_config(given), nlsq)
    whitening = make_whitening(request.space, request.scaling, nlsq, NOISE, 2 * 276.0)
    p = np.asarray(constrain(jnp.asarray(whitening.centre[:3]), request.space.intervals()))
    assert 590 < p[1] < 600
    assert np.isfinite(whitening.spread).all()


def test_whitening_without_point_estimate_has_the_width_of_the_priors() -> None:
    request = prepare(make(), load_config(config()), None)
    whitening = make_whitening(request.space, request.scaling, None, NOISE, 2 * 276.0)
    _, sd = prior_moments(request.space.prior_arrays(), request.space.intervals())
    np.testing.assert_allclose(np.sqrt(np.diag(whitening.spread @ whitening.spread.T))[:3], sd, rtol=1e-9)


def test_beyond_the_priors_the_power_alone_calibrates() -> None:
    data, narrow = make(), config()
    plain = point_estimate(data)
    stretch = np.diag([2.0, 5.0, 10.0])
    nlsq = point_estimate(data, covariance=stretch @ plain.covariance @ stretch, covariance_kind="calibrated")
    narrow["model"]["parameters"]["v0"] = {"value": 700.0, "prior": {**normal(300.0, 20.0), "truncated": True}}
    found = []
    for given in (config(), narrow):
        request = prepare(data, load_config(given), nlsq)
        found.append(make_whitening(request.space, request.scaling, nlsq, NOISE, 2 * 276.0).tilt)
    inside, beyond = found
    assert inside.power == pytest.approx(0.01 ** (2 / 3), rel=1e-6), "the volume grows by 2 · 5 · 10"
    assert not np.allclose(inside.pull, np.eye(3), atol=0.1)
    assert beyond.power == pytest.approx(float(inside.power))
    np.testing.assert_array_equal(beyond.pull, np.eye(3))
