"""Files that cannot be read, what is read of them, and the example measurement."""

import hashlib
import json
import os
from pathlib import Path

import h5py
import jsonschema
import numpy as np
import pytest
from data_files import APSU_MAPS, corrupt_map, make_map, write_apsu, write_fields, write_one

import heterodyne_spec
from heterodyne_data import TwoTimeData, describe_data, fingerprint, load_data
from heterodyne_data.hdf5_source import Hdf5Source
from heterodyne_spec import ContradictionError, DataError

EXAMPLES = Path(__file__).parents[3] / "examples"
SCHEMA = json.loads(
    (Path(heterodyne_spec.__file__).parent / "schemas" / "data.schema.json").read_text(encoding="utf-8")
)


def truncated(path):
    write_one(path, make_map(100))
    path.write_bytes(path.read_bytes()[:-5000])


def truncated_npz(path):
    np.savez(path.with_suffix(".npz"), c2=make_map(), q=1.0, phi=0.0, dt=1.0)
    path.write_bytes(path.with_suffix(".npz").read_bytes()[:-40])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: os.mkfifo(path), "is not a regular file"),
        (lambda path: path.write_bytes(b""), "is not an HDF5 or .npz file .it is empty"),
        (
            lambda path: path.write_bytes(b"\x93NUMPY\x01\0"),
            r"a bare array, without q, phi and dt; .*numpy.savez\('maps.npz'",
        ),
        (lambda path: path.write_text("q,phi\n"), r"is not an HDF5 or .npz file .it begins with b'q,phi"),
        (truncated, "is truncated or damaged .*truncated file"),
        (truncated_npz, "is truncated or damaged"),
        (
            lambda path: write_fields(path, {"/scan/data": 1, "/log": 2}),
            r"found log, scan at the top, known are aps-u \(/xpcs",
        ),
        (lambda path: write_fields(path, {f"{APSU_MAPS}/other": 1}), "correlation_map: contains no maps"),
    ],
)
@pytest.mark.parametrize("use", [load_data, describe_data])
def test_unreadable_files_are_named_in_one_line(tmp_path, make, text, use):
    path = tmp_path / "a.h5"
    make(path)
    with pytest.raises(DataError, match=text) as caught:
        use(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_permission_denied_is_said(tmp_path, monkeypatch):
    path = write_one(tmp_path / "a.h5", make_map())

    def deny(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)
    with pytest.raises(DataError, match="permission denied"):
        load_data(path)


def test_damaged_chunk_names_the_map(tmp_path):
    path = write_one(tmp_path / "a.h5", make_map())
    with h5py.File(path, "a") as file:
        del file[f"{APSU_MAPS}/c2_00001"]
        corrupt_map(file, f"{APSU_MAPS}/c2_00001")
    with pytest.raises(DataError, match="c2_00001: cannot be read, the file is damaged there"):
        load_data(path)


def test_units_beside_the_arrays_of_an_archive_are_obeyed(tmp_path):
    fields = {"c2": np.stack([make_map(), make_map(seed=1)]), "q": 0.05, "phi": np.radians([10, 70]), "dt": 100.0}
    np.savez(tmp_path / "a.npz", **fields, q_unit="nm^-1", phi_units="rad", dt_unit="ms")
    data = load_data(tmp_path / "a.npz")
    assert (data.q, data.dt, data.phi.tolist()) == (0.005, 0.1, pytest.approx([10, 70]))
    assert {"q: converted from nm^-1 to 1/Å", "dt: converted from ms to s"} < set(data.notes)
    for wrong, text in {
        "q_unit": "q: found the unit 'furlong'",
        "unit": "unit: is not the unit of a field that is read, expected q_unit and the like, of q, phi, t, dt",
        "units_q": "units_q: is not the unit of a field",
    }.items():
        np.savez(tmp_path / "b.npz", **fields, **{wrong: "furlong"})
        with pytest.raises(DataError, match=text):
            load_data(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", **fields, q_unit=10.0)
    with pytest.raises(DataError, match="q_unit: found no string, expected the name of the unit of q"):
        load_data(tmp_path / "c.npz")


def test_maps_of_other_layouts_in_one_file_are_said(tmp_path):
    maps = np.stack([make_map(), make_map(seed=1)])
    np.savez(tmp_path / "a.npz", c2=maps, g2=maps + 0.1, q=0.005, phi=[10, 70], dt=0.1)
    data = load_data(tmp_path / "a.npz")
    np.testing.assert_array_equal(data.c2, maps)
    said = "read as npz; maps of scikit-beam (g2 or two_time, (n_roi, N, N)) are not read"
    assert data.notes[0] == said
    path = write_apsu(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        file["/entry/twotime/two_time_corr_func"] = 0.0
    assert not any("also there" in note for note in load_data(path, q=0.005).notes)


@pytest.mark.parametrize("key", ["c2", "g2", "c2_exp"])
def test_maps_stacked_along_the_last_axis_are_refused_with_the_way_to_turn_them(tmp_path, key):
    maps = np.moveaxis(np.stack([make_map(), make_map(seed=1)]), 0, -1)
    np.savez(tmp_path / "a.npz", **{key: maps}, q=0.005, phi=[10, 70], dt=0.1)
    with pytest.raises(DataError, match=rf"{key}: found shape \(6, 6, 2\).*store numpy.moveaxis\({key}, -1, 0\)"):
        load_data(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("energy", "q", "text"),
    [
        (8.0, 8.5, r"q: found 8.5 1/Å, expected 8.11 at most, 4 pi over the wavelength at 8 keV"),
        (None, 54, r"q: found 54 1/Å, expected 10 at most, the largest of any XPCS measurement"),
        (8000.0, 54, r"q: found 54 1/Å, expected 10 at most"),
    ],
)
def test_q_beyond_what_x_rays_reach_is_refused(tmp_path, energy, q, text):
    path = write_apsu(tmp_path / "a.h5", q=[0.005, q], pixels={} if energy is None else {"energy": energy})
    for call in (load_data, describe_data):
        with pytest.raises(ContradictionError, match=text):
            call(path, 0.005) if call is load_data else call(path)
    with pytest.raises(DataError, match="q: found 54 1/Å"):
        TwoTimeData(c2=make_map(), q=54, phi=0, dt=0.1)


def test_objects_in_npz_are_not_unpickled(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, c2=make_map(), q=np.array({"a": 1}, dtype=object), phi=0.0, dt=1.0)
    with pytest.raises(DataError, match="q: found object values, expected numbers"):
        load_data(path)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"q": None}, "q: is missing; the file has c2, phi, dt"),
        ({"c2": np.ones(4)}, r"c2: found shape \(4,\)"),
        ({"phi": [0.0, 1.0]}, "found 1 map, 1 q and 2 angles"),
        ({"dt": None}, "found neither t nor dt"),
        ({"dt": 0.0}, "dt: found 0, expected a positive number of seconds; correct the file"),
        ({"c2": np.ones((0, 6, 6)), "phi": []}, r"c2: found shape \(0, 6, 6\), .* with at least one map"),
        ({"t": np.arange(3)}, r"t: found shape \(3,\), expected \(6,\)"),
    ],
)
def test_incomplete_npz_says_what_is_missing(tmp_path, changes, text):
    fields = {"c2": make_map(), "q": 0.005, "phi": 0.0, "dt": 0.1} | changes
    np.savez(tmp_path / "a.npz", **{name: value for name, value in fields.items() if value is not None})
    with pytest.raises(DataError, match=text):
        load_data(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("phi", "said"),
    [
        ([0, 0.785, 1.57], True),
        (np.radians([-165, 30, 345]), True),
        (np.radians([-40, 10, 50, 80]), True),
        (np.radians(np.arange(22.5, 360, 45)), True),
        *((np.pi * np.arange(count) / count, True) for count in (5, 7, 8, 10, 16, 32)),
        *((-np.pi + 2 * np.pi / count * np.arange(0.5, count), True) for count in (7, 10, 16, 20)),
        ([0.17, 0.79, 1.4], True),
        ([0, 1.57], False),
        ([0.5, 1.0, 1.5], False),
        ([0, 0.785, 2.3], False),
        ([0, 45, 90], False),
        ([-5.8, 4.9], False),
    ],
)
def test_angles_that_look_like_radians_are_said(tmp_path, phi, said):
    path = tmp_path / "a.npz"
    np.savez(path, c2=[make_map()] * len(phi), q=0.005, phi=phi, dt=0.1)
    assert any("look like radians" in note for note in load_data(path).notes) is said
    assert any("look like radians" in note for note in describe_data(path)["notes"]) is said


