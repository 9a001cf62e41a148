"""The main job on the example measurement, as its user runs it: both layouts, through the command."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from heterodyne_cli import command
from heterodyne_data import NLSQResult, load_data
from heterodyne_physics_meshgrid import HeterodyneModel, bracket
from heterodyne_spec import load_model

EXAMPLES = Path(__file__).parents[2] / "examples"
TRUTH = json.loads((EXAMPLES / "startup_flow_truth.json").read_text(encoding="utf-8"))["parameters"]


def fitted(file: str, output: Path, *more: str) -> NLSQResult:
    """Return the fit of an example by the command."""
    arguments = ["--config", str(EXAMPLES / "startup_flow.yaml"), "--data", str(EXAMPLES / file)]
    assert command.main([*arguments, "--method", "nlsq", "--output", str(output), *more]) == 0
    assert {p.name for p in output.iterdir()} == {"nlsq_result.json", "nlsq_result.h5", "report.html", "plots"}
    return NLSQResult.load(output)


def test_the_fit_reaches_a_cost_not_above_that_of_the_truth(tmp_path: Path) -> None:
    # Half of the frames: all of them are fitted by the session `docs`, which runs the tutorials.
    data = load_data(EXAMPLES / "startup_flow_apsu.h5", q=0.0054, frames=[1, 200])
    with jax.enable_x64(True):
        maps = np.asarray(bracket(HeterodyneModel(**TRUTH), jnp.asarray(data.t), jnp.asarray(data.q), data.phi))
    pairs, cost = np.triu_indices(data.n_t, 1), 0.0
    for c2, m in zip(data.c2, maps, strict=True):
        # With the best contrast and offset.
        columns = np.stack([m[pairs], np.ones(pairs[0].size)], axis=1)
        cost += float(np.linalg.lstsq(columns, c2[pairs].astype(float))[1][0]) / 2
    result = fitted("startup_flow_apsu.h5", tmp_path / "out", "--set", "data.frames=[1,200]")
    assert result.success
    assert result.n_pairs == 4 * 200 * 199 // 2
    assert result.cost <= cost
    # What the data fix, they fix at the truth, within errors that know of the speckle.
    for name in ("v0", "beta", "v_offset", "phi0"):
        assert abs(result.parameters[name] - TRUTH[name]) < 4 * result.sd[name]
    assert result.verdict == "usable"
    assert all(answer.present for answer in result.signal.values())
    headline = {quantity.name: quantity for quantity in result.headline}
    age = float(np.mean(result.data.t))
    for name in ("J_r", "J_s", "v", "x"):
        right = float(load_model().evaluate(name, TRUTH, np.array([age]))[0])
        assert abs(headline[name].value - right) < 4 * headline[name].sd
    assert np.allclose(result.contrast, 0.2, atol=0.01)


def test_both_layouts_give_the_same_numbers() -> None:
    files = [EXAMPLES / "startup_flow_apsu.h5", EXAMPLES / "startup_flow_legacy.hdf"]
    whole = [load_data(file, q=0.0054) for file in files]
    for name in ("c2", "t", "phi", "valid", "weight"):
        np.testing.assert_array_equal(*(getattr(data, name) for data in whole))
    assert whole[0].provenance["layout"] != whole[1].provenance["layout"]


def test_several_q_need_one_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--data", str(EXAMPLES / "startup_flow_apsu.h5")]) == 1
    error = capsys.readouterr().err
    assert "0.0054" in error
    assert "0.0081" in error
