"""Contrast and offset per angle as linear combinations of a few coefficients.

``contrast(phi) = held + basis @ coefficients`` and the same for offset: one coefficient per angle (individual),
one for all (shared), a Fourier series in phi, or none (fixed).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterodyne_spec import Config, ConfigError, ModelSpec, Problem

type FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scaling:
    """The model of contrast and offset.

    `basis` (n_phi, n_coef); `held` (2, n_phi) is what is added to it for contrast and offset; `lower` and `upper`
    (2, n_coef) bound the coefficients; `given` (2, n_phi) are values from the configuration, NaN where silent.
    """

    mode: str
    basis: FloatArray
    held: FloatArray
    lower: FloatArray
    upper: FloatArray
    given: FloatArray

    @property
    def n_coefficients(self) -> int:
        """Number of coefficients of contrast; offset has as many."""
        return self.basis.shape[1]

    def per_angle(self, coefficients: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return contrast and offset per angle for (2 n_coef,) coefficients, those of contrast first."""
        contrast, offset = self.held + coefficients.reshape(2, -1) @ self.basis.T
        return contrast, offset


def _fourier(phi: FloatArray, order: int) -> FloatArray:
    """Return the columns 1, cos phi, sin phi, cos 2phi, ... up to `order`, (n_phi, 2 order + 1)."""
    angle = np.deg2rad(phi)
    harmonics = [f(k * angle) for k in range(1, order + 1) for f in (np.cos, np.sin)]
    return np.stack([np.ones_like(angle), *harmonics], axis=1)


def _given(config: Config, spec: ModelSpec, phi: FloatArray) -> FloatArray:
    """Return the configured contrast and offset per angle, (2, n_phi), NaN where there are none."""
    rows = []
    for parameter in spec.scaling:
        entry = config.model.parameters.get(parameter.name)
        value = np.nan if entry is None or entry.value is None else entry.value
        if np.ndim(value) == 1 and np.size(value) != phi.size:
            path, found = f"model.parameters.{parameter.name}.value", f"{np.size(value)} values"
            problem = Problem(path, found, f"{phi.size}, one per angle", "give one number or one per angle")
            raise ConfigError("configuration", [problem])
        rows.append(np.broadcast_to(np.asarray(value, float), phi.shape))
    return np.array(rows)


def make_scaling(config: Config, spec: ModelSpec, phi: FloatArray) -> Scaling:
    """Return the scaling that the configuration asks for, at the azimuths `phi` in degrees.

    Raises
    ------
    ConfigError : when values are not one per angle, or a Fourier series has more terms than there are angles.
    """
    given = _given(config, spec, phi)
    entries = [config.model.parameters.get(p.name) for p in spec.scaling]
    bounds = np.array(
        [e.bounds if e is not None and e.bounds else p.bounds for e, p in zip(entries, spec.scaling, strict=True)]
    )
    held = np.zeros((2, phi.size))
    match config.scaling:
        case "individual":
            mode, basis = "individual", np.eye(phi.size)
        case "shared":
            mode, basis = "shared", np.ones((phi.size, 1))
        case "fixed":
            mode, basis, held = "fixed", np.zeros((phi.size, 0)), given
        case Mapping() as series:
            order = series["fourier"]
            mode, basis = f"fourier {order}", _fourier(phi, order)
            if np.linalg.matrix_rank(basis) < basis.shape[1]:
                remedy = "take a lower order, or scaling: individual"
                wanted = f"at most as many terms as distinct angles ({phi.size})"
                problem = Problem("scaling.fourier", f"{basis.shape[1]} terms", wanted, remedy)
                raise ConfigError("configuration", [problem])
        case other:
            raise AssertionError(f"the schema admits no scaling {other!r}")
    n = basis.shape[1]
    lower = np.repeat(bounds[:, :1], n, axis=1)
    upper = np.repeat(bounds[:, 1:], n, axis=1)
    if mode.startswith("fourier"):
        # The mean obeys the bounds; a harmonic can be as large as the interval either way.
        width = bounds[:, 1:] - bounds[:, :1]
        lower[:, 1:], upper[:, 1:] = -width, width
    return Scaling(mode, basis, held, lower, upper, given)


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
