"""Files that earlier versions wrote are read: fits, posteriors, series, configurations and measurements."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from heterodyne_cli import command
from heterodyne_cli.series.record import Record
from heterodyne_cmc import CMCResult
from heterodyne_data import NLSQResult, load_data
from heterodyne_spec import load_config

FIXTURES = Path(__file__).parent / "fixtures"
VERSIONS = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())
FREE = ("D0_sample", "v0", "f3")


@pytest.fixture(params=VERSIONS)
def old(request: pytest.FixtureRequest) -> Path:
    """Return the folder of what a version wrote."""
    return FIXTURES / str(request.param)


def test_a_fit_and_its_posterior_have_their_numbers(old: Path) -> None:
    values = json.loads((old / "values.json").read_text())
    fit, posterior = NLSQResult.load(old), CMCResult.load(old / "cmc_result.nc")
    assert fit.parameters == pytest.approx(values["parameters"], rel=1e-14)
    assert fit.varying == FREE
    assert {name: fit.sd[name] for name in FREE} == pytest.approx(values["sd"], rel=1e-14)
    assert fit.contrast.tolist() == pytest.approx(values["contrast"], rel=1e-14)
    assert fit.cost == pytest.approx(values["cost"], rel=1e-14)
    assert fit.maps is not None
    assert fit.maps[0].shape == fit.maps[1].shape == (2, 24, 24)
    assert {n: float(np.mean(draws)) for n, draws in posterior.draws.items()} == pytest.approx(values["posterior"])


def test_a_configuration_and_its_measurement_are_read(old: Path) -> None:
    config = load_config(old / "config.json")
    data = load_data(old / "measurement.h5", config=config)
    assert (data.n_phi, data.n_t, data.q, data.dt) == (2, 24, pytest.approx(0.0054), pytest.approx(0.1))
    assert tuple(name for name, entry in config.model.parameters.items() if entry.vary) == FREE
    fit = NLSQResult.load(old)
    assert fit.maps is not None
    # What was fitted is what the file holds.
    np.testing.assert_array_equal(np.nan_to_num(fit.maps[0]), np.nan_to_num(np.asarray(data.c2, np.float32)))


def test_a_series_goes_on_from_its_record(old: Path) -> None:
    (row,) = Record.load(old / "series", "", "").rows()
    values = json.loads((old / "values.json").read_text())["parameters"]
    assert row["v0"] == pytest.approx(values["v0"], rel=1e-6)


def test_every_file_is_valid_and_makes_a_report(old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("config.json", "measurement.h5", "nlsq_result.json", "nlsq_result.h5", "cmc_result.nc")
    assert command.main(["validate", *(str(old / name) for name in names)]) == 0, capsys.readouterr().out
    assert command.main(["report", str(old), "--output", str(tmp_path / "report.html"), "--quiet"]) == 0
    assert "Posterior: parameters" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_there_are_few_bytes(old: Path) -> None:
    assert sum(path.stat().st_size for path in old.rglob("*") if path.is_file()) < 300_000
