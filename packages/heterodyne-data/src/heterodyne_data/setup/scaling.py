"""Contrast and offset per angle as linear combinations of a few coefficients.

``contrast(phi) = held + basis @ coefficients`` and the same for offset: one coefficient per angle (individual),
one for all (shared), a Fourier series in phi, or none (fixed).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterodyne_spec import Config, ConfigError, ModelSpec, Prior, Problem

type FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scaling:
    """The linear part of the model.

    `basis` (n_phi, n_coef); `held` (2, n_phi) is added for contrast and offset; `given` (2, n_phi) are
    configured values, NaN without one; `bounds` (2, 2) and `priors` are those of contrast and of offset.
    """

    mode: str
    basis: FloatArray
    held: FloatArray
    given: FloatArray
    bounds: FloatArray
    priors: tuple[Prior, ...]

    @property
    def n_coefficients(self) -> int:
        """Number of coefficients of contrast; offset has as many."""
        return int(self.basis.shape[1])

    @property
    def lower(self) -> FloatArray:
        """Lower bounds of the coefficients, (2, n_coef)."""
        return self._ends()[0]

    @property
    def upper(self) -> FloatArray:
        """Upper bounds of the coefficients, (2, n_coef)."""
        return self._ends()[1]

    @property
    def mean(self) -> FloatArray:
        """Location of the priors of the coefficients, (2 n_coef,), those of contrast first."""
        n, each = self.n_coefficients, self.mode == "individual"
        # Harmonics of a series in phi are around 0.
        return np.array([p.location if k == 0 or each else 0.0 for p in self.priors for k in range(n)], float)

    @property
    def scale(self) -> FloatArray:
        """Scale of the priors of the coefficients, (2 n_coef,)."""
        return np.repeat(np.array([p.scale for p in self.priors], float), self.n_coefficients)

    @property
    def precision(self) -> FloatArray:
        """Precision of the priors of the coefficients, (2 n_coef,)."""
        return np.repeat([p.scale**-2.0 for p in self.priors], self.n_coefficients)

    def per_angle(self, coefficients: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return contrast and offset (..., n_phi) for coefficients (..., 2 n_coef), those of contrast first."""
        both = coefficients.reshape(*coefficients.shape[:-1], 2, self.n_coefficients)
        found = self.held + both @ self.basis.T
        return found[..., 0, :], found[..., 1, :]

    def _ends(self) -> tuple[FloatArray, FloatArray]:
        lower = np.repeat(self.bounds[:, :1], self.n_coefficients, axis=1)
        upper = np.repeat(self.bounds[:, 1:], self.n_coefficients, axis=1)
        if self.mode.startswith("fourier"):
            # The bounds limit the mean; a harmonic can be as large as the interval, with either sign.
            width = self.bounds[:, 1:] - self.bounds[:, :1]
            lower[:, 1:], upper[:, 1:] = -width, width
        return lower, upper


def make_scaling(config: Config, spec: ModelSpec, phi: FloatArray) -> Scaling:
    """Return the configured scaling at the azimuths `phi` in degrees.

    Raises
    ------
    ConfigError : if values are not one per angle, or a Fourier series has more terms than there are angles.
    """
    given = _given(config, spec, phi)
    held = np.zeros((2, phi.size))
    match config.scaling:
        case "individual":
            mode, basis = "individual", np.eye(phi.size)
        case "shared":
            mode, basis = "shared", np.ones((phi.size, 1))
        case "fixed":
            mode, basis, held = "fixed", np.zeros((phi.size, 0)), given
        case Mapping() as series:
            mode, basis = f"fourier {series['fourier']}", _fourier(phi, series["fourier"])
        case other:
            raise AssertionError(f"the schema admits no scaling {other!r}")
    bounds = np.array([config.model.bounds(p) for p in spec.scaling], float)
    return Scaling(mode, basis, held, given, bounds, tuple(config.model.prior(p) for p in spec.scaling))


def _fourier(phi: FloatArray, order: int) -> FloatArray:
    """Return the columns 1, cos phi, sin phi, cos 2phi, ... up to `order`, (n_phi, 2 order + 1)."""
    angle = np.deg2rad(phi)
    harmonics = [f(k * angle) for k in range(1, order + 1) for f in (np.cos, np.sin)]
    basis = np.stack([np.ones_like(angle), *harmonics], axis=1)
    if np.linalg.matrix_rank(basis) < basis.shape[1]:
        remedy = "use a lower order, or scaling: individual"
        wanted = f"at most as many terms as distinct angles ({phi.size})"
        raise ConfigError("configuration", [Problem("scaling.fourier", f"{basis.shape[1]} terms", wanted, remedy)])
    return basis


def _given(config: Config, spec: ModelSpec, phi: FloatArray) -> FloatArray:
    """Return the configured contrast and offset per angle, (2, n_phi), NaN where there are none."""
    problems, rows = [], []
    for parameter in spec.scaling:
        entry = config.model.parameters.get(parameter.name)
        value = np.asarray(np.nan if entry is None or entry.value is None else entry.value, float)
        if value.ndim == 1 and value.size != phi.size:
            path, found = f"model.parameters.{parameter.name}.value", f"{value.size} values"
            problems.append(Problem(path, found, f"{phi.size}, one per angle", "give one number or one per angle"))
        else:
            rows.append(np.broadcast_to(value, phi.shape))
    if problems:
        raise ConfigError("configuration", problems)
    return np.array(rows)
