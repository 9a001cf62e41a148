"""Which parameters may vary: free, fixed or tied, with their bounds and start values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from heterodyne_spec import ModelConfig, ModelSpec

type FloatArray = npt.NDArray[np.float64]

_NONE: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class FreeParameters:
    """The affine map from the free parameters to the full parameter vector: ``full = base + expand @ free``.

    `status` and `tie` state how each parameter of the model is treated; `lower`, `upper` and `start` belong to
    the full vector, (n_par,); `free` are the positions of the free parameters in it, (n_free,).
    """

    names: tuple[str, ...]
    status: tuple[str, ...]
    tie: tuple[str | None, ...]
    start: FloatArray
    lower: FloatArray
    upper: FloatArray
    free: tuple[int, ...]
    base: FloatArray
    expand: FloatArray

    @property
    def free_names(self) -> tuple[str, ...]:
        """Names of the free parameters, in canonical order."""
        return tuple(self.names[k] for k in self.free)

    @property
    def bounds(self) -> FloatArray:
        """Bounds of the free parameters, (n_free, 2)."""
        return np.stack([self.lower, self.upper], axis=1)[list(self.free)]

    def full(self, free: npt.ArrayLike) -> FloatArray:
        """Return all parameters (..., n_par) of the free ones (..., n_free)."""
        return np.asarray(self.base + np.asarray(free, float) @ self.expand.T)


def released(free: FreeParameters, gauges: tuple[str, ...]) -> FreeParameters:
    """Return the same with every fixed parameter free except the `gauges`, regardless of the configuration."""
    status = tuple(
        "free" if state == "fixed" and name not in gauges else state
        for name, state in zip(free.names, free.status, strict=True)
    )
    return _made(free.names, status, free.tie, free.start, free.lower, free.upper)


def free_parameters(spec: ModelSpec, config: ModelConfig, held: Mapping[str, float] = _NONE) -> FreeParameters:
    """Return how `config` treats the parameters of `spec`; the others are free at their default, gauges held.

    Parameters in `held` are fixed at its values, regardless of the configuration.
    """
    names, tie = spec.names, config.ties(spec)
    status = tuple("fixed" if name in held else state for name, state in zip(names, config.status(spec), strict=True))
    bounds = np.array([config.bounds(p) for p in spec.parameters], dtype=float)
    start = np.array([held[p.name] if p.name in held else config.value(p) for p in spec.parameters], float)
    # What a parameter follows: itself, or the one it is tied to.
    leader = [names.index(target) if target else k for k, target in enumerate(tie)]
    return _made(names, status, tie, start[leader], bounds[leader, 0], bounds[leader, 1])


def _made(
    names: tuple[str, ...],
    status: tuple[str, ...],
    tie: tuple[str | None, ...],
    start: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
) -> FreeParameters:
    leader = [names.index(target) if target else k for k, target in enumerate(tie)]
    free = tuple(k for k, state in enumerate(status) if state == "free")
    expand = np.array([[float(leader[k] == column) for column in free] for k in range(len(names))])
    base = np.array([0.0 if leader[k] in free else start[leader[k]] for k in range(len(names))])
    return FreeParameters(
        names=names,
        status=status,
        tie=tie,
        start=start,
        lower=lower,
        upper=upper,
        free=free,
        base=base,
        expand=expand.reshape(len(names), len(free)),
    )
