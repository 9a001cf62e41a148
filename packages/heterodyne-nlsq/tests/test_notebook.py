"""What a notebook shows of a fit says what its report says, and figures are those of the report."""

from __future__ import annotations

import re
from html import unescape
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from handmade import made, signal

from heterodyne_data import presentation
from heterodyne_nlsq.page import html, report_of_fit
from heterodyne_nlsq.stated import stated, telling
from heterodyne_nlsq.table import COLUMNS, rows_of
from heterodyne_report import format_plus_minus, table_cells

HERE = EntryPoint("NLSQResult", "heterodyne_nlsq.presentation", presentation.GROUP)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the module as the distribution does, whatever is installed."""
    monkeypatch.setattr(presentation, "entry_points", lambda group, **name: [HERE] if group == HERE.group else [])


def cells(markup: str) -> list[str]:
    """Return the texts of all cells of the tables in a page."""
    return [unescape(re.sub("<[^>]+>", "", cell)) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", markup)]


def test_the_distribution_registers_what_shows_its_fits() -> None:
    # Read from the source: what is installed for development may be older.
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'[project.entry-points."{HERE.group}"]\n{HERE.name} = "{HERE.value}"' in text


def test_a_notebook_shows_the_words_and_numbers_of_the_report() -> None:
    result = made(warnings=("<b>mind</b> the detector",))
    shown = result._repr_html_()
    assert shown == html(result)
    text, found = unescape(shown), cells(shown)
    assert report_of_fit(result).verdict in text and "Usable" in text
    for row in table_cells(COLUMNS, rows_of(result), page=True).rows:
        start = found.index(row[0])
        assert found[start : start + len(row)] == row
    for quantity in stated(result, result.headline):
        at = found.index(quantity.name)
        assert format_plus_minus(quantity.value, quantity.sd) in found[at + 1]
    # The number in the table, read back, is the value of the result.
    at = found.index("v0")
    value, _, sd = found[at + 1].partition(" ± ")
    assert float(value) == pytest.approx(result.parameters["v0"], abs=float(sd))
    assert "<b>mind</b>" not in shown and "<b>mind</b> the detector" in text
    assert all(warning in text for warning in telling(result, result.warnings))
    assert len(shown) < 20_000 and "<img" not in shown


def test_a_fit_without_signal_shows_no_parameters() -> None:
    result = made(verdict="no-signal", signal=signal(dynamics=0.4, two_components=0.4, flow=0.4, ageing=0.4))
    found = cells(result._repr_html_())
    assert "v0" not in found and "contrast" in found


def test_figures_are_those_of_the_report_and_hold_the_numbers_of_the_result() -> None:
    rng = np.random.default_rng(1)
    plain = made()
    shape = (len(plain.data.phi), plain.data.n_frames, plain.data.n_frames)
    result = made(maps=(1 + 0.1 * rng.random(shape), 1 + 0.1 * rng.random(shape)))
    functions, curves, maps = result.plot.functions(), result.plot.curves(), result.plot.maps()
    labels = [axes.get_ylabel() for axes in functions.axes]
    panel = functions.axes[labels.index("velocity v / Å/s")]
    drawn = [line for line in panel.lines if len(line.get_xdata()) == plain.data.n_frames]
    v = result.to_xarray()["v"]
    assert any(np.allclose(np.interp(v["age"], line.get_xdata(), line.get_ydata()), v, rtol=0.02) for line in drawn)
    first = curves.axes[0].lines
    np.testing.assert_array_equal(first[1].get_ydata(), result.maps[1][0, 0, 1:])
    assert len(first[0].get_xdata()) > 5
    image = maps.axes[1].images[0].get_array()
    off = ~np.eye(shape[1], dtype=bool)
    np.testing.assert_allclose(np.asarray(image)[off], result.maps[1][0][off])
    maps.draw_without_rendering()
    assert all(axes.yaxis.label.get_window_extent().x0 > 0 for axes in maps.axes if axes.get_ylabel())
    assert all(hasattr(figure, "_repr_png_") for figure in (functions, curves, maps))
