"""Settings of each parameter, collected from all places in a configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from heterodyne_cli.migration.ledger import Ledger
from heterodyne_cli.migration.recognise import GROUPS
from heterodyne_cli.migration.values import as_number

_LIST = "initial_parameters"
_SPACE = "parameter_space.bounds"
_SCALING = "optimization_config.scaling_parameters"
_KEYS = {"value": "value", "min": "min", "max": "max", "vary": "vary", "unit": "unit", "type": "family"}
_PRIOR_KEYS = {"prior": "family", "prior_mu": "mu", "prior_sigma": "sigma"}


@dataclass
class ParameterSettings:
    """Settings of one parameter in a file: places and value of each key, and keys with contradicting values."""

    places: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    disputed: set[str] = field(default_factory=set)

    def add(self, key: str, place: str, value: Any) -> None:
        """Record that `key` has `value` at `place`."""
        if key in self.values and _comparable(self.values[key]) != _comparable(value):
            self.disputed.add(key)
        self.values.setdefault(key, value)
        self.places.setdefault(key, []).append(place)

    def all(self, *keys: str) -> list[str]:
        """Return the places of these keys, or of all keys."""
        return [place for key, places in self.places.items() if not keys or key in keys for place in places]


def parameter_settings(ledger: Ledger) -> Iterator[tuple[str, str, str, Any]]:
    """Yield (name, key, place, value) of all parameter settings in the file."""
    for group in GROUPS:
        yield from _entries(ledger, f"parameters.{group}")
    yield from _lists(ledger)
    yield from _entries(ledger, _SPACE)
    yield from _entries(ledger, _SCALING)
    for path in ledger.under("parameter_bounds"):
        yield from _pair(path.removeprefix("parameter_bounds."), path, ledger.get(path))


def _entries(ledger: Ledger, prefix: str) -> Iterator[tuple[str, str, str, Any]]:
    """Yield settings in mappings per parameter: ``prefix.name.key`` or ``prefix[name].key``."""
    for path in ledger.under(prefix):
        rest = path.removeprefix(prefix).lstrip(".[").replace("]", "", 1)
        name, _, key = rest.partition(".")
        known = _KEYS | _PRIOR_KEYS
        if not key and isinstance(ledger.get(path), list):
            yield from _pair(name, path, ledger.get(path))
        elif not key:
            yield name, "value", path, ledger.get(path)
        elif key in known:
            yield name, known[key], path, ledger.get(path)
        elif key.startswith("prior_params."):
            yield name, key, path, ledger.get(path)


def _lists(ledger: Ledger) -> Iterator[tuple[str, str, str, Any]]:
    """Yield settings in lists that are parallel to a list of names, and in the accompanying mappings."""
    listed = ledger.get(f"{_LIST}.parameter_names")
    names = [str(name) for name in listed] if isinstance(listed, list) else []
    if names:
        ledger.take(f"{_LIST}.parameter_names")
    for key in ("values", "bounds", "units"):
        path = f"{_LIST}.{key}"
        if not ledger.expand(path, names) and ledger.is_open(path) and key != "units":
            found = f"{len(ledger.get(path))} entries" if isinstance(ledger.get(path), list) else "no list"
            ledger.leave(path, f"has {found} for {len(names)} parameter_names")
        for name in names:
            if (place := f"{path}[{name}]") in ledger.settings:
                value = ledger.get(place)
                yield from _pair(name, place, value) if key == "bounds" else [(name, key.rstrip("s"), place, value)]
    for name in ("parameter_units", "parameter_descriptions"):
        for path in ledger.under(f"{_LIST}.{name}"):
            yield path.rpartition(".")[2], "unit", path, ledger.get(path)
    for path in ledger.under(f"{_LIST}.fixed_parameters"):
        name = path.rpartition(".")[2]
        yield name, "value", path, ledger.get(path)
        yield name, "vary", path, False
    for path in ledger.under(f"{_LIST}.tied_parameters"):
        yield path.rpartition(".")[2], "tie", path, ledger.get(path)
    active, path = ledger.get(f"{_LIST}.active_parameters"), f"{_LIST}.active_parameters"
    if isinstance(active, list):
        for name in names:
            yield name, "vary", path, name in active
    for name in ("contrast", "offset"):
        if (path := f"{_LIST}.per_angle_scaling.{name}") in ledger.settings:
            yield name, "value", path, ledger.get(path)


def _pair(name: str, path: str, value: Any) -> Iterator[tuple[str, str, str, Any]]:
    if isinstance(value, list) and len(value) == 2:
        yield name, "min", path, value[0]
        yield name, "max", path, value[1]


def _comparable(value: Any) -> Any:
    found = as_number(value)
    return value if found is None else found
