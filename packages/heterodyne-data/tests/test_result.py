"""The result of a fit: what is written is read back, completely or not at all, and damage is named."""

import json
import os
from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np
import pytest
from documents import GONE, RESULT, changed, spoiled
from hypothesis import given, settings
from results import example, make_result

from heterodyne_data import FittedScaling, NLSQResult
from heterodyne_data.result.document import to_document
from heterodyne_data.result.nlsq import HDF5_NAME, JSON_NAME, read_result_document
from heterodyne_spec import OutputError, ResultError, lint_result

MAPS = (np.linspace(1, 2, 32, dtype="f4").reshape(2, 4, 4), np.ones((2, 4, 4), "f4"))


def plain(value):
    """Return a result's field as lists and texts, so that NaN equals NaN and tuples lists."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float | np.generic):
        return repr(float(value))
    return plain(vars(value)) if hasattr(value, "__dataclass_fields__") else value


def assert_same(one, other):
    for field in fields(NLSQResult):
        assert plain(getattr(one, field.name)) == plain(getattr(other, field.name)), field.name


@pytest.mark.parametrize("maps", [None, MAPS])
def test_round_trip(tmp_path, maps):
    result = make_result(maps=maps)
    assert result.save(tmp_path / "new" / "folder") == tmp_path / "new" / "folder" / JSON_NAME
    again = NLSQResult.load(tmp_path / "new" / "folder")
    assert_same(again, result)
    assert again.covariance.shape == (2, 2)
    assert np.isnan(again.sd["v0"])
    assert again.parameters["D0_sample"] == 1e4
    np.testing.assert_array_equal(again.data.t, np.arange(2, 6) * 0.1)
    np.testing.assert_array_equal([again.contrast, again.offset], [[0.1, 0.2], [1.0, 1.01]])


def test_result_written_before_ages_and_alternatives_were_known_is_read(tmp_path):
    path = make_result().save(tmp_path)
    document = json.loads(path.read_text())
    for key in ("age_resolved", "alternatives", "conventions", "bands", "derived", "noise"):
        del document[key]
    path.write_text(json.dumps(document))
    again = NLSQResult.load(path)
    assert (again.age_resolved, again.alternatives, again.conventions) == (None, (), ())
    assert (again.bands, again.derived, again.noise) == (None, (), None)


def test_result_without_a_free_parameter_and_under_another_name(tmp_path):
    table = tuple(type(row)(**(vars(row) | {"status": "fixed", "tie": None})) for row in make_result().table)
    none = np.zeros((0, 0))
    result = make_result(table=table, varying=(), covariance=none, covariance_iid=none)
    result.save(tmp_path / "other.json")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other.h5", "other.json"]
    assert_same(NLSQResult.load(tmp_path / "other.json"), result)


def test_summary_can_be_read_alone_and_is_plain_json(tmp_path):
    make_result(maps=MAPS).save(tmp_path)
    (tmp_path / HDF5_NAME).unlink()
    assert NLSQResult.load(tmp_path).maps is None
    document = json.loads((tmp_path / JSON_NAME).read_text(encoding="utf-8"))
    assert document["parameters"][6]["sd"] is None
    assert document["config"] == {"data": {"q": 0.0054, "frames": [2, 5]}}


def test_arrays_stand_in_hdf5_with_their_units(tmp_path):
    make_result(maps=MAPS).save(tmp_path)
    with h5py.File(tmp_path / HDF5_NAME) as file:
        assert (file.attrs["kind"], file.attrs["version heterodyne-spec"]) == ("nlsq_result", "0.1.0")
        assert file["covariance"].attrs["rows"].tolist() == ["D0_ref", "v0"]
        assert file["phi"].attrs["unit"] == "degree"
        np.testing.assert_array_equal(file["maps/residual"][...], MAPS[0] - MAPS[1])


def test_failed_write_leaves_the_old_files_and_nothing_else(tmp_path, monkeypatch):
    make_result(message="old").save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_args):
        raise OSError(28, "No space left on device")

    for target, name in ((Path, "replace"), (h5py, "File")):
        with monkeypatch.context() as patch:
            patch.setattr(target, name, full)
            with pytest.raises(OutputError, match=r"nlsq_result.h5: cannot be written .No space left on device"):
                make_result(message="new").save(tmp_path)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another folder"):
        make_result().save(tmp_path / "file" / "results")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"cost": np.nan}, "cost"),
        ({"covariance": np.array([[np.inf, 0], [0, 1]])}, "covariance[0][0]"),
        (
            {"scaling": FittedScaling("shared", np.array([np.nan, 1]), *[np.ones(2)] * 3)},
            "scaling.contrast[0]",
        ),
    ],
)
def test_number_that_is_not_finite_is_named_before_anything_is_written(tmp_path, changes, path):
    with pytest.raises(ResultError) as caught:
        make_result(**changes).save(tmp_path / "new")
    assert [problem.path for problem in caught.value.problems] == [path]
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640)])
def test_files_have_the_mode_that_the_umask_gives(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        make_result().save(tmp_path)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {mode}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "found no such file"),
        (b"", "expected valid JSON"),
        (b'{"kind": "nlsq_result"', "expected valid JSON"),
        (b"\xff", "not UTF-8"),
        (b"[]", "expected a mapping"),
        (b"{}", "no key 'success'"),
    ],
)
def test_file_that_is_no_result_is_a_result_error(tmp_path, content, text):
    if content is not None:
        (tmp_path / JSON_NAME).write_bytes(content)
    with pytest.raises(ResultError, match=text) as caught:
        NLSQResult.load(tmp_path)
    assert str(tmp_path / JSON_NAME) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_problems_of_a_damaged_result_come_at_once(tmp_path):
    document = changed(
        to_document(make_result()),
        (("cost",), "low"),
        (("covariance", 0, 0), -1.0),
        (("offset",), 1),
        (("data",), GONE),
    )
    (tmp_path / JSON_NAME).write_text(json.dumps(document))
    with pytest.raises(ResultError) as caught:
        NLSQResult.load(tmp_path)
    assert {"cost", "covariance", "offset", ""} <= {problem.path for problem in caught.value.problems}


@settings(deadline=None, max_examples=150)
@given(spoiled(to_document(make_result())))
def test_damaged_document_is_refused_or_loaded_never_more(tmp_path_factory, document):
    path = tmp_path_factory.getbasetemp() / "damaged.json"
    path.write_text(json.dumps(document))
    try:
        NLSQResult.load(path)
    except ResultError as error:
        assert error.problems
    else:
        assert lint_result(read_result_document(path)) == []


def test_damaged_arrays_are_a_result_error(tmp_path):
    make_result(maps=MAPS).save(tmp_path)
    whole = (tmp_path / HDF5_NAME).read_bytes()
    for content in (whole[: len(whole) // 2], b"no HDF5"):
        (tmp_path / HDF5_NAME).write_bytes(content)
        with pytest.raises(
            ResultError, match=r"nlsq_result.h5: found maps: .*, expected the arrays of the result; copy it"
        ):
            NLSQResult.load(tmp_path)


def test_arrays_of_another_run_are_not_taken_for_those_of_the_summary(tmp_path):
    make_result().save(tmp_path)
    arrays = tmp_path / "nlsq_result.h5"
    kept = arrays.read_bytes()
    make_result(cost=7.0).save(tmp_path)
    NLSQResult.load(tmp_path)
    arrays.write_bytes(kept)
    with pytest.raises(ResultError, match="arrays of another run"):
        NLSQResult.load(tmp_path)
    assert NLSQResult.load(tmp_path, maps=False).cost == 7.0
    # Versions before this one did not say.
    with h5py.File(arrays, "a") as file:
        del file.attrs["cost"]
    NLSQResult.load(tmp_path)


def test_the_example_of_the_contract_is_a_result_of_today():
    assert example(RESULT["model"]) == RESULT, "python packages/heterodyne-data/tests/results.py writes it"
