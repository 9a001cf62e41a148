"""Files of other beamlines and programs: which bin a map belongs to, its orientation, units, what is refused."""

import h5py
import jsonschema
import numpy as np
import pytest
from data_files import (
    ID02,
    NX_MAPS,
    PHI,
    Q,
    corrupt_map,
    four_maps,
    make_map,
    write_apsu,
    write_chx,
    write_id02,
    write_legacy,
    write_nxxpcs,
    write_scikit_beam,
    write_xpcs_correlator,
)

from heterodyne_data import TwoTimeData, describe_data, load_data
from heterodyne_data.layouts.units import ANGLE, TIME, WAVEVECTOR, normalised
from heterodyne_spec.errors import DataError
from heterodyne_spec.lint.schema import load_schema

NAMES = {f"roi_{label:03d}": make_map(seed=label - 1) for label in (2, 4, 1, 3)}


def q_last(maps):
    return np.moveaxis(maps, 0, -1)


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


def test_nxxpcs_words_are_read_in_any_spelling(tmp_path):
    maps = np.stack([np.tril(c2)[::-1] for c2 in four_maps()])
    words = {"time_origin_location": "Lower-Left", "populated_elements": "Upper half"}
    data = load_data(write_nxxpcs(tmp_path / "a.h5", maps, **words), q=0.005)
    np.testing.assert_array_equal(data.c2, four_maps()[:2])


@pytest.mark.parametrize("half", ["all", "upper_half", "lower_half"])
@pytest.mark.parametrize("mode", ["one_array_q_first", "one_array_q_last", "data_exchange_keys"])
def test_nxxpcs_origin_at_the_lower_left_is_turned_over_and_halves_completed(tmp_path, half, mode):
    """In the stored picture time runs upwards, so the line t1 = t2 rises and "upper" is above it."""
    cut = {"all": np.asarray, "upper_half": np.tril, "lower_half": np.triu}[half]
    stored = np.stack([cut(c2)[::-1] for c2 in four_maps()])
    names = {f"{i + 1}": c2 for i, c2 in enumerate(stored)}
    maps = {"one_array_q_last": q_last(stored), "data_exchange_keys": names}.get(mode, stored)
    path = write_nxxpcs(
        tmp_path / "a.h5", maps, mode, time_origin_location="lower_left", populated_elements=half, baseline_reference=1
    )
    description = describe_data(path)
    assert (description["time_origin_location"], description["populated_elements"]) == ("lower_left", half)
    assert description["notes"] == []
    for frames in ([1, 6], [1, 3], [3, 6]):
        window = slice(frames[0] - 1, frames[1])
        data = load_data(path, q=0.005, frames=frames)
        np.testing.assert_array_equal(data.c2, four_maps()[:2, window, window])


def test_nxxpcs_elements_other_than_stated_are_taken_as_found_and_said(tmp_path):
    path = write_nxxpcs(tmp_path / "a.h5", np.triu(four_maps()), populated_elements="lower_half")
    np.testing.assert_array_equal(load_data(path, q=0.005).c2, four_maps()[:2])
    assert "all angles: lower half stated as filled, upper half found" in load_data(path, q=0.005).notes
    assert describe_data(path)["notes"] == [f"{NX_MAPS}[0]: populated_elements is lower_half, found upper_half"]


def test_nxxpcs_other_half_with_values_of_its_own_is_refused(tmp_path):
    maps = four_maps()
    maps[:, 4, 1] = 7
    with pytest.raises(DataError, match=r"both halves hold values but differ at frames 2 and 5"):
        load_data(write_nxxpcs(tmp_path / "a.h5", maps, populated_elements="upper_half"), q=0.005)


@pytest.mark.parametrize("stored", [0, 1])
def test_nxxpcs_baseline_is_shifted_and_one_that_is_not_there_is_refused(tmp_path, stored):
    maps = four_maps(level=float(stored), dtype="f8")
    path = write_nxxpcs(tmp_path / "a.h5", maps, baseline_reference=stored)
    np.testing.assert_allclose(load_data(path, q=0.005).c2, four_maps(dtype="f8")[:2], rtol=1e-14)
    path = write_nxxpcs(tmp_path / "b.h5", maps, baseline_reference=1 - stored)
    with pytest.raises(
        DataError, match=rf"baseline: the file states {1 - stored}, but the medians .*; correct the file, or give"
    ):
        load_data(path, q=0.005)
    np.testing.assert_allclose(load_data(path, q=0.005, baseline=stored).c2, four_maps(dtype="f8")[:2], rtol=1e-14)
    assert describe_data(path)["notes"] == [f"{NX_MAPS}[0]: baseline_reference is {1 - stored}, found {stored}"]


