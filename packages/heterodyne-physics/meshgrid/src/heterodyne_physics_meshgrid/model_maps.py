"""Maps of the model in float32 from products of small factors, in NumPy: for looking at, and for residuals.

Between the frames i of a slab of rows and later frames j the bracket is a product of four numbers at i and four at j
(`heterodyne_physics_meshgrid.factored`), so that only pairs inside a slab take exponentials and cosines.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heterodyne_physics_meshgrid._generated.two_component import HeterodyneModel
from heterodyne_physics_meshgrid.histories import along_flow, histories

type FloatArray = npt.NDArray[np.float64]

_ROWS, _COLUMNS = 128, 512
"""Number of frames of a slab, and of later ones at once, so that what is copied is still in the processor's memory."""


# As in compiled functions, what overflows is not finite and no warning: callers look at the maps.
@np.errstate(all="ignore")
def model_maps(
    vector: FloatArray,
    t: FloatArray,
    q: float,
    phi: FloatArray,
    contrast: FloatArray,
    offset: FloatArray,
    into: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
    """Return c2 of every azimuth, (n_phi, n_t, n_t), written `into` an array of that shape if one is given.

    `vector` (n_par,) in canonical order, ages `t` (n_t,) in s, `q` in 1/Å, `phi` (n_phi,) in degrees; contrast and
    offset (n_phi,). Computed in float64. Source: He et al. 2025, SI Eqs. S-77 to S-98.
    """
    values = dict(zip(HeterodyneModel.names, vector.tolist(), strict=True))
    reference, sample, decay_r, decay_s, way = histories(values, t)
    decay_r, decay_s = q**2 / 2 * decay_r, q**2 / 2 * decay_s
    maps = np.empty((len(phi), t.size, t.size), np.float32) if into is None else into
    phases = [q * along_flow(values, float(angle)) * way for angle in phi]
    for first in range(0, t.size, _ROWS):
        rows = slice(first, first + _ROWS)
        edge = min(first + _ROWS, t.size) - 1
        inside = [np.exp(-np.abs(d[rows, None] - d[rows])) for d in (decay_r, decay_s)]
        u, w = (a[rows, None] * a[rows] * kept for a, kept in zip((reference, sample), inside, strict=True))
        # To the last frame of the slab from those in it, and from there to later ones: no factor exceeds 1.
        f, g = (a * np.exp(-np.abs(d - d[edge])) for a, d in ((reference, decay_r), (sample, decay_s)))
        for a, phase in enumerate(phases):
            one, turn = maps[a], phase - phase[edge]
            bracket = u**2 + w**2 + 2 * u * w * np.cos(phase[rows, None] - phase[rows])
            one[rows, rows] = offset[a] + contrast[a] * bracket
            beat = np.sqrt(2.0) * f * g
            factors = np.stack([f**2, g**2, beat * np.cos(turn), beat * np.sin(turn)])
            left = np.vstack([contrast[a] * factors[:, rows], np.full((1, len(u)), offset[a])]).T
            right = np.vstack([factors, np.ones((1, t.size))])
            for later in (slice(k, k + _COLUMNS) for k in range(edge + 1, t.size, _COLUMNS)):
                one[rows, later] = left @ right[:, later]
                one[later, rows] = one[rows, later].T
    return maps
