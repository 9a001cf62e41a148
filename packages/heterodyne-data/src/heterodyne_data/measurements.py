"""The measurements of a joint fit or posterior: what is asked of each, and what they are called."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from heterodyne_data.describing import describe_data
from heterodyne_data.given import select_data
from heterodyne_data.independent import check_independent, is_one_q
from heterodyne_data.two_time import TwoTimeData
from heterodyne_spec import Config, DataError, load_config


@dataclass(frozen=True)
class Measurement:
    """One measurement, selected, the configuration of its fit alone, and the file that it was read from, if it was."""

    label: str
    data: TwoTimeData
    config: Config
    source: str | None = None


def listed_measurements(data: object) -> list[TwoTimeData | str | Path]:
    """Return measurements or paths, of a list or any iterable, or a single one, as a list.

    Raises
    ------
    DataError : if it holds anything else.
    """
    items: list[object] = [data]
    if not isinstance(data, TwoTimeData | str | Path | Mapping) and isinstance(data, Iterable):
        items = list(data)
    found = [item for item in items if isinstance(item, TwoTimeData | str | Path)]
    if len(found) < len(items):
        raise DataError(f"data: found {type(data).__name__}, expected a list of measurements (TwoTimeData) or paths")
    return found


def joint_measurements(
    data: Sequence[TwoTimeData | str | Path], config: Config, q: Sequence[float] | float | str | None
) -> list[Measurement]:
    """Return the measurements of a joint fit, every one selected by the configuration.

    Parameters
    ----------
    data : measurements, or paths of files.
    q : wavevectors in 1/Å, of each of which every file has to have maps; ``all``, or None for those of the
        configuration or the only one of the file.

    Raises
    ------
    DataError : if a measurement cannot be read or used, or one is given twice, or beside its parts.
    """
    found = [one for item in data for one in _of(item, config, q)]
    if len(found) < 2:
        only = f", {_named(found[0], 1)} is one" if found else ""
        raise DataError(
            f"a joint fit takes at least two measurements{only}; give several files, or several q of one (q: all)"
        )
    check_independent([one.data for one in found], [_named(one, k + 1) for k, one in enumerate(found)])
    same_q = is_one_q([one.data.q for one in found])
    files = [str(one.data.provenance.get("file", "")) for one in found]
    same_file = len(set(files)) == 1
    labels = []
    for k, (one, file) in enumerate(zip(found, files, strict=True)):
        words = [] if same_file else [Path(file).stem if file else f"measurement {k + 1}"]
        words += [] if same_q else [f"q = {one.data.q:.4g}"]
        labels.append(", ".join(words) or f"measurement {k + 1}")
    if len(set(labels)) < len(labels):
        labels = [f"{label} ({k + 1})" for k, label in enumerate(labels)]
    return [replace(one, label=label) for label, one in zip(labels, found, strict=True)]


def _named(one: Measurement, number: int) -> str:
    return f"{one.data.provenance.get('file', f'measurement {number}')}, q = {one.data.q:.4g}"


def _of(
    item: TwoTimeData | str | Path, config: Config, q: Sequence[float] | float | str | None
) -> Iterator[Measurement]:
    if isinstance(item, TwoTimeData):
        wanted = [q] if isinstance(q, float | int) else [] if q is None or isinstance(q, str) else list(q)
        if wanted and not any(is_one_q([one, item.q]) for one in wanted):
            asked = ", ".join(f"{one:g}" for one in wanted)
            raise DataError(f"q: found {asked}, but a measurement that is given has q = {item.q:g}; leave q out")
        own = with_q(config, None)
        yield Measurement("", select_data(item, own), own)
        return
    for one in _asked(item, config, q):
        own = with_q(config, one)
        yield Measurement("", select_data(item, own), own, str(Path(item).absolute()))


def _asked(path: str | Path, config: Config, q: Sequence[float] | float | str | None) -> Sequence[float | None]:
    q = config.data.several if q is None else q
    if q is None:
        return [config.data.q]
    if isinstance(q, float | int):
        return [q]
    if not isinstance(q, str):
        return list(q)
    if q != "all":
        raise DataError(f"q: found {q!r}, expected numbers in 1/Å, or all")
    every = sorted({one["q"] for one in describe_data(path, config)["maps"] if np.isfinite(one["q"]) and one["q"] > 0})
    groups: list[float] = []
    for value in every:
        if not groups or value > groups[-1] * (1 + config.data.q_tolerance):
            groups.append(value)
    return groups


def with_q(config: Config, q: float | None) -> Config:
    """Return a configuration that asks for another q, with equal weights: a joint fit has no others."""
    document = copy.deepcopy(dict(config.document))
    document["data"] = {**(document.get("data") or {}), "q": q}
    if q is None:
        del document["data"]["q"]
    document["nlsq"] = {**(document.get("nlsq") or {}), "weighting": "equal"}
    return load_config(document)