def test_nxxpcs_maps_of_some_regions_go_by_the_map_of_regions(tmp_path):
    roi_map = np.array([[0, 1, 1], [3, 4, 0]], "u2")
    path = write_nxxpcs(tmp_path / "a.h5", four_maps()[[0, 2, 3]], roi_map=roi_map)
    assert [(one["label"], one["q"], one["phi"]) for one in describe_data(path)["maps"]] == [
        (1, 0.005, -45.0),
        (3, 0.008, -45.0),
        (4, 0.008, 10.0),
    ]
    gaps = {"c2_3": make_map(seed=2), "c2_10": make_map(seed=9), "c2_4": make_map(seed=3)}
    path = write_nxxpcs(tmp_path / "b.h5", gaps, "data_exchange_keys", q=[*Q, *[0.01] * 6], phi=[*PHI, *range(6)])
    assert [one["label"] for one in describe_data(path)["maps"]] == [3, 4, 10]
    np.testing.assert_array_equal(load_data(path, q=0.01).c2[0], make_map(seed=9))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"storage_mode": None},
            "@storage_mode: is missing, expected one_array_q_first, one_array_q_last, data_exchange",
        ),
        ({"storage_mode": "other"}, "@storage_mode: found 'other', expected"),
        ({"storage_mode": "data_exchange_keys"}, "found nothing, expected a group of maps whose names end in"),
        ({"storage_mode": "one_array_q_last"}, r"found shape \(4, 6, 6\), expected \(N, N, n\)"),
        ({"time_origin_location": None}, "@time_origin_location: is missing, expected upper_left, lower_left"),
        ({"time_origin_location": "upper_right"}, "@time_origin_location: found 'upper_right'"),
        ({"populated_elements": "half"}, "@populated_elements: found 'half', expected all, upper_half, lower_half"),
        ({"baseline_reference": 2}, "@baseline_reference: found '2', expected 0, 1"),
        ({"q": Q[:3], "phi": PHI[:3]}, "found 4 maps, 3 q and 0 regions, expected one map per region"),
        ({"phi": PHI[:3]}, "found 4 and 3 entries, expected one each per region"),
        ({"q": np.ones((4, 3))}, r"dynamic_q_list: found shape \(4, 3\), expected one q per region"),
        ({"q_units": "pixel"}, "dynamic_q_list: found the unit 'pixel', expected 1/Å, 1/nm or 1/m"),
        ({"phi_units": "K"}, "dynamic_phi_list: found the unit 'K', expected degrees or radians"),
        ({"time_units": "1/Å"}, "frame_time: found the unit '1/Å', expected s, ms, us or ns"),
        ({"frame_time": [0.1, 0.1]}, "frame_time: found 2 numbers, expected one"),
        ({"phi": None}, r"no map has a finite q and phi \(of 4, 4 have q and 0 phi\)"),
        ({"frame_time": None, "time_units": None}, "no usable time .* found no frame_time of a detector"),
    ],
)
def test_nxxpcs_missing_and_contradicting_fields_are_refused_in_one_line(tmp_path, changes, text):
    path = write_nxxpcs(tmp_path / "a.h5", four_maps(), **changes)
    with pytest.raises(DataError, match=text) as caught:
        load_data(path, q=0.005)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_nxxpcs_without_words_that_the_maps_tell_themselves_says_so(tmp_path):
    path = write_nxxpcs(tmp_path / "a.h5", np.tril(four_maps()), baseline_reference=None, populated_elements=None)
    description = describe_data(path)
    assert (description["baseline_reference"], description["populated_elements"]) == (1, "lower_half")
    assert [note.rpartition("@")[2] for note in description["notes"]] == [
        "populated_elements is missing: seen from the maps",
        "baseline_reference is missing: seen from the maps",
    ]


def test_nxxpcs_detectors_that_disagree_on_the_frame_time_are_refused(tmp_path):
    path = write_nxxpcs(tmp_path / "a.h5", four_maps())
    with h5py.File(path, "a") as file:
        file["/entry/instrument/other/frame_time"] = 0.2
    with pytest.raises(DataError, match=r"eiger/frame_time = 0.1 s, .*other/frame_time = 0.2 s, expected one time"):
        load_data(path, q=0.005)


