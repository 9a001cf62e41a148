"""A model that another distribution brings is generated, fitted and sampled by packages that know nothing of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

from heterodyne_cmc import CMCResult, fit_cmc_jax
from heterodyne_cmc.page import write_page as write_page_of_posterior
from heterodyne_data import NLSQResult
from heterodyne_nlsq import Experiment, fit_nlsq_jax, simulate
from heterodyne_nlsq.page import write_page
from heterodyne_physics_elementwise import c2_pairs, models, precompute_shard_grid
from heterodyne_physics_meshgrid import c2_meshgrid, physics_of
from heterodyne_spec import ConfigError, load_config, load_model, model_names
from heterodyne_spec.codegen import outputs_of

HERE = Path(__file__).parent
NAME = "one-component"
TRUTH = {"D0": 6e3, "alpha": 0.5, "D_offset": 900.0}
PLAN = Experiment(TRUTH, 0.0054, (0.0, 60.0), 60, 0.5, "white", noise_sd=0.01, modes=4, seed=3, model=NAME)
CONFIG = {"model": {"name": NAME}, "cmc": {"chains": 2, "warmup": 100, "samples": 300}}


@pytest.fixture(autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put a distribution on the path whose entry point is the model of the folder `one_component`."""
    folder = tmp_path_factory.mktemp("site")
    info = folder / "one_component-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: one-component\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[heterodyne.models]\n{NAME} = one_component\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.syspath_prepend(HERE)
    with jax.enable_x64(True):
        yield


def test_nothing_but_its_own_files_knows_of_it() -> None:
    assert model_names() == ("two-component", NAME)
    for path, text in outputs_of(HERE / "one_component" / f"{NAME}.yaml").items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: generate it again"
    sources = (HERE.parents[1] / "packages").glob("**/src/**/*.py")
    assert not [path for path in sources if "one_component" in path.read_text(encoding="utf-8")]


def test_without_its_distribution_it_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if "site" not in Path(entry).name])
    with pytest.raises(ConfigError, match=r"model\.name: found \"one-component\", expected one of two-component"):
        load_config(CONFIG)


def test_both_backends_agree_on_it() -> None:
    t, frames = PLAN.dt * np.arange(1, 21), np.arange(20)
    grids = physics_of(NAME).model(**TRUTH), models.physics_of(NAME).model(**TRUTH)
    whole = c2_meshgrid(grids[0], t, PLAN.q, np.array([0.0, 60.0]), 0.25, 1.0)
    for k, phi in enumerate((0.0, 60.0)):
        pairs = c2_pairs(grids[1], precompute_shard_grid(t, PLAN.q), frames[:, None], frames, phi, 0.25, 1.0)
        np.testing.assert_allclose(whole[k], pairs, rtol=0, atol=1e-14)
    j = load_model(NAME).evaluate("J", TRUTH, t)
    decay = PLAN.q**2 * np.sum((j[1:] + j[:-1]) / 2) * PLAN.dt
    assert float(whole[0, 0, -1]) == pytest.approx(1.0 + 0.25 * np.exp(-decay), rel=1e-12)


@pytest.fixture(scope="module")
def fitted() -> dict[str, NLSQResult]:
    return {}


@pytest.fixture
def fit(fitted: dict[str, NLSQResult]) -> NLSQResult:
    if not fitted:
        fitted["one"] = fit_nlsq_jax(simulate(PLAN), CONFIG)
    return fitted["one"]


def test_it_is_fitted(fit: NLSQResult, tmp_path: Path) -> None:
    assert fit.success
    assert fit.start == "estimated from the data"
    assert fit.method == "dense"
    t, spec = fit.bands.t, load_model(NAME)
    pulls = (fit.bands.values["J"] - spec.evaluate("J", TRUTH, t)) / fit.bands.sd["J"]
    assert np.max(np.abs(pulls)) < 4
    assert set(fit.signal) == {"contrast", "dynamics", "ageing"}
    assert all(answer.present for answer in fit.signal.values())
    assert fit.verdict == "usable"
    assert fit.sentence.startswith("Over 30 s the transport coefficient rises from ")
    assert [quantity.name for quantity in fit.derived] == ["mean J"]
    assert [quantity.name for quantity in fit.headline] == ["J", "d ln J / d ln t"]
    again = NLSQResult.load(fit.save(tmp_path))
    assert again.parameters == fit.parameters
    page = write_page(again, tmp_path / "report.html").read_text(encoding="utf-8")
    for words in ("Transport", "change with age", fit.sentence.partition(" rises")[0], "J against age"):
        assert words in page
    assert "velocity" not in page


def test_its_noise_is_calibrated_by_its_own_speckle() -> None:
    data = simulate(replace(PLAN, noise="speckle", pixels=3000))
    fit = fit_nlsq_jax(data, CONFIG)
    assert np.all(fit.noise.effective_pixels / 3000 < 2)
    assert np.all(fit.noise.effective_pixels / 3000 > 0.5)
    ratio = np.sqrt(np.diag(fit.covariance) / np.diag(fit.covariance_iid))
    assert np.all(ratio > 1.5)


@pytest.mark.slow
def test_its_posterior_is_sampled(fit: NLSQResult, tmp_path: Path) -> None:
    posterior = fit_cmc_jax(simulate(PLAN), CONFIG, fit)
    j = load_model(NAME).evaluate("J", TRUTH, posterior.bands.t)
    lowest, *_, highest = posterior.bands.quantiles["J"]
    width = highest - lowest
    assert np.all((j > lowest - width) & (j < highest + width))
    assert {row.name for row in posterior.summary} == {*TRUTH, "contrast", "offset", "noise_sd"}
    assert posterior.row("noise_sd").mean == pytest.approx(PLAN.noise_sd, rel=0.1)
    again = CMCResult.load(posterior.save(tmp_path))
    page = write_page_of_posterior(again, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "the transport coefficient rises from" in page
