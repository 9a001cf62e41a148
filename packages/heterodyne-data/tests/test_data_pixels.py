"""Bins against their pixels: what a list may say, what it may not, and what the pixels give."""

import re

import h5py
import numpy as np
import pytest
from data_files import make_map, write_apsu, write_chx, write_legacy, write_nxxpcs
from pixel_files import (
    CENTRE,
    DISTANCE,
    ENERGY,
    PHI,
    PHI_OF,
    Q_OF,
    SIZE,
    Q,
    geometry,
    middle,
    refused,
    wedges,
    write,
)

from heterodyne_data import describe_data, load_data
from heterodyne_data.describing import check_data
from heterodyne_spec import DataError


def test_lists_that_agree_with_their_pixels_are_taken_and_how_well_is_said(tmp_path):
    data = load_data(write(tmp_path / "a.h5", wedges()), q=0.0012)
    assert data.phi.tolist() == PHI.tolist()
    assert any(note.startswith("bins agree with their pixels: q within ") for note in data.notes)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("turn", [0, 90, 180, 37.5])
def test_azimuths_counted_from_elsewhere_or_the_other_way_round_are_no_contradiction(tmp_path, sign, turn):
    phi = (sign * PHI + turn + 180) % 360 - 180
    data = load_data(write(tmp_path / "a.h5", wedges(), phi=phi), q=0.0012)
    assert data.phi.tolist() == sorted(phi.tolist())
    said = [note for note in data.notes if note.startswith("phi of the list is ")]
    # Wedges all round look the same turned by a quarter.
    assert len(said) == ((sign, turn) != (1, 0))
    assert all(f"grows {'up' if sign > 0 else 'down'}wards" in note for note in said)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"q": Q[::-1]}, r"bin 1: the list has q = 0.0012 1/Å, its pixels 0.000\d+ \(\+\d\d %, limit \d\d %\)"),
        ({"q": Q * 350}, r"bin 1: the list has q = 0.28 1/Å"),
        ({"phi": np.radians(PHI)}, r"bin \d: the list has phi = .*limit \d\d°"),
        ({"phi": PHI[[0, 3, 1, 5, 2, 6, 4, 7]]}, r"bin \d: the list has phi = "),
    ],
)
def test_lists_that_contradict_the_pixels_are_refused_by_whoever_reads(tmp_path, changes, text):
    path = write(tmp_path / "a.h5", wedges(), **changes)
    assert re.search(text, said := refused(path, q=None)), said
    assert "data.bins=pixels takes q and phi from the pixels" in said


def test_pixels_give_q_and_azimuth_where_they_are_asked_for(tmp_path):
    labels = wedges()
    path = write(tmp_path / "a.h5", labels, q=Q * 350, phi=np.arange(8.0))
    maps = describe_data(path, {"data": {"bins": "pixels"}})["maps"]
    for one in maps:
        q, phi = middle(labels, one["label"])
        assert one["q"] == pytest.approx(q, rel=1e-8)
        assert one["phi"] == pytest.approx(phi, abs=1e-5)
    data = load_data(path, q=maps[-1]["q"], q_tolerance=0.05, bins="pixels")
    np.testing.assert_array_equal(data.c2[0], make_map(seed=9))
    listed = load_data(path, q=Q[1] * 350, bins="listed")
    assert listed.phi.tolist() == list(range(8))


def test_bins_cut_off_by_the_edge_are_taken_and_named(tmp_path):
    labels = wedges()
    labels[(labels == 10) & (PHI_OF < -100)] = 0
    notes = load_data(write(tmp_path / "a.h5", labels), q=0.0012).notes
    said = next(note for note in notes if " bins off their pixels" in note)
    assert not any("agree" in note for note in notes)
    q, phi = middle(labels, 10)
    assert f"bin 10 (q {100 * (Q[1] / q - 1):+.1f} %, phi {PHI[1] - phi:+.1f}°)" in said


FINE_Q, FINE_PHI = np.array([0.0012, 0.0015, 0.0018, 0.0021]), np.arange(-60.0, 61.0, 15.0)
"""Edges of bins that are finer than the limits of what is grossly off."""


