"""Data selection: wavevector, time between frames, frames, azimuths."""

from __future__ import annotations

from typing import Any

from heterodyne_cli.migration.ledger import Ledger
from heterodyne_cli.migration.programs import Program
from heterodyne_cli.migration.values import as_number, as_switch, as_whole, foreign_unit, plain

_DT = ("analyzer_parameters.dt", "analyzer_parameters.temporal.dt", "temporal.dt", "dt")
_DT_UNITS = ("analyzer_parameters.time_unit", "analyzer_parameters.temporal.dt_unit")
_Q = ("analyzer_parameters.scattering.wavevector_q", "scattering.wavevector_q")
_Q_UNIT = "analyzer_parameters.scattering.q_unit"
_START = ("analyzer_parameters.start_frame", "analyzer_parameters.temporal.start_frame", "start_frame")
_END = ("analyzer_parameters.end_frame", "analyzer_parameters.temporal.end_frame", "end_frame")
_T_START, _LENGTH = "temporal.t_start", "temporal.time_length"
_STEP = "analyzer_parameters.frame_step"
_FILES = ("experimental_data.file_path", "experimental_data.data_file_name", "data_file")
_ANGLES = ("analyzer_parameters.scattering.phi_angles", "scattering.phi_angles")
_FILTERS = ("phi_filtering", "optimization_config.angle_filtering", "optimization.angle_filtering")
_TWICE = "is also set elsewhere, which takes precedence in that program"


def translate_measurement(ledger: Ledger, program: Program) -> float | None:
    """Translate the section ``data``; return the difference of ages between this program and the other one, in s.

    In those programs, ages start at the beginning of the window; here a frame keeps its age in the file,
    (start_frame + k) dt. None if there is a window but dt is unknown.
    """
    dt = _positive(ledger, _DT, "data.dt", _DT_UNITS, "s")
    _positive(ledger, _Q, "data.q", (_Q_UNIT,), "1/Å")
    if ledger.first(*_Q):
        sentence = "there, bins within 10 % of q are fitted together (in APS-U files those of one q); "
        ledger.differ("q", sentence + "here, those within data.q_tolerance (default 2 %)")
    start = _frames(ledger, program)
    _azimuths(ledger)
    later = start - program.first_age
    return 0.0 if later == 0 else None if dt is None else later * dt


def _positive(ledger: Ledger, paths: tuple[str, ...], new: str, labels: tuple[str, ...], unit: str) -> float | None:
    """Translate a positive number from the first of several places; return it."""
    places = [path for path in paths if path in ledger.settings]
    if not places:
        return None
    place = places[0]
    ledger.leave_all(places[1:], _TWICE)
    value, label = as_number(ledger.get(place)), ledger.first(*labels)
    if foreign := foreign_unit(ledger.get(label)) if label else None:
        ledger.leave_all(
            [place], f"{label} states {foreign}, but the program uses {unit}: set {new} in the correct unit"
        )
    elif value is None or value <= 0:
        ledger.leave_all([place], f"is not a positive number; set {new}")
    else:
        ledger.translate(place, new, value)
        return value
    return None


def _frames(ledger: Ledger, program: Program) -> int:
    """Translate the window of frames; return its first frame, 1-based, from which ages are counted there."""
    step = ledger.first(_STEP)
    if step and as_whole(ledger.get(step)) != 1:
        ledger.leave(step, "every frame is used here; a stride requires a new file with another dt")
    begin, end = ledger.first(*_START), ledger.first(*_END)
    if begin is None and end is None:
        return _legacy_frames(ledger)
    ledger.leave_all([path for path in (_T_START, _LENGTH) if path in ledger.settings], _TWICE)
    first = 1 if begin is None else as_whole(ledger.get(begin))
    if first == 0 and program.first_age == 0:
        first = 1
        ledger.differ("start_frame", "0 means the first frame there; here frames are counted from 1")
    last = None if end is None else as_whole(ledger.get(end))
    paths = [path for path in (begin, end) if path]
    if first is None or first < 1:
        ledger.leave_all(paths, "frames are counted from 1; set data.frames")
        return 1
    _window(ledger, paths, first, last)
    return first


