"""The registry of consensus methods against what a configuration may ask for."""

from __future__ import annotations

from importlib.util import find_spec

from heterodyne_cmc.methods import METHODS
from heterodyne_spec.lint.schema import load_schema


def test_a_configuration_may_ask_for_every_method_and_for_no_other() -> None:
    offered = load_schema("config")["properties"]["cmc"]["properties"]["consensus"]["enum"]
    assert sorted(offered) == sorted(["auto", *METHODS])
    assert all(find_spec(f"heterodyne_cmc.methods.{name}") for name in METHODS)
    assert all(method.words for method in METHODS.values())
