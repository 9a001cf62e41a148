"""The coefficients of contrast and offset at which a descent begins."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heterodyne_data.setup.scaling import Scaling

type FloatArray = npt.NDArray[np.float64]


def start_coefficients(scaling: Scaling, sums: FloatArray) -> FloatArray:
    """Return the least-squares coefficients for a given model map, inside their bounds, (2 n_coef,).

    Parameters
    ----------
    sums : (n_phi, 5) weighted sums over the pairs of an angle: 1, M, M², D, D M with model M and data D.

    Configured values take the place of the solution where there are any.
    """
    if scaling.n_coefficients == 0:
        return np.zeros(0)
    one, m, mm, d, dm = sums.T
    basis = scaling.basis
    normal = np.block(
        [
            [basis.T @ (mm[:, None] * basis), basis.T @ (m[:, None] * basis)],
            [basis.T @ (m[:, None] * basis), basis.T @ (one[:, None] * basis)],
        ]
    )
    right = np.concatenate([basis.T @ dm, basis.T @ d])
    solved = np.linalg.lstsq(normal, right, rcond=1e-12)[0].reshape(2, -1)
    for row in range(2):
        if not np.isnan(scaling.given[row]).any():
            solved[row] = np.linalg.lstsq(basis, scaling.given[row], rcond=None)[0]
    # Just inside: a trust-region step from a bound has no room.
    margin = 1e-3 * (scaling.upper - scaling.lower)
    return np.clip(solved, scaling.lower + margin, scaling.upper - margin).ravel()
