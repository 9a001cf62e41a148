"""``heterodyne-spec validate`` of measurements and results, as it is where this distribution is installed."""

import json

import numpy as np
import pytest
from data_files import make_map, write_apsu
from documents import CONFIG
from results import make_result

from heterodyne_data import TwoTimeData, describe_data, describing, load_data, save_data
from heterodyne_data.describing import check_data
from heterodyne_spec import DataError, dump_yaml, load_model
from heterodyne_spec.command import main


def run(capsys, *argv):
    """Return exit code, standard output and standard error."""
    code = main([str(word) for word in argv])
    return (code, *capsys.readouterr())


def test_validate_sees_the_kind_of_a_file(capsys, tmp_path):
    data = write_apsu(tmp_path / "scan.h5")
    files = {
        "configuration": tmp_path / "config.yaml",
        "model": tmp_path / "model.yml",
        "result": make_result().save(tmp_path / "fit"),
        "measurement": data,
        "description of data": tmp_path / "scan.json",
    }
    files["configuration"].write_text(dump_yaml(CONFIG))
    files["model"].write_text(dump_yaml(load_model().document))
    files["description of data"].write_text(json.dumps(describe_data(data)))
    spec = load_model()
    facts = {
        "configuration": "fixed: " + ", ".join(p.name for p in spec.parameters if not p.vary or p.name == "phi0"),
        "model": f"{len(spec.names)} parameters, 4 functions",
        "result": "not determined by the data: v0",
        "measurement": "layout aps-u: 4 maps of 6 x 6 frames",
        "description of data": "q: 0.005, 0.008 1/Å",
    }
    for kind, file in files.items():
        code, out, err = run(capsys, "validate", file)
        assert (code, err) == (0, "")
        assert out.startswith(f"{file}: valid {kind}\n  ")
        assert facts[kind] in out


def test_arrays_of_a_result_are_no_measurement(capsys, tmp_path):
    summary = make_result().save(tmp_path)
    arrays = summary.with_suffix(".h5")
    assert main(["validate", str(arrays)]) == 0
    assert "arrays of nlsq_result.json" in capsys.readouterr().out
    summary.write_text("{}")
    assert main(["validate", str(arrays)]) == 1
    assert "not a valid result" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "kind", "text"),
    [
        ("a.h5", b"text", None, "a.h5: is not an HDF5 or .npz file (it begins with b'text')"),
        ("a.dat", b"text", "data", "is not an HDF5 or .npz file"),
        ("none.h5", None, None, "no such file; check the path"),
    ],
)
def test_validate_names_what_is_wrong(capsys, tmp_path, name, content, kind, text):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    code, out, err = run(capsys, "validate", tmp_path / name, *(["--kind", kind] if kind else []))
    assert (code, err) == (1, "")
    assert text in out
    assert out.count(f"{tmp_path / name}: ") == len(out.splitlines())


def test_measurement_in_npz_and_empty_configuration_are_valid(capsys, tmp_path):
    save_data(tmp_path / "a.npz", TwoTimeData(c2=make_map(5), q=0.005, phi=10.0, dt=0.1), "npz")
    (tmp_path / "a.yaml").write_text("")
    assert "layout npz: 1 map of 5 x 5 frames" in run(capsys, "validate", tmp_path / "a.npz")[1]
    assert run(capsys, "validate", tmp_path / "a.yaml")[0] == 0


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"c2": np.full((3, 6, 6), np.nan)}, "found only NaN, zeros or one value, as in all 3"),
        ({"c2": np.zeros((3, 6, 6))}, "found only NaN, zeros or one value, as in all 3"),
        ({"c2": [make_map(), make_map() * 1000, make_map()]}, "at phi = 45, 1.0"),
        (
            {"c2": [make_map() * 100] * 3},
            "c2 is scaled, not divided by the mean intensities of both frames, or not a corr",
        ),
        ({"c2": [make_map() + 4] * 3}, "medians off the diagonal are 5.0"),
        ({"c2": np.full((3, 6, 6), 1.25)}, "found only NaN, zeros or one value, as in all 3"),
        ({"c2": np.round([make_map() * 1000] * 3)}, "c2[0]: found only integers, expected floats"),
        ({"c2": np.array([make_map() * 1000] * 3, "u2")}, "c2[0]: found uint16 values, expected floats"),
        ({"q": 54.0}, "q: found 54 1/Å, expected 10 at most"),
        ({"c2": np.ones((0, 6, 6)), "phi": []}, "with at least one map"),
        ({"phi": [0, 0, 90]}, "c2[0] and c2[1] have the same phi = 0 and the same q = 0.005 1/Å"),
        ({"q": 0.0}, "q: found 0 1/Å, q must be positive"),
        ({"q": -0.0054}, "q: found -0.0054 1/Å, q must be positive"),
    ],
)
def test_what_no_fit_takes_is_no_valid_measurement(capsys, tmp_path, changes, text):
    np.savez(tmp_path / "a.npz", **({"c2": [make_map()] * 3, "q": 0.005, "phi": [0, 45, 90], "dt": 0.1} | changes))
    code, out, err = run(capsys, "validate", tmp_path / "a.npz")
    assert (code, err) == (1, "")
    assert text in out
    with pytest.raises(DataError) as caught:
        load_data(tmp_path / "a.npz")
    assert str(caught.value) in out


def test_validate_tells_the_notes_of_a_fit_and_which_q_it_refuses(capsys, tmp_path, monkeypatch):
    maps = [*[make_map()] * 3, make_map() * 100]
    np.savez(tmp_path / "a.npz", c2=maps, q=[0.005, 0.005, 0.005, 0.008], phi=[0, np.nan, 90, 0], dt=0.1)
    code, out, _ = run(capsys, "validate", tmp_path / "a.npz")
    assert code == 1
    with pytest.raises(DataError) as caught:
        load_data(tmp_path / "a.npz", q=0.008)
    words = str(caught.value).removeprefix(f"{tmp_path / 'a.npz'}: ")
    assert f"a.npz: q = 0.008 1/Å cannot be fitted: {words} [ReadableMaps]\n" in out
    assert load_data(tmp_path / "a.npz", q=0.005).n_phi == 2
    assert check_data(tmp_path / "a.npz", {"data": {"q": 0.005}}).refused == ()
    np.savez(tmp_path / "a.npz", c2=maps[:3], q=0.005, phi=[0, np.nan, 90], dt=0.1)
    code, out, _ = run(capsys, "validate", tmp_path / "a.npz")
    assert code == 0
    assert "\n  1 map without a finite q or phi left out\n" in out
    assert "\n  values: all 2 maps checked as in a fit\n" in out
    monkeypatch.setattr(describing, "MOST_CHECKED", 50)
    assert "values: not checked, because 72 entries" in run(capsys, "validate", tmp_path / "a.npz")[1]
