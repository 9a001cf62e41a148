"""Hostile .npz files: odd arrays, headers that lie, archives that are no archives of NumPy."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import arrays
import numpy as np
from common import ODD_TEXTS, Rng, damaged, pick
from seeds import npz_bytes

_MEMBERS = (
    *("c2", "c2_exp", "q", "phi", "t", "dt", "t1", "cache_metadata_json", "source_mtime"),
    *("ttcf", "lag_steps", "valid", "mask", "mask_frames", "weight", "weights", "start_frame"),
)


def hostile_archive(fields: Mapping[str, Any], rng: Rng) -> tuple[bytes, str, bool]:
    """Return the bytes of a hostile archive made from sound arrays, what was done, and whether it says the same."""
    way = rng.random()
    if way < 0.45:
        return _with_odd_arrays(dict(fields), rng)
    if way < 0.55:
        return _the_same(dict(fields), rng)
    if way < 0.8:
        name, change = pick(rng, _ARCHIVES)
        return change(fields, rng), name, False
    raw, kind = damaged(npz_bytes(fields, compressed=bool(rng.random() < 0.5)), rng)
    return raw, f"bytes: {kind}", False


def _with_odd_arrays(fields: dict[str, Any], rng: Rng) -> tuple[bytes, str, bool]:
    done = []
    for _ in range(int(rng.integers(1, 4))):
        key = pick(rng, list(fields)) if fields else "c2"
        values = np.asarray(fields.get(key, 1.0))
        kind = pick(rng, ("values", "values", "type", "shape", "no numbers", "objects", "delete", "rename", "facts"))
        numbers = values if values.dtype.kind in "fiu" else np.ones(3)
        if kind == "values":
            fields[key] = arrays.odd_values(numbers, rng)
        elif kind == "type":
            fields[key] = arrays.other_type(numbers, rng)
        elif kind == "shape":
            fields[key] = arrays.other_shape(numbers, rng)
        elif kind == "no numbers":
            fields[key] = arrays.no_numbers(rng)
        elif kind == "objects":
            fields[key] = np.array([_Touch()] * 2, object)
        elif kind == "facts":
            fields["cache_metadata_json"] = np.array(pick(rng, _FACTS))
        else:
            fields.pop(key, None)
            if kind == "rename":
                fields[pick(rng, _MEMBERS)] = values
        done.append(f"{kind} {key}")
    return npz_bytes(fields), ", ".join(done), False


class _Touch:
    """An object that writes a file when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        import os

        return os.system, ("touch hacked",)


_FACTS = (
    "[" * 100_000,
    '{"start_frame": ' + "9" * 400 + "}",
    '{"dt": ' + "9" * 400 + "}",
    '{"dt": ' + "9" * 5000 + "}",
    '{"dt": NaN, "start_frame": 1}',
    '{"dt": -1, "start_frame": -1}',
    '{"dt": 1e308}',
    '{"start_frame": 1e300}',
    "null",
    "[]",
    '{"dt": 0.1, "dt": 0.2}',
    '{"start_frame": true}',
    "\ud800",
)


def _the_same(fields: dict[str, Any], rng: Rng) -> tuple[bytes, str, bool]:
    order = rng.permutation(len(fields))
    names = list(fields)
    fields = {names[k]: fields[names[k]] for k in order}
    kind = pick(rng, ("order", "compressed", "more", "fortran"))
    if kind == "more":
        fields["note"] = np.array(["text"])
        fields["object"] = np.array([_Touch()], object)
    if kind == "fortran":
        fields = {name: np.asfortranarray(values) if np.ndim(values) else values for name, values in fields.items()}
    return npz_bytes(fields, compressed=kind == "compressed"), kind, True


def _member(values: Any) -> bytes:
    stored = io.BytesIO()
    np.lib.format.write_array(stored, np.asarray(values))
    return stored.getvalue()


def _header(text: str, version: bytes = b"\x01\x00") -> bytes:
    raw = text.encode("latin-1", "replace") + b"\n"
    size = struct.pack("<H", len(raw) % 65536) if version == b"\x01\x00" else struct.pack("<I", len(raw))
    return b"\x93NUMPY" + version + size + raw


