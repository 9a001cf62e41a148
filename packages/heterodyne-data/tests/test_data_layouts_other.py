"""Files of other beamlines and programs: which bin a map belongs to, its orientation, units, what is refused."""

import h5py
import jsonschema
import numpy as np
import pytest
from data_files import (
    NX_MAPS,
    PHI,
    Q,
    corrupt_map,
    four_maps,
    make_map,
    q_last,
    write_chx,
    write_id02,
    write_nxxpcs,
    write_scikit_beam,
    write_xpcs_correlator,
)

from heterodyne_data import TwoTimeData, describe_data, load_data
from heterodyne_spec import DataError, load_schema

NAMES = {f"roi_{label:03d}": make_map(seed=label - 1) for label in (2, 4, 1, 3)}


FILES = {
    "chx": (write_chx, "one_array_q_last"),
    "scikit-beam": (write_scikit_beam, "one_array_q_first"),
    "id02": (write_id02, "one_array_q_first"),
    "xpcs-correlator": (write_xpcs_correlator, "one_array_q_first"),
    "nxxpcs first": (lambda path: write_nxxpcs(path, four_maps()), "one_array_q_first"),
    "nxxpcs last": (lambda path: write_nxxpcs(path, q_last(four_maps()), "one_array_q_last"), "one_array_q_last"),
    "nxxpcs keys": (lambda path: write_nxxpcs(path, NAMES, "data_exchange_keys"), "data_exchange_keys"),
}


@pytest.mark.parametrize("name", FILES)
def test_every_map_comes_with_its_bin_and_time_base(tmp_path, name):
    write, mode = FILES[name]
    path = write(tmp_path / "a.h5")
    description = describe_data(path)
    jsonschema.Draft202012Validator(load_schema("data")).validate(description)
    assert description["layout"] == name.partition(" ")[0]
    assert [(one["label"], one["q"], one["phi"]) for one in description["maps"]] == [
        (label, q, phi) for label, q, phi in zip((1, 2, 3, 4), Q, PHI, strict=True)
    ]
    words = ("storage_mode", "baseline_reference", "time_origin_location", "populated_elements", "dt", "start_frame")
    assert [description[word] for word in words] == [mode, 1, "upper_left", "all", pytest.approx(0.1), 1]
    data = load_data(path, q=0.008, frames=[2, 5])
    assert (data.q, data.phi.tolist()) == (0.008, [-45.0, 10.0])
    np.testing.assert_array_equal(data.c2, four_maps()[2:, 1:5, 1:5])
    np.testing.assert_allclose(data.t, [0.2, 0.3, 0.4, 0.5], rtol=1e-12)


def test_scikit_beam_arrays_are_read_from_npz_and_under_their_older_name(tmp_path):
    np.savez(tmp_path / "a.npz", two_time=four_maps(), lag_steps=np.arange(6), q=Q, phi=PHI, dt=0.1)
    np.testing.assert_array_equal(load_data(tmp_path / "a.npz", q=0.005).c2, four_maps()[:2])
    assert describe_data(tmp_path / "a.npz")["layout"] == "scikit-beam"


@pytest.mark.parametrize("lags", [np.arange(4), [0, 1, 2, 3, 4, 6], [0, 1, 2, 3, 4, 6, 8]])
def test_scikit_beam_maps_with_lags_that_were_not_computed_are_refused(tmp_path, lags):
    with pytest.raises(DataError, match=r"lag_steps: found .* expected every one from 0 to 5: .* num_bufs=6$"):
        load_data(write_scikit_beam(tmp_path / "a.h5", lag_steps=lags), q=0.005)


@pytest.mark.parametrize("lags", [np.arange(1, 7), np.arange(1, 6), np.arange(9), np.float32(0.1) * np.arange(6)])
def test_scikit_beam_lags_may_be_counted_from_1_or_be_times(tmp_path, lags):
    data = load_data(write_scikit_beam(tmp_path / "a.h5", lag_steps=lags), q=0.005)
    np.testing.assert_array_equal(data.c2, four_maps()[:2])


def test_scikit_beam_lags_that_fit_neither_frames_nor_dt_are_told(tmp_path):
    with pytest.raises(DataError, match=r"lag_steps: found steps of 2, expected 1 \(lags in frames\) or dt \(in s\); "):
        load_data(write_scikit_beam(tmp_path / "a.h5", lag_steps=2 * np.arange(6)), q=0.005)


@pytest.mark.parametrize("cut", [np.asarray, np.triu, np.tril])
def test_maps_upside_down_are_told_as_what_they_are(tmp_path, cut):
    maps = np.stack([cut(c2)[::-1] for c2 in four_maps()])
    text = r"g2\[0\]: the line of equal times runs from the lower left .*; store c2\[::-1\]"
    with pytest.raises(DataError, match=text):
        load_data(write_scikit_beam(tmp_path / "a.h5", maps), q=0.005)
    with pytest.raises(DataError, match="runs from the lower left"):
        TwoTimeData(c2=maps[0], q=0.005, phi=0.0, dt=0.1)


