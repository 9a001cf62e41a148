"""Search for the plain laws of a measurement: descents, and from the best of them to where descents do not lead.

What is tried from there is evaluated at many points, the best of which are descended, too: other decays and shares
with the flow that was found; changes of x that few ages show; fringes that are damped within a radian.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.two_component.plain import Cells, bounds_of, cost_of, descend_each, left_by_noise

type FloatArray = npt.NDArray[np.float64]

_FEW_STEPS, _MANY_STEPS = 12, 30
MOST_DESCRIPTIONS = 6
_TRIED = 16
"""Number of points of each kind that are descended."""

_WITHIN = 4.0
"""Cost of a point of another form, relative to the best descent, up to which it is descended. Where that led below, it
was 0.8 to 2.5; damped fringes beside the right minimum are at 5 to 500."""

_FLOWS = 2
"""Number of flows, or of decays, around which other points are tried."""

_DECAYS = (0.4, 2.0, 10.0)
"""Decays of the fields over the measurement, in the exponent, of the starting values."""

_FRACTIONS = (0.2, 0.5, 0.8)
_SLOW = 1.5
"""Rate of the exponential in x, times the length of the measurement, of changes that take as long."""

_RATES = (_SLOW, 4.0, 10.0, 30.0, 100.0, 300.0)
"""Such rates down to changes confined to the beginning or the end."""

_PORTIONS = (0.25, 0.6)
"""Portions of the other component that become x in such a change."""

_DAMPED = (0.4, 0.7, 1.5)
"""Phases of fringes within the relaxation time of the field."""


def fit_cells(theta: FloatArray, cells: Cells) -> tuple[FloatArray, FloatArray]:
    """Return the best descents from theta (n, 10), best first: theta (n_kept, 10) and cost (n_kept,).

    Points around the best after a few steps get a few, too; the best of all are descended to the end. Where the best
    leaves white noise, nothing that has another form is sought.
    """
    theta, cost = _best_descents(theta, cells, _FEW_STEPS)
    most = _WITHIN * cost[0]
    around = [_other_decays(theta[:_FLOWS], cells)]
    if cost[0] > left_by_noise(cells):
        around += [_other_shares(theta, cells, most), _damped_fringes(theta[:_FLOWS], cells, most)]
    theta, _ = _best_descents(np.concatenate([theta, *around]), cells, _FEW_STEPS)
    return _best_descents(theta, cells, _MANY_STEPS)


def _best_descents(theta: FloatArray, cells: Cells, n_steps: int) -> tuple[FloatArray, FloatArray]:
    """Return the best descents, best first, without duplicates."""
    theta, cost = descend_each(theta, cells, n_steps)
    order = np.argsort(cost)
    different = [k for n, k in enumerate(order) if n == 0 or cost[k] > cost[order[n - 1]] * (1 + 1e-4)]
    best = different[:MOST_DESCRIPTIONS]
    return theta[best], cost[best]


def _other_decays(theta: FloatArray, cells: Cells) -> FloatArray:
    """Return the best points (n, 10) of a grid of decays and shares with the flows of theta (n_theta, 10).

    The fringes determine the flow independently of the rest; decay rates are less constrained.
    """
    points = []
    for flow in theta[:, [4, 5, 9]]:
        for a, b in itertools.product(np.log(np.array(_DECAYS) / cells.last), repeat=2):
            points += [_point((a, 0.0), (b, 0.0), flow, share) for share in _shares()]
    return _best(points, cells)


def _other_shares(theta: FloatArray, cells: Cells, most: float) -> FloatArray:
    """Return the best points (n, 10) with the laws of theta (n_theta, 10), x constant but near an end.

    Few ages show such a change, and a descent from an x that varies slowly does not find it. As x can only be larger
    there, either component is tried as the sample.
    """
    fastest, points = bounds_of(cells, turns=False)[1][7], []
    rates = [rate for rate in _RATES if rate <= fastest]
    for one in theta:
        of_one, of_other = one[:2], one[2:4]
        x = one[8] + one[6] * np.exp(one[7] * (0.5 - (one[7] > 0)))
        for first, second, base in ((of_one, of_other, x), (of_other, of_one, 1 - x)):
            for rate, portion, sign in itertools.product(rates, _PORTIONS, (-1, 1)):
                points.append(_point(first, second, one[[4, 5, 9]], (portion * (1 - base), sign * rate, base)))
    return _best(points, cells, most)


def _damped_fringes(theta: FloatArray, cells: Cells, most: float) -> FloatArray:
    """Return the best points (n, 10) with two equal decays, one of those of theta (n_theta, 10), and a flow whose
    fringes they damp within about a radian.

    At single ages such fringes are a decay of another form, which two components without flow describe as well.
    """
    points = []
    for rate, exponent in theta[:, :4].reshape(-1, 2):
        for phase, share in itertools.product(_DAMPED, _shares()):
            decay, flow = (rate, exponent), (rate + np.log(phase), exponent, 0.0)
            points.append(_point(decay, decay, flow, share))
    return _best(points, cells, most)


def _point(reference: npt.ArrayLike, sample: npt.ArrayLike, flow: npt.ArrayLike, share: npt.ArrayLike) -> FloatArray:
    """Return theta (10,) of two decays (ln rate, exponent), a flow (ln ω, β, phi0) and a share (g, κ, f3)."""
    omega, beta, phi0 = np.asarray(flow, float)
    return np.concatenate([reference, sample, [omega, beta], share, [phi0]])


def _shares() -> list[tuple[float, float, float]]:
    """Return shares (g, κ, f3) that change slowly from one fraction to another, or not."""
    found = []
    for first, last in itertools.product(_FRACTIONS, repeat=2):
        g = abs(last - first) / -np.expm1(-_SLOW)
        found.append((g, _SLOW if last > first else -_SLOW, max(first, last) - g))
    return found


def _best(points: list[FloatArray], cells: Cells, most: float = np.inf) -> FloatArray:
    """Return those of the points (10,) with the lowest cost, below `most`, (n, 10)."""
    theta = np.array(points)
    cost = np.concatenate([cost_of(part, cells) for part in np.array_split(theta, max(1, len(theta) // 32))])
    best = np.argsort(cost)[:_TRIED]
    return theta[best[cost[best] < most]]