def _zip(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", method) as archive:
        for name, raw in members:
            archive.writestr(zipfile.ZipInfo(name), raw, method)
    return stored.getvalue()


def _all(fields: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    return [(f"{name}.npy", _member(values)) for name, values in fields.items()]


def _lying(fields: Mapping[str, Any], rng: Rng) -> bytes:
    """Give one array a header that does not fit what follows it."""
    members = _all(fields)
    place = int(rng.integers(len(members)))
    shape = pick(
        rng,
        (
            "(50000, 50000)",
            "(4, 40000, 40000)",
            "(10**9,)",
            "(1000000000000,)",
            "(-1, 8, 8)",
            "(True, 8, 8)",
            "(4, 8, 8, 1)",
            "()",
            "(0,)",
            "(4, 8, 9)",
            "8",
            "(2**70,)",
            "(1180591620717411303424,)",
            "(4, 8)",
            "(1.5,)",
            "(4,, 8)",
            "(4L, 8L, 8L)",
        ),
    )
    descr = pick(
        rng,
        (
            "'<f4'",
            "'<f8'",
            "'|O'",
            "[('a', '<f8'), ('b', '|O')]",
            "'<U1000000000'",
            "'|V8'",
            "'<M8[s]'",
            "'<c16'",
            "'|S0'",
            "'x'",
            "1",
            "'<f8,<f8'",
            "[('a', '<f8', (1000000,))]",
            "__import__('os').system('touch hacked')",
        ),
    )
    order = pick(rng, ("True", "False", "1", "None"))
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"
    text = pick(rng, (text, text, text, "(" * 9000, "{" * 90, text + " " * 20_000, "{}", "[" * 2000 + "]" * 2000))
    version = pick(rng, (b"\x01\x00", b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x09"))
    members[place] = (members[place][0], _header(text, version) + members[place][1][128:])
    return _zip(members, pick(rng, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))


def _bomb(fields: Mapping[str, Any], rng: Rng) -> bytes:
    """Store arrays that are large, and whose compressed bytes are few."""
    side = int(pick(rng, (3000, 8000)))
    raw = _header(f"{{'descr': '<f4', 'fortran_order': False, 'shape': (4, {side}, {side}), }}")
    members = [(name, one) for name, one in _all(fields) if not name.startswith("c2")]
    key = "c2_exp.npy" if "c2_exp" in fields else "c2.npy"
    method = pick(rng, (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", method) as archive:
        for name, one in members:
            archive.writestr(zipfile.ZipInfo(name), one, method)
        with archive.open(zipfile.ZipInfo(key), "w") as file:
            file.write(raw)
            for _ in range(int(pick(rng, (1, 16)))):
                file.write(bytes(8 * 1024**2))
    return stored.getvalue()


def _strange(fields: Mapping[str, Any], rng: Rng) -> bytes:
    """Add members with strange names, or give those that are read such."""
    members = _all(fields)
    names = (
        "../../evil.npy",
        "/etc/evil.npy",
        "C:\\evil.npy",
        "a\nb.npy",
        "\x1b[31m.npy",
        ".npy",
        "c2.npy/",
        "x" * 60_000,
    )
    extra = [(name, members[0][1]) for name in rng.permutation(np.array(names, object))[:3]]
    return _zip([*members, *extra] if rng.random() < 0.5 else extra)


def _twice(fields: Mapping[str, Any], rng: Rng) -> bytes:
    """Store one name twice, with other values."""
    import warnings

    members = _all(fields)
    name, _ = pick(rng, members)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _zip([*members, (name, _member(np.zeros(3)))])


def _other_method(fields: Mapping[str, Any], rng: Rng) -> bytes:
    return _zip(_all(fields), pick(rng, (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)))


def _many(fields: Mapping[str, Any], rng: Rng) -> bytes:
    return _zip([(f"a{k}.npy", b"") for k in range(5000)] + (_all(fields) if rng.random() < 0.5 else []))


def _text_names(fields: Mapping[str, Any], rng: Rng) -> bytes:
    return npz_bytes({**fields, pick(rng, [one for one in ODD_TEXTS if one and "\ud800" not in one]): np.zeros(2)})


def _flagged(fields: Mapping[str, Any], rng: Rng) -> bytes:
    """Say in the directory that members are encrypted, of another method, size or check sum."""
    raw = bytearray(npz_bytes(fields, compressed=True))
    place = raw.find(b"PK\x01\x02")
    offset = int(pick(rng, (8, 10, 16, 20, 24, 42)))
    raw[place + offset : place + offset + 2] = rng.bytes(2) if rng.random() < 0.5 else b"\x01\x00"
    return bytes(raw)


_ARCHIVES: tuple[tuple[str, Callable[[Mapping[str, Any], Rng], bytes]], ...] = (
    ("lying header", _lying),
    ("lying header", _lying),
    ("lying header", _lying),
    ("strange names", _strange),
    ("one name twice", _twice),
    ("other method", _other_method),
    ("many members", _many),
    ("text names", _text_names),
    ("lying directory", _flagged),
    ("empty archive", lambda fields, rng: _zip([])),
)


def bomb(fields: Mapping[str, Any], rng: Rng) -> tuple[bytes, str, bool]:
    """Return an archive that is a bomb; slow to make, hence rare."""
    return _bomb(fields, rng), "bomb", False
