"""What a fit claims of the maps: nothing of noise, nothing that was held against the data, no number that is not so.

Everything with default settings, as a user gives it: no starting value, nothing held unless that is what is tested.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import jax
import numpy as np
import pytest
from conftest import DT, PHI, TRUTH, Q, make
from scipy.special import chdtrc

from heterodyne_data import NestedTest, NLSQResult, TwoTimeData
from heterodyne_data.setup import structured
from heterodyne_nlsq import courses_of_fit, fit_nlsq_jax, representative, simulation, thinned, unstated_functions
from heterodyne_nlsq.evaluators import choose_evaluator, normal_of
from heterodyne_nlsq.evidence import comparison, examination
from heterodyne_nlsq.evidence.chance import probability
from heterodyne_nlsq.evidence.difference import noise_along
from heterodyne_nlsq.evidence.drift import of_age
from heterodyne_nlsq.evidence.held import score_test
from heterodyne_nlsq.evidence.questions import asked_of
from heterodyne_nlsq.evidence.rising import change_with_lag
from heterodyne_nlsq.fit import prepare
from heterodyne_nlsq.representative import landscape, vector_at
from heterodyne_nlsq.solver import Solution
from heterodyne_nlsq.two_component.nulls import RESTRICTIONS
from heterodyne_nlsq.uncertainty.noise_parts import NoiseParts
from heterodyne_physics_meshgrid import FieldLaws, HeterodyneModel, c2_meshgrid, field_laws, speckle_map
from heterodyne_physics_meshgrid.speckle import pixel_intensities
from heterodyne_spec import find_laws, load_config, load_model

N_T = 120
T = DT * np.arange(1, N_T + 1)


def maps(c2: Any, sd: float = 0.01, seed: int = 0) -> TwoTimeData:
    """Return maps (n_t, n_t) or (n_phi, n_t, n_t) at the usual azimuths with white noise."""
    upper = np.triu(np.random.default_rng(seed).normal(0, sd, (len(PHI), N_T, N_T)), 1)
    return TwoTimeData(c2=c2 + upper + np.swapaxes(upper, 1, 2), t=T, q=Q, phi=PHI, dt=DT)


def present(result: NLSQResult) -> set[str]:
    return {question for question, answer in result.signal.items() if answer.present}


def dense_cost(data: TwoTimeData, result: NLSQResult) -> float:
    """Return half the sum of squared residuals of the pairs i < j, the model written out."""
    with jax.enable_x64(True):
        c2 = np.array(c2_meshgrid(HeterodyneModel(**result.parameters), data.t, data.q, data.phi, 1.0, 0.0))
    i, j = np.triu_indices(data.n_t, 1)
    model = result.offset[:, None] + result.contrast[:, None] * c2[:, i, j]
    return float(np.sum((np.asarray(data.c2, float)[:, i, j] - model) ** 2) / 2)


def decay(rate: Any) -> np.ndarray:
    """Return c2 of one component whose J integrates to `rate` (n_t,)."""
    total = np.cumsum(rate) * DT
    return np.asarray(1 + 0.2 * np.exp(-(Q**2) * np.abs(total[:, None] - total)))


@pytest.mark.parametrize(
    ("c2", "expected", "verdict"),
    [
        (np.ones((N_T, N_T)), set(), "no-signal"),
        pytest.param(1 + 0.01 * np.add.outer(T, T) / T[-1], set(), "no-signal", marks=pytest.mark.slow),
        pytest.param(np.full((N_T, N_T), 1.2), {"contrast"}, "no-signal", marks=pytest.mark.slow),
        (decay(np.full(N_T, 5000.0)), {"contrast", "dynamics"}, "caution"),
        pytest.param(decay(9000 * T**-0.6), {"contrast", "dynamics", "ageing"}, "caution", marks=pytest.mark.slow),
    ],
    ids=["noise", "a baseline that drifts", "static", "diffusion", "diffusion that ages"],
)
def test_nothing_is_claimed_that_is_not_there(c2: np.ndarray, expected: set[str], verdict: str) -> None:
    result = fit_nlsq_jax(maps(c2))
    assert present(result) == expected
    assert result.verdict == verdict
    assert "Å/s" not in result.sentence
    by_name = {row.name: row for row in result.table}
    for name in ("v0", "beta", "v_offset", "phi0", "f0", "f1", "f3"):
        assert by_name[name].standing == "chosen"
        assert np.isnan(by_name[name].sd)


def test_a_component_alone_is_fitted_alone() -> None:
    result = fit_nlsq_jax(maps(decay(np.full(N_T, 5000.0))))
    assert result.parameters["f0"] == result.parameters["f3"] == 0.0
    assert any("the values are those of a fit of one component" in sentence for sentence in result.conventions)
    course = next(course for course in courses_of_fit(result) if course.name not in unstated_functions(result))
    k = course.value.size // 2
    assert abs(course.value[k] - 5000) < 3 * course.sd[k] < 500


def test_a_second_component_that_is_not_needed_does_not_bend_the_law_of_the_first() -> None:
    # With both, J is 402 ± 11, 3 standard deviations off, and its noise is not that of the maps: 0.93 of the field have
    # it, and the rest has decayed after a frame.
    rng, ages, q = np.random.default_rng([17, 7]), 0.1 * np.arange(1, 151), 0.02
    laws = FieldLaws((np.exp(-(q**2) * 435 * 0.1 / 2 * np.ones(149)),), (np.ones(150),))
    c2 = np.stack([speckle_map(laws, 3000, 9, rng) for _ in range(2)])
    result = fit_nlsq_jax(TwoTimeData(c2=c2, q=q, phi=np.array([0.0, 90.0]), t=ages))
    course = next(course for course in courses_of_fit(result) if course.name not in unstated_functions(result))
    k = course.value.size // 2
    assert abs(course.value[k] - 435) < 3 * course.sd[k]


@pytest.mark.slow
def test_of_a_constant_nothing_is_claimed() -> None:
    # Without any noise, rounding is what is left: no chi-square follows from it.
    data = make(n_t=N_T)
    result = fit_nlsq_jax(replace(data, c2=np.full((len(PHI), N_T, N_T), 1.2)))
    assert present(result) == {"contrast"}
    assert result.verdict == "no-signal"
    assert result.cost >= 0
    assert not structured(result.noise).any()


def test_changes_of_c2_with_lag_are_told_from_noise_and_constants() -> None:
    falling = decay(np.full(N_T, 5000.0))
    rise, fall = (change_with_lag(maps(c2), 1) for c2 in (2.1 - falling, falling))
    assert rise.rise < 1e-3 < rise.fall
    assert fall.fall < 1e-3 < fall.rise
    assert min(change_with_lag(maps(np.ones((N_T, N_T))), 1)) > 1e-3
    assert change_with_lag(maps(np.full((N_T, N_T), 1.2), 0.0), 1) == (1.0, 1.0)
    assert change_with_lag(maps(2.1 - falling), N_T) == (1.0, 1.0)


@pytest.mark.parametrize(("rise", "needed"), [(13.9, True), (0.4, False)])
def test_one_restriction_has_one_answer_that_of_the_second_fit(
    monkeypatch: pytest.MonkeyPatch, rise: float, needed: bool
) -> None:
    slope = NestedTest(("v_offset",), True, 0.05, 1, 0.83, False, "v_offset at 0 held: consistent with the data")
    other = replace(slope, restriction=("f1",))
    full = SimpleNamespace(
        pinned=np.array([0, 1]),
        values={"v_offset": 0.0, "f1": 0.0},
        setup=SimpleNamespace(free=SimpleNamespace(free_names=("v_offset", "f1"))),
    )
    monkeypatch.setattr(examination, "released_rise", lambda full, tested: rise)

    def told(pinned: list[int], *slopes: NestedTest) -> list[NestedTest]:
        monkeypatch.setattr(examination.Examination, "_of_functions", lambda self: iter(slopes))
        full.pinned = np.array(pinned)
        return list(examination.Examination(cast(Any, None), cast(Any, full), np.eye(1), np.eye(1)).held())

    (one,) = told([0], slope)
    assert one.needed is needed
    assert one.words.endswith("the data need it to vary" if needed else "consistent with the data")
    both = told([0, 1], slope, other)
    assert [test.needed for test in both] == ([True] if needed else [False] * 3)
    assert ("need some of this" in both[-1].words) is needed
    # A slope that stands out needs no second fit.
    steep = replace(slope, needed=True)
    assert told([0, 1], steep, other) == [steep, other]


def test_all_is_claimed_that_is_there() -> None:
    result = fit_nlsq_jax(make(n_t=N_T, noise=0.01))
    assert present(result) == {"contrast", "dynamics", "two_components", "flow", "ageing"}
    assert result.verdict == "usable"
    headline = {quantity.name: quantity for quantity in result.headline}
    age = float(np.mean(T))
    truth = TRUTH["v0"] * age ** TRUTH["beta"] + TRUTH["v_offset"]
    assert headline["v"].value == pytest.approx(truth, abs=4 * headline["v"].sd)
    slope = TRUTH["v0"] * TRUTH["beta"] * age ** TRUTH["beta"] / truth
    assert headline["d ln v / d ln t"].value == pytest.approx(slope, abs=4 * headline["d ln v / d ln t"].sd)
    assert headline["v"].sd < 0.02 * truth
    assert np.all(np.isfinite(result.scaling.contrast_sd))
    assert np.all(np.isfinite(result.scaling.offset_sd))


@pytest.mark.parametrize(
    "at_rest",
    [{}, pytest.param({"v0": 1e-6, "beta": 0.0, "v_offset": 0.0}, marks=pytest.mark.slow)],
    ids=["flow", "at rest"],
)
def test_what_is_plain_in_some_frames_is_not_asked_of_all(
    monkeypatch: pytest.MonkeyPatch, at_rest: dict[str, float]
) -> None:
    data = make(**at_rest)
    whole = fit_nlsq_jax(data).signal
    monkeypatch.setattr(thinned, "_MANY", 10_000)
    monkeypatch.setattr(thinned, "_SOME", 3_000)
    some = fit_nlsq_jax(data).signal
    assert {q for q in some if some[q].present} == {q for q in whole if whole[q].present}
    plain = {question for question, answer in some.items() if "over" in answer.words}
    assert plain >= {"dynamics", "ageing"}
    assert ("flow" in plain) == (not at_rest)
    for question in plain:
        # White noise: the sums are over as many fewer pairs.
        assert some[question].statistic / whole[question].statistic == pytest.approx(3000 / 21420, rel=0.3)
    for question in set(some) - plain - {"contrast"}:
        assert some[question] == whole[question]


def test_what_was_held_and_is_right_is_not_objected_to() -> None:
    right = {name: {"value": TRUTH[name], "vary": False} for name in ("f1", "beta", "D_offset_ref")}
    result = fit_nlsq_jax(make(n_t=N_T, noise=0.005), {"model": {"parameters": right}})
    assert [test for test in result.nested if test.held]
    assert not any(test.needed for test in result.nested if test.held)
    assert result.verdict == "usable"


# Without an amplitude the cost has no slope along a rate.
@pytest.mark.parametrize("names", [("f0", "f1"), pytest.param(("f1", "f3"), marks=pytest.mark.slow)])
def test_what_was_held_against_the_data_is_said(names: tuple[str, str]) -> None:
    wrong = {name: {"value": 0, "vary": False} for name in names}
    result = fit_nlsq_jax(make(n_t=N_T, noise=0.005), {"model": {"parameters": wrong}})
    assert result.verdict == "caution"
    said = [test.words for test in result.nested if test.held and test.needed]
    assert any("x held constant: " in words or f"{names[0]} at 0" in words for words in said)
    assert "the data need" in result.sentence


def test_a_drift_is_what_follows_the_mean_age_of_a_pair_whatever_its_lag() -> None:
    n, near, rng = 40, 2, np.random.default_rng(0)
    age = np.add.outer(np.arange(n), np.arange(n)) / (n - 1) - 1
    frames = rng.uniform(0.5, 1.0, n)
    c2 = np.where(rng.uniform(size=(n, n)) < 0.1, np.nan, 1.0)
    weight = np.triu(np.outer(frames, frames), near) * np.isfinite(c2)
    values = 1.0 + 0.3 * age - 0.2 * age**3
    found = of_age(values, c2, frames, near)
    np.testing.assert_allclose(found.course, values, atol=1e-12)
    mean = np.sum(weight * values) / np.sum(weight)
    assert found.explained == pytest.approx(np.sum(weight * (values - mean) ** 2), rel=1e-12)
    # What is left is orthogonal to every drift.
    noise = rng.standard_normal((n, n))
    residual = noise - of_age(noise, c2, frames, near).course
    for k in range(4):
        assert np.sum(weight * residual * age**k) == pytest.approx(0.0, abs=1e-10)


def test_no_flow_is_never_worse_than_one_component_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    # A descent at rest that ends far above one component, which it contains, has missed it: no flow follows from that.
    costs = {"two_components": 101.0, "flow": 900.0, "ageing": 300.0}
    setup = prepare(make(n_t=N_T), load_config({}))
    at = np.append(setup.free.start[list(setup.free.free)], np.ones(6))
    found = {question: Solution(at, cost, True, "", 1) for question, cost in costs.items()}
    question_of = {tuple(fixed.items()): question for question, fixed in RESTRICTIONS.items()}
    monkeypatch.setattr(comparison, "_best", lambda full, fixed, starts: found[question_of[tuple(fixed.items())]])
    monkeypatch.setattr(comparison, "_rise", lambda full, nested: nested.cost - 100.0)
    monkeypatch.setattr(comparison, "_flat", lambda full: 5000.0)
    full = SimpleNamespace(setup=setup, values=dict(TRUTH))
    rises = comparison.rises(cast(comparison.Full, full), asked_of("two-component"))
    assert rises == {"dynamics": 5000.0, "two_components": 1.0, "flow": 1.0, "ageing": 200.0}


@pytest.mark.slow
def test_constants_that_are_needed_and_that_are_not() -> None:
    result = fit_nlsq_jax(make(n_t=N_T, noise=0.001, v_offset=60.0, D_offset_ref=0.0, D0_ref=1700.0))
    needed = {test.restriction[0]: test for test in result.nested if not test.held}
    assert needed["v_offset"].needed
    assert not needed["D_offset_ref"].needed


FAULT = {
    "D0_ref": 588.3,
    "alpha_ref": 0.2019,
    "D_offset_ref": 66.76,
    "D0_sample": 313.5,
    "alpha_sample": 0.3836,
    "D_offset_sample": 245.5,
    "v0": 136.0,
    "beta": -0.4802,
    "v_offset": 5.568,
    "f0": 0.02039,
    "f1": 0.01441,
    "f2": 0.0,
    "f3": 0.4647,
    "phi0": -3.133,
}
"""Of a measurement whose fit once reported parameters that did not belong to its cost."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 2])
def test_the_cost_is_that_of_the_values_reported(seed: int) -> None:
    fault = FAULT | {"f0": FAULT["f0"] * np.exp(-FAULT["f1"] * 6.488)}
    plan = simulation.Experiment(fault, Q, PHI, N_T, DT, pixels=4000, modes=4, seed=seed)
    data = simulation.simulate(plan)
    for kind in ("plainest", "optimum"):
        result = fit_nlsq_jax(data, {"nlsq": {"representative": kind}})
        assert result.cost == pytest.approx(dense_cost(data, result), rel=1e-9)
        assert not [row.name for row in result.table if row.at_bound]
        assert np.all(np.abs(result.offset - 1) < 0.05)
        rows = {row.name: row for row in result.table}
        for law in find_laws(load_model()):
            assert len({rows[name].determined for name in law[:3]}) == 1, "A, b and C are determined together"


