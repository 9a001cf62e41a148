"""Files that people give where measurements are expected: told by what they are, with the way to two-time maps."""

import h5py
import numpy as np
import pytest
from data_files import APSU_MAPS, write_apsu, write_fields
from results import make_result

from heterodyne_data import load_data
from heterodyne_spec import DataError

FRAMES = np.zeros((3, 4, 4), "u2")
METADATA = {"/entry/instrument/detector_1/frame_time": 0.1}
FILES = {
    "boost_corr's default": (
        {
            "/xpcs/multitau/normalized_g2": np.ones((9, 4)),
            "/xpcs/qmap/dynamic_roi_map": np.ones((4, 4), "u1"),
            **METADATA,
        },
        "only one-time correlations .*: boost_corr -t Twotime, or -t Both",
    ),
    "xpcs-eigen": ({"/exchange/norm-0-g2": np.ones((9, 4))}, "only one-time correlations .*: analysis_type Twotime"),
    "CHX": ({"g2": np.ones((9, 4)), "taus": np.arange(9), "md": 0, "qval_dict": 0}, r"without two-time maps \(g12b\)"),
    "dahu": ({"/entry_0000/1_XPCS/results/g2": np.ones((4, 9))}, "one-time results of dahu .* xpcs-correlator"),
    "ID02": (
        {"/entry_0000/correlations/phi_0/g2/cf": np.ones((3, 9))},
        "only one-time correlations; .* ttcf_format='t1,t2'",
    ),
    "scikit-beam": (
        {"g2": np.ones((9, 4)), "lag_steps": np.arange(9)},
        r"only one-time correlations \(g2 of lag\); .* two_time_corr",
    ),
    "a map of bins": ({"/qmap/dynamic_roi_map": np.ones((4, 4), "u1")}, "is a map of q and phi bins"),
    "raw frames": ({"/entry/data/data_000001": FRAMES, **METADATA}, "contains detector frames, not correlations"),
    "metadata": (METADATA, "contains the metadata of a measurement, not correlations"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_holds_no_maps_is_told_with_the_way_to_them(tmp_path, name):
    fields, text = FILES[name]
    with pytest.raises(DataError, match=text):
        load_data(write_fields(tmp_path / "a.h5", fields))


def test_a_result_of_our_own_is_no_measurement(tmp_path):
    make_result().save(tmp_path)
    with pytest.raises(DataError, match="is a result of this program, not a measurement; view it"):
        load_data(tmp_path / "nlsq_result.h5")


@pytest.mark.parametrize("link", [h5py.ExternalLink("maps.h5", "/maps"), h5py.SoftLink("/elsewhere")])
@pytest.mark.parametrize("place", [APSU_MAPS, f"{APSU_MAPS}/c2_00001"])
def test_a_link_that_leads_nowhere_is_named(tmp_path, place, link):
    path = write_apsu(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        del file[place]
        file[place] = link
    with pytest.raises(DataError, match=f"{place}: is a link to .*, which does not exist; co"):
        load_data(path, q=0.005)


def test_a_field_that_may_be_missing_and_is_a_link_to_nowhere_is_named(tmp_path):
    path = write_apsu(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        del file["/xpcs/twotime/config/avg_frame"]
        file["/xpcs/twotime/config/avg_frame"] = h5py.ExternalLink("gone.h5", "/avg")
    with pytest.raises(DataError, match=r"avg_frame: is a link to .*gone\.h5"):
        load_data(path, q=0.005)


@pytest.mark.parametrize("outside", [True, False], ids=["external", "soft"])
def test_a_field_may_be_missing_in_what_a_link_leads_to(tmp_path, outside):
    path, wanted = tmp_path / "master.h5", load_data(write_apsu(tmp_path / "target.h5"), q=0.005)
    if outside:
        with h5py.File(path, "w") as file:
            for name in ("xpcs", "entry"):
                file[name] = h5py.ExternalLink("target.h5", f"/{name}")
    else:
        with h5py.File(write_apsu(path), "a") as file:
            for name in ("xpcs", "entry"):
                file.move(name, f"store/{name}")
                file[name] = h5py.SoftLink(f"/store/{name}")
    data = load_data(path, q=0.005)
    np.testing.assert_array_equal(data.c2, wanted.c2)
    assert data.notes == wanted.notes
