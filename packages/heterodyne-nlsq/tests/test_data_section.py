"""The section `data` of the configuration applies to a measurement from Python as to its file, and once."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import at, make, values

from heterodyne_data import NLSQResult, load_data, save_data
from heterodyne_nlsq import command, fit_nlsq_jax
from heterodyne_nlsq.fit import prepare
from heterodyne_spec import DataError, load_config

ASKED = {"q": 0.0054, "phi": [[-45, 15], [75, 85]], "frames": [6, 125], "mask_frames": [9, 20]}
"""What is left has the size of the measurements of other tests, whose compiled functions serve here."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("data") / "measurement.h5"
    save_data(found, make(n_t=130, phi=(-40.0, 10.0, 45.0, 80.0)), layout="aps-u")
    return found


def numbers(result: NLSQResult) -> list[float]:
    return [*result.parameters.values(), *result.contrast, *result.offset, result.cost]


def test_file_measurement_arrays_and_command_give_the_same_fit(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = at(values(), data=ASKED, nlsq={"max_iterations": 3})
    of_file = fit_nlsq_jax(path, config)
    assert (of_file.data.phi.tolist(), of_file.data.n_frames, of_file.data.start_frame) == ([-40.0, 10.0, 80.0], 120, 6)
    assert "frames masked as requested: 9, 20" in of_file.data.notes
    # The whole measurement, and one that was already cut by this configuration.
    for data in (load_data(path), load_data(path, config=config)):
        given = fit_nlsq_jax(data, config)
        assert numbers(given) == numbers(of_file)
        assert given.n_pairs == of_file.n_pairs == 3 * 118 * 117 // 2
        assert given.data.provenance == of_file.data.provenance
        assert given.config == of_file.config
    whole = load_data(path)
    with jax.enable_x64(True):
        c2 = jnp.asarray(whole.c2)
    given = fit_nlsq_jax(c2, config, q=whole.q, phi=whole.phi.tolist(), t=whole.t.tolist(), progress=True)
    np.testing.assert_allclose(numbers(given), numbers(of_file), rtol=1e-6)
    assert "iteration" not in capsys.readouterr().err  # nothing in less than 20 s, where there is no terminal
    (tmp_path / "config.json").write_text(json.dumps({**config, "output": {"plots": False, "report": False}}))
    arguments = ["--data", str(path), "--config", str(tmp_path / "config.json"), "--output", str(tmp_path / "out")]
    assert command.main([*arguments, "--no-cache", "--quiet"]) == 2  # three evaluations are too few to converge
    assert numbers(NLSQResult.load(tmp_path / "out")) == numbers(of_file)


def test_the_key_phi_of_a_list_of_angles_chooses_maps() -> None:
    data = make(n_t=20)
    setup = prepare(data, load_config({"data": {"phi": [80.4, -40]}}))
    assert setup.data.phi.tolist() == [-40.0, 80.0]
    np.testing.assert_array_equal(setup.data.c2, data.c2[[0, 2]])


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"frames": [1, 200]}, "the measurement given has 20 frames"),
        ({"phi": [45]}, "the measurement given has -40, 10, 80"),
        ({"mask_frames": [21]}, "expected frame numbers 1 to 20"),
        ({"dt": 7}, r"the data have dt = 0\.1 s, but the configuration requests 7 s"),
        ({"frame_weights": [1, 1, 1]}, "one weight per frame"),
    ],
)
def test_what_a_measurement_does_not_hold_is_refused(asked: dict[str, object], text: str) -> None:
    with pytest.raises(DataError, match=text):
        fit_nlsq_jax(make(n_t=20), {"data": asked})
