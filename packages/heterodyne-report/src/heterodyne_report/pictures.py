"""Plots of all packages: downsampling of large maps, colour limits, atomic writing of figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_spec import OutputError, write_atomically

FORMATS = ("png", "pdf", "svg")
PIXELS = 400
"""Maximum number of entries of a map along one side of a panel."""


def square_width(n_t: int) -> int:
    """Return the side, in frames, of the squares over which a map of `n_t` frames is averaged for display."""
    return -(-n_t // PIXELS)


def square_means(values: npt.NDArray[np.floating], width: int) -> npt.NDArray[np.floating]:
    """Return the means of squares of `width` entries of a map (n, n), ignoring NaN and infinity.

    The last rows and columns are dropped if they do not fill a square.
    """
    n = len(values) // width * width
    squares = values[:n, :n].reshape(n // width, width, n // width, width)
    finite = np.isfinite(squares)
    count = finite.sum(axis=(1, 3))
    total = np.sum(squares, axis=(1, 3), where=finite, dtype=float)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def colour_limits(values: npt.NDArray[np.floating]) -> tuple[float, float]:
    """Return colour limits that are robust against a few outliers (the shot noise on the diagonal)."""
    low, high = np.nanpercentile(values, [0.5, 99.5])
    return float(low), float(high)


def picture_format(path: Path) -> str:
    """Return the format of a picture, determined by its suffix.

    Raises
    ------
    OutputError : if it is none of `FORMATS`.
    """
    found = path.suffix.lower().removeprefix(".")
    if found not in FORMATS:
        endings = ", ".join(f".{one}" for one in FORMATS)
        raise OutputError(f"{path}: found suffix {path.suffix!r}, expected one of {endings}; rename the picture")
    return found


def write_figure(figure: Any, path: Path, title: str) -> Path:
    """Write a Matplotlib figure atomically, in the format of the file's suffix, with `title` in its metadata."""
    form = picture_format(path)
    return write_atomically(path, lambda p: figure.savefig(p, format=form, dpi=130, metadata={"Title": title}))
