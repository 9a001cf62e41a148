"""The sampling as its user sees it: recovery of known parameters, the file, seeds, honest refusals."""

from __future__ import annotations

import dataclasses
import re
import resource
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import h5netcdf
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

import heterodyne_cmc
from heterodyne_cmc import CMCResult, fit_cmc_jax
from heterodyne_cmc.consistency import start_warnings
from heterodyne_cmc.fit import plan_of_sampling, prepared_work
from heterodyne_cmc.page import report_of_posterior, write_page
from heterodyne_cmc.plots import pairs_figure
from heterodyne_cmc.posterior import QUANTILES
from heterodyne_cmc.predictive import predictive_maps
from heterodyne_cmc.request import prepare
from heterodyne_cmc.result_building import natural
from heterodyne_cmc.work import run_shard
from heterodyne_data import FittedScaling, Signal, TwoTimeData, Weighting, save_data, select_data
from heterodyne_report import format_plus_minus
from heterodyne_spec import Config, ConfigError, DataError, OutputError, ResultError, load_config, load_model

CALLS: list[tuple[float, int, int, float]] = []
PRECISION = jax.config.jax_enable_x64
"""Of the process, by its environment."""


@pytest.fixture(scope="module")
def sampled() -> CMCResult:
    """Two shards, as configured in measurement.py; sampled once for all tests of this module."""
    data = make()
    asked = config(cmc={"log_likelihood": True})
    return fit_cmc_jax(data, asked, point_estimate(data), progress=lambda *call: CALLS.append(call))


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


def test_diagnostics_are_finite(sampled: CMCResult) -> None:
    found = sampled.diagnostics
    assert found.dof == 8
    assert found.p > 1e-4
    assert len(found.shards) == sampled.n_shards == 2
    assert sum(shard.n_pairs for shard in found.shards) == sampled.n_pairs == 2 * 276
    for shard in found.shards:
        numbers = {name: v for name, v in dataclasses.asdict(shard).items() if isinstance(v, float)}
        # Chains have no weights.
        assert np.isnan(numbers.pop("k_hat"))
        assert np.isfinite(list(numbers.values())).all()
        assert 0.5 < shard.acceptance <= 1
        assert shard.bfmi > 0.3
    assert sampled.sample_stats["n_steps"].shape == (2, 2, 200)
    assert sampled.sample_stats["diverging"].dtype == bool


def test_says_when_the_noise_is_taken_as_independent(sampled: CMCResult) -> None:
    assert sampled.calibration.kind == "independent"
    assert "independent" in sampled.warnings[0]


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


@pytest.mark.parametrize("shards", [1, 2])
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


def test_progress_is_told_while_shards_are_sampled(sampled: CMCResult) -> None:
    done = [call[0] for call in CALLS]
    assert done == sorted(done)
    # 2 chains of 400 steps in blocks of 25 per shard, and every shard's end.
    assert len(done) == 2 * (2 * 16 + 1)
    assert {1.0, 2.0} <= set(done)
    assert all(call[1] == 2 and np.isfinite(call[3]) and call[3] >= 0 for call in CALLS)
    assert CALLS[-1] == (2, 2, sampled.diagnostics.divergences, 0.0)


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


def test_bands_are_quantiles_of_the_functions_of_the_draws(sampled: CMCResult) -> None:
    spec, k = load_model(), 20
    draws = [
        {**TRUTH, **{name: values.flat[n] for name, values in sampled.draws.items()}}
        for n in range(sampled.draws["v0"].size)
    ]
    for name, found in sampled.bands.quantiles.items():
        of_draws = [float(spec.evaluate(name, one, sampled.bands.t[k])) for one in draws]
        np.testing.assert_allclose(found[:, k], np.quantile(of_draws, QUANTILES), rtol=1e-9)
    assert (sampled.bands.t[0], sampled.bands.t[-1]) == (sampled.data.t[0], sampled.data.t[-1])


def test_file_round_trip(sampled: CMCResult, tmp_path: Path) -> None:
    saved = dataclasses.replace(sampled, command="heterodyne --method cmc")
    path = saved.save(tmp_path / "results")
    assert path == tmp_path / "results" / "cmc_result.nc"
    assert [file.name for file in path.parent.iterdir()] == ["cmc_result.nc"]
    loaded = CMCResult.load(path.parent)
    for field in dataclasses.fields(CMCResult):
        found, expected = getattr(loaded, field.name), getattr(saved, field.name)
        if field.name in ("draws", "sub_draws", "sample_stats"):
            assert set(found) == set(expected)
            for name in expected:
                np.testing.assert_array_equal(found[name], expected[name])
                assert found[name].dtype == expected[name].dtype
        elif field.name == "bands":
            np.testing.assert_array_equal(found.t, expected.t)
            for name, quantiles in expected.quantiles.items():
                np.testing.assert_array_equal(found.quantiles[name], quantiles)
        elif isinstance(expected, np.ndarray):
            np.testing.assert_array_equal(found, expected)
        elif field.name == "data":
            np.testing.assert_array_equal(found.phi, expected.phi)
            assert (found.q, found.dt, found.n_frames, found.notes) == (
                expected.q,
                expected.dt,
                expected.n_frames,
                expected.notes,
            )
        else:
            assert found == expected, field.name


