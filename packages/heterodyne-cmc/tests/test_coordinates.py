"""Maps to the real line, priors in it, and the whitening."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import pytest
from measurement import DT, FREE, NOISE, config, make, point_estimate

from heterodyne_cmc.chart import from_parameters, to_parameters
from heterodyne_cmc.density import NOISE_PRIOR_SCALE, log_tempered_prior, no_adjustment, shard_problem
from heterodyne_cmc.parameters import ParameterSpace, parameter_space
from heterodyne_cmc.priors import log_prior
from heterodyne_cmc.request import prepare
from heterodyne_cmc.result_building import _calibration
from heterodyne_cmc.sums import some_pairs
from heterodyne_cmc.transforms import Intervals, constrain, log_jacobian
from heterodyne_cmc.whitening import SPREAD_MOST, make_whitening, of_shards, place_of
from heterodyne_data import MapNoise
from heterodyne_spec import load_config, load_model

type FloatArray = npt.NDArray[np.float64]

pytestmark = pytest.mark.usefixtures("float64")

T = DT * np.arange(1, 101)

# Compiled as a whole: their operations one by one take longer.
there, back = jax.jit(to_parameters), jax.jit(from_parameters)
derivatives = jax.jit(jax.jacfwd(lambda u, chart: to_parameters(u, chart)[0]))
density = jax.jit(log_prior)


def whole_space(phi: tuple[float, ...] = (-30.0, 0.0, 45.0), **entries: object) -> ParameterSpace:
    config = load_config({"model": {"parameters": entries}})
    return parameter_space(load_model(), config, None, T, np.array(phi))


def random_places(space: ParameterSpace, n: int, spread: float) -> FloatArray:
    """Return unconstrained coordinates (n, n_free) around those of the start."""
    start = np.asarray(back(jnp.asarray(space.start), space.chart()))
    units = np.maximum(np.abs(start), 1.0)
    return start + spread * units * np.random.default_rng(0).standard_normal((n, start.size))


@pytest.mark.parametrize("spread", [0.1, 1.0])
def test_round_trip_over_all_parameters(spread: float) -> None:
    space = whole_space(phi=(50.0,))
    assert len(space.laws.positions) == 4
    for u in random_places(space, 20, spread):
        p, _ = there(jnp.asarray(u), space.chart())
        assert np.all((p >= space.bounds[:, 0]) & (p <= space.bounds[:, 1]))
        again, _ = there(back(p, space.chart()), space.chart())
        # Near a bound of ±1e5 the distance to it is known to 1e-11 only.
        np.testing.assert_allclose(again, p, rtol=1e-6, atol=1e-6 * np.ptp(space.bounds, axis=1).min())


def test_midpoint_is_that_of_the_scale() -> None:
    intervals = Intervals(jnp.array([1e2, -2.0]), jnp.array([1e6, 4.0]), jnp.array([True, False]))
    np.testing.assert_allclose(constrain(jnp.zeros(2), intervals), [1e4, 1.0], rtol=1e-14)


@pytest.mark.parametrize("phi", [(-30.0, 0.0, 45.0), (60.0,), (90.0,)])
def test_volume_is_the_determinant_of_the_derivatives(phi: tuple[float, ...]) -> None:
    space = whole_space(phi)
    for u in random_places(space, 5, 0.05):
        derivative = derivatives(jnp.asarray(u), space.chart())
        expected = np.linalg.slogdet(np.asarray(derivative))[1]
        assert float(there(jnp.asarray(u), space.chart())[1]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("far", [-800.0, 800.0])
def test_far_out_all_stays_inside_and_finite(far: float) -> None:
    space = whole_space()
    u = jnp.full(len(space.free), far)
    p, _ = there(u, space.chart())
    assert np.all((p >= space.bounds[:, 0]) & (p <= space.bounds[:, 1]))
    gradient = jax.jit(jax.grad(log_prior))(u, space.prior_arrays(), space.chart())
    assert np.isfinite(gradient).all()


def test_along_the_first_coordinate_of_a_law_value_and_slope_stay() -> None:
    # The direction that no measurement determines: A and C against each other.
    space, model = whole_space(), load_model()
    u = random_places(space, 1, 0.0)[0]
    first, age = int(space.laws.positions[0, 0]), float(np.mean(T))

    def value_and_slope(u: FloatArray) -> tuple[float, float]:
        p = space.full(np.asarray(there(jnp.asarray(u), space.chart())[0]))
        ages = age * np.exp(np.array([-1e-4, 0.0, 1e-4]))
        j = np.asarray(model.evaluate("J_r", dict(zip(model.names, p.tolist(), strict=True)), ages))
        return float(j[1]), float((j[2] - j[0]) / 2e-4)

    before = value_and_slope(u)
    moved = u.copy()
    moved[first] += 0.3
    assert value_and_slope(moved)[0] == pytest.approx(before[0], rel=1e-9)
    assert value_and_slope(moved)[1] == pytest.approx(before[1], rel=0.05), "the exponent is bounded"
    a, b = (there(jnp.asarray(at), space.chart())[0][first] for at in (u, moved))
    assert abs(np.log(float(b / a))) > 0.2, "and it was a long way"


def test_turning_the_flow_keeps_the_velocity_along_a_single_azimuth() -> None:
    # All that one azimuth knows of both.
    space = whole_space((50.0,))
    v0, beta, v_offset, phi0 = (space.free_names.index(name) for name in ("v0", "beta", "v_offset", "phi0"))
    before = random_places(space, 1, 0.02)[0]
    after = before.copy()
    after[phi0] += 1.0
    one, other = (np.asarray(there(jnp.asarray(u), space.chart())[0]) for u in (before, after))
    assert other[phi0] > one[phi0] + 1.0
    along = [p[[v0, v_offset]] * np.cos(np.deg2rad(50.0 + p[phi0])) for p in (one, other)]
    np.testing.assert_allclose(along[1], along[0], rtol=0.01, atol=1.0)
    assert other[beta] == pytest.approx(one[beta], abs=0.01)


def test_laws_that_lose_a_parameter_have_intervals_of_their_own() -> None:
    held = {"vary": False}
    space = whole_space(D_offset_ref=held, alpha_sample={"tie": "alpha_ref"}, f3=held)
    (law,) = space.laws.positions
    assert [space.free_names[k] for k in law] == ["v0", "beta", "v_offset"]


@pytest.mark.parametrize("age", [50.0, 100.0, 1e5])
def test_at_any_age_the_start_has_coordinates(age: float) -> None:
    # Between the bounds of its rate, an exponential passes beyond all numbers after 71 s. Starts on bounds move inside.
    space = parameter_space(load_model(), load_config({}), None, age + 0.1 * np.arange(20), np.array([0.0]))
    place = place_of(space, space.start)
    np.testing.assert_allclose(place.p, space.start, rtol=1e-6, atol=2e-3)
    assert np.isfinite(place.slope).all()


def test_prior_is_the_truncated_density() -> None:
    # Prior density over the volume must be the product of the normal and lognormal ones, up to a constant.
    space = whole_space()
    differences = []
    for u in random_places(space, 7, 0.5):
        p, volume = there(jnp.asarray(u), space.chart())
        expected = 0.0
        for prior, at in zip(space.priors, np.asarray(p), strict=True):
            value = np.log(at) if prior.family == "lognormal" else at
            expected -= 0.5 * ((value - prior.location) / prior.scale) ** 2
            expected -= value if prior.family == "lognormal" else 0.0
        found = float(density(jnp.asarray(u), space.prior_arrays(), space.chart()) - volume)
        differences.append((found - expected) / max(abs(expected), 1.0))
    np.testing.assert_allclose(differences, differences[0], atol=1e-9)


def test_a_linear_prior_has_the_width_that_its_parameter_has_there() -> None:
    space = whole_space()
    at = place_of(space, space.start)
    k = space.free_names.index("phi0")
    low, high = space.bounds[k]
    slope = (high - low) / ((at.p[k] - low) * (high - at.p[k]))
    expected = min(space.priors[k].scale, (high - low) / np.sqrt(12)) * slope
    assert np.sqrt(at.prior[k, k]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n_shards", [2, 5])
def test_tempered_priors_multiply_to_the_prior_once(n_shards: int) -> None:
    request = prepare(make(), load_config(config()), None)
    pairs = some_pairs(request.data, request.partition.pairs(0))
    whole, part = (
        shard_problem(pairs, request.space, request.scaling, NOISE, no_adjustment(len(FREE), 4), n)
        for n in (1, n_shards)
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
    p = constrain(jnp.asarray(whitening.centre[:3]), request.space.chart().intervals)
    np.testing.assert_allclose(p, [nlsq.parameters[name] for name in FREE], rtol=1e-9)
    slope = np.exp(log_jacobian(jnp.asarray(whitening.centre[:3]), request.space.chart().intervals))
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
    p = np.asarray(constrain(jnp.asarray(whitening.centre[:3]), request.space.chart().intervals))
    assert 590 < p[1] < 600
    assert np.isfinite(whitening.spread).all()


def test_whitening_without_point_estimate_has_the_width_of_the_priors() -> None:
    request = prepare(make(), load_config(config()), None)
    whitening = make_whitening(request.space, request.scaling, None, NOISE, 2 * 276.0)
    expected = place_of(request.space, request.space.start).prior
    np.testing.assert_allclose((whitening.spread @ whitening.spread.T)[:3, :3], expected, rtol=1e-9)


def test_beyond_the_priors_the_power_alone_calibrates() -> None:
    data, narrow = make(), config()
    plain = point_estimate(data)
    stretch = np.diag([2.0, 5.0, 10.0])
    nlsq = point_estimate(data, covariance=stretch @ plain.covariance @ stretch, covariance_kind="calibrated")
    narrow["model"]["parameters"]["v0"] = {"value": 700.0, "prior": {**normal(300.0, 20.0), "truncated": True}}
    found = []
    for given in (config(), narrow):
        request = prepare(data, load_config(given), nlsq)
        found.append(make_whitening(request.space, request.scaling, nlsq, NOISE, 2 * 276.0).adjustment)
    inside, beyond = found
    assert inside.power == pytest.approx(0.01 ** (2 / 3), rel=1e-6), "the volume grows by 2 · 5 · 10"
    assert not np.allclose(inside.pull, np.eye(3), atol=0.1)
    assert beyond.power == pytest.approx(float(inside.power))
    np.testing.assert_array_equal(beyond.pull, np.eye(3))


def test_along_a_bound_within_the_spread_the_likelihood_keeps_its_shape() -> None:
    data, given = make(), config()
    plain = point_estimate(data)
    v0 = plain.parameters["v0"]
    given["model"]["parameters"]["v0"] = {"bounds": [v0 - 1e-3, v0 + 1e3], "value": v0}
    stretch = np.diag([2.0, 50.0 / plain.sd["v0"], 10.0])
    nlsq = point_estimate(data, covariance=stretch @ plain.covariance @ stretch, covariance_kind="calibrated")
    request = prepare(data, load_config(given), nlsq)
    adjustment = make_whitening(request.space, request.scaling, nlsq, NOISE, 2 * 276.0).adjustment
    # Of the sd of 50 the lower bound leaves a thousandth, so that the covariance says nothing of the values above.
    assert adjustment.pull[1, 1] == pytest.approx(1.0, abs=1e-3)
    assert abs(adjustment.pull[0, 0] - 1.0) > 0.1 and abs(adjustment.pull[2, 2] - 1.0) > 0.1


def test_noise_that_no_pairs_share_needs_no_calibration() -> None:
    data, one = make(), np.ones(2)
    noise = MapNoise(np.full(2, np.nan), one, one, "no correlated noise was found")
    request = prepare(data, load_config(config()), point_estimate(data, covariance_kind="calibrated", noise=noise))
    words = _calibration(request, no_adjustment(3, 4)).statement
    assert words == "the likelihood needs no calibration: no correlated noise was found"
