"""Starts without values: age slices against the simulated truth, and fits without user-given values."""

from __future__ import annotations

from dataclasses import replace
from itertools import compress

import jax
import numpy as np
import pytest
from conftest import DT, TRUTH, Q, held, make, values

from heterodyne_data import TwoTimeData
from heterodyne_nlsq import fit_nlsq_jax
from heterodyne_nlsq.age_resolved import age_curves, centred, residuals
from heterodyne_nlsq.descent import descend
from heterodyne_nlsq.evaluators import choose_evaluator
from heterodyne_nlsq.fit import prepare
from heterodyne_nlsq.start.candidates import MULTISTARTS, candidates
from heterodyne_nlsq.start.coefficients import fitted_vector
from heterodyne_nlsq.start.race import Final, hopeful
from heterodyne_nlsq.two_component import starts
from heterodyne_nlsq.two_component.equilibrium import solve_ages
from heterodyne_nlsq.two_component.fringes import frequencies
from heterodyne_nlsq.two_component.laws import fraction_law, parameters, power_law
from heterodyne_nlsq.two_component.plain import cost_of, descend_each, left_by_noise, make_cells, model
from heterodyne_nlsq.two_component.search import MOST_DESCRIPTIONS, fit_cells
from heterodyne_nlsq.two_component.viterbi import histories
from heterodyne_spec import load_config

PLAIN = {"D_offset_ref": 0.0, "D_offset_sample": 0.0, "v_offset": 0.0}
STEADY = {"alpha_ref": 0.0, "alpha_sample": 0.0, "beta": 0.0, "f1": 0.0, "phi0": 0.0, "f0": 0.0, "f3": 0.4}


def test_every_age_of_a_steady_measurement_shows_its_rates_frequency_and_fraction() -> None:
    data = make(n_t=200, **STEADY, D0_ref=2000.0, D0_sample=20000.0, v0=500.0)
    (history,) = histories(solve_ages(age_curves(data)), 1)
    history = history if history.theta[6, 0] < history.theta[6, 1] else history.exchanged()
    late = history.theta[4:]
    assert np.all(np.abs(late[:, 2] - Q * 515 * DT) < 5 * history.sd[4:, 2])
    rate = Q**2 / 2 * DT
    np.testing.assert_allclose(np.exp(late[:, 1]), rate * 20500, rtol=0.1)
    np.testing.assert_allclose(np.exp(late[:, 0]), rate * 2200, rtol=0.25)
    np.testing.assert_allclose(late[:, 2], Q * 515 * DT, rtol=0.02)
    np.testing.assert_allclose(1 / (1 + np.exp(-late[:, 3] / 2)), 0.4, atol=0.03)


def test_plain_laws_describe_every_curve_of_a_measurement_that_follows_them() -> None:
    data = make(n_t=300, noise=0.0, **PLAIN)
    cells = make_cells(age_curves(data), float(data.t[-1]))
    scale, rate = cells.scale, Q**2 / 2
    theta = np.array(
        [
            *(np.log(rate * TRUTH["D0_ref"] * scale ** TRUTH["alpha_ref"]), TRUTH["alpha_ref"]),
            *(np.log(rate * TRUTH["D0_sample"] * scale ** TRUTH["alpha_sample"]), TRUTH["alpha_sample"]),
            *(np.log(Q * TRUTH["v0"] * scale ** TRUTH["beta"]), TRUTH["beta"]),
            *(TRUTH["f0"], TRUTH["f1"] * cells.last, TRUTH["f3"], np.deg2rad(TRUTH["phi0"])),
        ]
    )
    described, derivatives = model(theta, cells)
    centred_value = centred(cells.value, cells.weight)
    _, contrast, rest = residuals(described, cells.value, cells.weight)
    np.testing.assert_allclose(contrast, 0.2, rtol=0.02)
    assert np.sum(cells.weight * rest**2) < 1e-3 * np.sum(cells.weight * centred_value**2)
    back = parameters(theta, cells, Q)
    for name in back:
        assert back[name] == pytest.approx({**TRUTH, **PLAIN}[name], rel=1e-9, abs=1e-9)
    # The fringes' loss inside a cell is held while the flow moves; without it the derivatives are exact.
    sharp = cells._replace(spread=np.zeros_like(cells.spread))
    _, derivatives = model(theta, sharp)
    for k, step in enumerate(1e-6 * np.eye(theta.size)):
        numeric = (model(theta + step, sharp)[0] - model(theta - step, sharp)[0]) / 2e-6
        np.testing.assert_allclose(derivatives[k], numeric, atol=1e-6 * (1 + np.abs(numeric).max()))