def test_file_has_the_groups_of_the_arviz_schema(sampled: CMCResult, tmp_path: Path) -> None:
    with h5netcdf.File(sampled.save(tmp_path / "a.nc"), "r") as file:
        groups = {
            "posterior",
            "sub_posterior",
            "sample_stats",
            "bands",
            "observed_data",
            "constant_data",
            "log_likelihood",
        }
        assert groups == set(file.groups)
        np.testing.assert_array_equal(file.groups["observed_data"].variables["c2"][...], make().c2)
        assert file.groups["bands"].variables["v"].dimensions == ("quantile", "age")
        assert file.groups["log_likelihood"].variables["c2"].dimensions == ("chain", "draw", "phi")
        posterior = file.groups["posterior"]
        assert posterior.variables["v0"].dimensions == ("chain", "draw")
        assert posterior.variables["contrast"].dimensions == ("chain", "draw", "phi")
        assert posterior.variables["v0"].attrs["units"] == "Å/s^(β+1)"
        assert file.groups["sub_posterior"].variables["v0"].dimensions == ("shard", "chain", "draw")
        assert {"diverging", "energy", "lp", "acceptance_rate", "n_steps", "tree_depth"} <= set(
            file.groups["sample_stats"].variables
        )
        assert file.attrs["seed"] == 0
        assert file.attrs["inference_library"] == "numpyro"
        assert "version heterodyne-spec" in file.attrs
        assert file.groups["constant_data"].variables["phi0"][...] == TRUTH["phi0"]


@pytest.mark.slow
def test_pictures(sampled: CMCResult, tmp_path: Path) -> None:
    written = sampled.plot(tmp_path)
    assert [path.parent for path in written] == [tmp_path / "plots"] * 6
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)
    figure = pairs_figure(sampled)
    assert len(figure.axes) == len(FREE) * (len(FREE) + 1) // 2
    marks = {axes.get_xlabel().split(" ")[0]: axes for axes in figure.axes if axes.get_xlabel()}
    for name in FREE:
        assert np.mean(marks[name].get_xlim()) == pytest.approx(sampled.mean[name], abs=3 * sampled.sd[name])


def test_a_notebook_shows_the_words_and_numbers_of_the_report(sampled: CMCResult) -> None:
    assert len(repr(sampled)) < 2000 and sampled.message in " ".join(repr(sampled).split())
    shown = sampled._repr_html_()
    text = unescape(re.sub("<style>.*?</style>|<[^>]+>", " ", shown, flags=re.DOTALL))
    assert report_of_posterior(sampled).verdict in text and len(shown) < 20_000
    for row in sampled.summary:
        assert format_plus_minus(row.mean, row.sd) in text
    assert all(warning in text for warning in sampled.warnings)


def test_a_dataset_and_a_table_hold_the_arrays_of_a_posterior(sampled: CMCResult) -> None:
    found, table = sampled.to_xarray(), sampled.to_dataframe()
    for name, draws in sampled.draws.items():
        np.testing.assert_array_equal(found[name].transpose("chain", "draw"), draws)
    assert found["v0"].attrs["units"] == "Å/s^(β+1)" and found["v"].attrs["units"] == "Å/s"
    np.testing.assert_array_equal(found["contrast"].sel(phi=PHI[1]), sampled.contrast[..., 1])
    np.testing.assert_array_equal(found["v"].sel(quantile=0.5), sampled.bands.quantiles["v"][2])
    np.testing.assert_array_equal(found["c2"], sampled.observed)
    assert found.attrs["q"] == sampled.data.q and found.attrs["fixed phi0"] == TRUTH["phi0"]
    assert table["mean"].tolist() == [row.mean for row in sampled.summary]
    at = table[(table["parameter"] == "contrast") & (table["phi"] == PHI[0])]
    assert at["sd"].item() == sampled.row("contrast", PHI[0]).sd


