"""Posteriors and records that are damaged or made up, each found by ``nox -s fuzz``: one line, or read rightly."""

from __future__ import annotations

import copy
import json

import h5py
import numpy as np
import pytest
from made import posterior_result

from heterodyne_cli.series.record import Record
from heterodyne_cli.series.summary_files import publish
from heterodyne_cmc import CMCResult
from heterodyne_spec import OutputError, ResultError, load_model


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Give the bytes of a sound posterior."""
    return posterior_result().save(tmp_path_factory.mktemp("sound")).read_bytes()


def put(file, key, values):
    """Put other values in the place of a variable, its attributes gone."""
    del file[key]
    file[key] = values


def changed(file, **changes):
    """Change the document in a posterior; None takes a key out."""
    document = json.loads(file["document"][()])
    for name, value in changes.items():
        place, _, key = name.rpartition("__")
        holder = document[place] if place else document
        holder.pop(key) if value is None else holder.__setitem__(key, value)
    file["document"][()] = json.dumps(document)


def first_row(file):
    """Return the first row of the table of a posterior."""
    return json.loads(file["document"][()])["summary"][0]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda file: put(file, "posterior/v0", np.ones(3)), "v0: found float64 of shape (3,)"),
        (lambda file: put(file, "posterior/v0", np.full((2, 100), np.nan)), "v0: found numbers that are not finite"),
        (lambda file: put(file, "posterior/v0", np.bytes_(b"a")), "v0: found"),
        (lambda file: put(file, "sub_posterior/noise_sd", np.ones(2)), "sub_posterior/"),
        (lambda file: put(file, "observed_data/c2", np.ones((2, 2))), "observed: found"),
        (lambda file: file.__delitem__("posterior/v0"), "posterior: found v0 missing or too many"),
        (lambda file: file.__delitem__("bands"), "bands"),
        (lambda file: put(file, "posterior/v0", h5py.SoftLink("/posterior/beta")), "posterior/v0: is a link"),
        (lambda file: put(file, "document", "[" * 100_000), "nesting"),
        (lambda file: put(file, "document", "[]"), "another kind of file"),
        (lambda file: changed(file, success="yes"), "success is 'yes', expected bool"),
        (lambda file: changed(file, n_shards=True), "n_shards is True, expected int"),
        (lambda file: changed(file, n_shards=3), "expected numbers of shape (3,"),
        (lambda file: changed(file, fixed=[1]), "fixed is [1]"),
        (lambda file: changed(file, fixed={"v0": 1.0, "f2": 0.0}), "posterior: found"),
        (lambda file: changed(file, model__id="other"), "model: found 'other'"),
        (lambda file: changed(file, versions__numpyro=None), "versions: found numpyro"),
        (lambda file: changed(file, data__dt=-1.0), "dt = -1.0"),
        (lambda file: changed(file, data__n_frames=3), "observed: found"),
        (lambda file: changed(file, summary=[]), None),
        (lambda file: changed(file, summary=[first_row(file) | {"mean": True}]), "mean: found true, expected a number"),
        (lambda file: changed(file, diagnostics=None), "diagnostics"),
    ],
)
def test_a_posterior_is_whole_or_refused(tmp_path, stored, change, text):
    path = tmp_path / "cmc_result.nc"
    path.write_bytes(stored)
    with h5py.File(path, "a") as file:
        change(file)
    if text is None:
        assert CMCResult.load(path).n_shards == 2
        return
    with pytest.raises(ResultError) as caught:
        CMCResult.load(path)
    said = str(caught.value)
    assert said.isprintable()
    assert "cmc_result.nc: " in said
    assert text in said


@pytest.mark.parametrize("value", [np.array(["x"], object), np.ones(1), "text"])
def test_axes_that_are_tied_to_nothing_do_not_matter(tmp_path, stored, value):
    # The library for dimensions ends the process when it meets these; it is not needed to read draws.
    path = tmp_path / "cmc_result.nc"
    path.write_bytes(stored)
    with h5py.File(path, "a") as file:
        del file["posterior/v0"].attrs["DIMENSION_LIST"]
        file["posterior/v0"].attrs["DIMENSION_LIST"] = value
    np.testing.assert_array_equal(CMCResult.load(path).draws["v0"], posterior_result().draws["v0"])


KEY = f"{'5' * 32} 0.0054 settings"
ROW = {
    "time": "2025-01-01T10:00:00+00:00",
    "file": "a.h5",
    "q": 0.0054,
    "fit": "ok",
    "message": "converged",
    "seconds": 1.0,
    "n_phi": 2,
    "n_frames": 40,
    "v_mean": 400.0,
    "result": "a",
    "version": "0.1.0",
    "data": "5" * 64,
    "settings": "settings",
}
ENTRY = {"signature": [10, 10**18], "asked": "all", "data": "5" * 64, "names": {KEY: "a"}, "problem": ""}
RECORD = {"version": 1, "files": {"/data/a.h5": ENTRY}, "rows": {KEY: ROW}}


def write_record(folder, changes, place=("rows", KEY)):
    """Write a record of which one mapping is changed; None takes a key out."""
    document = copy.deepcopy(RECORD)
    holder = document
    for key in place:
        holder = holder[key]
    for key, value in changes.items():
        holder.pop(key) if value is None else holder.__setitem__(key, value)
    (folder / "record.json").write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize(
    "changes",
    [
        {"file": None},
        {"file": 3},
        {"fit": "splendid"},
        {"result": "../../elsewhere"},
        {"result": "/elsewhere"},
        {"result": ".."},
        {"q": "0.005"},
        {"q": None},
        {"seconds": True},
        {"v_mean": 10**400},
        {"v_mean": [1]},
        {"unheard_of": 1},
    ],
)
def test_rows_of_a_record_are_what_the_summary_needs(tmp_path, changes):
    write_record(tmp_path, changes)
    with pytest.raises(OutputError, match=r"record.json: cannot be read \(row"):
        Record.load(tmp_path, "settings", "all")


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": [1.5, 2]},
        {"signature": [-1, 2]},
        {"signature": [1, 10**400]},
        {"signature": "ab"},
        {"names": {KEY: "../a"}},
        {"names": {KEY: 1}},
        {"names": []},
        {"problem": 0},
        {"more": 1},
    ],
)
def test_files_of_a_record_are_what_a_series_needs(tmp_path, changes):
    write_record(tmp_path, changes, ("files", "/data/a.h5"))
    with pytest.raises(OutputError, match=r"record.json: cannot be read \("):
        Record.load(tmp_path, "settings", "all")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"version": 1, "version": 1}', "\ufeff{}", "[]", "null"])
def test_a_record_that_is_none(tmp_path, text):
    (tmp_path / "record.json").write_text(text, encoding="utf-8")
    with pytest.raises(OutputError, match=r"record.json: cannot be read \("):
        Record.load(tmp_path, "settings", "all")


def test_names_of_files_that_are_no_text_are_kept(tmp_path):
    # What Linux gives for a file whose name holds the byte 0xff.
    write_record(tmp_path, {"file": "/data/\udcff.h5"})
    record = Record.load(tmp_path, "settings", "all")
    publish(record, load_model(), "title")
    assert Record.load(tmp_path, "settings", "all").rows() == record.rows()