def test_laws_are_found_through_their_own_values_and_past_an_outlier() -> None:
    age = np.geomspace(1, 50, 12)
    spoiled = 30 * age**-0.4
    spoiled[3] *= 20
    level, exponent = power_law(age, spoiled, np.ones(12))
    assert exponent == pytest.approx(-0.4, abs=0.03)
    assert level == pytest.approx(30, rel=0.1)
    for f0, f1, f3 in ((0.4, -0.05, 0.3), (0.05, 0.04, 0.2)):
        x = f0 * np.exp(f1 * age) + f3
        a, b, c = fraction_law(age, x, np.ones(12))
        np.testing.assert_allclose(a * np.exp(b * age) + c, x, atol=0.01)


def test_a_law_of_ages_without_weight_is_finite() -> None:
    # As those of constant maps; warnings are errors here.
    assert np.isfinite(fraction_law(np.arange(1.0, 13.0), np.full(12, 0.5), np.zeros(12))).all()


@pytest.mark.parametrize(
    ("truth", "elsewhere"),
    [
        (
            [-4.50, -0.18, -1.63, 0.04, -2.29, 0.13, 0.36, -40.0, 0.42, -0.06],
            [-1.50, -0.03, -4.03, -0.47, -1.53, -0.43, 0.08, -2.4, 0.56, -0.06],
        ),
        (
            [-4.20, 0.10, -3.79, -0.35, 0.77, 0.15, 0.26, 2.5, 0.37, -0.04],
            [-3.48, -0.37, -4.50, 0.13, 0.77, 0.15, 0.10, 21.0, 0.56, -0.04],
        ),
        (
            [-2.66, 0.26, -2.54, 0.21, -1.62, 0.13, 0.36, -0.8, 0.14, 0.01],
            [-2.30, 0.17, 1.34, 1.52, 3.03, 0.57, 0.16, 0.1, 0.0, -0.15],
        ),
    ],
    ids=["x falls within 3 % of the run", "labels exchanged", "fringes damped within a radian"],
)
def test_the_search_leaves_minima_from_which_descents_do_not_lead(truth: list[float], elsewhere: list[float]) -> None:
    t = 0.3 * np.arange(1, 1001)
    empty = TwoTimeData(c2=np.ones((2, 1000, 1000)), q=Q, phi=np.array([-27.3, 31.4]), t=t)
    cells = make_cells(age_curves(empty), float(t[-1]))
    described, _ = model(np.array(truth), cells)
    scatter = np.random.default_rng(5).normal(size=described.shape) / np.sqrt(np.maximum(cells.weight, 1.0))
    cells = cells._replace(value=1 + 0.2 * (described + 0.05 * scatter), noise=np.full(2, 0.01**2))
    stays, _ = descend_each(np.array([elsewhere]), cells, 40)
    assert cost_of(stays, cells)[0] > 2 * left_by_noise(cells)
    _, cost = fit_cells(np.array([elsewhere]), cells)
    assert cost[0] < left_by_noise(cells)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"f0": 0.05, "f1": 0.2, "f3": 0.1, "v0": 900.0, "beta": -0.2}, marks=pytest.mark.slow),
        {"D0_ref": 12000.0, "D0_sample": 800.0, "alpha_sample": 0.4, "v0": 300.0, "beta": 0.4},
    ],
    ids=["as the others", "more and more sample", "fast reference"],
)
def test_the_minimum_is_found_without_any_value(changes: dict[str, float]) -> None:
    data = make(noise=0.01, **changes)
    truth = {name: {"value": value} for name, value in {**TRUTH, **changes}.items()}
    expected = fit_nlsq_jax(data, {"model": {"parameters": truth}, "nlsq": {"start": "values"}})
    found = fit_nlsq_jax(data)
    assert found.success
    assert found.cost < 1.001 * expected.cost
    assert found.start.startswith("estimated from the data")
    assert expected.start == "the values of the configuration"