def test_curves_are_rows_of_the_maps(sampled: CMCResult) -> None:
    mean = predictive_maps(sampled, 1).mean
    figure = sampled.plot.curves()
    assert len(figure.axes) == len(PHI)
    drawn = figure.axes[1].lines[1].get_ydata()
    np.testing.assert_allclose(drawn, mean[1][0, 1:], rtol=1e-6)
    assert len(sampled.plot.functions().axes) == 4


def test_page_has_the_posterior_in_words_and_says_what_is_wrong_with_it(sampled: CMCResult, tmp_path: Path) -> None:
    told = report_of_posterior(sampled)
    # The noise of these pairs was taken as independent.
    assert not told.good
    assert "the velocity" in told.verdict
    assert "intervals are too small" in told.verdict
    assert (
        "is not reliable (not converged)"
        in report_of_posterior(dataclasses.replace(sampled, success=False, message="not converged")).verdict
    )
    page = write_page(sampled, tmp_path / "report.html").read_text()
    # Functions, pairs, maps of two angles, ranks, energies, shards.
    assert page.count("<img ") == 4 + 1 + 3 * 2 + 3
    for row in sampled.summary:
        assert row.name in page
    assert "Held: " in page


def test_predictive_maps_are_the_models_and_as_wide_as_the_noise(sampled: CMCResult) -> None:
    found, off = predictive_maps(sampled), ~np.eye(24, dtype=bool)
    assert (found.width, found.n_draws) == (1, 64)
    np.testing.assert_array_equal(found.data[:, off], make().c2[:, off])
    # White noise of known size: the truth lies near the mean, the data as far off as an entry is expected to.
    noiseless = make(noise=0.0).c2[:, off]
    assert np.std(found.mean[:, off] - noiseless) < 0.3 * NOISE
    np.testing.assert_allclose(found.sd[:, off], NOISE, rtol=0.15)
    z = (found.data - found.mean)[:, off] / found.sd[:, off]
    assert np.std(z) == pytest.approx(1.0, abs=0.05)


def test_damaged_and_missing_files_are_named(sampled: CMCResult, tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"cmc_result\.nc: found no such file"):
        CMCResult.load(tmp_path)
    broken = tmp_path / "broken.nc"
    broken.write_bytes(b"not a file of this kind")
    with pytest.raises(ResultError, match=r"broken\.nc"):
        CMCResult.load(broken)
    with pytest.raises(OutputError):
        sampled.save(broken / "results")


