"""Frequencies of the fringes at all ages: a matched filter at every age, and power laws of age through what it finds.

At one age, a weak fringe can be hidden by noise, or by what is left of the part that does not oscillate. A power law
through all ages collects it: the sum over ages of the likelihood along ω0 (t/t_m)^β is largest for the true flow
(a Hough transform: Duda & Hart 1972, Commun. ACM 15, 11).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.age_resolved import Curves

type FloatArray = npt.NDArray[np.float64]

_FASTEST = 1.6
"""Highest frequency of the search, in rad per frame."""

_COHERENT = 400.0
"""Phase in rad within which fringes are sought."""

_DAMPINGS = 5
_FEW, _RATIO = 6, 2.0
"""Number of exponentials that describe the part without fringes, and the ratio of neighbouring rates where there are
many. Few take little from strongly damped fringes; many leave nothing that outweighs weak ones."""

_TRACKS = 3
_BIN = 0.06
"""Width of the bins of ln ω in which a power law looks for a frequency."""

_APART = 3
"""Number of bins on either side of a power law that belong to it."""

_EXPONENTS = np.arange(-1.5, 1.51, 0.05)
"""Exponents β that are tried."""


@dataclass(frozen=True)
class Filtered:
    """Frequencies `omega` (n_omega,) in rad per frame of one age, and the logarithm of the likelihood that each gains,
    (n_omega,)."""

    omega: FloatArray
    gain: FloatArray


def frequencies(curves: Curves) -> list[FloatArray]:
    """Return the candidates for ω in rad per frame at every age, in no order."""
    filtered = [
        _filter(value, weight, curves.lag, curves.phi)
        for value, weight in zip(curves.value, curves.weight, strict=True)
    ]
    tracks = _tracks(filtered, curves.age)
    found = []
    for f, track in zip(filtered, tracks, strict=True):
        own = [int(np.argmax(f.gain))] if f.gain.any() else []
        chosen = np.unique([*track[track >= 0].tolist(), *own]).astype(int)
        # Half a radian within the longest lag: slower than what is resolved.
        found.append(np.append(f.omega[chosen], 0.5 * f.omega[0]))
    return found


def _filter(value: FloatArray, weight: FloatArray, lag: FloatArray, phi: FloatArray) -> Filtered:
    """Return what fringes explain of the curves (n_phi, n_lag) of one age.

    The phase of fast fringes is lost to the spread of the ages averaged, and to the distance between long lags: every
    octave of frequencies is sought at the lags within which it turns by `_COHERENT`.
    """
    reach = float(lag[weight.sum(0) > 0].max(initial=4.0))
    octaves = []
    low = 1 / reach
    while low < _FASTEST:
        near = lag <= max(_COHERENT / low, lag[0])
        step = 1 / min(reach, lag[near][-1])
        high = min(max(2 * low, _COHERENT / reach), _FASTEST)
        omega = np.arange(low, high, step)
        octaves.append((omega, _explained(omega, value[:, near], weight[:, near], lag[near], phi)))
        low = high
    omega, gain = (np.concatenate(parts) for parts in zip(*octaves, strict=True))
    return Filtered(omega, gain)


def _explained(
    omega: FloatArray, value: FloatArray, weight: FloatArray, lag: FloatArray, phi: FloatArray
) -> FloatArray:
    """Return the logarithm of the likelihood gained by a damped fringe of each frequency, (n_omega,).

    The part that does not oscillate, a constant and exponentials fitted to every angle, is subtracted first.
    """
    seen = weight.sum(0) > 0
    value, weight, lag = value[:, seen], weight[:, seen], lag[seen]
    slowest = 0.3 / lag.max(initial=4.0)
    many = max(_FEW, int(np.ceil(np.log(1 / slowest) / np.log(_RATIO))))
    monotone = [
        np.stack([np.ones_like(lag), *np.exp(-np.geomspace(slowest, 1.0, n)[:, None] * lag)]) for n in (_FEW, many)
    ]
    damping = np.exp(-np.geomspace(slowest, 0.5, _DAMPINGS)[:, None] * lag)
    with_fringe, without = np.zeros((2, omega.size, _DAMPINGS)), np.zeros(2)
    for values, w, angle in zip(value, weight, phi, strict=True):
        root, n = np.sqrt(w), np.count_nonzero(w)
        if n < 12:
            continue
        fringe = np.cos(omega[:, None] * np.cos(np.deg2rad(angle)) * lag)
        whole = fringe**2 @ (damping**2 * w).T
        damped = damping[:, None] * root
        least = 1e-12 * np.sum(w * values**2) + 1e-300
        for k, functions in enumerate(monotone):
            basis, _ = np.linalg.qr((functions * root).T)
            rest = root * values - basis @ (basis.T @ (root * values))
            # Overlap of a damped fringe with every column of the basis and with the residual values.
            with_each = fringe @ (damped * np.vstack([basis.T, rest])).reshape(-1, lag.size).T
            *on_basis, on_rest = np.moveaxis(with_each.reshape(*whole.shape, -1), -1, 0)
            length = whole - np.sum(np.square(on_basis), axis=0)
            along = np.maximum(on_rest, 0.0)
            # A fringe with hardly any part orthogonal to the basis is indistinguishable from the monotone part.
            explained = np.where(length > 1e-3 * np.sum(w), along**2 / np.maximum(length, 1e-300), 0.0)
            squares = np.sum(rest**2)
            with_fringe[k] -= n / 2 * np.log(np.maximum(squares - explained, least)) + len(functions)
            without[k] -= n / 2 * np.log(np.maximum(squares, least)) + len(functions)
    # Each of the two descriptions at its best; one more column has to explain more than noise does (Akaike 1974).
    return np.asarray(np.maximum(with_fringe.max(axis=(0, 2)) - without.max(), 0.0))


def _tracks(filtered: list[Filtered], age: FloatArray) -> npt.NDArray[np.int_]:
    """Return positions in the frequencies of every age along the best power laws, (n_age, n_track); -1 outside."""
    lowest = min(np.log(f.omega[0]) for f in filtered)
    n_bin = 1 + int((np.log(_FASTEST) - lowest) / _BIN)
    best, place = np.zeros((len(filtered), n_bin + 2)), np.full((len(filtered), n_bin + 2), -1)
    for k, f in enumerate(filtered):
        at = 1 + ((np.log(f.omega) - lowest) / _BIN).astype(int)
        order = np.argsort(f.gain, kind="stable")
        best[k, at[order]], place[k, at[order]] = f.gain[order], order
    shift = np.round(_EXPONENTS[:, None] * np.log(age / np.sqrt(age[0] * age[-1])) / _BIN).astype(int)
    bins = np.clip(shift[..., None] + np.arange(1, n_bin + 1), 0, n_bin + 1)
    ages = np.arange(len(age))
    chosen = []
    for _ in range(_TRACKS):
        # A power law finds what is in its bin or in a neighbouring one.
        near = np.maximum(best, np.maximum(np.roll(best, 1, axis=1), np.roll(best, -1, axis=1)))
        near[:, [0, -1]] = 0.0
        total = near[ages[:, None], bins].sum(axis=1)
        exponent, level = np.unravel_index(np.argmax(total), total.shape)
        track = bins[exponent, :, level]
        around = np.clip(track[:, None] + np.array([-1, 0, 1]), 0, n_bin + 1)
        peak = np.take_along_axis(around, np.argmax(best[ages[:, None], around], axis=1)[:, None], axis=1)[:, 0]
        inside = (track > 0) & (track <= n_bin)
        chosen.append(np.where(inside, place[ages, peak], -1))
        for step in range(-_APART, _APART + 1):
            best[ages, np.clip(track + step, 0, n_bin + 1)] = 0.0
    return np.stack(chosen, axis=1)