@pytest.mark.parametrize(
    ("phi", "said"),
    [([0, 1, 2], True), ([1, 2, 3, 4], True), ([0, 1], False), ([10, 11, 12], False), ([2, 1, 0], False)],
)
def test_angles_that_number_the_maps_are_said(tmp_path, phi, said):
    path = tmp_path / "a.npz"
    np.savez(path, c2=[make_map(seed=k) for k in range(len(phi))], q=0.005, phi=phi, dt=0.1)
    for notes in (load_data(path).notes, describe_data(path)["notes"]):
        assert any(f"the angles, {phi[0]} to {phi[-1]}, may be map numbers" in note for note in notes) is said


def test_only_the_chosen_maps_of_a_large_file_are_read(tmp_path, monkeypatch):
    """300 maps: all but the three of one q hold chunks that cannot be read."""
    path = write_apsu(
        tmp_path / "a.h5",
        {k: np.triu(make_map(seed=k)) for k in (31, 32, 33)},
        q=np.linspace(0.003, 0.03, 100),
        phi=[-10.0, 0.0, 10.0],
        mapping=np.arange(300, dtype="u2"),
        bins=np.arange(1, 301),
    )
    with h5py.File(path, "a") as file:
        for k in {*range(1, 301)} - {31, 32, 33}:
            corrupt_map(file, f"{APSU_MAPS}/c2_{k:05d}")
    read = []
    original = Hdf5Source.read

    def counting(self, key, selection=...):
        read.append(key)
        return original(self, key, selection)

    monkeypatch.setattr(Hdf5Source, "read", counting)
    data = load_data(path, q=np.linspace(0.003, 0.03, 100)[10], frames=[2, 5])
    assert data.c2.shape == (3, 4, 4)
    maps = [key for key in read if key.startswith(APSU_MAPS)]
    print(f"{len(maps)} of 300 maps read")
    assert maps == [f"{APSU_MAPS}/c2_{k:05d}" for k in (31, 32, 33)]


