"""Hostile HDF5 files: a sound one whose datasets, links, names and attributes are changed one to three times."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import arrays
import h5py
import numpy as np
from common import ODD_NUMBERS, ODD_TEXTS, Rng, pick

MISPLACED = "outside"
"""Folder beside that of the input; what is in it must never be opened."""

type Change = Callable[[h5py.File, str, Rng], str]


def datasets(file: h5py.File) -> list[str]:
    """Return the paths of all datasets."""
    found: list[str] = []
    file.visititems(lambda name, node: found.append(name) if isinstance(node, h5py.Dataset) else None)
    return sorted(found)


def nodes(file: h5py.File) -> list[str]:
    """Return the paths of all datasets and groups."""
    found: list[str] = []
    file.visit(found.append)
    return sorted(found)


def spoil(path: Path, rng: Rng) -> str:
    """Change the file at `path` one to three times; return what was done."""
    done = []
    with h5py.File(path, "r+") as file:
        for _ in range(int(rng.integers(1, 4))):
            name, change = pick(rng, CHANGES)
            places = nodes(file) if name in ("attribute", "link", "name") else datasets(file)
            if not places:
                break
            key = pick(rng, places)
            try:
                done.append(f"{name} {key}: {change(file, key, rng)}")
            except Exception as error:
                # Not every change fits every place, the second one after the first least.
                done.append(f"{name} {key}: not done ({type(error).__name__})")
    return "; ".join(done)


def add_bystanders(path: Path, rng: Rng) -> str:
    """Add to the file at `path` what nobody reads; return what."""
    with h5py.File(path, "r+") as file:
        group = file.create_group("zz_notes")
        words = []
        for k in range(int(rng.integers(1, 4))):
            name, add = pick(rng, _BYSTANDERS)
            add(group, f"n{k}", rng)
            words.append(name)
    return ", ".join(words)


def _replace(file: h5py.File, key: str, value: Any, **options: Any) -> None:
    """Put other values in the place of a dataset, its attributes kept."""
    attributes = {}
    if isinstance(file.get(key, getlink=True), h5py.HardLink):
        attributes = dict(file[key].attrs)
    del file[key]
    created = file.create_dataset(key, data=value, **options)
    for name, one in attributes.items():
        created.attrs[name] = one


def _values(file: h5py.File, key: str) -> Any:
    """Return the values of a dataset, if an earlier change left it with any that are few and here."""
    node = file[key]
    if node.size is None or node.size > 100_000 or node.is_virtual or node.external:
        raise ValueError("no values to change")
    return np.asarray(node[()])


def _array(change: Callable[[Any, Rng], Any]) -> Change:
    def changed(file: h5py.File, key: str, rng: Rng) -> str:
        values = change(_values(file, key), rng)
        _replace(file, key, values)
        return f"{values.dtype} {values.shape}"

    return changed


def _no_numbers(file: h5py.File, key: str, rng: Rng) -> str:
    kind = pick(rng, ("value", "empty", "text", "texts", "ragged", "enum", "reference", "region", "type", "group"))
    if kind == "value":
        _replace(file, key, arrays.no_numbers(rng))
    elif kind == "empty":
        _replace(file, key, h5py.Empty(pick(rng, ("f4", "i8", "S3"))))
    elif kind == "text":
        _replace(file, key, pick(rng, ODD_TEXTS).replace("\0", "").encode("utf-8", "surrogatepass"))
    elif kind == "texts":
        _replace(file, key, np.array([b"a", b"bc"], object), dtype=h5py.string_dtype())
    elif kind == "ragged":
        values = np.empty(3, object)
        values[:] = [np.arange(k + 1.0) for k in range(3)]
        _replace(file, key, values, dtype=h5py.vlen_dtype(np.dtype("f8")))
    elif kind == "enum":
        values = np.zeros(file[key].shape, "i4")
        _replace(file, key, values, dtype=h5py.enum_dtype({"no": 0, "yes": 1}, basetype="i4"))
    elif kind == "reference":
        _replace(file, key, np.array([file.ref] * 4, h5py.ref_dtype), dtype=h5py.ref_dtype)
    elif kind == "region":
        region = file[key].regionref[...]
        _replace(file, f"{key}_of", np.zeros(2)) if f"{key}_of" in file else None
        _replace(file, key, np.array([region], h5py.regionref_dtype), dtype=h5py.regionref_dtype)
    else:
        del file[key]
        if kind == "type":
            file[key] = np.dtype("f8")
        else:
            file.create_group(key)
    return kind


def _declared(file: h5py.File, key: str, rng: Rng) -> str:
    """Declare a size that the file does not hold."""
    shape = pick(
        rng,
        (
            (60_000, 60_000),
            (4, 30_000, 30_000),
            (30_000, 30_000, 4),
            (2**31, 2**31),
            (2**40,),
            (10**6,),
            (2**62,),
            (2**16,) * 3,
            (1, 10**9),
        ),
    )
    attributes = dict(file[key].attrs)
    del file[key]
    chunks = tuple(min(64, n) for n in shape)
    created = file.create_dataset(key, shape, pick(rng, ("f4", "f8", "u1")), chunks=chunks, fillvalue=pick(rng, (0, 1)))
    for name, one in attributes.items():
        created.attrs[name] = one
    return str(shape)


@functools.cache
def _zeros(side: int) -> bytes:
    return zlib.compress(np.full((side, side), 1.0, "f4").tobytes(), 9)


def _bomb(file: h5py.File, key: str, rng: Rng) -> str:
    """Store gigabytes that compress to next to nothing."""
    side, n = 4096, int(pick(rng, (2, 8, 8)))
    attributes = dict(file[key].attrs)
    del file[key]
    created = file.create_dataset(key, (n * side, n * side), "f4", chunks=(side, side), compression="gzip")
    for i in range(n):
        for j in range(n):
            created.id.write_direct_chunk((i * side, j * side), _zeros(side))
    for name, one in attributes.items():
        created.attrs[name] = one
    return f"{n * side} x {n * side}"


def _filtered(file: h5py.File, key: str, rng: Rng) -> str:
    values = _values(file, key)
    if not values.ndim or not values.size:
        values = np.atleast_1d(np.ones(1) if not values.size else values)
    kind = pick(rng, ("gzip", "lzf", "shuffle", "checksum", "offset", "unknown", "broken", "missing", "twice"))
    options: dict[str, Any] = {"chunks": values.shape}
    if kind in ("gzip", "lzf"):
        options["compression"] = kind
    elif kind in ("shuffle", "checksum"):
        options["fletcher32" if kind == "checksum" else kind] = True
    elif kind == "offset":
        options["scaleoffset"] = int(rng.integers(0, 5))
    if kind in ("unknown", "broken", "missing", "twice"):
        attributes = dict(file[key].attrs)
        del file[key]
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk(values.shape)
        if kind == "unknown":
            plan.set_filter(int(pick(rng, (32_000, 307, 511))), h5py.h5z.FLAG_OPTIONAL, (1,))
        elif kind != "missing":
            for _ in range(2 if kind == "twice" else 1):
                plan.set_deflate(4)
        space, parent = h5py.h5s.create_simple(values.shape), file.require_group(key.rpartition("/")[0] or "/")
        name = key.rpartition("/")[2].encode()
        made = h5py.h5d.create(parent.id, name, h5py.h5t.py_create(values.dtype), space, plan)
        if kind != "missing":
            raw = rng.bytes(40) if kind == "broken" else zlib.compress(values.tobytes())
            made.write_direct_chunk((0,) * values.ndim, raw, pick(rng, (0, 0, 1)))
        for label, one in attributes.items():
            file[key].attrs[label] = one
    else:
        _replace(file, key, values, **options)
    return kind


def _link(file: h5py.File, key: str, rng: Rng) -> str:
    """Put a link in the place of a dataset or group; in the folder lies neighbour.h5, a copy of the sound file."""
    kind = pick(rng, tuple(_LINKS))
    target = _LINKS[kind](file, key)
    if kind.startswith("kept"):
        file.move(key, "zz_kept")
    else:
        del file[key]
    file[key] = target
    return kind


_SECRET = f"../{MISPLACED}/secret.h5"
_LINKS: dict[str, Callable[[h5py.File, str], Any]] = {
    "soft, itself": lambda file, key: h5py.SoftLink(f"/{key}"),
    "soft, missing": lambda file, key: h5py.SoftLink("/nowhere/at/all"),
    "soft, root": lambda file, key: h5py.SoftLink("/"),
    "soft, dots": lambda file, key: h5py.SoftLink("../.././."),
    "soft, other": lambda file, key: h5py.SoftLink(f"/{datasets(file)[0]}"),
    "hard, root": lambda file, key: file["/"],
    "hard, other": lambda file, key: file[datasets(file)[-1]],
    "kept, soft": lambda file, key: h5py.SoftLink("/zz_kept"),
    "kept, chain": lambda file, key: _chain(file),
    "external, neighbour": lambda file, key: h5py.ExternalLink("neighbour.h5", f"/{key}"),
    "external, outside": lambda file, key: h5py.ExternalLink(_SECRET, f"/{key}"),
    "external, absolute": lambda file, key: h5py.ExternalLink("/etc/hostname", "/"),
    "external, device": lambda file, key: h5py.ExternalLink("/dev/zero", "/"),
    "external, folder": lambda file, key: h5py.ExternalLink(".", "/"),
    "external, missing": lambda file, key: h5py.ExternalLink("none.h5", f"/{key}"),
    "external, itself": lambda file, key: h5py.ExternalLink(Path(file.filename).name, f"/{key}"),
    "external, of the folder of work": lambda file, key: h5py.ExternalLink("bait.h5", f"/{key}"),
    "external, pipe": lambda file, key: h5py.ExternalLink(f"../{MISPLACED}/pipe", "/"),
    "external, odd": lambda file, key: h5py.ExternalLink("a\nb.h5", "/"),
    "soft through external": lambda file, key: _through(file, _SECRET, key),
    "soft through pipe": lambda file, key: _through(file, f"../{MISPLACED}/pipe", key),
    "soft through neighbour": lambda file, key: _through(file, "neighbour.h5", key),
    "hop": lambda file, key: h5py.ExternalLink("hop.h5", "/hop"),
    "hop, soft": lambda file, key: h5py.ExternalLink("hop.h5", "/soft"),
}


def _chain(file: h5py.File) -> h5py.SoftLink:
    for k in range(40):
        file[f"zz_chain{k}"] = h5py.SoftLink(f"/zz_chain{k + 1}" if k < 39 else "/zz_kept")
    return h5py.SoftLink("/zz_chain0")


def _through(file: h5py.File, target: str, key: str) -> h5py.SoftLink:
    if "zz_other" not in file:
        file["zz_other"] = h5py.ExternalLink(target, "/")
    return h5py.SoftLink(f"/zz_other/{key}")


def _elsewhere(file: h5py.File, key: str, rng: Rng) -> str:
    """Have the values of a dataset stand in another file, or in another dataset."""
    old = file[key]
    shape, dtype, attributes = old.shape or (2, 2), old.dtype, dict(old.attrs)
    kind = pick(rng, ("raw, outside", "raw, here", "raw, folder of work", *_VIRTUAL))
    if kind == "kept":
        file.move(key, "zz_values")
    else:
        del file[key]
    if kind.startswith("raw"):
        name = {"raw, outside": f"../{MISPLACED}/secret.bin", "raw, here": "raw.bin"}.get(kind, "bait.bin")
        created = file.create_dataset(key, shape, dtype, external=[(name, 0, h5py.h5f.UNLIMITED)])
    else:
        if kind == "nested" and "zz_raw" not in file:
            external = [(f"../{MISPLACED}/secret.bin", 0, h5py.h5f.UNLIMITED)]
            file.create_dataset("zz_raw", shape, dtype, external=external)
        if kind == "linked" and "zz_link" not in file:
            file["zz_link"] = h5py.ExternalLink(_SECRET, f"/{key}")
        name, place = _VIRTUAL[kind]
        layout = h5py.VirtualLayout(shape, dtype)
        layout[...] = h5py.VirtualSource(name, place or key, shape)
        created = file.create_virtual_dataset(key, layout)
    for label, one in attributes.items():
        created.attrs[label] = one
    return kind


_VIRTUAL = {
    "kept": (".", "zz_values"),
    "itself": (".", ""),
    "neighbour": ("neighbour.h5", ""),
    "outside": (_SECRET, ""),
    "missing": ("none.h5", ""),
    "missing here": (".", "zz_none"),
    "printf": ("%b%%.h5", ""),
    "of the folder of work": ("bait.h5", ""),
    "nested": (".", "zz_raw"),
    "linked": (".", "zz_link"),
    "hop": ("hop.h5", "hop"),
}


def _name(file: h5py.File, key: str, rng: Rng) -> str:
    """Give a dataset or group another name, or one more."""
    group, _, old = key.rpartition("/")
    stem = old.rstrip("0123456789")
    number = old[len(stem) :] or "1"
    made = (
        f"{stem}{int(number)}",
        f"{stem}0{number}",
        f"{stem}{'9' * 30}",
        f"{stem}{'1' * 5000}",
        f"{stem}-1",
        f"{stem}0",
        f"{stem}٣",
        f"{stem}²",
        f"{stem}\n{number}",
        f"{stem}\x1b[31m{number}",
        f"{stem} {number}",
        old.upper(),
        f"{old}.",
    )
    parent = file[group or "/"]
    if rng.random() < 0.2:
        parent.move(old, "zz_moved")
        parent.id.links.move(b"zz_moved", stem.encode() + b"\xff\xfe" + number.encode())
        return "bytes that are no text"
    if rng.random() < 0.1:
        for k in range(1000):
            parent[f"{stem}{k + 70_000}"] = file[key]
        return "a thousand"
    new = pick(rng, made)
    if rng.random() < 0.5:
        parent.move(old, new)
    else:
        parent[new] = file[key]
    return repr(new[:20])


def _attribute(file: h5py.File, key: str, rng: Rng) -> str:
    holder = file[key].attrs
    names = list(holder) if len(holder) and rng.random() < 0.8 else ["units", "unit", "0", "1" * 5000, "Qz", "end"]
    name = pick(rng, names)
    kind = pick(rng, ("delete", "text", "text", "number", "numbers", "bytes", "empty", "reference", "texts", "heap"))
    if name in holder:
        del holder[name]
    if kind == "text":
        holder[name] = pick(rng, ODD_TEXTS).replace("\0", "").encode("utf-8", "surrogatepass")
    elif kind == "number":
        holder[name] = pick(rng, ODD_NUMBERS)
    elif kind == "numbers":
        holder[name] = np.full(int(pick(rng, (0, 2, 3, 5000))), pick(rng, ODD_NUMBERS))
    elif kind == "bytes":
        holder[name] = np.void(b"\xff\xfe\0\x01")
    elif kind == "empty":
        holder[name] = h5py.Empty("f8")
    elif kind == "reference":
        holder[name] = file.ref
    elif kind == "texts":
        holder.create(name, np.array(["a", "b\nc"], object), dtype=h5py.string_dtype())
    elif kind == "heap":
        holder.create(name, np.array(["x" * 20_000] * 2000, object), dtype=h5py.string_dtype())
    return f"@{name[:20]} {kind}"


def _half(file: h5py.File, key: str, rng: Rng) -> str:
    values = np.array(_values(file, key))
    if values.ndim < 2:
        return "too few axes"
    kind = pick(rng, ("upper", "lower", "anti", "row", "level", "huge diagonal", "gap"))
    if kind in ("upper", "lower"):
        values = (np.triu if kind == "upper" else np.tril)(values)
    elif kind == "anti":
        values = values[..., ::-1].copy()
    elif kind == "row":
        values[..., int(rng.integers(values.shape[-1]))] = pick(rng, (0, np.nan, np.inf))
    elif kind == "level":
        values = values - pick(rng, (1.0, 0.5, 3.0, -1e6))
    elif kind == "gap":
        values[..., 1, 2] = np.nan
    else:
        values[..., 0, 0] = pick(rng, (np.nan, np.inf, 1e30))
    _replace(file, key, values)
    return kind


CHANGES: tuple[tuple[str, Change], ...] = (
    ("values", _array(arrays.odd_values)),
    ("values", _array(arrays.odd_values)),
    ("type", _array(arrays.other_type)),
    ("shape", _array(arrays.other_shape)),
    ("no numbers", _no_numbers),
    ("declared", _declared),
    ("filter", _filtered),
    ("link", _link),
    ("link", _link),
    ("elsewhere", _elsewhere),
    ("name", _name),
    ("attribute", _attribute),
    ("attribute", _attribute),
    ("half", _half),
)
"""Ways to change a place, the more frequent ones several times; `_bomb` is rare, for it is slow to make."""


def _add_texts(group: h5py.Group, name: str, rng: Rng) -> None:
    group.create_dataset(name, data=np.array(["a\nb"] * 5, object), dtype=h5py.string_dtype())


def _add_named(group: h5py.Group, name: str, rng: Rng) -> None:
    group[name] = np.dtype([("a", "i4")])


def _add_group(group: h5py.Group, name: str, rng: Rng) -> None:
    group.create_group(name).attrs["note"] = pick(rng, ODD_TEXTS).replace("\0", "").encode("utf-8", "surrogatepass")


def _add_link(group: h5py.Group, name: str, rng: Rng) -> None:
    # At the top, as master files of several beamlines have them.
    group.file[f"zz_{name}"] = h5py.ExternalLink(_SECRET, "/")


_BYSTANDERS: tuple[tuple[str, Callable[[h5py.Group, str, Rng], None]], ...] = (
    ("texts", _add_texts),
    ("named type", _add_named),
    ("group", _add_group),
    ("external link", _add_link),
    ("soft link", lambda group, name, rng: group.__setitem__(name, h5py.SoftLink("/nowhere"))),
    ("cycle", lambda group, name, rng: group.__setitem__(name, group.file["/"])),
    ("numbers", lambda group, name, rng: group.__setitem__(name, rng.normal(size=(3, 3)))),
)


def bomb(path: Path, rng: Rng) -> str:
    """Put a decompression bomb in the place of a dataset."""
    with h5py.File(path, "r+") as file:
        key = pick(rng, datasets(file))
        return f"bomb {key}: {_bomb(file, key, rng)}"


def write_neighbours(folder: Path, seed: bytes, bait: Path, outside: Path) -> None:
    """Write what links may lead to: files that may be read in `folder`, and in two others such that must not be."""
    for place in (folder / "neighbour.h5", bait / "bait.h5", outside / "secret.h5"):
        place.write_bytes(seed)
    for place in (folder / "raw.bin", bait / "bait.bin", outside / "secret.bin"):
        place.write_bytes(np.linspace(1.0, 1.1, 4096).astype("f4").tobytes())
    with h5py.File(folder / "hop.h5", "w") as file:
        file["hop"] = h5py.ExternalLink(_SECRET, "/")
        file["away"] = h5py.ExternalLink(_SECRET, "/")
        file["soft"] = h5py.SoftLink("/away")