def test_placeholder_of_the_definition_does_not_hide_the_maps_of_an_apsu_file(tmp_path):
    path = write_apsu(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        file[NX_MAPS] = np.zeros((2, 3))
    assert describe_data(path)["layout"] == "aps-u"


@pytest.mark.parametrize(
    ("write", "names"),
    [
        (
            lambda path, **changes: write_nxxpcs(path, four_maps(), **changes),
            ("q_units", "phi_units", "time_units", "dynamic_q_list"),
        ),
        (write_scikit_beam, ("q@units", "phi@units", "dt@units", "q")),
    ],
)
def test_stated_units_are_converted_and_said(tmp_path, write, names):
    q_units, phi_units, time_units, key = names
    path = write(tmp_path / "a.h5", phi=np.radians(PHI), **{q_units: "nm⁻¹", phi_units: "rad", time_units: "ms"})
    description = describe_data(path)
    assert [one["q"] for one in description["maps"]] == [0.0005, 0.0005, 0.0008, 0.0008]
    assert [one["phi"] for one in description["maps"]] == pytest.approx(PHI, rel=1e-14)
    assert description["dt"] == pytest.approx(1e-4, rel=1e-14)
    assert any(note.endswith(f"{key}: converted from nm⁻¹ to 1/Å") for note in description["notes"])
    assert len(description["notes"]) == 3


@pytest.mark.parametrize(
    ("kind", "unit", "one"),
    [
        *(
            (WAVEVECTOR, unit, 1.0)
            for unit in ("1/Å", "1/\u212b", "A^-1", "q_A^-1", "Å⁻¹", "angstrom^-1", "1/Angstrom")
        ),
        *(
            (WAVEVECTOR, unit, 1.0)
            for unit in ("inverse angstrom", r"\AA^{-1}", "A-1", "A**-1", "1 / A", "(1/A)", "AA^{-1}")
        ),
        *((WAVEVECTOR, unit, 1.0) for unit in ("1/Ang", "Ang^-1", r"$\mathrm{\AA}^{-1}$", "inv. angstrom", "/Å")),
        *((WAVEVECTOR, unit, 1e4) for unit in ("1/um", "µm⁻¹", "1/micron")),
        *(
            (WAVEVECTOR, unit, 10.0)
            for unit in ("/nm", "reciprocal nm", "1/nm", "nm^-1", "q_nm^-1", "nm-1", "nm⁻¹", "1/nanometer")
        ),
        *((WAVEVECTOR, unit, 1e10) for unit in ("1/m", "m^-1")),
        *((WAVEVECTOR, unit, None) for unit in ("A", "nm", "pixel", "any", "1/s", "2th_deg", "1/nm^2", "-1")),
        *((TIME, unit, 1.0) for unit in ("s", "sec", "Seconds")),
        *((TIME, unit, 1e6) for unit in ("us", "µs", "\u03bcs", "usec")),
        *((TIME, unit, None) for unit in ("min", "Hz", "1/s")),
        *((ANGLE, unit, 1.0) for unit in ("deg", "Deg.", "degrees", "°", "º", "chi_deg")),
        *((ANGLE, unit, np.pi / 180) for unit in ("rad", "radians", "chi_rad")),
    ],
)
def test_spellings_of_units(kind, unit, one):
    assert kind.divisor(normalised(unit)) == one


def test_angles_with_the_unit_that_the_definition_asks_for_are_degrees(tmp_path):
    path = write_nxxpcs(tmp_path / "a.h5", four_maps(), phi_units="1/Å")
    assert load_data(path, q=0.005).phi.tolist() == [-45.0, 10.0]
    assert "as the definition NXxpcs does; taken as degrees" in describe_data(path)["notes"][0]


def test_units_of_both_names_that_differ_are_refused(tmp_path):
    path = write_scikit_beam(tmp_path / "a.h5", **{"q@units": "1/A", "q@unit": "1/nm"})
    with pytest.raises(DataError, match="q: found units = '1/A' and unit = '1/nm', expected one of them"):
        load_data(path)
    path = write_scikit_beam(tmp_path / "b.h5", **{"q@units": np.array([1.0])})
    with pytest.raises(DataError, match=r"q@units: found \[1.0\], expected the name of a unit"):
        load_data(path)


def test_case_of_the_attribute_does_not_matter(tmp_path):
    # A unit that is not found is a unit that is ignored.
    path = write_scikit_beam(tmp_path / "a.h5", **{"q@Units": "1/nm", "dt@UNIT": "ms"})
    description = describe_data(path)
    assert [note.rpartition(": ")[2] for note in description["notes"]] == [
        "converted from 1/nm to 1/Å",
        "converted from ms to s",
    ]


def test_aps_files_have_their_stated_units_converted_too(tmp_path):
    new, old = write_apsu(tmp_path / "a.h5"), write_legacy(tmp_path / "b.hdf", {1: make_map()}, [0.05], [10.0])
    units = {
        new: ("/xpcs/qmap/dynamic_v_list_dim0", "/entry/instrument/detector_1/frame_time"),
        old: ("/xpcs/dqlist", "/measurement/instrument/detector/exposure_period"),
    }
    for path, (q, dt) in units.items():
        with h5py.File(path, "a") as file:
            file[q].attrs["units"], file[dt].attrs["unit"] = b"1/nm", "ms"
        description = describe_data(path)
        assert description["maps"][0]["q"] == {new: 0.0005, old: 0.005}[path]
        assert description["dt"] == pytest.approx(1e-4, rel=1e-14)
        assert sum(": converted from " in note for note in description["notes"]) == 2


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


@pytest.mark.parametrize(("write", "key"), [(write_id02, f"{ID02}/phi_-45/parameters/q"), (write_xpcs_correlator, "q")])
def test_q_of_esrf_files_is_converted_from_the_unit_that_they_state(tmp_path, write, key):
    data = load_data(write(tmp_path / "a.h5"), q=0.005)
    assert data.q == 0.005
    assert f"{key}: converted from nm^-1 to 1/Å" in data.notes
    with pytest.raises(DataError, match=f"{key}: states no unit, expected 1/Å, 1/nm or 1/m; add it as the attribute"):
        load_data(write(tmp_path / "b.h5", q_unit=None), q=0.005)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"q_unit": "2th_deg"}, "parameters/q: found the unit '2th_deg'"),
        ({"twotime/ttcf": np.ones((2, 6, 5))}, r"ttcf: found shape \(2, 6, 5\), expected \(n, N, N\)"),
        ({"parameters/q": [0.05]}, "found 2 maps and 1 q, expected one each per map"),
        ({"twotime/t1": [0, 0.1, 0.2, 0.4, 0.5, 0.6]}, "t1, t2: found different times"),
        ({"twotime/t1": [0, 1, 2, 4, 5, 6], "twotime/t2": None}, "found a step of 2 s after frame 3"),
        ({"twotime/t1": None}, "no usable time between frames: found .*t1 is missing"),
        (
            {"twotime/t1": None, "twotime/t2": None, "twotime/age": np.arange(6.0), "twotime/lag": np.arange(6.0)},
            "phi_-45/twotime/ttcf: its axes are age and lag, expected t1 and t2: .* ttcf_format='t1,t2'$",
        ),
    ],
)
def test_id02_missing_and_contradicting_fields_are_refused_in_one_line(tmp_path, changes, text):
    with pytest.raises(DataError, match=text) as caught:
        load_data(write_id02(tmp_path / "a.h5", **changes), q=0.005)
    assert "\n" not in str(caught.value)