def test_what_fades_in_the_first_twentieth_of_a_long_run_is_found() -> None:
    # At the mean age of 360 s, an exponential that decays in 20 s is 2e-8: as a share there it cannot be told from 0.
    changes = {"D0_ref": 5e3, "alpha_ref": -0.3, "D_offset_ref": 50.0, "D0_sample": 2e3, "alpha_sample": 0.2}
    changes |= {"D_offset_sample": 20.0, "v0": 200.0, "beta": -0.2, "v_offset": 5.0}
    changes |= {"f0": 0.4, "f1": -0.05, "f2": 1.0, "f3": 0.1, "phi0": 3.0}
    data = make(n_t=1200, dt=0.6, phi=(-40.0, 60.0), noise=0.02, **changes)
    found = fit_nlsq_jax(data)
    assert found.success
    truth = 0.4 * np.exp(-0.05 * (found.bands.t - 1.0)) + 0.1
    np.testing.assert_array_less(np.abs(found.bands.values["x"] - truth), 4 * found.bands.sd["x"])
    assert found.bands.sd["x"][-1] < 0.01
    assert found.parameters["f1"] == pytest.approx(-0.05, abs=0.005)


def test_what_grows_by_twenty_e_folds_is_found() -> None:
    # From a start with f0 at the margin of its bounds, the fit ended 2 % too high, and was called usable.
    changes = {"D0_ref": 9580.0, "alpha_ref": -0.446, "D0_sample": 19100.0, "alpha_sample": -0.0706, **PLAIN}
    changes |= {"v0": 74.0, "beta": 0.123, "f0": 1.32e-10, "f1": 0.0726, "f2": 0.0, "f3": 0.108, "phi0": 3.88}
    data = make(n_t=600, dt=0.5, phi=(-29.0, 20.0), noise=0.005, **changes)
    truth = {name: {"value": value} for name, value in changes.items()}
    expected = fit_nlsq_jax(data, {"model": {"parameters": truth}, "nlsq": {"start": "values"}})
    found = fit_nlsq_jax(data)
    assert found.cost < 1.0001 * expected.cost
    assert found.parameters["f1"] == pytest.approx(0.0726, abs=5 * found.sd["f1"])
    # f0 = 1e-10 changes c2 by a billion per standard deviation of its prior: the rest is not without effect beside it.
    assert found.sd["f1"] < 1e-3
    np.testing.assert_array_less(found.bands.sd["J_r"], 0.01 * found.bands.values["J_r"])


def test_weak_fringes_are_followed_through_all_ages() -> None:
    # From 100 s on x is 0.1, fringes are 2 % of the contrast, and what one age leaves of slow decays hides them.
    changes = {"D0_ref": 2e4, "alpha_ref": -0.3, "D_offset_ref": 50.0, "D0_sample": 8e3, "alpha_sample": 0.2}
    changes |= {"D_offset_sample": 20.0, "v0": 800.0, "beta": -0.2, "v_offset": 5.0}
    changes |= {"f0": 0.4, "f1": -0.05, "f2": 1.0, "f3": 0.1, "phi0": 3.0}
    data = make(n_t=2000, dt=0.2, phi=(-40.0, 10.0, 60.0), noise=0.02, **changes)
    curves = age_curves(data, 0.7)
    known = curves.age > 5.0
    truth = Q * data.dt * (800.0 * curves.age[known] ** -0.2 + 5.0)
    nearest = [
        np.abs(one / omega - 1).min() for one, omega in zip(compress(frequencies(curves), known), truth, strict=True)
    ]
    assert np.mean(np.array(nearest) < 0.1) > 0.8


def test_the_noise_of_a_pair_is_found_beside_fringes_and_missing_frames() -> None:
    data = make(n_t=400, noise=0.01)
    valid = data.valid.copy()
    valid[:, 100:104] = False
    c2 = np.where(valid[:, :, None] & valid[:, None, :], data.c2, np.nan)
    noise = age_curves(replace(data, c2=c2, valid=valid)).noise
    np.testing.assert_allclose(np.sqrt(noise), 0.01, rtol=0.05)


def test_a_long_run_has_age_slices_near_both_of_its_ends() -> None:
    data = make(n_t=1000, noise=0.0)
    curves = age_curves(data)
    middle = (curves.age - data.t[0]) / DT
    assert middle[0] < 0.026 * data.n_t
    assert middle[-1] > 0.92 * data.n_t
    # Neighbouring frames within 0.4 of what is left of the measurement, and within 6 % of the age.
    (angle,) = np.flatnonzero(data.phi == curves.phi[0])
    at = np.arange(data.n_t - 1) + 0.5
    for k in (0, -1):
        near = np.abs(at - middle[k]) <= max(min(0.06 * middle[k], 0.4 * (data.n_t - 1 - middle[k])), 1.5)
        assert curves.value[k, 0, 0] == pytest.approx(np.diagonal(data.c2[angle], 1)[near].mean(), rel=1e-6)


