"""What notebooks show: measurements, insets of results, figures, and progress in one output."""

import sys
from types import SimpleNamespace

import numpy as np
from test_page import NASTY, Reader

from heterodyne_data import FittedData, TwoTimeData
from heterodyne_report import Console, measurement, new_figure, notebook_line
from heterodyne_report.page import Report, Section, paragraph, result_inset


class Publisher:
    """Keeps what a cell shows, as a notebook would: outputs by their identifier, replaced by updates."""

    def __init__(self):
        self.outputs, self.texts = {}, []

    def publish(self, data, *, transient, update):
        assert update == (transient["display_id"] in self.outputs)
        self.outputs[transient["display_id"]] = data["text/plain"]
        self.texts.append(data["text/plain"])


def in_a_notebook(monkeypatch):
    """Let this process look like one that runs a notebook, and return what its cell shows."""
    shell = SimpleNamespace(kernel=object(), display_pub=Publisher())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    return shell.display_pub


def test_progress_in_a_notebook_replaces_one_output_and_leaves_it_empty(monkeypatch, capsys):
    cell = in_a_notebook(monkeypatch)
    monkeypatch.setattr(notebook_line, "_LEAST", 0.0)
    with Console().progress() as shown:
        for k in range(5):
            shown.show(f"iteration {k}")
        shown.show("iteration 4")
    assert cell.texts == [*(f"iteration {k}" for k in range(5)), ""]
    assert list(cell.outputs.values()) == [""]
    assert capsys.readouterr() == ("", "")


def test_updates_in_a_notebook_are_not_more_frequent_than_a_reader_can_follow(monkeypatch):
    cell = in_a_notebook(monkeypatch)
    monkeypatch.setattr(notebook_line, "_LEAST", 60.0)
    with Console().progress() as shown:
        for k in range(1000):
            shown.show(f"iteration {k}")
    assert cell.texts == ["iteration 0", ""]


def test_python_in_a_terminal_is_no_notebook(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert notebook_line.notebook_line() is None
    terminal = SimpleNamespace(get_ipython=lambda: SimpleNamespace(display_pub=None))
    monkeypatch.setitem(sys.modules, "IPython", terminal)
    assert notebook_line.notebook_line() is None
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert notebook_line.notebook_line() is None


def test_a_measurement_is_shown_with_its_facts_and_findings():
    c2 = np.ones((2, 8, 8))
    data = TwoTimeData(c2=c2, q=0.0054, phi=[0, 90], dt=0.1, notes=[NASTY], provenance={"file": NASTY})
    page = Reader(measurement.html(data))
    words = " ".join(page.words)
    assert NASTY in page.words and "script" not in page.tags
    assert all(text in words for text in data.facts.values())


def test_an_inset_escapes_what_people_wrote_and_has_no_identifiers_to_clash():
    data = FittedData(0.0054, np.array([0.0]), 8, 1, 0.1, (), {"file": NASTY})
    report = Report(NASTY, NASTY, False, [])
    page = Reader(result_inset(report, data, [Section(NASTY, paragraph(NASTY))]))
    assert "script" not in page.tags and page.ids("id") == []
    assert page.words.count(NASTY) == 3  # verdict, title and text of the section
    assert "details" in page.tags and ("open", "open") in page.attributes


def test_a_figure_of_its_own_is_shown():
    figure = new_figure(2, 1)
    figure.subplots().plot([1, 2])
    assert figure._repr_png_().startswith(b"\x89PNG")