def test_an_amplitude_of_almost_nothing_that_grows_keeps_its_value_where_equals_are_chosen() -> None:
    # A fit ended here: x rises by 3 % within the last second. A share of 1e-6 at the mean age is what makes it.
    setup = prepare(make(n_t=N_T), load_config(None))
    end = {"f0": 7e-11, "f1": 1.5648, "f3": 0.5558}
    vector = np.array([{**TRUTH, **end}[name] for name in setup.free.free_names])
    vector = np.append(vector, np.tile([[0.2], [1.0]], (1, len(PHI))).ravel())
    with jax.enable_x64(True):
        land, z = landscape(setup, normal_of(choose_evaluator(setup)), vector, 1e-4)
        found = vector_at(land, z)
    np.testing.assert_allclose(found, vector, rtol=1e-6)


def test_what_has_no_effect_has_no_noise_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without a sample nothing depends on its law: four of 300 fits ended here with an error of linear algebra.
    monkeypatch.setattr(representative, "_curvature", lambda land, z: (np.eye(3), np.diag([4.0, 1.0, 0.0])))
    monkeypatch.setattr(representative, "prior_precision", lambda land, z: np.full(3, 1e-9))
    noise = representative.calibrated_noise(cast("Any", None), np.zeros(3), np.diag([8.0, 2.0, 1e12]), 1.0)
    np.testing.assert_allclose(np.diag(noise.covariance), [0.5, 2.0, 1e9], rtol=1e-6)
    assert noise.unit == pytest.approx(2.0)


