"""Hostile documents: YAML and JSON that are odd as data, as text, or as bytes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from common import ODD_NUMBERS, ODD_TEXTS, Rng, damaged, pick
from seeds import as_text

type Path_ = tuple[Any, ...]


def junk(rng: Rng) -> Any:
    """Return a value that hardly belongs anywhere."""
    return pick(
        rng,
        (
            None,
            True,
            False,
            0,
            -1,
            10**400,
            -(10**20),
            [],
            {},
            [[]],
            [{}],
            {"name": {}},
            {"": ""},
            [1, 2],
            [[1, 0], [0, -1]],
            [None, None],
            list(range(300)),
            dict.fromkeys(map(str, range(50)), 1),
            pick(rng, ODD_NUMBERS),
            pick(rng, ODD_NUMBERS),
            pick(rng, ODD_NUMBERS),
            pick(rng, ODD_TEXTS),
            pick(rng, ODD_TEXTS),
        ),
    )


def paths(document: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Yield the path of everything inside a document but the whole."""
    if isinstance(document, dict | list):
        for key, item in document.items() if isinstance(document, dict) else enumerate(document):
            yield (*path, key)
            yield from paths(item, (*path, key))


def _holder(document: Any, path: Path_) -> Any:
    for key in path[:-1]:
        document = document[key]
    return document


def spoiled(document: Any, rng: Rng) -> tuple[Any, str]:
    """Return a copy of plain data with one to three of its parts changed, and what was done."""
    result, done = copy.deepcopy(document), []
    for _ in range(int(rng.integers(1, 4))):
        places = list(paths(result))
        if not places:
            return junk(rng), "whole replaced"
        path = pick(rng, places)
        holder, key = _holder(result, path), path[-1]
        action = pick(rng, ("replace", "replace", "replace", "delete", "rename", "twin", "nest", "nudge"))
        done.append(f"{action} {'.'.join(map(str, path))[:60]}")
        if action == "delete":
            del holder[key]
        elif action == "rename" and isinstance(holder, dict):
            holder[pick(rng, (f"{key}x", str(key)[:-1], *ODD_TEXTS))] = holder.pop(key)
        elif action == "twin":
            other = copy.deepcopy(_holder(result, pick(rng, places)))
            holder[key] = [holder[key], holder[key]] if rng.random() < 0.5 else other
        elif action == "nest":
            for _ in range(int(pick(rng, (1, 3, 98, 150, 900)))):
                holder[key] = [holder[key]]
        elif action == "nudge" and isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
            holder[key] = pick(rng, _nudged(holder[key]))
        else:
            holder[key] = junk(rng)
    return result, ", ".join(done)


def _nudged(value: float) -> tuple[float, ...]:
    """Return numbers that differ from `value` in sign, a little, or by orders of magnitude."""
    # A whole number may be too large for a float.
    scaled = (value // 10**12, value * 10**12) if isinstance(value, int) else (value * 1e-12, value * 1e12)
    return -value, value + 1, *scaled


def _dumped(document: Any, ending: str) -> str:
    """Return the text of any plain data; what the writer refuses is written as JSON, which YAML includes."""
    try:
        return as_text(document, ending)
    except (RecursionError, ValueError):
        try:
            return json.dumps(document)
        except (RecursionError, ValueError):
            return repr(document)


_BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + k)}: &{chr(98 + k)} [{','.join([f'*{chr(97 + k)}'] * 9)}]\n" for k in range(9)
)

