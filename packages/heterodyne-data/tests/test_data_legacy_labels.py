"""Legacy APS files: which bin a numbered map belongs to where some bins have no pixels."""

import numpy as np
import pytest
from data_files import make_map, write_legacy
from pixel_files import (
    refused,
    wedges,
    write,
)

from heterodyne_data import describe_data, load_data
from heterodyne_spec import DataError

EMPTY = (1, 5)
LEGACY_Q = np.where(np.isin(np.arange(8), EMPTY), np.nan, np.repeat([0.004, 0.006], 4))
LEGACY_PHI = np.where(np.isin(np.arange(8), EMPTY), np.nan, np.tile([20.0, 110.0, 200.0, 290.0], 2))


def labels_of(path):
    return {one["label"]: (one["q"], one["phi"]) for one in describe_data(path)["maps"]}


FULL_Q, FULL_PHI = np.repeat([0.004, 0.006], 4), np.tile([20.0, 110.0, 200.0, 290.0], 2)


@pytest.mark.parametrize("dqmap", [None, np.arange(7)[None]])
@pytest.mark.parametrize(("q", "phi"), [(LEGACY_Q, LEGACY_PHI), (LEGACY_Q, FULL_PHI), (FULL_Q, LEGACY_PHI)])
def test_legacy_labels_count_over_the_bins_that_are_nan_in_either_list(tmp_path, dqmap, q, phi):
    maps = {k: np.triu(make_map(seed=k)) for k in range(1, 7)}
    path = write_legacy(tmp_path / "a.hdf", maps, q, phi, dqmap=dqmap)
    wanted = [(0.004, 20), (0.004, -160), (0.004, -70), (0.006, 20), (0.006, -160), (0.006, -70)]
    assert labels_of(path) == dict(enumerate(wanted, 1))
    assert any("labels count the 6 others" in note for note in describe_data(path)["notes"])
    np.testing.assert_array_equal(load_data(path, q=0.006).c2[0], make_map(seed=5))


def test_legacy_labels_that_count_all_bins_are_seen_from_their_map(tmp_path):
    every = np.flatnonzero(np.isfinite(LEGACY_Q)) + 1
    maps = {int(k): np.triu(make_map(seed=int(k))) for k in every}
    path = write_legacy(tmp_path / "a.hdf", maps, LEGACY_Q, LEGACY_PHI, dqmap=every[None])
    assert labels_of(path)[8] == (0.006, -70)
    assert labels_of(path)[3] == (0.004, -160)


def test_legacy_maps_that_stop_short_of_the_nan_bins_are_told_from_those_that_count_them(tmp_path):
    """Numbers beyond the bins with pixels count all bins; a gap at the NaN bin within them may be either."""
    maps = {k: np.triu(make_map(seed=k)) for k in (1, 3, 4, 5, 7, 8)}
    path = write_legacy(tmp_path / "a.hdf", maps, LEGACY_Q, LEGACY_PHI)
    assert labels_of(path)[3] == (0.004, -160)
    del maps[7], maps[8]
    gap = write_legacy(tmp_path / "b.hdf", maps, LEGACY_Q, LEGACY_PHI)
    assert "the labels of the maps in /exchange/C2T_all (1, 3-5) may count all bins or the others only" in refused(gap)
    first = write_legacy(tmp_path / "c.hdf", {1: maps[1]}, LEGACY_Q, LEGACY_PHI)
    assert labels_of(first) == {1: (0.004, 20)}


@pytest.mark.parametrize("dqmap", [None, np.arange(7)[None]])
@pytest.mark.parametrize("mark", [(0.0, 0.0), (0.0, 45.0), (-1.0, -1.0), (0.005, -1.0), (-1.0, 20.0)])
def test_legacy_labels_without_gap_leave_out_bins_of_0_or_minus_1(tmp_path, mark, dqmap):
    q, phi = (np.where(np.isnan(LEGACY_Q), one, full) for one, full in zip(mark, (FULL_Q, FULL_PHI), strict=True))
    maps = {k: np.triu(make_map(seed=k)) for k in range(1, 7)}
    path = write_legacy(tmp_path / "a.hdf", maps, q, phi, dqmap=dqmap)
    assert labels_of(path)[2] == (0.004, -160)
    assert labels_of(path)[6] == (0.006, -70)
    note = next(note for note in describe_data(path)["notes"] if "labels count the 6 others" in note)
    # What is below 0 is no bin, whatever anybody chooses.
    assert ("data.bins=listed counts all" in note) == (mark[0] >= 0)
    if mark[0] >= 0:
        listed = describe_data(path, {"data": {"bins": "listed"}})["maps"]
        assert (listed[1]["q"], listed[1]["phi"]) == mark
        assert listed[2]["phi"] == -160


def test_legacy_bins_of_0_are_counted_where_the_maps_are(tmp_path):
    """The bin at the beam has a map, or a number behind it shows that it has been counted."""
    q, phi = [0.0, 0.004, 0.004, 0.004], [0.0, 20.0, 110.0, 200.0]
    for numbers in ([1, 2, 3, 4], [2, 3, 4], [4]):
        path = write_legacy(tmp_path / "a.hdf", {k: np.triu(make_map(seed=k)) for k in numbers}, q, phi)
        data = load_data(path, q=0.004, phi=[200])
        np.testing.assert_array_equal(data.c2[0], make_map(seed=4))
    partly = write_legacy(tmp_path / "b.hdf", {2: np.triu(make_map(seed=2))}, q, phi)
    assert "may count all bins or the others only" in (said := refused(partly, q=0.004))
    assert "data.bins=listed counts all" in said
    assert load_data(partly, q=0.004, bins="listed").phi.tolist() == [20.0]


def test_legacy_list_and_map_of_different_partitions_are_refused(tmp_path):
    maps = {1: np.triu(make_map())}
    path = write_legacy(tmp_path / "a.hdf", maps, LEGACY_Q, LEGACY_PHI, dqmap=np.arange(9)[None])
    assert "list and map are of different partitions" in refused(path)


def test_legacy_rings_are_listed_and_not_fitted(tmp_path):
    path = write_legacy(tmp_path / "a.hdf", {1: np.triu(make_map())}, [0.004, 0.006], [0.0, 0.0], count=1)
    assert labels_of(path) == {1: (0.004, None)}


def test_half_rings_have_no_azimuth(tmp_path):
    """Half a ring averages cos(phi - phi0) as a whole one does."""
    path = write(tmp_path / "a.h5", wedges(phi_edges=[-180.0, 0.0, 180.0]), phi=[-90.0, 90.0])
    assert [one["phi"] for one in describe_data(path)["maps"]] == [None] * 4
    with pytest.raises(DataError, match="no map has a finite q and phi"):
        load_data(path)
