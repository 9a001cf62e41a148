"""Damaged and malicious files, each found by ``nox -s fuzz``: one clear line, no crash, nothing read elsewhere."""

from __future__ import annotations

import io
import json
import os
import zipfile

import h5py
import numpy as np
import pytest
from data_files import (
    APSU_MAPS,
    four_maps,
    make_map,
    write_apsu,
    write_chx,
    write_id02,
    write_nxxpcs,
    write_one,
    write_xpcs_correlator,
)
from results import make_result

from heterodyne_data import NLSQResult, describe_data, load_data
from heterodyne_data.heaps import check_heaps
from heterodyne_data.result.nlsq import is_result_file
from heterodyne_spec import ConfigError, DataError, ResultError, load_config
from heterodyne_spec.documents import MAX_YAML_BYTES
from heterodyne_spec.errors import LONGEST_LINE

MAP = f"{APSU_MAPS}/c2_00001"


def refusal(path, call=load_data):
    """Return the text of the error, which is one line that names the file."""
    with pytest.raises((DataError, ConfigError, ResultError)) as caught:
        call(path)
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) <= LONGEST_LINE
    assert path.stem in text
    return text


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Give the folder of a measurement, one outside with a pipe that blocks who opens it, and that of work."""
    folders = [tmp_path / name for name in ("here", "outside", "work")]
    for folder in folders:
        folder.mkdir()
    os.mkfifo(folders[1] / "pipe")
    monkeypatch.chdir(folders[2])
    return folders


def replaced(path, key, make):
    """Put what `make` makes of the open file and the key in the place of `key`."""
    with h5py.File(path, "a") as file:
        del file[key]
        make(file, key)
    return path


def virtual(*sources):
    """Return a maker of a virtual dataset of the first map's shape."""

    def make(file, key):
        layout = h5py.VirtualLayout((6, 6), "f4")
        for name, place in sources:
            layout[...] = h5py.VirtualSource(name, place, (6, 6))
        file.create_virtual_dataset(key, layout)

    return make


@pytest.mark.parametrize("target", ["/other/map", "/other"])
def test_no_link_is_followed_unseen(places, target):
    here, _, _ = places
    path = write_one(here / "a.h5", make_map())

    def make(file, key):
        # HDF5 follows both at once; opening the pipe would wait for ever.
        file["other"] = h5py.ExternalLink("../outside/pipe", "/")
        file[key] = h5py.SoftLink(target)

    assert "external link to ../outside/pipe" in refusal(replaced(path, MAP, make))


def test_the_folder_of_work_is_no_place_for_parts_of_a_measurement(places):
    here, _, work = places
    path = write_one(here / "a.h5", make_map())
    write_one(work / "bait.h5", make_map())
    replaced(path, MAP, lambda file, key: file.__setitem__(key, h5py.ExternalLink("bait.h5", MAP)))
    assert f"{MAP}: is a link to {MAP} of bait.h5, which does not exist" in refusal(path)
    assert "source .* of bait.h5 is missing".replace(".*", MAP) in refusal(
        replaced(path, MAP, virtual(("bait.h5", MAP)))
    )
    (work / "raw.bin").write_bytes(make_map().tobytes())
    raw = [("raw.bin", 0, h5py.h5f.UNLIMITED)]
    replaced(path, MAP, lambda file, key: file.create_dataset(key, (6, 6), "f4", external=raw))
    assert "external storage to raw.bin is not followed" in refusal(path)


def test_links_in_a_circle_are_an_error(tmp_path):
    path = write_one(tmp_path / "a.h5", make_map())
    replaced(path, MAP, lambda file, key: file.__setitem__(key, h5py.SoftLink(f"/{MAP}")))
    assert "more than 32 chained links" in refusal(path)


def test_links_to_what_is_beside_are_followed(tmp_path):
    write_one(tmp_path / "b.h5", make_map())
    path = write_one(tmp_path / "a.h5", make_map(seed=1))

    def make(file, key):
        file["other"] = h5py.ExternalLink("b.h5", APSU_MAPS)
        file[key] = h5py.SoftLink("/other/./c2_00001")

    expected = load_data(tmp_path / "b.h5").c2
    np.testing.assert_array_equal(load_data(replaced(path, MAP, make)).c2, expected)
    np.testing.assert_array_equal(load_data(replaced(path, MAP, virtual(("b.h5", MAP)))).c2, expected)


