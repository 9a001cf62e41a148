"""The random configurations of ``nox -s numbers``: none is beyond the checks, and no key of the schema is left out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parents[1] / "numbers"))

from configurations import configurations
from fits import QUICK, Tally, check
from measurements import ANGLES, Measurement, hostile

from heterodyne_cmc.support import unsupported_options
from heterodyne_spec import ConfigError, dump_yaml, lint_config, load_config, load_model, load_schema, parse_yaml

RANDOM = configurations(Measurement(Path("measurement.h5"), ANGLES, 24))
"""For a measurement that is not read here."""


@seed(1)
@settings(max_examples=50, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(RANDOM)
def test_a_random_configuration_is_built_or_refused_by_its_problems(document: Any) -> None:
    assert parse_yaml(dump_yaml(document)) == json.loads(json.dumps(document))
    if problems := lint_config(document):
        with pytest.raises(ConfigError) as refused:
            load_config(document)
        assert refused.value.problems == tuple(problems)
        assert "\n" not in str(refused.value)
    else:
        assert all(problem.remedy for problem in unsupported_options(load_config(document), load_model()))


def test_every_key_of_the_schema_is_drawn() -> None:
    found: set[str] = set()

    @seed(1)
    @settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def draw(data: st.DataObject) -> None:
        found.update(_keys(data.draw(RANDOM), ""))

    draw()
    assert set(_declared(load_schema("config"), "")) <= found


def test_a_hostile_map_is_fitted_or_refused_in_one_line(tmp_path: Path) -> None:
    tally = Tally("hostile maps")
    found = {measurement.path.stem: measurement for measurement in hostile(tmp_path)}
    for name in ("spikes", "azimuths_of_other_scales"):
        check(found[name], {"nlsq": QUICK}, tmp_path / name, tally)
    assert tally.defects == []


def _keys(document: Any, path: str) -> Iterator[str]:
    if isinstance(document, dict):
        for key, value in document.items():
            yield f"{path}{key}"
            yield from _keys(value, f"{path}{key}.")


def _declared(schema: Any, path: str) -> Iterator[str]:
    for key, value in schema.get("properties", {}).items():
        yield f"{path}{key}"
        yield from _declared(value, f"{path}{key}.")