def test_describing_reads_one_map_at_most(tmp_path):
    path = write_apsu(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        for k in (2, 3, 4):
            del file[f"{APSU_MAPS}/c2_{k:05d}"]
            corrupt_map(file, f"{APSU_MAPS}/c2_{k:05d}")
    assert len(describe_data(path)["maps"]) == 4


def test_links_lead_nowhere_outside_the_folder(tmp_path):
    outside = tmp_path / "elsewhere"
    inside = tmp_path / "here"
    outside.mkdir()
    inside.mkdir()
    write_fields(outside / "b.h5", {"map": make_map()})
    write_fields(inside / "b.h5", {"map": make_map()})
    path = write_one(inside / "a.h5", make_map())
    key = f"{APSU_MAPS}/c2_00001"

    def link(target, where="map"):
        with h5py.File(path, "a") as file:
            del file[key]
            file[key] = h5py.ExternalLink(str(target), where)

    for target in (outside / "b.h5", "../elsewhere/b.h5"):
        link(target)
        with pytest.raises(DataError, match=r"c2_00001: external link to .* outside the file's own folder"):
            load_data(path)
    link("b.h5")
    assert load_data(path).n_phi == 1
    # A link in a linked file is followed by HDF5, not by us: it is found by where it ended.
    with h5py.File(inside / "b.h5", "a") as file:
        file["hop"] = h5py.ExternalLink(str(outside / "b.h5"), "map")
    link("b.h5", "hop")
    with pytest.raises(DataError, match="outside the file's own folder"):
        load_data(path)


def test_raw_storage_and_virtual_maps_outside_the_folder_are_refused(tmp_path):
    outside, inside = tmp_path / "elsewhere", tmp_path / "here"
    outside.mkdir()
    inside.mkdir()
    write_fields(outside / "b.h5", {"map": make_map()})
    (outside / "raw").write_bytes(make_map().tobytes())
    key = f"{APSU_MAPS}/c2_00001"
    path = write_one(inside / "a.h5", make_map())
    with h5py.File(path, "a") as file:
        del file[key]
        file.create_dataset(key, (6, 6), "f4", external=[(str(outside / "raw"), 0, h5py.h5f.UNLIMITED)])
    with pytest.raises(DataError, match="external storage to"):
        load_data(path)
    with h5py.File(path, "a") as file:
        del file[key]
        layout = h5py.VirtualLayout((6, 6), "f4")
        layout[:] = h5py.VirtualSource(str(outside / "b.h5"), "map", (6, 6))
        file.create_virtual_dataset(key, layout)
    with pytest.raises(DataError, match="virtual dataset to"):
        load_data(path)


def test_provenance_names_file_maps_and_hash(tmp_path):
    path = write_one(tmp_path / "a.h5", make_map(), begin=4)
    data = load_data(path, frames=[2, 5])
    assert data.provenance == {
        "file": "a.h5",
        "layout": "aps-u",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "maps": (f"{APSU_MAPS}/c2_00001",),
        "labels": (1,),
        "frames": (2, 5),
        "start_frame": 6,
        "selection": {"phi": "all", "frames": [2, 5], "mask_frames": [], "bins": None},
    }


def test_hash_of_a_large_file_says_that_it_covers_its_ends_only(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(3 * 1024**2))
    before = fingerprint(path, large=1024)
    status = path.stat()
    with path.open("r+b") as file:
        file.write(b"x")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert list(before) == ["sha256_of_size_mtime_first_and_last_mib"]
    assert fingerprint(path, large=1024) != before


def test_example_is_the_same_measurement_in_both_layouts():
    truth = json.loads((EXAMPLES / "startup_flow_truth.json").read_text(encoding="utf-8"))
    for q, phi in ((0.0054, truth["phi"]), (0.0081, truth["phi"][1:])):
        new, old = (load_data(EXAMPLES / f"startup_flow_{name}", q=q) for name in ("apsu.h5", "legacy.hdf"))
        for data in (new, old):
            assert data.q == q
            assert data.phi.tolist() == phi
            assert (data.dt, data.n_t, data.start_frame) == (truth["dt"], truth["frames"], 1)
            assert data.valid.all()
        np.testing.assert_array_equal(new.c2, old.c2)
        np.testing.assert_array_equal(new.t, old.t)
        # The older file does not tell its first frame.
        assert [note for note in old.notes if "data_begin_todo is missing" not in note] == list(new.notes)
    assert "no map at phi = -45 for this q, only for others (empty bins)" in new.notes
    assert "baseline 1 found" in new.notes


@pytest.mark.parametrize("name", ["startup_flow_apsu.h5", "startup_flow_legacy.hdf"])
def test_description_follows_its_schema(name):
    description = describe_data(EXAMPLES / name)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.check_schema(SCHEMA)
    validator.validate(json.loads(json.dumps(description)))
    assert description["n_frames"] == 400
    assert len(description["maps"]) == 7
    words = ("storage_mode", "baseline_reference", "time_origin_location", "populated_elements")
    assert [description[word] for word in words] == ["data_exchange_keys", 1, "upper_left", "upper_half"]
    assert not list(validator.iter_errors(description | {"notes": []}))
    assert list(validator.iter_errors(description | {"extra": 1}))


def test_description_of_a_file_that_tells_little_still_follows_the_schema(tmp_path):
    path = write_apsu(tmp_path / "a.h5", {1: np.zeros((4, 4))}, q=[np.nan, 1.0], frame_time=None)
    description = describe_data(path)
    jsonschema.Draft202012Validator(SCHEMA).validate(description)
    assert description["populated_elements"] is None
    assert description["maps"][0]["q"] is None


def test_maps_that_do_not_fit_into_memory_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heterodyne_data.reading.free_memory", lambda: 1000.0)
    path = tmp_path / "a.npz"
    np.savez(path, c2=np.ones((2, 20, 20)), t=0.1 * np.arange(1, 21), q=0.0054, phi=[0.0, 90.0], dt=0.1)
    with pytest.raises(DataError, match=r"2 maps of 20 frames need 6\.4e-06 GB; 1e-06 GB are free; choose fewer"):
        load_data(path)