def test_id02_entries_are_not_mixed_and_directions_without_an_azimuth_have_none(tmp_path):
    path = write_id02(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        file.move(f"{ID02}/phi_10", f"{ID02}/vertical")
    assert [one["phi"] for one in describe_data(path)["maps"]] == [-45.0, None, -45.0, None]
    with h5py.File(path, "a") as file:
        file.copy("/entry_0000", "/entry_0001")
    with pytest.raises(DataError, match="found results in entry_0000, entry_0001, expected one entry"):
        load_data(path)


@pytest.mark.parametrize(
    ("axis", "dt", "start"),
    [(np.arange(6) * 3 + 1.5, 0.3, 1), (np.arange(6) + 0.5, 0.1, 1), (np.arange(6) * 3 + 31.5, 0.3, 11)],
)
def test_xpcs_correlator_counts_camera_frames_and_puts_bins_at_their_middle(tmp_path, axis, dt, start):
    upper = np.triu(np.ones((6, 6), bool))
    path = write_xpcs_correlator(tmp_path / "a.h5", np.where(upper, four_maps(), np.nan), t1=axis, t2=axis)
    data = load_data(path, q=0.005)
    np.testing.assert_array_equal(data.c2, four_maps()[:2])
    assert (data.dt, data.start_frame) == (pytest.approx(dt), start)


MIDDLES = np.arange(6) + 10.5


@pytest.mark.parametrize("turned", [np.asarray, np.transpose])
def test_grids_of_times_are_the_axes_that_they_repeat(tmp_path, turned):
    one, two = np.meshgrid(MIDDLES, MIDDLES)
    data = load_data(write_xpcs_correlator(tmp_path / "a.h5", t1=turned(one), t2=turned(two)), q=0.005)
    assert (data.dt, data.start_frame) == (0.1, 11)
    np.savez(tmp_path / "a.npz", c2=four_maps()[0], q=0.005, phi=0.0, t=turned(one) * 0.1)
    assert load_data(tmp_path / "a.npz").t[0] == pytest.approx(1.05)
    with pytest.raises(DataError, match="t1: found a grid that varies along both axes"):
        load_data(write_xpcs_correlator(tmp_path / "b.h5", t1=one + two, t2=None), q=0.005)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"start_frame": 1}, r"t1, start_frame: found t1 that begins at frame 11 and start_frame = 1"),
        ({"t": np.arange(1, 7) * 0.1}, r"t1, t: found a first frame of number 11 and steps of 0.1 s and .* 1 and"),
        ({"t": np.arange(11, 17) * 0.2}, r"t1, t: found a first frame .* 0.1 s and .* 0.2 s, expected the same times"),
    ],
)
def test_first_ages_of_xpcs_correlator_that_contradict_each_other_are_refused(tmp_path, fields, text):
    path = write_xpcs_correlator(tmp_path / "a.h5", t1=MIDDLES, t2=MIDDLES, **fields)
    for read in (lambda: load_data(path, q=0.005), lambda: describe_data(path)):
        with pytest.raises(DataError, match=text):
            read()
    assert load_data(path, q=0.005, dt=0.1).dt == 0.1
    agreeing = {"start_frame": 11, "t": np.arange(11, 17) * 0.1}
    data = load_data(write_xpcs_correlator(tmp_path / "b.h5", t1=MIDDLES, t2=MIDDLES, **agreeing), q=0.005)
    assert data.start_frame == 11


