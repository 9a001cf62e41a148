"""Which parameters are sampled: free, fixed or tied, with bounds, priors and start values."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from heterodyne_cmc.priors import Priors
from heterodyne_cmc.transforms import Intervals
from heterodyne_spec import Config, ModelSpec, NLSQResult, Parameter
from heterodyne_spec.model import Prior

type FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ParameterSpace:
    """The parameters of the model and the map from the free ones: ``full = base + expand @ free``.

    `status` is free, fixed or tied, and `tie` whom a tied one follows, per parameter of the model. `bounds`
    (n_free, 2), `priors`, `log` and `start` (n_free,) belong to the free ones.
    """

    parameters: tuple[Parameter, ...]
    status: tuple[str, ...]
    tie: tuple[str | None, ...]
    free: tuple[int, ...]
    base: FloatArray
    expand: FloatArray
    start: FloatArray
    bounds: FloatArray
    priors: tuple[Prior, ...]
    log: npt.NDArray[np.bool_]

    @property
    def free_names(self) -> tuple[str, ...]:
        """Names of the free parameters, in canonical order."""
        return tuple(self.parameters[k].name for k in self.free)

    def full(self, free: FloatArray) -> FloatArray:
        """Return all parameters (..., n_par) of the free ones (..., n_free)."""
        return self.base + free @ self.expand.T

    def intervals(self) -> Intervals:
        """Return the bounds as arrays for compiled functions."""
        return Intervals(jnp.asarray(self.bounds[:, 0]), jnp.asarray(self.bounds[:, 1]), jnp.asarray(self.log))

    def prior_arrays(self) -> Priors:
        """Return the priors as arrays for compiled functions."""
        return Priors(
            jnp.asarray([p.location for p in self.priors], float),
            jnp.asarray([p.scale for p in self.priors], float),
            jnp.asarray([p.family == "lognormal" for p in self.priors], bool),
        )


def parameter_space(spec: ModelSpec, config: Config, nlsq: NLSQResult | None) -> ParameterSpace:
    """Return how the parameters are sampled.

    A free parameter starts from the NLSQ result when there is one, else from the configuration or the registry;
    a fixed one stands at the configuration's value, or the registry's. A tied one has the prior and bounds of
    the parameter that it follows.
    """
    given, names = config.model.parameters, spec.names
    status = config.model.status(spec)
    tie = [given[name].tie if name in given else None for name in names]
    free = [k for k, state in enumerate(status) if state == "free"]
    values = np.array([_value(parameter, config) for parameter in spec.parameters])
    leader = [names.index(target) if target else k for k, target in enumerate(tie)]
    bounds = [(entry.bounds if (entry := given.get(p.name)) else None) or p.bounds for p in spec.parameters]
    priors = [(entry.prior if (entry := given.get(p.name)) else None) or p.prior for p in spec.parameters]
    # A logarithm needs a positive interval; a configured one may reach below.
    log = [p.transform == "log-logit" and bounds[k][0] > 0 for k, p in enumerate(spec.parameters)]
    start = values if nlsq is None else np.array([nlsq.parameters[name] for name in names])
    expand = np.array([[float(leader[k] == column) for column in free] for k in range(len(names))])
    return ParameterSpace(
        parameters=spec.parameters,
        status=status,
        tie=tuple(tie),
        free=tuple(free),
        base=np.array([0.0 if leader[k] in free else values[leader[k]] for k in range(len(names))]),
        expand=expand.reshape(len(names), len(free)),
        start=start[free],
        bounds=np.array([bounds[k] for k in free], float).reshape(len(free), 2),
        priors=tuple(priors[k] for k in free),
        log=np.array([log[k] for k in free], bool),
    )


def _value(parameter: Parameter, config: Config) -> float:
    entry = config.model.parameters.get(parameter.name)
    given = None if entry is None else entry.value
    return parameter.default if given is None or isinstance(given, list) else float(given)
