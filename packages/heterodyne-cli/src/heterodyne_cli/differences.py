"""Differences between results in data, model, configuration and versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from heterodyne_data import FittedData

_VERSION = "version of "
_HASH = 12
"""Number of characters shown of a hash."""


class Made(Protocol):
    """A result with its provenance."""

    @property
    def data(self) -> FittedData: ...
    @property
    def model(self) -> Mapping[str, str]: ...
    @property
    def config(self) -> Mapping[str, Any]: ...
    @property
    def versions(self) -> Mapping[str, str]: ...


def differences(results: Sequence[Made]) -> list[tuple[str, tuple[str, ...]]]:
    """Return every key on which the results differ, with its value in each ("" if missing).

    Packages used by only one result are not listed; configuration keys set in only one are.
    """
    facts = [dict(_facts(one)) for one in results]
    keys = dict.fromkeys(key for one in facts for key in one)
    rows = [(key, tuple(one.get(key, "") for one in facts)) for key in keys]
    return [
        (key, values) for key, values in rows if len(set(values) - ({""} if key.startswith(_VERSION) else set())) > 1
    ]


def _facts(one: Made) -> Iterator[tuple[str, str]]:
    data, given = one.data, one.data.provenance
    yield "file", str(given.get("file", ""))
    yield "file, SHA-256", str(given.get("sha256", ""))[:_HASH]
    yield "layout", str(given.get("layout", ""))
    yield "q / (1/Å)", f"{data.q:.6g}"
    yield "φ / degree", ", ".join(f"{phi:g}" for phi in data.phi)
    yield "frames", f"{data.start_frame} to {data.start_frame + data.n_frames - 1}"
    yield "dt / s", f"{data.dt:g}"
    yield "model", f"{one.model.get('id')} {one.model.get('version')} {one.model.get('sha256', '')[:_HASH]}"
    yield from ((f"config {key}", value) for key, value in _flat(one.config))
    yield from ((f"{_VERSION}{name}", version) for name, version in one.versions.items())


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(item)