def test_chx_bins_are_ordered_by_number_not_by_name(tmp_path):
    q, phi = np.linspace(0.003, 0.014, 12), np.linspace(-50, 60, 12)
    maps = np.stack([make_map(5, seed) for seed in range(12)])
    bins = {i: np.array([q[i], phi[i]]) for i in reversed(range(12))}
    path = write_chx(tmp_path / "a.h5", maps, bins=bins)
    assert [one["q"] for one in describe_data(path)["maps"]] == q.tolist()
    np.testing.assert_array_equal(load_data(path, q=q[10]).c2[0], maps[10])


@pytest.mark.parametrize(
    ("changes", "dt", "start", "note"),
    [
        ({"md": {"frame_time": 0.1, "beg": 20, "end": 26}}, 0.1, 21, None),
        ({"md": {"acquire period": "0.1", "beg": 2, "end": 8}, "tausb": None}, 0.1, 3, None),
        ({"md": {"frame_time": 0.025, "beg": 0, "end": 6}}, 0.1, 1, "every frame of the maps is 4 of the camera's"),
        ({"md": {"frame_time": 0.1, "beg": 0, "end": 60}}, 0.1, 1, "beg 0 and end 60 do not fit 6 frames"),
        ({"md": {}}, 0.1, 1, "md has no beg and end"),
        ({"md": {"exposure time": "0.1", "beg": 0, "end": 6}, "tausb": None}, None, 1, None),
    ],
)
def test_chx_time_base_counts_binned_frames_from_the_first_of_the_run(tmp_path, changes, dt, start, note):
    description = describe_data(write_chx(tmp_path / "a.h5", **changes))
    assert description["dt"] == (None if dt is None else pytest.approx(dt, rel=1e-14))
    assert description["start_frame"] == start
    assert len(description["notes"]) == (note is not None)
    assert all(note in found for found in description["notes"])


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"bins": {0: 0.005, 1: 0.005, 3: 0.008}}, r"found 3 bins \(0 to 3\), expected 0 to 3, one attribute per map"),
        ({"bins": {}}, r"found 0 bins \(no numbers\), expected 0 to 3"),
        ({"bins": {i: np.ones(3) for i in range(4)}}, "found bins of 3 numbers, expected all"),
        ({"bins": {0: [0.005], **{i: [0.005, 1.0] for i in (1, 2, 3)}}}, "found bins of 1, 2 numbers"),
        ({"bins": dict.fromkeys(range(4), "a")}, "qval_dict@0: found 'a', expected numbers"),
        ({"md": {"frame_time": 0.07}}, r"tausb, md@frame_time: found a first lag of 0.1 s and 0.07 s between"),
        ({"md": {"exposure time": "0.1"}, "tausb": None}, "found neither frame_time nor acquire period in md"),
        ({"md": {"acquire period": "0"}, "tausb": None}, "no usable time between frames: found md@acquire period = 0,"),
        ({"bins": {i: [q] for i, q in enumerate(Q)}}, r"no map has a finite q and phi \(of 4, 4 have q and 0 phi\)"),
        ({"qr_1d_pds": 0}, "no map has a finite q and phi"),
    ],
)
def test_chx_missing_and_contradicting_fields_are_refused_in_one_line(tmp_path, changes, text):
    with pytest.raises(DataError, match=text) as caught:
        load_data(write_chx(tmp_path / "a.h5", **changes), q=0.005)
    assert "\n" not in str(caught.value)


def test_chx_grazing_incidence_has_no_azimuths(tmp_path):
    description = describe_data(write_chx(tmp_path / "a.h5", qr_1d_pds=0))
    assert [one["phi"] for one in description["maps"]] == [None] * 4
    assert description["notes"] == ["qval_dict: bins of grazing incidence have no azimuth"]


@pytest.mark.parametrize(
    "name", ["chx", "scikit-beam", "xpcs-correlator", "nxxpcs first", "nxxpcs last", "nxxpcs keys"]
)
def test_only_the_chosen_maps_are_read(tmp_path, name):
    """The chunks of the maps of the other q, and of the first map's other angles, cannot be read."""
    path = FILES[name][0](tmp_path / "a.h5")
    key = {"chx": "g12b", "scikit-beam": "g2", "xpcs-correlator": "ttcf"}.get(name, NX_MAPS)
    with h5py.File(path, "a") as file:
        if name == "nxxpcs keys":
            for label in (3, 4):
                del file[f"{key}/roi_{label:03d}"]
                corrupt_map(file, f"{key}/roi_{label:03d}")
        else:
            last = name in ("chx", "nxxpcs last")
            attributes = dict(file[key].attrs)
            del file[key]
            shape = (6, 6, 4) if last else (4, 6, 6)
            chunks = (6, 6, 1) if last else (1, 6, 6)
            stack = file.create_dataset(key, shape, "f4", chunks=chunks, compression="gzip")
            stack.attrs.update(attributes)
            for i, c2 in enumerate(four_maps()):
                if i < 2:
                    stack[(..., i) if last else i] = c2
                else:
                    stack.id.write_direct_chunk((0, 0, i) if last else (i, 0, 0), b"not a zlib stream")
    assert len(describe_data(path)["maps"]) == 4
    np.testing.assert_array_equal(load_data(path, q=0.005).c2, four_maps()[:2])
    with pytest.raises(DataError, match="cannot be read, the file is damaged there"):
        load_data(path, q=0.008)
