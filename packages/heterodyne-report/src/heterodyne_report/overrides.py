"""Configuration keys on the command line: ``--set data.q=0.0054``."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from heterodyne_spec.errors import ConfigError, Problem
from heterodyne_spec.yamlio import parse_yaml

_FORM = "KEY=VALUE with dots between the levels, such as data.q=0.0054"


def with_overrides(document: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Return a copy of a configuration with `settings` applied (``a.b=value``, the value as in YAML).

    Raises
    ------
    ConfigError : if a setting has another form, or refers to a key inside a value.
    """
    result = copy.deepcopy(dict(document))
    for setting in settings:
        key, equals, text = setting.partition("=")
        names = [name.strip() for name in key.split(".")]
        if not equals or not all(names):
            raise _refused(setting, "another form", _FORM)
        _put(result, names, parse_yaml(text, f"--set {key}"), setting)
    return result


def _put(document: dict[str, Any], names: list[str], value: Any, setting: str) -> None:
    place: Any = document
    for depth, name in enumerate(names[:-1], start=1):
        # In YAML, a section whose keys are all commented out is null.
        if place.get(name) is None:
            place[name] = {}
        place = place[name]
        if not isinstance(place, dict):
            found = f"{'.'.join(names[:depth])} = {place}"
            raise _refused(setting, found, "a section there")
    place[names[-1]] = value


def _refused(setting: str, found: str, expected: str) -> ConfigError:
    return ConfigError("command line", [Problem(f"--set {setting}", found, expected, "correct it")])
