"""What a notebook shows of measurements and results, and their conversion to other libraries' tables."""

import dataclasses
import html

import numpy as np
import pytest
from data_files import make_map
from results import make_result

from heterodyne_data import TwoTimeData, as_measurement, optional, presentation
from heterodyne_spec import DataError, MissingPackageError

PRESENTER = """
def html(value): return f"<b>{type(value).__name__}</b>"
def maps(result): return ("figure of maps", result.maps[0].shape)
def functions(result): return "figure of functions"
def panes(value): return ["panes", value.data.q]
"""


@pytest.fixture
def presented(tmp_path, monkeypatch):
    """Put a distribution on the path that presents fits and explores results."""
    info = tmp_path / "presenter-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: presenter\nVersion: 1.0\n")
    groups = f"[{presentation.GROUP}]\nNLSQResult = presenter\n\n[{presentation.EXPLORE}]\nany = presenter:panes\n"
    (info / "entry_points.txt").write_text(groups)
    (tmp_path / "presenter.py").write_text(PRESENTER)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture
def alone(monkeypatch):
    """Leave no distribution that presents anything."""
    monkeypatch.setattr(presentation, "entry_points", lambda **asked: ())


def test_results_and_measurements_print_a_few_lines_whatever_they_hold():
    large = make_result(
        config={"data": {"frames": list(range(5000))}},
        maps=(np.ones((2, 200, 200)), np.ones((2, 200, 200))),
        warnings=("a long warning. " * 100,) * 20,
    )
    text = repr(large)
    assert len(text) < 2000 and len(text.splitlines()) < 10
    assert text.startswith(f"NLSQResult: {large.verdict}\n  {large.sentence}\n")
    assert "q = 0.0054" in text and "2 of 14 parameters free" in text and "20 warnings" in text
    notes = tuple(f"note {k}" for k in range(9))
    data = TwoTimeData(c2=np.stack([make_map(200, 0), make_map(200, 1)]), q=0.0054, phi=[90, -5], dt=0.1, notes=notes)
    text = repr(data)
    assert len(text) < 2000
    assert all(word in text for word in ("2 azimuths × 200 × 200", "0.0054 1/Å", "-5, 90", "0.1 to 20 s", "note 2"))
    assert "note 3" not in text and "6 more" in text


def test_without_a_package_that_draws_text_and_the_remedy_are_shown(alone):
    result = make_result(sentence="<script>alert('v')</script> & more")
    shown = result._repr_html_()
    assert html.escape(repr(result)) in shown and "<script" not in shown
    assert "pip install heterodyne-nlsq" in shown
    with pytest.raises(MissingPackageError, match=r"plot\.functions\(\) requires heterodyne-nlsq"):
        result.plot.functions()
    with pytest.raises(MissingPackageError, match=r"pip install 'heterodyne-cli\[view\]'"):
        result.explore()
    assert "pip install heterodyne-report" in TwoTimeData(c2=make_map(8), q=0.01, phi=0, dt=1)._repr_html_()


def test_packages_that_draw_are_found_by_their_entry_points(presented):
    result = make_result()
    assert result._repr_html_() == "<b>NLSQResult</b>"
    assert result.plot.functions() == "figure of functions"
    assert result.explore() == ["panes", 0.0054]
    with pytest.raises(DataError, match="has no maps; load it with maps=True"):
        result.plot.maps()
    maps = np.ones((2, 4, 4))
    assert dataclasses.replace(result, maps=(maps, maps)).plot.maps() == ("figure of maps", (2, 4, 4))


def test_a_dataset_holds_the_arrays_of_a_result():
    rng = np.random.default_rng(0)
    result = make_result(maps=tuple(rng.random((2, 2, 4, 4))))
    found = result.to_xarray()
    for name in ("J_r", "J_s", "v", "x"):
        np.testing.assert_array_equal(found[name], result.bands.values[name])
        np.testing.assert_array_equal(found[f"{name}_sd"], result.bands.sd[name])
        np.testing.assert_array_equal(found[f"{name}_slice"], result.age_resolved.values[name])
    assert found.v.attrs["units"] == "Å/s" and found.age.attrs["units"] == "s"
    np.testing.assert_array_equal(found.age, result.bands.t)
    assert {str(name): float(found.value.sel(parameter=name)) for name in found.parameter.values} == result.parameters
    assert float(found.sd.sel(parameter="D0_ref")) == result.sd["D0_ref"] == 12.5
    np.testing.assert_array_equal(found.covariance.sel(free="D0_ref", free_too=["D0_ref", "v0"]), [156.25, 0.1])
    np.testing.assert_array_equal(found.c2.sel(phi=90.0), result.maps[0][1])
    np.testing.assert_array_equal(found.c2_model, result.maps[1])
    np.testing.assert_array_equal(found.t1, result.data.t)
    np.testing.assert_array_equal(found.contrast.sel(phi=-5.8), result.contrast[0])
    assert (found.attrs["verdict"], found.attrs["q"], found.attrs["model"]) == (result.verdict, 0.0054, "two-component")
    assert found.attrs["version heterodyne-spec"] == "0.1.0" and found.attrs["warnings"] == result.warnings[0]
    # Without bands and maps, as in a result of an older version.
    older = make_result(bands=None, age_resolved=None).to_xarray()
    assert older.v.shape == (4,) and "v_sd" not in older and "c2" not in older


def test_a_table_has_a_row_for_each_parameter():
    result = make_result()
    table = result.to_dataframe()
    assert table["value"].to_dict() == result.parameters
    np.testing.assert_array_equal(table["sd"], list(result.sd.values()))
    assert table.loc["D0_sample", "tie"] == "D0_ref" and not table.loc["v0", "determined"]


def test_a_missing_library_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setattr(optional, "find_spec", lambda name: None)
    for call, name in ((make_result().to_xarray, "xarray"), (make_result().to_dataframe, "pandas")):
        with pytest.raises(MissingPackageError, match=rf"requires {name}; .*pip install 'heterodyne-data\[notebook\]'"):
            call()


def test_an_array_becomes_the_measurement_that_its_numbers_describe():
    c2 = np.stack([make_map(8, seed) for seed in (0, 1)])
    expected = TwoTimeData(c2=c2, q=0.005, phi=[0, 90], dt=0.1)
    for given in (c2, c2.tolist(), tuple(c2)):
        found = as_measurement(given, q=0.005, phi=[0, 90], t=0.1 * np.arange(1, 9))
        np.testing.assert_array_equal(found.c2, expected.c2)
        np.testing.assert_allclose(found.t, expected.t)
        assert (found.q, found.dt, found.phi.tolist()) == (0.005, pytest.approx(0.1), [0, 90])
    assert as_measurement(expected) is expected and as_measurement("a.h5") == "a.h5"
    for data, what in ((expected, "a measurement"), ("a.h5", "the file a.h5")):
        with pytest.raises(DataError, match=f"q, dt: given together with {what}, which has its own"):
            as_measurement(data, q=0.005, dt=0.1)
    with pytest.raises(DataError, match="found ndarray, taken as an array c2, without q and phi; give q= in 1/Å"):
        as_measurement(c2, dt=0.1)
    with pytest.raises(DataError) as measured:
        TwoTimeData(c2=c2[:, :, :7], q=0.005, phi=[0, 90], dt=0.1)
    with pytest.raises(DataError) as array:
        as_measurement(c2[:, :, :7], q=0.005, phi=[0, 90], dt=0.1)
    assert str(array.value) == str(measured.value)