EXCHANGEABLE = {
    "D0_ref": 459.68,
    "alpha_ref": 0.24137,
    "D_offset_ref": -171.23,
    "D0_sample": 4842.1,
    "alpha_sample": -0.25038,
    "D_offset_sample": -43.075,
    "v0": 138.36,
    "beta": 0.45519,
    "v_offset": -37.746,
    "f0": 0.020841,
    "f1": -0.036868,
    "f2": 0.0,
    "f3": 0.66902,
    "phi0": 0.89121,
}
"""x hardly changes, and pairs share their noise: with seed 6 the squares are lower by 1277 variances of a pair with the
names exchanged, and the calibrated chi-square by 0.7."""


@pytest.mark.slow
def test_with_shared_noise_the_names_of_alike_components_are_said_to_be_open() -> None:
    plan = simulation.Experiment(
        EXCHANGEABLE, Q, (-60.0, -10.0, 25.0), 400, DT, pixels=5000, modes=5, photons=17.0, seed=6
    )
    conventions = " ".join(fit_nlsq_jax(simulation.simulate(plan)).conventions)
    assert "do not determine which component" in conventions
    assert "lower sum of squares" in conventions


def test_the_plainest_of_equals_says_what_the_optimum_says() -> None:
    data = make(n_t=N_T, noise=0.02, D_offset_ref=0.0, D_offset_sample=0.0)
    plain, best = (fit_nlsq_jax(data, {"nlsq": {"representative": kind}}) for kind in ("plainest", "optimum"))
    # Where a descent ends is known to a part of chi-square only.
    assert plain.cost >= best.cost - 0.05 * 0.02**2
    assert plain.cost < best.cost * 1.001
    spec_ages = T[0] + (T[-1] - T[0]) * np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    assert plain.bands is not None
    assert best.bands is not None
    for name, values in plain.bands.values.items():
        one, other = (np.interp(spec_ages, r.bands.t, r.bands.values[name]) for r in (plain, best) if r.bands)
        sd = np.interp(spec_ages, plain.bands.t, plain.bands.sd[name])
        assert np.all(np.abs(one - other) <= 0.25 * sd), (name, values)

    def distance(result: NLSQResult) -> float:
        return float(np.hypot(result.parameters["D_offset_ref"], result.parameters["D_offset_sample"]))

    assert distance(plain) <= distance(best) + 1e-6