def test_values_given_are_one_candidate_and_held_ones_stay() -> None:
    data = make()
    setup = prepare(data, load_config({"model": {"parameters": {**values(), **held("f2", "phi0")}}}))
    found = candidates(setup)
    assert found[0].vector.tolist() == [TRUTH[name] for name in setup.free.free_names]
    assert [c.origin.split(" (")[0] for c in found[1:]] == ["estimated from the data"] * len(found[1:])
    assert 2 <= len(found) <= 1 + MOST_DESCRIPTIONS
    assert not {"f2", "phi0"} & set(setup.free.free_names)


def test_a_multistart_is_a_latin_hypercube_over_the_priors_inside_the_bounds() -> None:
    flat = {
        "value": 0.0,
        "bounds": [-0.5, 1.5],
        "prior": {"family": "normal", "location": 0.0, "scale": 1e6, "truncated": True},
    }
    setup = prepare(
        make(), load_config({"nlsq": {"start": "multistart"}, "model": {"parameters": {"alpha_ref": flat}}})
    )
    points = np.array([c.vector for c in candidates(setup)[1:]])
    assert len(points) == MULTISTARTS
    positions = list(setup.free.free)
    assert np.all((points >= setup.free.lower[positions]) & (points <= setup.free.upper[positions]))
    strata = np.floor((points[:, setup.free.free_names.index("alpha_ref")] + 0.5) / 2 * MULTISTARTS)
    assert sorted(strata) == list(range(MULTISTARTS))


def test_a_multistart_under_a_prior_far_outside_of_the_bounds_starts_at_their_end() -> None:
    far = {"prior": {"family": "lognormal", "location": 1e9, "scale": 1e-9, "truncated": True}}
    setup = prepare(make(), load_config({"nlsq": {"start": "multistart"}, "model": {"parameters": {"D0_ref": far}}}))
    drawn = [c.vector[setup.free.free_names.index("D0_ref")] for c in candidates(setup)[1:]]
    assert drawn == pytest.approx([1e6] * MULTISTARTS, rel=1e-5)


@pytest.mark.slow
def test_a_multistart_ends_in_the_best_of_its_minima() -> None:
    data = make(n_t=80, phi=(10.0,), noise=0.01)
    own = fit_nlsq_jax(data, {"nlsq": {"start": "values"}})
    many = fit_nlsq_jax(data, {"nlsq": {"start": "multistart"}})
    assert many.cost < 0.5 * own.cost
    assert "multi-start" in many.start


def test_too_few_frames_to_tell_ages_apart_start_from_the_values() -> None:
    assert [found.origin for found in candidates(prepare(make(n_t=12), load_config({})))] == [
        "the values of the configuration"
    ]


def test_what_the_search_does_not_know_begins_at_its_value_in_the_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = starts.parameters

    def without(*given: object) -> dict[str, float]:
        return {name: value for name, value in known(*given).items() if name != "v_offset"}  # type: ignore[arg-type]

    monkeypatch.setattr(starts, "parameters", without)
    setup = prepare(make(n_t=60), load_config({"model": {"parameters": {"v_offset": {"value": 12.5}}}}))
    at = setup.free.free_names.index("v_offset")
    assert {float(found.vector[at]) for found in starts.from_data(setup)} == {12.5}


def test_only_a_fit_that_leaves_white_noise_ends_the_descents_that_rest_far_above() -> None:
    with jax.enable_x64(True):
        setup = prepare(make(n_t=80, noise=0.01), load_config({"model": {"parameters": values()}}))
        evaluator = choose_evaluator(setup)
        vector = fitted_vector(setup, evaluator, setup.free.start[list(setup.free.free)])
        best = descend(setup, evaluator, vector, None)
        above = replace(best, cost=2 * best.cost)
        near = replace(best, cost=best.cost * (1 + 1e-6))
        others = [Final(one, "") for one in (above, near, replace(above, success=False))]
        assert hopeful(setup, evaluator, best, others) == others[1:]
        # Half the contrast leaves structure, and so the question whether something else describes it.
        wrong = best.vector.copy()
        wrong[len(setup.free.free)] *= 0.5
        cost = float(evaluator.normal(wrong, evaluator.problem).cost)
        poor = replace(best, vector=wrong, cost=cost)
        far = [Final(replace(poor, cost=2 * cost), "")]
        assert hopeful(setup, evaluator, poor, far) == far
        assert not hopeful(setup, evaluator, best, far)
