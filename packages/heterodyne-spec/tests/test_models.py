"""Which models there are, what the specification says of their groups and laws, and models of other distributions."""

from __future__ import annotations

import importlib.metadata
import os

import numpy as np
import pytest

from heterodyne_spec import ConfigError, load_model, plugins
from heterodyne_spec.codegen import main
from heterodyne_spec.laws import clipped_exp, find_laws
from heterodyne_spec.model import DEFAULT_MODEL
from heterodyne_spec.models import SHIPPED, knowledge, model_names, module_name


@pytest.fixture
def brought(tmp_path, monkeypatch):
    """Put a distribution on the path that brings a copy of the model under another name, and return its folder."""
    text = (load_yaml()).replace("id: two-component", "id: another-one")
    folder = tmp_path / "site"
    package = folder / "brings_another"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "data.py").write_text("WORD = 'of the plug-in'\n")
    (package / "another-one.yaml").write_text(text, encoding="utf-8")
    info = folder / "brings_another-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brings-another\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[heterodyne.models]\nanother-one = brings_another\n")
    monkeypatch.syspath_prepend(folder)
    return package


def load_yaml():
    from importlib import resources

    return resources.files("heterodyne_spec").joinpath("model", f"{DEFAULT_MODEL}.yaml").read_text(encoding="utf-8")


def test_a_model_of_another_distribution_is_generated_and_found(brought, capsys):
    assert model_names() == (*SHIPPED, "another-one")
    assert main(["--model", str(brought / "another-one.yaml")]) == 0
    assert (brought / "_generated" / "another_one.py").is_file()
    assert "written" in capsys.readouterr().out
    assert main(["--model", str(brought / "another-one.yaml"), "--check"]) == 0
    assert load_model("another-one").names == load_model().names
    assert load_model("another-one").sha256 != load_model().sha256
    assert knowledge("heterodyne_data", "another-one").WORD == "of the plug-in"
    assert knowledge("heterodyne_report", "another-one") is None


def test_a_model_that_nobody_brings_is_unknown():
    assert model_names() == SHIPPED
    with pytest.raises(ConfigError, match="found 'another-two', expected a shipped model"):
        load_model("another-two")


def test_names_of_modules_and_groups_follow_the_specification():
    assert module_name("two-component") == "two_component"
    assert load_model().function_of_group == {"reference": "J_r", "sample": "J_s", "velocity": "v", "fraction": "x"}


def test_clock_reach_and_origin_of_a_law():
    t, values = 0.1 * np.arange(1, 201), dict(zip(load_model().names, load_model().defaults.tolist(), strict=True))
    values |= {"f0": 0.3, "f1": -0.2, "f2": 4.0, "f3": 0.1}
    power, *_, exponential = find_laws(load_model())
    assert power.positions(load_model().names) == [0, 1, 2]
    assert (power.reach(t), exponential.reach(t)) == (1.0, pytest.approx((t[-1] - t[0]) / 2))
    np.testing.assert_array_equal(power.clock(t, values), np.log(t))
    np.testing.assert_array_equal(exponential.clock(t, values), t - 4.0)
    np.testing.assert_array_equal(exponential.clock(t), t)
    assert power.from_origin(values, 1.0) == values
    moved = exponential.from_origin(values, -3.0)
    assert moved["f2"] == -3.0
    x = [load_model().evaluate("x", one, t) for one in (values, moved)]
    np.testing.assert_allclose(*x, rtol=1e-13)
    assert (clipped_exp(1e4), clipped_exp(-1e4)) == (np.exp(200.0), np.exp(-200.0))


def test_entry_points_are_those_of_the_folders_as_they_are(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        plugins, "look_up", lambda group: asked.append(group) or importlib.metadata.entry_points(group=group)
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert [plugins.entry_points(group="things") for _ in range(3)] == [(), (), ()]
    assert asked == ["things"]
    info = tmp_path / "thing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[things]\none = thing\nother = thing\n")
    # As it is where folders change at the same tick of the clock.
    os.utime(tmp_path, ns=(1, 1))
    assert [point.name for point in plugins.entry_points(group="things")] == ["one", "other"]
    assert [point.name for point in plugins.entry_points(group="things", name="other")] == ["other"]
    assert asked == ["things", "things"]
