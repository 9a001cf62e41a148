"""What shared noise does to the posterior: the likelihood of pairs set right to the width that the fit found.

The pairs of a map share frames and speckle, so their product is a composite likelihood: its mode is sound, its
width is not. The fit knows both covariances of its estimate, that of independent noise Σ_0 and the calibrated one Σ
(Godambe's). The posterior uses L(û + C (u - û))^τ, whose width at the estimate û is Σ exactly. Of all such pairs of τ
and C the one is taken in which C leaves the volume as it is: τ carries what is common to all directions, so the
likelihood keeps its own shape at the width that it really has, and C only what differs from one direction to another.

Ribatet, Cooley & Davison (2012), Statistica Sinica 22, 813: adjustment by a power, and of the curvature.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heterodyne_cmc.density import Tilt
from heterodyne_cmc.linalg import root

type FloatArray = npt.NDArray[np.float64]


def make_tilt(
    pivot: FloatArray,
    contrast: FloatArray,
    offset: FloatArray,
    independent: FloatArray,
    calibrated: FloatArray,
    prior: FloatArray,
) -> Tilt:
    """Return how the likelihood is set right.

    Parameters
    ----------
    pivot : (n_free,) unconstrained coordinates of the point estimate.
    contrast, offset : (n_phi,) its contrast and offset.
    independent, calibrated : (n_free, n_free) its covariances in these coordinates.
    prior : (n_free,) standard deviations of the prior in these coordinates.

    Notes
    -----
    Directions along which the calibrated spread exceeds the prior's keep the likelihood's own shape: the prior rules
    there, and the ratio of two spreads that the data do not determine says nothing.
    """
    # In units in which independent noise makes all directions alike, so that the result is that of any coordinates.
    unit = root(independent)
    inward = np.linalg.inv(unit)
    ratio, turn = np.linalg.eigh(inward @ calibrated @ inward.T)
    ratio, directions = np.maximum(ratio, 1e-300), unit @ turn
    known = np.max(np.sqrt(ratio) * np.abs(directions) / prior[:, None], axis=0) < 1.0
    if not known.any():
        return Tilt(np.array(1.0), pivot, np.eye(pivot.size), contrast, offset)
    power = np.array(np.exp(-np.mean(np.log(ratio[known]))))
    stretch = np.where(known, 1.0 / np.sqrt(ratio * power), 1.0)
    pull = directions @ (stretch[:, None] * np.linalg.inv(directions))
    return Tilt(power, pivot, pull, contrast, offset)
