"""What a sampling is asked for: the section data, point estimates of other data or settings, honest refusals."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from measurement import (
    config,
    make,
    parameters,
    point_estimate,
)

import heterodyne_cmc
from heterodyne_cmc import fit_cmc_jax
from heterodyne_cmc.consistency import start_warnings
from heterodyne_cmc.fit import plan_of_sampling
from heterodyne_cmc.request import prepare
from heterodyne_data import TwoTimeData, save_data, select_data
from heterodyne_spec import Config, ConfigError, DataError, load_config


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