def fine(path, phi_edges=FINE_PHI, by_q=0.0, by_phi=0.0, roll=0, **changes):
    """Write a file of fine bins whose lists are off by so much, or rolled."""
    q, phi = ((edges[1:] + edges[:-1]) / 2 for edges in (FINE_Q, phi_edges))
    n = len(q) * len(phi)
    mapping = np.roll(np.arange(n), roll)
    return write(path, wedges(FINE_Q, phi_edges), q=q + by_q, phi=phi + by_phi, mapping=mapping, **changes)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"by_q": 0.0003},
            r"bin 9: the list has q = 0.00195 .* but its pixels, .*, lie in bin 1 of the list",
        ),
        ({"by_q": -0.0003}, r"bin 1: the list has q = 0.00105 1/Å, its pixels 0.00136 \(-23 %, limit 21 %\)"),
        ({"by_phi": 15.0}, r"phi: the list is rotated by \+15° relative to its pixels onto itself"),
        ({"by_phi": -15.0}, r"phi: the list is rotated by -15° relative to its pixels onto itself"),
        ({"by_phi": 15.0, "phi_edges": FINE_PHI[:4]}, r"bin \d: the list has q = .*, lie in bin \d of the list"),
        ({"roll": 1}, r"phi: the list is rotated by -15°"),
    ],
)
def test_lists_that_are_off_by_one_fine_bin_are_refused(tmp_path, changes, text):
    assert load_data(fine(tmp_path / "good.h5", changes.get("phi_edges", FINE_PHI)), q=0.00135).q == 0.00135
    assert re.search(text, said := refused(fine(tmp_path / "a.h5", **changes), q=None)), said
    assert "data.bins=listed the list as it is" in said


def test_one_swapped_pair_of_fine_bins_is_refused(tmp_path):
    mapping = np.arange(24)
    mapping[[10, 11]] = 11, 10
    said = refused(write(tmp_path / "a.h5", wedges(FINE_Q, FINE_PHI), **fine_lists(), mapping=mapping), q=None)
    assert re.match(
        r".*bin 11: the list has q = 0.00165 1/Å, phi = -7.5°, .* lie in bin 12 of the list \(.*and 1 more", said
    )


def fine_lists():
    return {"q": (FINE_Q[1:] + FINE_Q[:-1]) / 2, "phi": (FINE_PHI[1:] + FINE_PHI[:-1]) / 2}


def test_fine_bins_cut_off_by_the_edge_are_no_contradiction(tmp_path):
    """A third of every fourth bin is left, at the edge that it shares with another one."""
    labels = wedges(FINE_Q, FINE_PHI)
    cut = (labels % 4 == 0) & ((PHI_OF + 60) % 15 < 10)
    labels[cut | ((labels % 8 == 3) & ((Q_OF - 0.0012) % 0.0003 < 0.0002))] = 0
    path = write(tmp_path / "a.h5", labels, **fine_lists())
    assert any("bins off their pixels" in note for note in load_data(path, q=0.00135).notes)


