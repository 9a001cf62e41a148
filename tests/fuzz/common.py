"""What all ways of spoiling a file share: random choice, odd values, and damage to the bytes themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

type Rng = np.random.Generator


@dataclass(frozen=True)
class Made:
    """A hostile file: its path, the seed it came from, what was done to it.

    `same` tells that nothing was touched that is read: the file must give what its seed gives.
    """

    path: Path
    seed: str
    done: str
    same: bool = False


def pick[T](rng: Rng, options: Sequence[T]) -> T:
    """Return one of the options."""
    return options[int(rng.integers(len(options)))]


ODD_TEXTS = (
    "",
    " ",
    "a\nb",
    "a\r\nb\tc",
    "\x1b[31mred\x1b[0m",
    "nul\0inside",
    "\u202eright to left",
    "\u2028line",
    "\ufeffmark",
    "\ud800",
    "🜁" * 20,
    "x" * 5000,
    "%s %d {0} {a}",
    "../../outside",
    "/etc/passwd",
    "'; DROP TABLE",
    "__import__('os').system('touch hacked')",
    "NaN",
    "1e400",
    "٣",
    "9" * 5000,
    "true",
    "1/Å",
    "nm^-1",
    "1/\n nm",
)
ODD_NUMBERS = (
    0.0,
    -0.0,
    -1.0,
    1.5,
    5e-324,
    1e-300,
    1e-9,
    360.0,
    1e6,
    2.0**31,
    2.0**53 + 2,
    2.0**63,
    1e30,
    1e200,
    1e308,
    -1e308,
    float("nan"),
    float("inf"),
    float("-inf"),
)


def damaged(raw: bytes, rng: Rng) -> tuple[bytes, str]:
    """Return bytes with damage as disks, networks and people cause it, and a word for it."""
    kind = pick(rng, ("flip", "flip", "flip", "cut", "zeros", "ones", "insert", "swap", "repeat", "junk", "tail"))
    data, size = bytearray(raw), len(raw)
    start = int(rng.integers(size)) if size else 0
    stop = min(size, start + int(rng.integers(1, 65)))
    if kind == "flip":
        for place in rng.integers(size, size=int(2 ** rng.integers(0, 6))) if size else ():
            data[place] ^= 1 << int(rng.integers(8))
    elif kind == "cut":
        del data[start:]
    elif kind in ("zeros", "ones"):
        data[start:stop] = (b"\0" if kind == "zeros" else b"\xff") * (stop - start)
    elif kind == "insert":
        data[start:start] = rng.bytes(stop - start)
    elif kind == "swap":
        other = int(rng.integers(size - (stop - start) + 1)) if size else 0
        data[start:stop], data[other : other + stop - start] = raw[other : other + stop - start], raw[start:stop]
    elif kind == "repeat":
        data[start:start] = raw[start:stop] * int(rng.integers(1, 200))
    elif kind == "junk":
        data[start:stop] = rng.bytes(stop - start)
    else:
        data += rng.bytes(int(rng.integers(1, 2000)))
    return bytes(data), kind