_TEXTS: tuple[tuple[str, Callable[[str, Rng], str]], ...] = (
    ("alias bomb", lambda text, rng: _BOMB + text),
    ("python tag", lambda text, rng: f'x: !!python/object/apply:os.system ["touch hacked"]\n{text}'),
    ("python name", lambda text, rng: f"x: !!python/name:os.system\n{text}"),
    ("own tag", lambda text, rng: text.replace(": ", ": !own ", 1)),
    ("binary tag", lambda text, rng: text.replace(": ", ": !!binary ", 1)),
    ("set tag", lambda text, rng: f"!!set {text}"),
    ("merge", lambda text, rng: f"base: {{q: 1}}\n<<: {{data: {{q: 2}}}}\n{text}"),
    ("two documents", lambda text, rng: f"{text}\n---\n{text}"),
    ("ended", lambda text, rng: f"{text}\n...\nmore"),
    ("tabs", lambda text, rng: text.replace("  ", "\t")),
    ("whole twice", lambda text, rng: text + "\n" + text),
    ("key twice", lambda text, rng: _line_twice(text, rng)),
    ("deep list", lambda text, rng: "[" * int(pick(rng, (99, 101, 1000, 50_000)))),
    ("deep map", lambda text, rng: '{"a":' * int(pick(rng, (99, 101, 1000, 50_000)))),
    ("deep dash", lambda text, rng: "- " * int(pick(rng, (99, 101, 1000, 20_000)))),
    ("deep key", lambda text, rng: "? " * int(pick(rng, (99, 1000, 20_000)))),
    ("deep indent", lambda text, rng: "\n".join(" " * k + "a:" for k in range(int(pick(rng, (99, 1000, 2000)))))),
    ("long line", lambda text, rng: f"{text}\nx: {'9' * 100_000}"),
    ("many keys", lambda text, rng: "".join(f"key{k}: {k}\n" for k in range(int(pick(rng, (100, 3000, 20_000)))))),
    ("many entries", lambda text, rng: "[" + ",".join(["1.5"] * int(pick(rng, (100, 20_000, 60_000)))) + "]"),
    ("long list", lambda text, rng: f"data: {{mask_frames: [{','.join(map(str, range(1, 20_000)))}]}}"),
    ("bad mask", lambda text, rng: f"data: {{mask_frames: [{','.join(['x'] * 5000)}]}}"),
    ("number words", lambda text, rng: text.replace("0.0054", pick(rng, _NUMBERS))),
    ("control code", lambda text, rng: text[:20] + pick(rng, "\0\x07\x1b\x85\u2028") + text[20:]),
    ("escapes", lambda text, rng: text + '\nx: "\\x41\\u0000\\ud800\\U0010ffff"'),
    ("only", lambda text, rng: pick(rng, ("", "null", "~", "[]", "{}", "0", "text", '""', "---", "...", "?", "&a *a"))),
)
_NUMBERS = ("1e999", ".nan", ".inf", "0x1F", "0o17", "1_000", "1:30", "+.5", "1e-400", "9" * 5000, "00.5", "NaN", "yes")

_SAME_YAML: tuple[tuple[str, Callable[[str, Rng], str]], ...] = (
    ("comments", lambda text, rng: "# first\n" + text + "\n\n# last: [\n"),
    ("document marks", lambda text, rng: f"%YAML 1.2\n---\n{text}\n...\n"),
    ("line ends", lambda text, rng: text.replace("\n", "\r\n")),
    ("blanks", lambda text, rng: text.replace("\n", "   \n\n")),
)


def _line_twice(text: str, rng: Rng) -> str:
    lines = text.splitlines()
    if not lines:
        return text
    place = int(rng.integers(len(lines)))
    return "\n".join([*lines[: place + 1], lines[place], *lines[place + 1 :]])


def _shuffled(document: Any, rng: Rng) -> Any:
    """Return the same data with the keys of all mappings in another order."""
    if isinstance(document, dict):
        keys = list(document)
        return {keys[k]: _shuffled(document[keys[k]], rng) for k in rng.permutation(len(keys))}
    return [_shuffled(item, rng) for item in document] if isinstance(document, list) else document


_ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "cp1252", "utf-7")


def hostile_text(document: Any, ending: str, rng: Rng) -> tuple[bytes, str, bool]:
    """Return the bytes of a hostile file of this ending made from plain data, what was done, and whether it says the
    same."""
    way = rng.random()
    if way < 0.5:
        changed, done = spoiled(document, rng)
        return _dumped(changed, ending).encode("utf-8", "surrogatepass"), done, False
    if way < 0.6:
        if ending == ".json" or not document or rng.random() < 0.4:
            return as_text(_shuffled(document, rng), ending).encode(), "keys in another order", True
        name, change = pick(rng, _SAME_YAML)
        return change(as_text(document, ending), rng).encode(), name, True
    return hostile_raw(as_text(document, ending), rng)


def hostile_raw(text: str, rng: Rng) -> tuple[bytes, str, bool]:
    """Return the bytes of a text made hostile as text or as bytes."""
    if rng.random() < 0.5:
        name, change = pick(rng, _TEXTS)
        return change(text, rng).encode("utf-8", "surrogatepass"), name, False
    if rng.random() < 0.15:
        encoding = pick(rng, _ENCODINGS)
        return text.encode(encoding, "replace"), f"encoded as {encoding}", False
    raw, kind = damaged(text.encode(), rng)
    return raw, f"bytes: {kind}", False
