"""The result of a sampling: diagnostics, the file, arrays, pictures, words."""

from __future__ import annotations

import dataclasses
import re
import resource
from html import unescape
from pathlib import Path

import h5netcdf
import numpy as np
import pytest
from measurement import (
    FREE,
    NOISE,
    PHI,
    TRUTH,
    make,
)

from heterodyne_cmc import CMCResult
from heterodyne_cmc.page import report_of_posterior, write_page
from heterodyne_cmc.plots import pairs_figure
from heterodyne_cmc.posterior import QUANTILES
from heterodyne_cmc.predictive import predictive_maps
from heterodyne_report import format_plus_minus
from heterodyne_spec import OutputError, ResultError, load_model


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


@pytest.mark.usefixtures("undrawn")
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
