"""Where the values of every measurement stand in the vector of a joint posterior.

The joint vector holds the common unconstrained parameters, then those that every measurement has of its own, then ln σ
of every measurement. Contrast and offset belong to one map each: they are integrated out measurement by measurement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

type FloatArray = npt.NDArray[np.float64]
type IntArray = npt.NDArray[np.int_]


@dataclass(frozen=True)
class Layout:
    """Places of the members' vectors in the joint vector.

    `common` (n_free,) says which of a member's unconstrained parameters are shared; `places` holds for every member the
    positions (n_free + 1,) of its vector, ln σ last.
    """

    common: npt.NDArray[np.bool_]
    places: tuple[IntArray, ...]
    size: int

    def member(self, joint: FloatArray, k: int) -> FloatArray:
        """Return the vector (..., n_free + 1) of member k in joint vectors (..., n_joint)."""
        return joint[..., self.places[k]]

    def assembled(self, vectors: Sequence[FloatArray]) -> FloatArray:
        """Return the joint vector of the members' vectors; what is common is taken from the first."""
        joint = np.empty(self.size)
        for places, vector in zip(reversed(self.places), reversed(vectors), strict=True):
            joint[places] = vector
        return joint

    def embedded(self, matrix: FloatArray, k: int) -> FloatArray:
        """Return a member's precision (n_free + 1, n_free + 1) as one of the joint vector."""
        found = np.zeros((self.size, self.size))
        found[np.ix_(self.places[k], self.places[k])] = matrix
        return found


def make_layout(common: npt.NDArray[np.bool_], n_members: int) -> Layout:
    """Return the layout of `n_members` measurements that share the parameters `common` (n_free,)."""
    n_common, n_own = int(common.sum()), int((~common).sum())
    n_parameters, places = n_common + n_own * n_members, []
    for k in range(n_members):
        own = np.empty(common.size + 1, int)
        own[:-1][common] = np.arange(n_common)
        own[:-1][~common] = n_common + n_own * k + np.arange(n_own)
        own[-1] = n_parameters + k
        places.append(own)
    return Layout(common, tuple(places), n_parameters + n_members)
