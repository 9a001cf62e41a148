"""Units that files state: converted and reported, in any spelling; contradictions are refused."""

import h5py
import numpy as np
import pytest
from data_files import (
    PHI,
    four_maps,
    make_map,
    write_apsu,
    write_legacy,
    write_nxxpcs,
    write_scikit_beam,
)

from heterodyne_data import describe_data, load_data
from heterodyne_data.layouts.units import ANGLE, TIME, WAVEVECTOR, normalised
from heterodyne_spec import DataError


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
    assert "as in the definition NXxpcs; taken as degrees" in describe_data(path)["notes"][0]


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


def test_q_that_is_far_below_any_measurement_is_in_another_unit(tmp_path):
    path = write_scikit_beam(tmp_path / "a.h5", **{"q@units": "1/m"})
    for call in (load_data, describe_data):
        with pytest.raises(
            DataError, match=r"q: found 5e-13 1/Å, expected 1e-07 or more: the unit of q is not the stated one"
        ):
            call(path)