def _legacy_frames(ledger: Ledger) -> int:
    """Translate the first index and the length of a window (first versions of heterodyne)."""
    paths = [path for path in (_T_START, _LENGTH) if path in ledger.settings]
    if not paths:
        return 1
    index = as_whole(ledger.get(_T_START)) if _T_START in paths else 0
    length = as_whole(ledger.get(_LENGTH)) if _LENGTH in paths else None
    if index is None or index < 0:
        ledger.leave_all(paths, "frames are counted from 1; set data.frames")
        return 1
    ledger.differ(
        "frames",
        "there, t_start is 0-based and followed by a length; here, first and last frame are 1-based and inclusive",
    )
    ledger.differ(
        "age",
        "early versions with these sections started t at 0 and did not integrate: "
        "their fitted values are not suitable here",
    )
    _window(ledger, paths, index + 1, None if length is None else index + length)
    return index + 1


def _window(ledger: Ledger, paths: list[str], first: int, last: int | None) -> None:
    file = ledger.first(*_FILES)
    if file and str(ledger.get(file)).endswith(".npz"):
        reason = (
            "a cache contains only the window, so frames would be counted within it; set data.frames if it does not"
        )
        ledger.leave_all(paths, reason)
    elif last is None or last == -1:
        reason = "all frames are read, which is the default" if first == 1 else "data.frames also needs the last frame"
        ledger.leave_all(paths, reason)
    else:
        for path in paths:
            ledger.translate(path, "data.frames", [first, last])


def _azimuths(ledger: Ledger) -> None:
    """Translate a list of azimuths, or the ranges of a filter."""
    listed = ledger.first(*_ANGLES)
    taken = False
    if listed:
        given = ledger.get(listed)
        angles = [as_number(one) for one in given] if isinstance(given, list) else [None]
        if None in angles:
            ledger.leave(listed, "is not a list of angles; set data.phi")
        else:
            ledger.translate(listed, "data.phi", angles)
            taken = True
    for name in _FILTERS:
        taken = _filter(ledger, name, taken) or taken


def _filter(ledger: Ledger, name: str, taken: bool) -> bool:
    """Translate one filter of azimuths; return whether it resulted in data.phi."""
    paths = ledger.under(name)
    enabled = as_switch(ledger.get(f"{name}.enabled")) if f"{name}.enabled" in paths else True
    ranges = _ranges(ledger, name)
    if not paths or taken or not enabled or not ranges:
        reason = "azimuths are selected elsewhere" if taken else "the filter is off or empty: all azimuths are read"
        ledger.leave_all(paths, reason)
        return False
    limits = [pair for pair, _ in ranges]
    if any(None in pair for pair in limits):
        ledger.leave_all(paths, "at least one range is not a pair of numbers; set data.phi")
        return False
    for _, old in ranges:
        for path in old:
            ledger.translate(path, "data.phi", [[*pair] for pair in limits])
    ledger.take(f"{name}.enabled")
    ledger.differ(name, "a range without any azimuth is an error here; there, all azimuths are then fitted")
    ledger.differ(name, "ranges are modulo 360 here: [170, 190] includes -175")
    for path in ledger.under(f"{name}.tolerance"):
        ledger.leave(path, "ranges are exact; widen them to include angles just outside")
    return True


def _ranges(ledger: Ledger, name: str) -> list[tuple[tuple[Any, Any], list[str]]]:
    """Return the ranges of a filter, each with its settings in the file."""
    for key in ("target_ranges", "target_angle_ranges"):
        whole = ledger.get(f"{name}.{key}")
        if isinstance(whole, list):
            pairs = [tuple(one) if isinstance(one, list) and len(one) == 2 else (None, None) for one in whole]
            return [
                ((_angle(low), _angle(high)), [f"{name}.{key}"] if not n else []) for n, (low, high) in enumerate(pairs)
            ]
        entries = dict.fromkeys(path.rpartition(".")[0] for path in ledger.under(f"{name}.{key}"))
        if entries:
            return [_entry(ledger, entry) for entry in entries]
    return []


def _entry(ledger: Ledger, entry: str) -> tuple[tuple[Any, Any], list[str]]:
    low, high = f"{entry}.min_angle", f"{entry}.max_angle"
    return (_angle(ledger.get(low)), _angle(ledger.get(high))), [
        path for path in (low, high) if path in ledger.settings
    ]


def _angle(value: Any) -> float | None:
    found = as_number(value)
    return None if found is None else plain(found)