@pytest.mark.parametrize("size", [0, 5_000, 40_000])
def test_on_a_full_disk_the_file_before_is_kept(size: int, sampled: CMCResult, tmp_path: Path) -> None:
    path = sampled.save(tmp_path)
    before, (soft, hard) = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    assert len(before) > size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with pytest.raises(OutputError, match="cannot be written"):
            sampled.save(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == before


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


def test_the_section_data_applies_to_a_measurement_from_python_and_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Enough(Exception):
        """Ends the run before anything is sampled."""

    asked: list[tuple[TwoTimeData, Config]] = []

    def fit(data: TwoTimeData, config: Config) -> None:
        asked.append((data, config))
        raise Enough

    monkeypatch.setattr("heterodyne_cmc.fit.point_estimate", fit)
    section = {"frames": [3, 22], "phi": [80], "mask_frames": [5]}
    save_data(tmp_path / "measurement.h5", make())
    for data in (make(), tmp_path / "measurement.h5"):
        with pytest.raises(Enough):
            fit_cmc_jax(data, config(data=section, cmc={"shards": 1}))
        measured, given = asked.pop()
        assert (measured.phi.tolist(), measured.n_t, measured.start_frame) == ([80.0], 20, 3)
        assert np.flatnonzero(~measured.valid[0]).tolist() == [2]
        assert select_data(measured, given) is measured
    settings = load_config(config(data=section, cmc={"shards": 1}))
    plans = [plan_of_sampling(data, settings) for data in (make(), measured)]
    assert plans[0] == plans[1]
    assert f"{19 * 18 // 2} pairs" in plans[0][1]
    refused = {"has 24 frames": {"frames": [1, 25]}, "dt = 0.1 s": {"dt": 7}, "has 10, 80": {"phi": [45]}}
    for text, wrong in refused.items():
        with pytest.raises(DataError, match=text):
            fit_cmc_jax(make(), config(data=wrong))


@pytest.mark.parametrize(
    ("sections", "names"),
    [
        ({"cmc": {"engine": "dask"}}, ["cmc.dask", "cmc.dask.scheduler"]),
        ({"scaling": {"fourier": 1}}, ["scaling", "fourier"]),
        ({"scaling": "fixed"}, ["model.parameters.contrast.value", "model.parameters.offset.value"]),
        ({"cmc": {"shards": 40}}, ["cmc.shards", "at most 6"]),
        ({"cmc": {"samples": 5}}, ["cmc.samples", "covariance"]),
        (
            {
                "model": {
                    "parameters": {"v0": {"prior": {"family": "normal", "location": 0, "scale": 1, "truncated": False}}}
                }
            },
            ["model.parameters.v0.prior.truncated"],
        ),
        (
            {
                "model": {
                    "parameters": {
                        "v0": {"prior": {"family": "normal", "location": -1e6, "scale": 1, "truncated": True}}
                    }
                }
            },
            ["model.parameters.v0.prior", "at most", "scales from the bounds"],
        ),
    ],
)
def test_what_it_cannot_do_is_refused(sections: dict[str, Any], names: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        fit_cmc_jax(make(), config(**sections), start="values")
    assert "\n" not in str(caught.value)
    assert all(name in str(caught.value) for name in names)


def test_point_estimates_of_other_data_are_refused() -> None:
    data, other = make(), point_estimate(make())
    moved = dataclasses.replace(other.data, q=0.006)
    with pytest.raises(DataError, match=r"q = 0\.006"):
        fit_cmc_jax(data, config(), dataclasses.replace(other, data=moved))


def test_point_estimates_of_other_maps_are_refused() -> None:
    data, other = make(), point_estimate(make())
    # As read from a file: single precision, with what the fit replaced.
    stored = other.data, data.c2.astype(np.float32)
    stored[1][:, 3, 4] = np.nan
    kept = dataclasses.replace(other, maps=(stored[1], stored[1]))
    request = prepare(data, load_config(config()), kept)
    assert start_warnings(request) == []
    assert prepare(select_data(data, load_config({"data": {"frames": [5, 20]}})), load_config(config()), kept)
    moved = dataclasses.replace(other.data, dt=2 * data.dt)
    with pytest.raises(DataError, match=r"s apart, those of the data"):
        prepare(data, load_config(config()), dataclasses.replace(other, data=moved))
    with pytest.raises(DataError, match="other maps: values differ at phi = 10, phi = 80"):
        prepare(make(seed=1), load_config(config()), kept)


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"data": {"mask_frames": [3, 4]}}, "masked frames or excluded diagonals differ"),
        ({"data": {"exclude_diagonals": 3}}, "masked frames or excluded diagonals differ"),
        ({"scaling": "shared"}, "individual in NLSQ, shared here"),
        ({"nlsq": {"loss": "soft_l1"}}, "nlsq.loss: soft_l1 (linear there)"),
        ({"model": {"parameters": {"v0": {"bounds": [1e3, 2e3]}}}}, "outside the bounds of this sampling: v0 (700, "),
    ],
)
def test_other_settings_than_those_of_the_point_estimate_are_told(sections: dict[str, Any], said: str) -> None:
    settings = load_config(sections)
    data = select_data(make(), settings)
    words = " | ".join(start_warnings(prepare(data, settings, point_estimate(make()))))
    assert said in words


def test_differences_to_the_point_estimate_are_told() -> None:
    data = make()
    nlsq = dataclasses.replace(point_estimate(data), success=False, message="stopped early")
    request = prepare(data, load_config({"model": {"parameters": parameters("v0", "phi0")}}), nlsq)
    words = " | ".join(start_warnings(request))
    assert "stopped early" in words
    assert "phi0 (fixed there, free here)" in words
    assert "f3 (free there, fixed here)" in words


PURE = """
import logging, os, sys, warnings
import jax
def state():
    return (dict(jax.config.values), dict(os.environ), list(warnings.filters), len(logging.getLogger("absl").filters))
before = state()
import heterodyne_cmc
assert state() == before, "importing heterodyne_cmc changed global state"
assert "numpyro" not in sys.modules
assert not {"heterodyne_nlsq", "heterodyne_physics_meshgrid", "nlsq"} & set(sys.modules)
"""


def test_import_changes_nothing_and_needs_no_other_stage() -> None:
    subprocess.run([sys.executable, "-c", PURE], check=True)


def test_source_imports_not_the_fit_and_the_other_backend_for_the_exact_sums_and_the_devices_only() -> None:
    folder = Path(heterodyne_cmc.__file__).parent
    files = {file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in folder.rglob("*.py")}
    assert not [name for name, text in files.items() if "import heterodyne_nlsq" in text]
    assert not [name for name, text in files.items() if "from heterodyne_nlsq" in text]
    assert {name for name, text in files.items() if "from heterodyne_physics_meshgrid" in text} == {"sums.py", "fit.py"}
    assert "from heterodyne_physics_meshgrid import check_devices\n" in files["fit.py"]
    assert files["fit.py"].count("from heterodyne_physics_meshgrid") == 1
