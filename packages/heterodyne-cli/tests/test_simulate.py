"""``heterodyne simulate``: what is asked for stands in the file, and the command can fit it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heterodyne_cli.command import main
from heterodyne_data import joint_measurements, load_data, save_data
from heterodyne_nlsq import Experiment, simulate
from heterodyne_spec import ConfigError, DataError, load_config, load_model

PARAMETERS = dict(zip(load_model().names, load_model().defaults.tolist(), strict=True))
PLAN = Experiment(PARAMETERS, 0.0054, (0.0, 60.0), 40, 0.1, modes=4, pixels=400)


def test_noise_is_what_was_asked_for_and_repeats_with_its_seed() -> None:
    clean = simulate(replace(PLAN, noise="none")).c2
    white = simulate(replace(PLAN, noise="white", noise_sd=0.05)).c2
    upper = np.triu_indices(40, 1)
    assert np.std((white - clean)[:, *upper]) == pytest.approx(0.05, rel=0.1)
    np.testing.assert_array_equal(white, np.swapaxes(white, 1, 2))
    speckle = simulate(PLAN).c2
    np.testing.assert_array_equal(speckle, simulate(PLAN).c2)
    assert np.abs(speckle - simulate(replace(PLAN, seed=1)).c2).max() > 0.01
    assert np.mean((speckle - clean)[:, *upper]) == pytest.approx(0.0, abs=0.02)
    counted = simulate(replace(PLAN, photons=2.0)).c2
    assert np.mean(np.diagonal(counted - speckle, axis1=1, axis2=2)) == pytest.approx(0.5, rel=0.15)


@pytest.mark.parametrize("layout", ["aps-u", "aps-legacy"])
def test_files_hold_the_measurement_and_its_truth(tmp_path: Path, layout: str) -> None:
    config = tmp_path / "truth.json"
    config.write_text(json.dumps({"model": {"parameters": {"v0": {"value": 333.0}}}}))
    file = tmp_path / "planned.h5"
    arguments = [str(file), "--config", str(config), "--frames", "30", "--phi", "0", "90", "--pixels", "200"]
    arguments = ["simulate", *arguments, "--dead-frames", "7", "8", "--layout", layout, "--drift", "0.5"]
    assert main(arguments) == 0
    data = load_data(file)
    assert data.phi.tolist() == [0.0, 90.0]
    assert data.n_t == 30
    assert np.flatnonzero(~data.valid[0]).tolist() == [6, 7]
    truth = json.loads((tmp_path / "planned_truth.json").read_text())
    assert truth["parameters"] == {**PARAMETERS, "v0": 333.0}
    assert main(arguments) == 1
    assert main([*arguments, "--force", "--quiet"]) == 0


@pytest.mark.parametrize("layout", ["aps-u", "aps-legacy"])
def test_a_file_of_several_q_has_independent_maps_of_each(
    tmp_path: Path, layout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "several.h5"
    arguments = ["simulate", str(file), "--frames", "30", "--phi", "60", "0", "--pixels", "200", "--layout", layout]
    assert main([*arguments, "--q", "0.004", "0.004"]) == 1
    assert "give each once" in capsys.readouterr().err
    assert main([*arguments, "--q", "0.006", "0.004"]) == 0
    found = joint_measurements([file], load_config({}), "all")
    assert [one.data.q for one in found] == [0.004, 0.006]
    assert [one.data.phi.tolist() for one in found] == [[0.0, 60.0]] * 2
    truth = json.loads((tmp_path / "several_truth.json").read_text())
    for one, seed in zip(found, reversed(truth["seed"]), strict=True):
        plan = replace(PLAN, q=one.data.q, phi=(60.0, 0.0), n_frames=30, modes=5, pixels=200, seed=seed)
        # Simulated in the order given, read in that of the angles.
        np.testing.assert_allclose(one.data.c2, simulate(plan).c2[::-1], rtol=1e-6)


def test_measurements_that_no_file_holds_together_are_refused(tmp_path: Path) -> None:
    other = simulate(replace(PLAN, q=0.006, phi=(0.0, 50.0)))
    with pytest.raises(DataError, match="the same azimuths and ages"):
        save_data(tmp_path / "both.h5", [simulate(PLAN), other])
    assert not list(tmp_path.iterdir())


def test_all_settings_that_make_no_sense_are_named_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError) as error:
        simulate(replace(PLAN, q=-1.0, n_frames=2, photons=0.0, phi=(1.0, 1.0), dead_frames=(41,)))
    for name in ("q", "frames", "photons", "phi", "dead-frames"):
        assert name in str(error.value)
    assert main(["simulate", str(tmp_path / "a.h5"), "--pixels", "0"]) == 1
    assert "pixels" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