@pytest.mark.parametrize("turn", [25.0, 40.0, 90.0, 180.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_few_azimuths_do_not_tell_where_they_are_counted_from(tmp_path, sign, turn):
    edges = np.array([-50.0, -20.0, 10.0, 40.0])
    phi = sign * (edges[1:] + edges[:-1]) / 2 + turn
    path = write(tmp_path / "a.h5", wedges(phi_edges=edges), phi=phi)
    assert "the list has " in refused(path, q=None)


@pytest.mark.parametrize("turn", [1.0, 8.0, 15.0])
def test_few_azimuths_that_are_off_alike_are_told_as_that_with_the_limits(tmp_path, turn):
    edges = np.array([-50.0, -20.0, 10.0, 40.0])
    phi = (edges[1:] + edges[:-1]) / 2 + turn
    # The pixels of these few rows lie a little inside.
    path = write(tmp_path / "a.h5", wedges(phi_edges=edges), q=1.015 * Q, phi=phi)
    notes = load_data(path, q=0.0012).notes
    agree, off = ([note for note in notes if words in note] for words in ("agree with their", "off their pixels"))
    assert (len(agree), len(off)) == ((1, 0) if turn < 3 else (0, 1))
    for note in off:
        assert "by more than 3 % or 3° " in note
        assert "refused beyond 20 %, 20° and half a bin" in note
        said = float(re.search(r"phi of all by about \+([\d.]+)°", note)[1])
        assert said == pytest.approx(turn, abs=1.0)
        assert "fewer than 4 azimuths do not determine which" in note


@pytest.mark.parametrize("turn", [22.5, -22.5])
@pytest.mark.parametrize("sign", [1, -1])
def test_edges_of_bins_in_place_of_their_middles_are_refused(tmp_path, sign, turn):
    path = write(tmp_path / "a.h5", wedges(), phi=(sign * PHI + turn + 180) % 360 - 180)
    said = refused(path, q=None)
    assert re.search(
        r"phi: the list is rotated by [+-]22\.\d° relative to its pixels, half a bin: .*data.bins=listed", said
    )
    assert load_data(path, q=0.0012, bins="listed").n_phi == 8


def test_a_turn_by_no_quarter_stays_in_doubt_and_is_no_agreement(tmp_path):
    notes = load_data(write(tmp_path / "a.h5", wedges(), phi=PHI + 10), q=0.0012).notes
    (said,) = (note for note in notes if note.startswith("phi of the list is rotated by "))
    assert float(said.split("by ")[1].split("°")[0]) == pytest.approx(10, abs=0.5)
    assert "phi is uncertain by that angle" in said
    assert not any("agree" in note for note in notes)


@pytest.mark.parametrize("factor", [1.1, 0.92])
def test_one_factor_of_all_q_is_told_as_distance_or_energy(tmp_path, factor):
    path = write(tmp_path / "a.h5", wedges(THREE_Q), q=factor * THREE)
    (said,) = (note for note in load_data(path, q=factor * THREE[1]).notes if "off their pixels" in note)
    told = float(re.search(r"q of all by about ([+-]\d+) %: is the distance or the energy wrong\?", said)[1])
    assert told == pytest.approx(100 * (factor - 1), abs=2)


@pytest.mark.parametrize("factor", [1.3, 0.75])
def test_a_factor_beyond_the_limit_of_other_contradictions_is_refused(tmp_path, factor):
    path = write(tmp_path / "a.h5", wedges(THREE_Q), q=factor * THREE)
    said = refused(path, q=None)
    assert re.search(
        r"q: the list is off its pixels by about [+-]\d\d % in all bins, limit 20 %: is the distance", said
    )


THREE_Q = np.array([0.0006, 0.0011, 0.0016, 0.0021])
THREE = (THREE_Q[1:] + THREE_Q[:-1]) / 2
"""Bins that are wider than the limits."""


@pytest.mark.parametrize("phi", [[40.0], [-70.0, 70.0]])
def test_wide_bins_without_pixels_are_refused_with_the_way_to_fit_them(tmp_path, phi):
    new = write_apsu(tmp_path / "a.h5", phi=phi, counts=[2, len(phi)], mapping=np.arange(2 * len(phi)))
    if len(phi) == 1:
        new = write_apsu(tmp_path / "a.h5", {1: make_map(), 2: make_map()}, phi=phi, counts=[2, 1], mapping=[0, 1])
    old = write_legacy(
        tmp_path / "a.hdf", {k + 1: make_map() for k in range(len(phi))}, [0.005] * len(phi), phi, count=len(phi)
    )
    for path in (new, old):
        for call in (load_data, check_data):
            with pytest.raises(DataError, match=r"if they are wedges, data\.bins=listed takes phi as it is$"):
                call(path)
        assert load_data(path, q=0.005, bins="listed").phi.tolist() == phi


def test_a_quarter_of_a_turn_is_an_origin_unless_it_is_one_bin(tmp_path):
    edges = np.arange(-180.0, 181.0, 90.0)
    phi = (edges[1:] + edges[:-1]) / 2
    load_data(write(tmp_path / "a.h5", wedges(phi_edges=edges), phi=phi), q=0.0012)
    turned = write(tmp_path / "b.h5", wedges(phi_edges=edges), phi=(phi + 90 + 180) % 360 - 180)
    assert "phi: the list is rotated by +90°" in refused(turned, q=None)


@pytest.mark.parametrize("damaged", [np.inf, 1.7e308, 1e300])
def test_listed_numbers_that_cannot_be_are_one_line(tmp_path, damaged):
    for changes in ({"q": [Q[0], damaged]}, {"phi": [*PHI[:-1], damaged]}):
        path = write(tmp_path / "a.h5", wedges(), **changes)
        if np.isinf(damaged):
            assert any("without a finite q or phi left out" in note for note in load_data(path, q=Q[0]).notes)
        else:
            assert re.search(r"(q|phi): found 1\.?7?e\+30[08] (1/Å|degrees)", refused(path, q=Q[0]))


def test_bins_without_a_pixel_are_said_not_to_be_checked(tmp_path):
    labels = wedges()
    labels[np.isin(labels, (9, 10, 12))] = 0
    notes = load_data(write(tmp_path / "a.h5", labels), q=0.0012).notes
    assert "bins without pixels, q and phi not checked: 9-10, 12" in notes


@pytest.mark.parametrize("pixels", [True, False])
def test_rings_are_listed_and_not_fitted(tmp_path, pixels):
    labels = wedges(phi_edges=np.array([-180.0, 180.0]))
    path = write(tmp_path / "a.h5", labels, phi=[0.0], counts=[2, 1], **({} if pixels else {"pixels": {}}))
    assert [one["phi"] for one in describe_data(path)["maps"]] == [None, None]
    for call in (load_data, check_data):
        with pytest.raises(DataError, match=r"no map has a finite q and phi.*bins over all azimuths cannot be fitted"):
            call(path)


def test_one_wedge_is_fitted(tmp_path):
    labels = wedges(phi_edges=np.array([10.0, 70.0]))
    data = load_data(write(tmp_path / "a.h5", labels, phi=[40.0], counts=[2, 1]), q=0.0012)
    assert data.phi.tolist() == [40.0]


def test_two_opposite_wedges_are_one_azimuth(tmp_path):
    """c2 is the same at phi and phi + 180, so that partitions may draw them together."""
    folded = wedges()
    folded = np.where(folded > 0, (folded - 1) // 8 * 4 + (folded - 1) % 4 + 1, 0)
    path = write(tmp_path / "a.h5", folded, phi=PHI[:4])
    assert load_data(path, q=0.0012).phi.tolist() == PHI[:4].tolist()
    found = load_data(path, q=0.0012, q_tolerance=0.05, bins="pixels").phi
    np.testing.assert_allclose(np.sort((found + 90) % 180), np.sort((PHI[:4] + 90) % 180), atol=2.0)


def test_axes_go_by_their_names(tmp_path):
    """The list of azimuths may come first: the place on the grid then counts q within them."""
    labels = wedges()
    turned = np.where(labels > 0, (labels - 1) % 8 * 2 + (labels - 1) // 8 + 1, 0)
    path = write(tmp_path / "a.h5", turned, q=PHI, phi=Q, names=["phi", "q"])
    assert load_data(path, q=0.0012).phi.tolist() == PHI.tolist()


def test_a_partition_of_other_axes_is_read_from_its_pixels_alone(tmp_path):
    path = write(tmp_path / "a.h5", wedges(), q=[100.0, 200.0], names=["x", "y"])
    text = refused(path, q=None)
    assert "map_names: found x, y, expected q and phi" in text
    assert "or take q and phi from the pixels of each bin: data.bins=pixels" in text
    assert len(describe_data(path, {"data": {"bins": "pixels"}})["maps"]) == 16


def test_pixels_without_a_geometry_cannot_be_asked_for(tmp_path):
    fields = geometry(wedges())
    del fields["energy"]
    path = write(tmp_path / "a.h5", wedges(), pixels=fields)
    assert load_data(path, q=0.0012).phi.tolist() == PHI.tolist()
    assert "/xpcs/qmap/energy is missing" in refused(path, q=None, bins="pixels")


@pytest.mark.parametrize(("phi", "known"), [([-90.0, 90.0], False), ([-15.0, 15.0], True), ([170.0, -160.0], True)])
def test_two_bins_around_without_pixels_are_half_rings_unless_they_lie_side_by_side(tmp_path, phi, known):
    path = write_apsu(tmp_path / "a.h5", phi=phi, counts=[2, 2])
    legacy = write_legacy(tmp_path / "a.hdf", {1: make_map(), 2: make_map()}, [0.004, 0.004], phi, count=2)
    for one in (path, legacy):
        found = describe_data(one)
        assert [phi is not None for *_, phi in (tuple(m.values()) for m in found["maps"])] == [known] * len(
            found["maps"]
        )
        assert any("no pixels to distinguish half a ring from a wedge" in note for note in found["notes"]) != known
        # Who knows better than the file can say so.
        taken = describe_data(one, {"data": {"bins": "listed"}})["maps"]
        assert {m["phi"] for m in taken} == set(phi)


@pytest.mark.parametrize("changes", [{"energy": 8000.0}, {"pixel_size": 75.0}, {"beam_center_x": np.nan}])
def test_a_geometry_that_cannot_be_is_said_to_check_nothing(tmp_path, changes):
    labels = wedges()
    path = write(tmp_path / "a.h5", labels, pixels=geometry(labels) | changes)
    assert any("not checked against pixels" in note for note in load_data(path, q=Q[0]).notes)


def test_units_of_the_lists_may_stand_beside_their_names(tmp_path):
    names = {"map_names": np.array(["q", "phi"], "S"), "map_units": np.array(["nm^-1", "deg"], "S")}
    path = write_apsu(tmp_path / "a.h5", q=[0.05, 0.08], pixels=names)
    assert load_data(path, q=0.005).q == pytest.approx(0.005, rel=1e-12)
    wrong = write_apsu(tmp_path / "b.h5", pixels=names | {"map_units": np.array(["pixel", "deg"], "S")})
    assert "found the unit 'pixel'" in refused(wrong, q=0.005)


@pytest.mark.parametrize(("own", "said"), [("1/nm", False), ("1/angstrom", True), ("pixel", True)])
def test_the_unit_of_a_list_and_that_of_the_list_of_units_must_agree(tmp_path, own, said):
    names = {"map_names": np.array(["q", "phi"], "S"), "map_units": np.array(["nm^-1", "deg"], "S")}
    path = write_apsu(tmp_path / "a.h5", q=[0.05, 0.08], pixels=names)
    with h5py.File(path, "a") as file:
        file["/xpcs/qmap/dynamic_v_list_dim0"].attrs["units"] = own
    if said:
        text = f"dynamic_v_list_dim0, /xpcs/qmap/map_units: found the units '{own}' and 'nm^-1', expected the same"
        assert text in refused(path, q=0.005)
    else:
        assert load_data(path, q=0.005).q == pytest.approx(0.005, rel=1e-12)


def nexus_geometry(group="eiger", **changes):
    """Return the fields of a NeXus file that tell where pixels are; centres are lengths there."""
    instrument = "/entry/instrument"
    centre = np.array(CENTRE) * SIZE
    fields = {"beam_center_x": centre[0], "beam_center_y": centre[1], "x_pixel_size": SIZE, "y_pixel_size": SIZE}
    fields = {f"{instrument}/{group}/{name}": value for name, value in (fields | {"distance": DISTANCE}).items()}
    return fields | {f"{instrument}/beam/incident_energy": ENERGY * 1000} | changes


def write_nexus(path, labels, q, phi):
    """Write an NXxpcs file with the places of its pixels."""
    maps = np.stack([make_map(seed=k) for k in range(len(q))])
    write_nxxpcs(path, maps, q=q, phi=phi, roi_map=labels)
    with h5py.File(path, "r+") as file:
        for key, value in nexus_geometry().items():
            file[key] = value
            file[key].attrs["units"] = "eV" if key.endswith("energy") else "m"
    return path


def write_beamline(path, labels, q, phi):
    """Write a CHX file with the places of its pixels; the distance is in mm there."""
    maps = np.stack([make_map(seed=k) for k in range(len(q))])
    md = {"beam_center_x": CENTRE[0], "beam_center_y": CENTRE[1], "x_pixel_size": SIZE, "y_pixel_size": SIZE}
    md |= {"det_distance": DISTANCE * 1000, "wavelength": 12.398419843 / ENERGY, "frame_time": 0.1}
    return write_chx(path, maps, bins=dict(enumerate(zip(q, phi, strict=True))), md=md, roi_mask=labels)


@pytest.mark.parametrize(("writer", "sign"), [(write_nexus, 1), (write_beamline, -1)])
def test_other_layouts_with_a_map_of_pixels_are_checked_too(tmp_path, writer, sign):
    q, phi = np.repeat(Q, 8), np.tile(sign * PHI, 2)
    data = load_data(writer(tmp_path / "a.h5", wedges(), q, phi), q=0.0012)
    assert any(note.startswith("bins agree with their pixels: q within ") for note in data.notes)
    assert data.phi.tolist() == sorted(sign * PHI)
    wrong = writer(tmp_path / "b.h5", wedges(), np.repeat(Q[::-1], 8), phi)
    assert "bin 1: the list has q = 0.0012 1/Å, its pixels 0.000" in refused(wrong, q=None)
    found = load_data(wrong, q=middle(wedges(), 1)[0], q_tolerance=0.05, bins="pixels")
    np.testing.assert_allclose(found.phi, sorted(sign * middle(wedges(), k)[1] for k in range(1, 9)), atol=1e-5)


def test_a_layout_without_an_origin_of_azimuths_says_that_few_are_not_checked(tmp_path):
    edges = np.array([-50.0, -20.0, 10.0, 40.0])
    phi = np.tile((edges[1:] + edges[:-1]) / 2 + 70, 2)
    notes = load_data(write_nexus(tmp_path / "a.h5", wedges(phi_edges=edges), np.repeat(Q, 3), phi), q=0.0012).notes
    assert any(note.startswith("phi of the list not checked against pixels") for note in notes)


def test_azimuths_of_chx_that_look_like_radians_are_noted(tmp_path):
    path = write_chx(tmp_path / "a.h5", bins={i: (0.005, round(i * np.pi / 6, 4)) for i in range(4)})
    assert "qval_dict: taken as degrees, but the angles look like radians" in " ".join(describe_data(path)["notes"])
