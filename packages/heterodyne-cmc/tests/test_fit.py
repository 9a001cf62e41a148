"""The sampling as its user sees it: recovery of known parameters, widths, seeds, starts."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np
import pytest
from measurement import (
    CONTRAST,
    FREE,
    NOISE,
    OFFSET,
    PHI,
    TRUTH,
    config,
    joint_covariance,
    make,
    parameters,
    point_estimate,
)

from heterodyne_cmc import CMCResult, fit_cmc_jax
from heterodyne_cmc.fit import prepared_work
from heterodyne_cmc.request import prepare
from heterodyne_cmc.result_building import natural
from heterodyne_cmc.work import run_shard
from heterodyne_data import FittedScaling, Signal, Weighting
from heterodyne_spec import load_config

PRECISION = jax.config.jax_enable_x64
"""Of the process, by its environment."""


def test_recovers_the_truth(sampled: CMCResult) -> None:
    assert sampled.success, sampled.message
    for row in sampled.summary:
        if row.phi is None:
            truth = {**TRUTH, "noise_sd": NOISE}[row.name]
        else:
            a = PHI.index(row.phi)
            truth = {"contrast": CONTRAST[a], "offset": OFFSET[a]}[row.name]
        assert abs(row.mean - truth) < 4 * row.sd, row
        assert row.lower_95 < row.lower_68 < row.mean < row.upper_68 < row.upper_95
        assert row.contraction > 0.5
        assert np.isfinite([row.ess_bulk, row.ess_tail, row.r_hat]).all()
    assert [row.name for row in sampled.summary[:3]] == list(FREE)


def test_width_is_that_of_the_linearised_model(sampled: CMCResult) -> None:
    # White noise and a nearly linear problem: the covariance of least squares is the posterior's.
    expected = point_estimate(make()).sd
    for name in FREE:
        assert sampled.sd[name] == pytest.approx(expected[name], rel=0.35)


def test_weights_that_do_not_hold_are_not_called_converged(monkeypatch: pytest.MonkeyPatch) -> None:
    # So few rounds that no sample is drawn which nothing adapted to.
    monkeypatch.setattr("heterodyne_cmc.request.ROUNDS", 1)
    data = make()
    result = fit_cmc_jax(data, config(cmc={"shards": 1, "sampler": "importance"}), point_estimate(data))
    assert not result.success
    assert "no mixture that covers the posterior" in result.message
    assert "cmc.sampler: nuts" in result.message
    assert not any("raise cmc" in words for words in result.warnings)


def test_where_the_fit_sees_no_signal_no_chain_is_begun_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heterodyne_cmc.fit.ROUNDS_UNSEEN", 1)
    nlsq = dataclasses.replace(point_estimate(make()), verdict="no-signal", sentence="No signal: c2 does not decay.")
    said: list[str] = []
    result = fit_cmc_jax(make(), config(cmc={"shards": 1}), nlsq, say=said.append)
    assert result.sampler == "importance"
    assert not result.success
    assert any("finds no signal" in line for line in said)
    assert "the data add nothing to the priors" in result.message
    assert "nuts" not in result.message
    assert any(words.endswith("No signal: c2 does not decay.") for words in result.warnings)


def test_where_the_fit_sees_one_component_no_chain_is_begun_and_the_simpler_model_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("heterodyne_cmc.fit.ROUNDS_UNSEEN", 1)
    seen = {"two_components": Signal(False, 8.1, 0.34, "one component describes the maps equally well")}
    nlsq = dataclasses.replace(point_estimate(make()), signal=seen)
    said: list[str] = []
    result = fit_cmc_jax(make(), config(cmc={"shards": 1}), nlsq, say=said.append)
    assert (result.sampler, result.success) == ("importance", False)
    assert any("finds no second component" in line for line in said)
    others = [name for name in FREE if not name.endswith("_ref") and not name.startswith("f")]
    assert f"fix f0, f1 and f3 at 0, and fix {', '.join(others)} (vary: false)" in result.message
    assert "nuts" not in result.message


@pytest.mark.parametrize(
    ("sampler", "used"), [pytest.param("nuts", "nuts", marks=pytest.mark.slow), ("auto", "importance")]
)
def test_one_shard_is_the_oracle_of_the_consensus(sampler: str, used: str, sampled: CMCResult) -> None:
    data = make()
    whole = fit_cmc_jax(data, config(cmc={"shards": 1, "sampler": sampler}), point_estimate(data))
    assert whole.success, whole.message
    assert (whole.method, whole.requested, whole.sampler) == ("draws", "auto", used)
    assert whole.diagnostics.dof == 0
    assert (whole.diagnostics.k_hat < 0.5) is (used == "importance")
    for name in FREE:
        assert abs(whole.mean[name] - sampled.mean[name]) < whole.sd[name]
        assert whole.sd[name] == pytest.approx(sampled.sd[name], rel=0.3)
        np.testing.assert_array_equal(whole.draws[name], whole.sub_draws[name][0])


def test_a_calibrated_estimate_gives_a_posterior_of_its_width() -> None:
    data, nlsq = make(), point_estimate(make())
    wider = dataclasses.replace(nlsq, covariance_kind="calibrated", covariance=9.0 * nlsq.covariance)
    result = fit_cmc_jax(data, config(cmc={"shards": 1}), wider)
    assert result.calibration.kind == "calibrated"
    assert result.calibration.power == pytest.approx(1 / 9)
    assert not any("independent" in words for words in result.warnings)
    # All directions alike: the power alone, and not because the estimate lies outside the priors.
    assert "outside the priors" not in result.calibration.statement
    for name in FREE:
        assert result.sd[name] == pytest.approx(3 * nlsq.sd[name], rel=0.35)
    # The noise itself is known from all pairs.
    assert result.row("noise_sd").sd == pytest.approx(NOISE / np.sqrt(2 * result.n_pairs), rel=0.2)


@pytest.mark.parametrize("shards", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_weights_from_the_noise_give_a_posterior_of_their_centre_and_width(shards: int, sampled: CMCResult) -> None:
    # The estimate with equal weights, as the posterior without calibration has it, and one far from it.
    data, nlsq, n = make(), point_estimate(make()), len(FREE)
    joint = joint_covariance(data)
    least = [part.mean(axis=(0, 1)) for part in (sampled.contrast, sampled.offset)]
    values = {name: sampled.mean[name] for name in FREE}
    stretch = np.diag([2.0, 3.0, 1.5, 2.0, 2.0, 1.0, 1.0])
    wide = stretch @ joint @ stretch
    off = np.sqrt(np.diag(joint)) * np.array([6.0, -6.0, 4.0, 3.0, -3.0, 2.0, 2.0])
    moved = {name: values[name] + off[k] for k, name in enumerate(FREE)}
    scaling = [part + off[n + 2 * k : n + 2 * k + 2] for k, part in enumerate(least)]
    weighting = Weighting("noise", "", 1.0, 0.5, values, nlsq.sd, *(tuple(part) for part in least))
    weighted = dataclasses.replace(
        nlsq,
        table=tuple(dataclasses.replace(row, value=moved.get(row.name, row.value)) for row in nlsq.table),
        covariance_kind="calibrated",
        covariance=wide[:n, :n],
        scaling=FittedScaling("individual", *scaling, np.ones(2), np.ones(2), wide, joint),
        weighting=weighting,
    )
    result = fit_cmc_jax(data, config(cmc={"shards": shards}), weighted)
    assert "weights from the noise" in result.calibration.statement
    assert result.start["nlsq"]["weighting"] == "noise"
    found = np.stack([*(result.draws[name] for name in FREE)], axis=-1)
    found = np.concatenate([found, result.contrast, result.offset], axis=-1).reshape(-1, len(joint))
    expected = np.concatenate([[moved[name] for name in FREE], *scaling])
    sd = np.sqrt(np.diag(wide))
    # 400 draws, and as many of the reference.
    np.testing.assert_allclose((found.mean(axis=0) - expected) / sd, 0.0, atol=0.25)
    np.testing.assert_allclose(found.std(axis=0) / sd, 1.0, atol=0.25)
    # The noise is that of the residuals of equal weights.
    assert result.row("noise_sd").mean == pytest.approx(sampled.row("noise_sd").mean, rel=0.01)


def test_progress_is_told_while_shards_are_sampled(sampled: CMCResult, calls: list[tuple[Any, ...]]) -> None:
    done = [call[0] for call in calls]
    assert done == sorted(done)
    # 2 chains of 400 steps in blocks of 25 per shard, and every shard's end.
    assert len(done) == 2 * (2 * 16 + 1)
    assert {1.0, 2.0} <= set(done)
    assert all(call[1] == 2 and np.isfinite(call[3]) and call[3] >= 0 for call in calls)
    assert calls[-1] == (2, 2, sampled.diagnostics.divergences, 0.0)


def test_process_keeps_its_precision_and_filters(sampled: CMCResult) -> None:
    assert jax.config.jax_enable_x64 == PRECISION
    assert sampled.draws["v0"].dtype == np.float64


def test_same_seed_same_draws_another_seed_others(sampled: CMCResult) -> None:
    data = make()
    # From arrays and without a function for the progress: the same.
    again = fit_cmc_jax(
        data.c2, config(), point_estimate(data), q=data.q, phi=data.phi, t=data.t, dt=data.dt, progress=True
    )
    for name, draws in sampled.draws.items():
        np.testing.assert_array_equal(again.draws[name], draws)
    other = fit_cmc_jax(data, config(cmc={"seed": 1, "consensus": "average"}), point_estimate(data))
    assert other.method == "average"
    assert not np.array_equal(other.draws["v0"], sampled.draws["v0"])
    assert abs(other.mean["v0"] - sampled.mean["v0"]) < sampled.sd["v0"]


def test_a_shard_sampled_alone_has_the_same_draws(sampled: CMCResult) -> None:
    data = make()
    request = prepare(data, load_config(config()), point_estimate(data))
    with jax.enable_x64(True):
        found = natural(run_shard(prepared_work(request), 1).draws, request)
    for name, draws in found.items():
        np.testing.assert_array_equal(draws, sampled.sub_draws[name][1])


def test_a_run_without_point_estimate_says_so() -> None:
    result = fit_cmc_jax(make(), config(), start="values")
    assert any("no NLSQ result" in words for words in result.warnings)
    assert result.start["source"] == "configuration"
    assert all(abs(result.mean[name] - TRUTH[name]) < 4 * result.sd[name] for name in FREE)


def test_without_fit_and_values_the_search_finds_the_valley(monkeypatch: pytest.MonkeyPatch) -> None:
    far = {"D0_sample": 9e5, "v0": 9000.0, "f3": 0.97}
    asked = config(cmc={"shards": 1, "chains": 2, "samples": 500})
    for name, value in far.items():
        asked["model"]["parameters"][name] = {"value": value, "vary": True}
    # Where no package offers a fit, it is what happens by itself.
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [])
    result = fit_cmc_jax(make(), asked)
    assert result.success, result.message
    assert all(abs(result.mean[name] - TRUTH[name]) < 4 * result.sd[name] for name in FREE)
    assert any("no NLSQ result" in words for words in result.warnings)
    again = fit_cmc_jax(make(), asked, start="search")
    np.testing.assert_array_equal(again.draws["v0"], result.draws["v0"])
    # It began there, not at the configured values.
    assert all(abs(result.start["values"][name] - TRUTH[name]) < 4 * result.sd[name] for name in FREE)


@pytest.mark.slow
def test_a_free_origin_of_the_exponential_is_drawn_beside_its_amplitude() -> None:
    asked = config(cmc={"shards": 1, "chains": 2, "samples": 500})
    asked["model"]["parameters"] = parameters("v0", "f0", "f2")
    result = fit_cmc_jax(make(), asked, start="values")
    assert result.success, result.message
    f0, f2 = result.draws["f0"], result.draws["f2"]
    # Its own prior is 1000 s wide; below -8 s or so f0 would be above 1.
    assert f2.std() > 300
    assert -12 < f2.min() < 50
    assert f0.max() <= 1
    at_start = f0 * np.exp(-TRUTH["f1"] * f2)
    assert abs(at_start.mean() - TRUTH["f0"]) < 4 * at_start.std()
    assert at_start.std() < 0.05
    row = next(row for row in result.summary if row.name == "f2")
    assert row.status == "free"
    assert np.isnan(row.r_hat)


def test_without_point_estimate_an_installed_fit_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entry:
        name = "nlsq"

        def load(self) -> Any:
            return lambda data, config, candidates: point_estimate(data)

    asked: list[str] = []

    def entry_points(group: str) -> list[Entry]:
        asked.append(group)
        return [Entry()]

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    result = fit_cmc_jax(make(), config(cmc={"shards": 1, "chains": 1, "warmup": 20, "samples": 20}))
    assert result.start["source"] == "nlsq"
    assert asked == ["heterodyne.point_estimate"]