def test_axes_of_xpcs_correlator_in_different_units_are_compared_as_times(tmp_path):
    def write(name, one, two, **units):
        return write_xpcs_correlator(tmp_path / name, t1=one, t2=two, **units)

    t = np.arange(1, 7) * 0.1
    same = write("a.h5", t, 1000 * t, **{"t1@units": "s", "t2@units": "ms"})
    assert load_data(same, q=0.005).t[0] == pytest.approx(0.1)
    with pytest.raises(DataError, match="t1, t2: found different times"):
        load_data(write("b.h5", t, t, **{"t1@units": "s", "t2@units": "ms"}), q=0.005)
    # Either axis may tell for both.
    assert load_data(write("c.h5", t, t, **{"t2@units": "s"}), q=0.005).t[0] == pytest.approx(0.1)


def test_xpcs_correlator_without_t1_needs_its_axes_named_and_its_times_given(tmp_path):
    unnamed = write_xpcs_correlator(tmp_path / "a.h5", t1=None, t2=None, ttcf_format=None)
    with pytest.raises(DataError, match="ttcf: neither t1 nor ttcf_format tells whether its axes are t1 and t2"):
        load_data(unnamed, q=0.005)
    named = write_xpcs_correlator(tmp_path / "b.h5", t1=None, t2=None)
    with pytest.raises(DataError, match="found t1 is missing, and dt is that of the camera, expected"):
        load_data(named, q=0.005)
    assert load_data(named, q=0.005, dt=0.1).t[0] == 0.1
    aged = write_xpcs_correlator(tmp_path / "c.h5", t1=None, t2=None, t=np.arange(11, 17) * 0.1)
    assert load_data(aged, q=0.005).t[0] == pytest.approx(1.1)


def test_xpcs_correlator_maps_of_age_and_lag_are_refused_by_name(tmp_path):
    path = write_xpcs_correlator(tmp_path / "a.h5", t1=None, t2=None, ttcf_format="age,lag", age=np.arange(6.0))
    with pytest.raises(DataError, match=r"ttcf: its axes are age and lag, expected t1 and t2"):
        load_data(path, q=0.005)


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
