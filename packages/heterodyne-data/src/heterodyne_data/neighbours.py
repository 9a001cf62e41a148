"""The listed bin that contains the pixels of a bin: its own, or clearly another one.

The pixels of a bin lie inside its edges, even if the detector ends within it, and an edge is about as far
from the bin on either side. If the centre is nearer to another bin of the list, the list is off by bins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CLEARLY = 2.0
"""Ratio of distances to its own and to another bin from which a bin lies in the other. At the edge between two bins of
one width it is 1, and at most 2 if every bin is twice as wide as the previous one."""


def other_bin(
    q: NDArray[np.float64],
    phi: NDArray[np.float64],
    place: int,
    middle: tuple[float, float],
    opposite: bool,
    pixel: float,
) -> int | None:
    """Return the position in the list of the bin that contains the pixels; None if it is their own, or unclear.

    Parameters
    ----------
    q, phi : listed values in 1/Å and degrees, by position.
    place : position of the bin of these pixels.
    middle : q and phi of its pixels, in the convention of the list; phi is NaN if they have none.
    opposite : the azimuth of the pixels is known up to 180°.
    pixel : width of a pixel in 1/Å, by which the beam centre may be off.
    """
    far = apart(q, phi, middle, opposite, bool(np.isfinite(phi[place])))
    own = far[place]
    nearest = int(np.argmin(far))
    return nearest if np.isfinite(own) and own > CLEARLY * far[nearest] + pixel else None


def apart(
    q: NDArray[np.float64], phi: NDArray[np.float64], middle: tuple[float, float], opposite: bool, directed: bool
) -> NDArray[np.float64]:
    """Return the distances of the listed bins from a point, in 1/Å in the plane of q, or along q if they have none."""
    at, angle = middle
    if not (directed and np.isfinite(angle)):
        return np.where(np.isfinite(q), np.abs(q - at), np.inf)
    listed, point = q * np.exp(1j * np.radians(phi)), at * np.exp(1j * np.radians(angle))
    far = np.abs(listed - point)
    far = np.minimum(far, np.abs(listed + point)) if opposite else far
    return np.where(np.isfinite(far), far, np.inf)
