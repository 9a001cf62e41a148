"""Estimates of earlier measurements as starts: what they save, and that they never lead astray unsaid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import TRUTH, at, held, make, values

from heterodyne_data import NLSQResult
from heterodyne_nlsq import fit, fit_nlsq_jax
from heterodyne_nlsq.fit import prepare
from heterodyne_nlsq.start.earlier import estimates
from heterodyne_spec import ConfigError, ResultError, load_config, load_model

DRIFTED = {"D0_ref": 1600.0, "D0_sample": 8700.0, "v0": 710.0, "f3": 0.36}
JUMPED = {"D0_ref": 12000.0, "D0_sample": 800.0, "alpha_sample": 0.4, "v0": 300.0, "beta": 0.4}
CONSTANT_X = {"f0": 0.0, "f1": 0.0, "f2": 0.0}


@pytest.fixture(scope="module")
def earlier() -> NLSQResult:
    return fit_nlsq_jax(make(noise=0.01), at(values()))


def test_a_similar_measurement_needs_no_full_search(earlier: NLSQResult) -> None:
    data = make(noise=0.01, seed=1, **DRIFTED)
    truth = {name: {"value": value} for name, value in {**TRUTH, **DRIFTED}.items()}
    reference = fit_nlsq_jax(data, at(truth))
    result = fit_nlsq_jax(data, candidates=[{**TRUTH, "v0": 100.0}, earlier])
    assert result.success
    assert result.cost < 1.001 * reference.cost
    assert result.start.startswith("earlier estimate 2")
    assert "full search skipped" in result.start
    assert result.timings["start"] == 0
    np.testing.assert_allclose(list(result.sd.values()), list(reference.sd.values()), rtol=0.05)


def test_after_a_jump_the_full_search_is_made_and_finds_the_minimum(earlier: NLSQResult) -> None:
    data = make(noise=0.01, seed=2, **JUMPED)
    truth = {name: {"value": value} for name, value in {**TRUTH, **JUMPED}.items()}
    reference = fit_nlsq_jax(data, at(truth))
    result = fit_nlsq_jax(data, candidates=[earlier])
    assert result.success
    assert result.cost < 1.001 * reference.cost
    assert "full search done, because earlier estimate 1 left " in result.start


def test_residuals_that_noise_does_not_explain_call_for_the_full_search(
    earlier: NLSQResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit, "structured", lambda noise: np.ones(1, bool))
    result = fit_nlsq_jax(make(noise=0.01), candidates=[earlier])
    assert "full search done, because the residuals" in result.start
    assert result.cost <= earlier.cost * (1 + 1e-6)


def test_from_one_component_the_full_search_finds_a_second() -> None:
    # From x = 0 no descent leads to fringes.
    alone = {**TRUTH, "f0": 0.0, "f1": 0.0, "f3": 0.0}
    first = fit_nlsq_jax(make(noise=0.01, **alone))
    assert first.parameters["f0"] == first.parameters["f3"] == 0.0
    same = fit_nlsq_jax(make(noise=0.01, seed=1, **alone), candidates=[first])
    assert "full search done, because" in same.start
    assert "were not seen from there" in same.start


def test_the_estimate_with_exchanged_labels_is_optimised_too() -> None:
    fast = {**CONSTANT_X, "D0_ref": 9000.0, "D0_sample": 1500.0}
    result = fit_nlsq_jax(
        make(noise=0.01, seed=3, **fast),
        {"model": {"parameters": held(**CONSTANT_X)}},
        candidates=[{**TRUTH, **fast}],
    )
    # The data match the estimate; the exchanged labels are reported, by the convention of the full search.
    assert result.start.startswith("earlier estimate 1, components exchanged; full search skipped")
    assert "which component is the sample" in " ".join(result.conventions)
    assert result.parameters["f3"] == pytest.approx(1 - TRUTH["f3"], abs=0.02)
    (other,) = result.alternatives
    assert "components exchanged" in other.statement


def test_exchanged_labels_nearly_flat_far_above_are_not_optimised() -> None:
    # Followed to its end in the valleys of a wrong description, it takes 76 evaluations more.
    bent = {"f1": -0.5}
    result = fit_nlsq_jax(make(noise=0.01, seed=1, **bent), candidates=[{**TRUTH, **bent, "v0": 714.0}])
    assert result.success
    assert result.start.startswith("earlier estimate 1; full search skipped")
    assert result.n_evaluations < 70


def test_estimates_are_candidates_beside_configured_values(earlier: NLSQResult) -> None:
    result = fit_nlsq_jax(make(noise=0.01), at(values(v0={"value": 100.0})), candidates=[earlier])
    assert result.start == "earlier estimate 1"
    assert result.cost == pytest.approx(earlier.cost, rel=1e-6)


def test_what_an_estimate_says_is_kept_inside_the_request() -> None:
    bounded = {"v0": {"value": 500.0, "bounds": [100.0, 600.0]}, **held("phi0"), "beta": {"value": -0.7}}
    setup = prepare(make(), load_config({"model": {"parameters": bounded}}))
    (found,) = estimates([{"v0": 700.0, "phi0": 9.0, "f0": 0.3, "f1": -0.15, "f2": 2.0, "f3": 0.3}], setup)
    assert found.origin == "earlier estimate 1 (v0 moved inside the bounds)"
    vector = dict(zip(setup.free.names, setup.free.full(found.vector).tolist(), strict=True))
    assert 599.0 < vector["v0"] < 600.0
    assert vector["phi0"] == TRUTH["phi0"]
    assert vector["beta"] == -0.7
    # The fit keeps f2 where it starts, so the same x(t) is written with that f2.
    assert vector["f2"] == pytest.approx(0.0, abs=0.1)
    t = np.linspace(0.1, 12.0, 7)
    expected = 0.3 * np.exp(-0.15 * (t - 2.0)) + 0.3
    np.testing.assert_allclose(load_model().evaluate("x", vector, t), expected, rtol=1e-2)


def test_an_offset_moved_inside_its_bounds_takes_the_rest_of_the_law_along() -> None:
    far = {**TRUTH, "D0_sample": 60000.0, "alpha_sample": -0.05, "D_offset_sample": -40000.0}
    bounds = {"model": {"parameters": {"D_offset_sample": {"bounds": [-3000, 3000], "value": 0.0}}}}
    setup = prepare(make(), load_config(bounds))
    (found,) = estimates([far], setup)
    vector = dict(zip(setup.free.names, setup.free.full(found.vector).tolist(), strict=True))
    assert vector["D_offset_sample"] == pytest.approx(-3000.0, rel=1e-3)
    # Value and slope in the middle of the measurement: by how much c2 changes is all that data see of the law.
    middle = float(setup.data.t.mean())
    near = middle * np.array([0.95, 1.0, 1.05])
    before, after = (load_model().evaluate("J_s", v, near) for v in (far, vector))
    np.testing.assert_allclose(after, before, rtol=1e-3)


@pytest.mark.parametrize(
    ("candidates", "error", "words"),
    [
        ([{"beat": 3.0}], ConfigError, ["[0].beat", "did you mean 'beta'"]),
        ([TRUTH, {"v0": float("nan")}], ConfigError, ["[1].v0", "nan", "finite"]),
        ([{"v0": "fast"}], ConfigError, ["[0].v0", "'fast'"]),
        ([{}], ConfigError, ["[0]", "no value"]),
        (["results"], ConfigError, ["[0]", "str", "NLSQResult"]),
        (TRUTH, ConfigError, ["put it into a list"]),
        ("another model", ResultError, ["[0].model", "two-component 0.1", "fit that measurement again"]),
    ],
)
def test_unusable_candidates_are_one_clear_line(
    candidates: Any, error: type[Exception], words: list[str], earlier: NLSQResult
) -> None:
    if candidates == "another model":
        candidates = [replace(earlier, model={"id": "two-component", "version": "0.1", "sha256": "0"})]
    with pytest.raises(error) as raised:
        fit_nlsq_jax(make(), candidates=candidates)
    text = str(raised.value)
    assert "\n" not in text
    assert all(word in text for word in words), text
