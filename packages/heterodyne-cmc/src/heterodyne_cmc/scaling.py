"""Contrast and offset per angle as linear functions of a few coefficients with normal priors.

``contrast = held + basis @ coefficients`` and the same for offset: one coefficient per angle (individual), one for
all (shared), or none (fixed).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterodyne_spec import Config, ConfigError, ModelSpec, Problem

type FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scaling:
    """The linear part of the model.

    `basis` (n_phi, n_coef); `held` (2, n_phi) is added for contrast and offset; `mean` and `precision`
    (2 n_coef,) are those of the normal priors, contrast first; `bounds` (2, 2) of contrast and offset.
    """

    mode: str
    basis: FloatArray
    held: FloatArray
    mean: FloatArray
    precision: FloatArray
    bounds: FloatArray

    def per_angle(self, coefficients: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return contrast and offset (..., n_phi) of coefficients (..., 2 n_coef)."""
        n = self.basis.shape[1]
        contrast, offset = coefficients[..., :n], coefficients[..., n:]
        return self.held[0] + contrast @ self.basis.T, self.held[1] + offset @ self.basis.T


def scaling_problems(config: Config, spec: ModelSpec) -> list[Problem]:
    """Return the settings of contrast and offset in `config` that are not supported."""
    problems = []
    if config.scaling not in ("individual", "shared", "fixed"):
        wanted = "individual, shared or fixed (the coefficients of a series have no prior yet)"
        problems.append(Problem("scaling", str(config.scaling), wanted, "set scaling: individual"))
    for parameter in spec.scaling:
        entry = config.model.parameters.get(parameter.name)
        if entry is not None and entry.prior is not None and entry.prior.family != "normal":
            path = f"model.parameters.{parameter.name}.prior.family"
            remedy = "use a normal prior, which is integrated analytically"
            problems.append(Problem(path, f"'{entry.prior.family}'", "normal", remedy))
    return problems


def make_scaling(config: Config, spec: ModelSpec, phi: FloatArray) -> Scaling:
    """Return the configured scaling at the azimuths `phi` in degrees.

    Raises
    ------
    ConfigError : if the number of values of a fixed scaling differs from the number of angles.
    """
    entries = [config.model.parameters.get(p.name) for p in spec.scaling]
    priors = [
        e.prior if e is not None and e.prior is not None else p.prior
        for e, p in zip(entries, spec.scaling, strict=True)
    ]
    bounds = [
        e.bounds if e is not None and e.bounds is not None else p.bounds
        for e, p in zip(entries, spec.scaling, strict=True)
    ]
    mode = str(config.scaling)
    basis = {"individual": np.eye(phi.size), "shared": np.ones((phi.size, 1)), "fixed": np.zeros((phi.size, 0))}[mode]
    n = basis.shape[1]
    return Scaling(
        mode=mode,
        basis=basis,
        held=_held(config, spec, phi) if mode == "fixed" else np.zeros((2, phi.size)),
        mean=np.repeat([p.location for p in priors], n),
        precision=np.repeat([p.scale**-2.0 for p in priors], n),
        bounds=np.array(bounds, float),
    )


def _held(config: Config, spec: ModelSpec, phi: FloatArray) -> FloatArray:
    """Return the configured contrast and offset per angle, (2, n_phi)."""
    problems, rows = [], []
    for parameter in spec.scaling:
        # That there is a value is a rule of the configuration.
        value = np.asarray(config.model.parameters[parameter.name].value, float)
        if value.size not in (1, phi.size):
            path, found = f"model.parameters.{parameter.name}.value", f"{value.size} values"
            problems.append(Problem(path, found, f"{phi.size}, one per angle", "give one number or one per angle"))
        else:
            rows.append(np.broadcast_to(value, phi.shape))
    if problems:
        raise ConfigError("configuration", problems)
    return np.array(rows)