def test_the_noise_of_a_comparison_is_that_of_simulated_maps() -> None:
    rng = np.random.default_rng(1)
    with jax.enable_x64(True):
        model = HeterodyneModel(**TRUTH)
        laws = field_laws(model, T[:60], Q, 10.0)
        one, other = (
            np.array(c2_meshgrid(HeterodyneModel(**{**TRUTH, **c}), T[:60], Q, np.array([10.0]), 0.25, 1.0))[0]
            for c in ({}, {"v0": 400.0})
        )
    pixels, n_pixels = pixel_intensities(laws, 1500, 4, rng).T - 1, 800
    # The normalisation by mean intensities takes off what all pairs of a frame share.
    values = []
    for _ in range(120):
        seen = pixel_intensities(laws, n_pixels, 4, rng)
        c2 = seen.T @ seen / n_pixels / np.outer(seen.mean(0), seen.mean(0))
        values.append(np.sum(np.triu((c2 - one) * (one - other), 1)))
    parts = NoiseParts(1 / n_pixels, 0.0, 0.0, 0.0)
    variance, squares = noise_along(one - other, one - 1, np.ones(60), 1, pixels.astype(np.float32), parts, 0.0)
    assert squares == pytest.approx(np.sum(np.triu(one - other, 1) ** 2), rel=1e-5)
    assert np.sqrt(variance) == pytest.approx(np.std(values), rel=0.15)