def test_a_virtual_map_of_itself_or_of_nothing_is_an_error(tmp_path):
    # HDF5 ends the process for the one, and takes zeros for the other.
    path = write_one(tmp_path / "a.h5", make_map())
    assert "contains itself" in refusal(replaced(path, MAP, virtual((".", MAP))))
    assert "whose source /nowhere of this file is missing" in refusal(replaced(path, MAP, virtual((".", "/nowhere"))))


def test_a_virtual_map_of_values_elsewhere_is_an_error(places):
    here, outside, _ = places
    (outside / "raw").write_bytes(make_map().tobytes())
    path = write_one(here / "a.h5", make_map())

    def make(file, key):
        file.create_dataset("raw", (6, 6), "f4", external=[(str(outside / "raw"), 0, h5py.h5f.UNLIMITED)])
        virtual((".", "raw"))(file, key)

    assert "external storage to" in refusal(replaced(path, MAP, make))


def test_sizes_that_the_file_does_not_hold_take_no_memory(tmp_path):
    path = write_one(tmp_path / "a.h5", make_map())
    replaced(path, MAP, lambda file, key: file.create_dataset(key, (60_000, 60_000), "f4", chunks=(64, 64)))
    assert "declares 14.4 GB, but the file stores 0 bytes" in refusal(path)
    key = "/xpcs/qmap/dynamic_v_list_dim0"
    path = write_one(tmp_path / "a.h5", make_map())
    replaced(path, key, lambda file, key: file.create_dataset(key, (2**40,), "f8", chunks=(64,)))
    assert f"{key}: declares" in refusal(path)


def test_lists_of_texts_are_not_read_as_numbers(tmp_path):
    # All of them may be the same megabytes.
    path = write_chx(tmp_path / "a.h5", md={"frame_time": np.array(["x"] * 100, object), "beg": 0, "end": 6})
    assert "md@frame_time: found 100 strings" in refusal(path, lambda path: load_data(path, q=0.005))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c2_" + "1" * 5000, "a number of 5000 digits"),
        ("c2_1", "c2_00001, c2_1: found two maps with the same number"),
        ("c2_\u0663", None),
    ],
)
def test_odd_numbers_in_names_of_maps(tmp_path, name, text):
    path = write_one(tmp_path / "a.h5", make_map())
    with h5py.File(path, "a") as file:
        file[f"{APSU_MAPS}/{name}"] = make_map(seed=1)
    if text is None:
        assert load_data(path).n_phi == 1
    else:
        assert text in refusal(path)


