"""Histories: solutions at separate ages, joined so that labels and branches do not jump (Viterbi's algorithm).

Viterbi (1967), IEEE Trans. Inf. Theory 13, 260.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.two_component.equilibrium import Solutions

type FloatArray = npt.NDArray[np.float64]

_CHANGE = np.array([0.6, 0.6, 0.25, 1.0])
"""Typical change of ln a, ln b, ln ω, ln(B/A) between neighbouring ages."""

_LOG_RANGE = 4.0
"""Logarithm of the ratio of a rate to the typical one beyond which the rate is not determined."""


_SWAPPED = [1, 0, 2, 3]
"""Columns of standard deviations after an exchange of labels."""


class History(NamedTuple):
    """Solutions at successive ages: ln a, ln b, ω and ln(B/A) per frame, `theta` (n_age, 4), and their standard
    deviations, `sd` (n_age, 4)."""

    theta: FloatArray
    sd: FloatArray

    def exchanged(self) -> History:
        """Return the same history with the labels of the two components exchanged."""
        return History(exchanged(self.theta), self.sd[:, _SWAPPED])


def exchanged(theta: FloatArray) -> FloatArray:
    """Return the same solution with the labels of the two components exchanged."""
    return np.stack([theta[..., 1], theta[..., 0], theta[..., 2], -theta[..., 3]], axis=-1)


def _comparable(theta: FloatArray, typical: FloatArray) -> FloatArray:
    """Return the coordinates in which neighbouring ages are compared."""
    rates = np.clip(theta[..., :2], typical - _LOG_RANGE, typical + _LOG_RANGE)
    frequency = np.log(np.maximum(theta[..., 2], 1e-4))
    return np.concatenate([rates, frequency[..., None], np.clip(theta[..., 3], -4, 4)[..., None]], axis=-1)


def histories(solutions: Solutions, count: int) -> list[History]:
    """Return up to `count` histories, the most plausible first.

    A plausible history describes the curves and changes little from age to age. Of each history and its exchange of
    labels, which are equivalent, only one is returned.
    """
    theta = np.concatenate([solutions.theta, exchanged(solutions.theta)], axis=1)
    sd = np.concatenate([solutions.sd, solutions.sd[..., _SWAPPED]], axis=1)
    excess = (solutions.cost - solutions.cost[:, :1]) / np.maximum(solutions.noise[:, None], 1e-300)
    # The misfit of an age is limited to that of a few jumps, so that one bad age does not determine the others.
    local = np.tile(np.minimum(excess, 40.0), 2)
    point = _comparable(theta, np.median(theta[:, 0, :2]))
    n_age, n_state = local.shape
    total, came_from = local[0], np.zeros((n_age, n_state), int)
    for k in range(1, n_age):
        jump = (point[k][None] - point[k - 1][:, None]) / _CHANGE
        # The cost of a jump is limited to that of a few typical changes.
        through = total[:, None] + np.minimum(np.sum(jump**2, -1), 60.0)
        came_from[k] = np.argmin(through, axis=0)
        total = np.min(through, axis=0) + local[k]
    found: list[History] = []
    for end in np.argsort(total):
        state = int(end)
        states = [state]
        for k in range(n_age - 1, 0, -1):
            state = int(came_from[k, state])
            states.append(state)
        at = np.arange(n_age), states[::-1]
        history = History(theta[at], sd[at])
        if not any(_same(one.theta, other.theta) for one in (history, history.exchanged()) for other in found):
            found.append(history)
        if len(found) == count:
            break
    return found


def _same(a: FloatArray, b: FloatArray) -> bool:
    difference = np.abs(a - b)
    return bool(np.median(difference, axis=0).max() < 0.05)
