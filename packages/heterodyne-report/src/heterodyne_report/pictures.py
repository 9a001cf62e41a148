"""What pictures of every package have in common: large maps made small, limits of colours, complete files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_spec.files import OutputError, write_atomically

FORMATS = ("png", "pdf", "svg")
PIXELS = 400
"""Entries of a map along one side that a panel can show."""


def square_width(n_t: int) -> int:
    """Return the frames along one side of the squares that a map of `n_t` frames is averaged over to be shown."""
    return -(-n_t // PIXELS)


def square_means(values: npt.NDArray[np.floating], width: int) -> npt.NDArray[np.floating]:
    """Return the means of squares of `width` entries of a map (n, n), those that are no number left out.

    The last rows and columns, where they fill no square, are left out too.
    """
    n = len(values) // width * width
    squares = values[:n, :n].reshape(n // width, width, n // width, width)
    finite = np.isfinite(squares)
    count = finite.sum(axis=(1, 3))
    total = np.sum(squares, axis=(1, 3), where=finite, dtype=float)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def colour_limits(values: npt.NDArray[np.floating]) -> tuple[float, float]:
    """Return colour limits that a few outliers (the shot noise on the diagonal) do not stretch."""
    low, high = np.nanpercentile(values, [0.5, 99.5])
    return float(low), float(high)


def picture_format(path: Path) -> str:
    """Return the format of a picture by the ending of its file.

    Raises
    ------
    OutputError : when it is none of `FORMATS`.
    """
    found = path.suffix.lower().removeprefix(".")
    if found not in FORMATS:
        endings = ", ".join(f".{one}" for one in FORMATS)
        raise OutputError(f"{path}: found the ending {path.suffix!r}, expected one of {endings}; rename the picture")
    return found


def write_figure(figure: Any, path: Path, title: str) -> Path:
    """Write a Matplotlib figure, completely or not at all, in the format of the file's ending; `title` names it."""
    form = picture_format(path)
    return write_atomically(path, lambda p: figure.savefig(p, format=form, dpi=130, metadata={"Title": title}))