def test_an_attribute_of_five_thousand_digits_is_no_bin(tmp_path):
    path = write_chx(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        file["qval_dict"].attrs["1" * 5000] = 1.0
    assert "5000 digits" in refusal(path)


def test_control_codes_of_a_file_do_not_reach_the_terminal(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a\nb\x1b[31m"] = 1
        file.id.links.create_soft(b"\xff\xfe", b"/")
        file.create_group("x" * 50_000)
    assert "\\n" in refusal(path)
    maps = {f"x\n\x1b[1m{k}": one for k, one in enumerate(four_maps(), start=1)}
    path = write_nxxpcs(tmp_path / "a.h5", maps, "data_exchange_keys")
    provenance = load_data(path, q=0.005).provenance
    assert json.dumps(provenance).isascii()
    assert all(where.isprintable() for where in provenance["maps"])


@pytest.mark.parametrize("begin", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("call", [load_data, describe_data])
def test_a_first_frame_that_is_no_number_of_frames(tmp_path, begin, call):
    assert "correct the file" in refusal(write_one(tmp_path / "a.h5", make_map(), begin=begin), call)


@pytest.mark.parametrize("damage", [b"\0", b"\xff"])
@pytest.mark.parametrize("call", [load_data, describe_data])
def test_texts_that_would_keep_hdf5_for_ever(tmp_path, damage, call):
    path = write_nxxpcs(tmp_path / "a.h5", four_maps())
    raw = bytearray(path.read_bytes())
    # The second object of the heap of texts, and all behind it.
    place = raw.index(b"GCOL\1\0\0\0") + 16 + 16 + 16
    raw[place : place + 1024] = damage * 1024
    path.write_bytes(bytes(raw))
    assert "in its strings" in refusal(path, call)


def test_texts_that_come_and_go_leave_a_sound_file(tmp_path):
    path, rng = write_nxxpcs(tmp_path / "a.h5", four_maps()), np.random.default_rng(0)
    for _ in range(10):
        with h5py.File(path, "a") as file:
            for k in rng.integers(0, 40, 60):
                file.attrs[f"note {k}"] = "x" * int(rng.integers(0, 3000))
            for k in set(rng.integers(0, 40, 20).tolist()):
                file.attrs.pop(f"note {k}", None)
        check_heaps(path)
    assert path.read_bytes().count(b"GCOL") > 5
    assert load_data(path, q=0.005).n_phi > 0


def test_an_attribute_that_is_no_text(tmp_path):
    path = write_nxxpcs(tmp_path / "a.h5", four_maps())
    with h5py.File(path, "a") as file:
        file["entry/twotime/two_time_corr_func"].attrs["storage_mode"] = np.void(b"\x80\x03")
    assert "@storage_mode: found" in refusal(path)


@pytest.mark.parametrize("key", ["xpcs/qmap/dynamic_v_list_dim1", "entry/instrument/detector_1/frame_time", MAP])
def test_an_empty_dataset_holds_no_numbers(tmp_path, key):
    path = write_apsu(tmp_path / "a.h5")
    replaced(path, key, lambda file, key: file.create_dataset(key, data=h5py.Empty("f8")))
    assert key in refusal(path, lambda path: load_data(path, q=0.005))


def test_maps_far_from_any_correlation(tmp_path):
    for level in (-2.0, 4.0):
        assert "expected near 0 or 1" in refusal(write_one(tmp_path / "a.h5", make_map() + np.float32(level)))


def test_nan_of_which_arithmetic_warns(tmp_path):
    c2 = make_map()
    c2[1, 3] = c2[3, 1] = np.array(0x7F800001, np.uint32).view(np.float32)
    with np.errstate(invalid="raise"):
        assert np.isnan(load_data(write_one(tmp_path / "a.h5", c2)).c2[0] - 1.0).sum() == 2


def test_infinities_at_both_places_of_a_pair_are_no_difference(tmp_path):
    c2 = make_map()
    c2[1, 3] = c2[3, 1] = np.inf
    c2[2, 4] += 1
    assert "differ at frames 3 and 5" in refusal(write_one(tmp_path / "a.h5", c2))


def test_times_and_bins_beyond_all_measure(tmp_path):
    assert "correct the file" in refusal(write_one(tmp_path / "a.h5", make_map(), stride=1e308, average=1e308))
    assert "found 1e+300, expected bin numbers" in refusal(write_apsu(tmp_path / "a.h5", bins=np.full(4, 1e300)))


def test_a_text_that_claims_more_than_the_file_holds_takes_no_memory(tmp_path):
    path = write_xpcs_correlator(tmp_path / "a.h5")
    with h5py.File(path, "r") as file:
        start = file["ttcf_format"].id.get_offset()
    raw = bytearray(path.read_bytes())
    raw[start : start + 4] = b"\xff\xff\xff\x7f"
    path.write_bytes(raw)
    assert "ttcf_format: declares a string of 2147483647 bytes" in refusal(path)


def test_links_to_raw_data_beside_the_results_do_not_matter(tmp_path):
    path = write_id02(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        file["raw"] = h5py.ExternalLink("/data/raw.h5", "/")
    assert load_data(path, q=0.005).n_phi == 2


def archive(path, members, method=zipfile.ZIP_STORED):
    """Write an archive with these members, arrays or bytes."""
    with zipfile.ZipFile(path, "w", method) as file:
        for name, values in members:
            stored = io.BytesIO()
            if not isinstance(values, bytes):
                np.lib.format.write_array(stored, np.asarray(values))
            file.writestr(zipfile.ZipInfo(name), stored.getvalue() or values, method)
    return path


MEMBERS = [("c2.npy", make_map()), ("q.npy", 0.005), ("phi.npy", 10.0), ("dt.npy", 0.1)]


def test_archives_that_numpy_does_not_write(tmp_path):
    path = tmp_path / "a.npz"
    assert load_data(archive(path, MEMBERS, zipfile.ZIP_DEFLATED)).n_phi == 1
    # Bytes of bzip2 are unpacked as a whole, whatever the header says of their number.
    assert "compressed by method 12" in refusal(archive(path, MEMBERS, zipfile.ZIP_BZIP2))
    with pytest.warns(UserWarning, match="Duplicate"):
        archive(path, [*MEMBERS, ("q.npy", 0.006)])
    assert "contains q.npy twice" in refusal(path)


def test_archives_that_declare_more_than_they_hold(tmp_path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (9000, 9000), }\n"
    raw = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    path = archive(tmp_path / "a.npz", [("c2.npy", raw + bytes(100)), *MEMBERS[1:]])
    assert "of 648000000 bytes" in refusal(path)
    bomb = [("c2.npy", raw + bytes(100 * 1024**2)), *MEMBERS[1:]]
    assert "declares 0.105 GB, but the file has" in refusal(archive(path, bomb, zipfile.ZIP_DEFLATED))


@pytest.mark.parametrize("facts", ["[" * 100_000, '{"dt": ' + "9" * 400 + "}", '{"start_frame": ' + "9" * 400 + "}"])
def test_what_a_cache_says_of_itself(tmp_path, facts):
    axis, path = np.arange(6) * 0.1, tmp_path / "a.npz"
    fields = {"c2_exp": make_map()[None], "wavevector_q_list": 0.005, "phi_angles_list": 0.0, "t1": axis, "t2": axis}
    np.savez(path, cache_metadata_json=np.array(facts), **fields)
    if '"dt"' in facts:
        assert load_data(path).dt == pytest.approx(0.1)
    else:
        assert "write the cache again" in refusal(path)


def damaged_result(tmp_path, change):
    """Save a result with maps, change its arrays, return the path of its summary."""
    maps = np.ones((2, 4, 4), np.float32)
    path = make_result(maps=(maps, maps)).save(tmp_path)
    with h5py.File(path.with_suffix(".h5"), "a") as file:
        change(file)
    return path


@pytest.mark.parametrize(
    "values", [np.ones(3), np.ones((2, 5, 5), "f4"), np.ones((2, 4, 4), "i4"), np.bytes_(b"a"), h5py.Empty("f4")]
)
def test_maps_of_a_result_are_those_of_its_summary(tmp_path, values):
    def change(file):
        del file["maps/model"]
        file["maps/model"] = values

    text = refusal(damaged_result(tmp_path, change), NLSQResult.load)
    assert "maps/model" in text
    assert "expected floats of shape (2, 4, 4)" in text


def test_maps_of_a_result_are_finite(tmp_path):
    def change(file):
        file["maps/c2"][0, 1, 2] = np.inf

    assert "maps/c2: contains infinite values" in refusal(damaged_result(tmp_path, change), NLSQResult.load)


def test_a_result_has_no_links(places):
    here, outside, _ = places
    make_result(maps=(np.ones((2, 4, 4)), np.ones((2, 4, 4)))).save(outside)

    def change(file):
        del file["maps/c2"]
        file["maps/c2"] = h5py.ExternalLink("../outside/nlsq_result.h5", "/maps/c2")

    assert "maps/c2: is a link" in refusal(damaged_result(here, change), NLSQResult.load)


def test_whether_a_file_is_a_result_is_answered_of_any_file(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["kind"] = np.array(["nlsq_result"] * 2, object)
    assert not is_result_file(path)
    raw = bytearray(path.read_bytes())
    raw[96:] = b"\xff" * (len(raw) - 96)
    path.write_bytes(bytes(raw))
    assert not is_result_file(path)


def test_an_error_stays_a_line_whatever_is_wrong(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("".join(f"key{k}: 1\n" for k in range(5000)))
    text = refusal(path, load_config)
    assert "and 89 more problems" in text
    path = tmp_path / "a.json"
    path.write_text(f'{{"{"x" * 100_000}": 1}}')
    assert "unknown key" in refusal(path, load_config)


def test_yaml_that_would_take_minutes_is_refused(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: [" + "1," * MAX_YAML_BYTES + "]")
    assert "or convert it to JSON" in refusal(path, load_config)