def test_score_tests_are_chi_squares_when_the_held_value_is_right() -> None:
    rng = np.random.default_rng(3)
    jacobian = rng.normal(size=(400, 5))
    matrix, tested, free = jacobian.T @ jacobian, np.array([1, 3]), np.array([0, 2, 4])
    found = []
    for _ in range(400):
        # Noise that is shared inflates the score: five times the variance of independent residuals.
        residual = np.sqrt(5) * rng.normal(size=400)
        left = residual - jacobian[:, free] @ np.linalg.lstsq(jacobian[:, free], residual, rcond=None)[0]
        found.append(score_test(tested, free, -jacobian.T @ left, matrix, 5 * matrix))
    assert {freedom for _, freedom in found} == {2}
    p_values = np.array([chdtrc(freedom, statistic) for statistic, freedom in found])
    assert abs(np.mean(p_values < 0.1) - 0.1) < 0.05
    assert abs(np.mean(p_values) - 0.5) < 0.05


def test_the_chance_of_a_rise_falls_with_it_and_grows_with_what_was_searched() -> None:
    for question in ("dynamics", "two_components", "flow", "ageing"):
        chances = [probability(question, rise, 300, 3) for rise in (5.0, 20.0, 40.0, 80.0)]
        assert chances == sorted(chances, reverse=True)
        assert chances[0] > 0.1
        assert chances[-1] < 1e-6
        assert probability(question, 25.0, 1000, 8) >= probability(question, 25.0, 100, 1)
