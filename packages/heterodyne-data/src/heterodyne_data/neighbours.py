"""Which listed bin the pixels of a bin lie in: its own, or clearly another one.

The pixels of a bin lie inside its edges, also where the edge of the detector cuts it off, and an edge is about as far
from the bin on either side. A middle that is nearer to another bin of the list shows that the list is off by bins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CLEARLY = 2.0
"""Times farther from its own bin than from another one, where a bin lies in that one. At the edge that two bins of
one width share it is 1, and at most 2 where every bin is twice as wide as the one before."""


def other_bin(
    q: NDArray[np.float64],
    phi: NDArray[np.float64],
    place: int,
    middle: tuple[float, float],
    opposite: bool,
    pixel: float,
) -> int | None:
    """Return the place in the list of the bin that pixels lie in, None where it is their own or not clear.

    Parameters
    ----------
    q, phi : listed, in 1/Å and degrees, by place.
    place : of the bin whose pixels these are.
    middle : q and phi of its pixels, counted as the list counts; phi is NaN where they have none.
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
    """Return how far the listed bins are from a point, in 1/Å in the plane of q; of bins without direction, along q."""
    at, angle = middle
    if not (directed and np.isfinite(angle)):
        return np.where(np.isfinite(q), np.abs(q - at), np.inf)
    listed, point = q * np.exp(1j * np.radians(phi)), at * np.exp(1j * np.radians(angle))
    far = np.abs(listed - point)
    far = np.minimum(far, np.abs(listed + point)) if opposite else far
    return np.where(np.isfinite(far), far, np.inf)
