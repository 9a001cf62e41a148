"""The sampled parameters: free, fixed or tied, with bounds, priors and start values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from heterodyne_cmc.chart import Chart, Laws
from heterodyne_cmc.gauge import Gauge, find_gauges
from heterodyne_cmc.laws import make_laws, no_laws
from heterodyne_cmc.naming import Naming, untold
from heterodyne_cmc.priors import Priors
from heterodyne_cmc.transforms import Intervals
from heterodyne_data import NLSQResult
from heterodyne_spec import Config, ModelSpec, Parameter, Prior

type FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ParameterSpace:
    """The parameters of the model and the map from the free ones: ``full = base + expand @ free``.

    `status` is free, fixed or tied, and `tie` whom a tied one follows, per parameter of the model. `bounds`
    (n_free, 2), `priors`, `log` and `start` (n_free,) belong to the free ones, `laws` are those among them in whose
    coordinates the chains move, `gauges` the free ones that are drawn afterwards and held here, `naming` says which
    component is the sample where the data do not.
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
    laws: Laws
    gauges: tuple[Gauge, ...]
    naming: Naming

    @property
    def free_names(self) -> tuple[str, ...]:
        """Names of the free parameters, in canonical order."""
        return tuple(self.parameters[k].name for k in self.free)

    @property
    def later_names(self) -> tuple[str, ...]:
        """Names of the parameters that are drawn after the sampling."""
        return tuple(self.parameters[gauge.origin].name for gauge in self.gauges)

    def full(self, free: FloatArray) -> FloatArray:
        """Return all parameters (..., n_par) of the free ones (..., n_free)."""
        return self.base + free @ self.expand.T

    def chart(self) -> Chart:
        """Return the map from unconstrained coordinates as arrays for compiled functions."""
        intervals = Intervals(jnp.asarray(self.bounds[:, 0]), jnp.asarray(self.bounds[:, 1]), jnp.asarray(self.log))
        return Chart(intervals, Laws(*map(jnp.asarray, self.laws)))

    def prior_arrays(self) -> Priors:
        """Return the priors as arrays for compiled functions."""
        return Priors(
            jnp.asarray([p.location for p in self.priors], float),
            jnp.asarray([p.scale for p in self.priors], float),
            jnp.asarray([p.family == "lognormal" for p in self.priors], bool),
        )


def parameter_space(
    spec: ModelSpec,
    config: Config,
    nlsq: NLSQResult | None,
    t: FloatArray | None = None,
    phi: FloatArray | None = None,
    begin: Mapping[str, float] | None = None,
) -> ParameterSpace:
    """Return the parameter space of a sampling.

    A free parameter starts from the NLSQ result when there is one, else from `begin`, the configuration or the
    registry; a fixed one stands at the configuration's value, or the registry's. A tied one has the prior and bounds of
    the parameter that it follows. `t` (n_t,) and `phi` (n_phi,) are the ages in s and azimuths in degree of the
    measurement, without which no law is straight.
    """
    given, names = config.model.parameters, spec.names
    status = config.model.status(spec)
    tie = [given[name].tie if name in given else None for name in names]
    values = np.array([_value(parameter, config) for parameter in spec.parameters])
    leader = [names.index(target) if target else k for k, target in enumerate(tie)]
    bounds = [(entry.bounds if (entry := given.get(p.name)) else None) or p.bounds for p in spec.parameters]
    priors = [(entry.prior if (entry := given.get(p.name)) else None) or p.prior for p in spec.parameters]
    later = tuple(find_gauges(spec, status, tie, bounds, priors))
    held = ["fixed" if k in [gauge.origin for gauge in later] else state for k, state in enumerate(status)]
    free = [k for k, state in enumerate(held) if state == "free"]
    # A logarithm needs a positive interval; a configured one may reach below.
    log = [p.transform == "log-logit" and bounds[k][0] > 0 for k, p in enumerate(spec.parameters)]
    start = np.array(
        [(nlsq.parameters if nlsq else begin or {}).get(name, v) for name, v in zip(names, values, strict=True)]
    )
    bounded = np.array([bounds[k] for k in free], float).reshape(len(free), 2)
    laws = no_laws() if t is None or phi is None else make_laws(spec, held, free, bounded, priors, start, nlsq, t, phi)
    for gauge in later:
        values[gauge.origin] = start[gauge.origin]
    expand = np.array([[float(leader[k] == column) for column in free] for k in range(len(names))])
    return ParameterSpace(
        parameters=spec.parameters,
        status=status,
        tie=tuple(tie),
        free=tuple(free),
        base=np.array([0.0 if leader[k] in free else values[leader[k]] for k in range(len(names))]),
        expand=expand.reshape(len(names), len(free)),
        start=start[free],
        bounds=bounded,
        priors=tuple(priors[k] for k in free),
        log=np.array([log[k] for k in free], bool),
        laws=laws,
        gauges=later,
        naming=untold(nlsq, spec, np.ones(1) if t is None else t),
    )


def _value(parameter: Parameter, config: Config) -> float:
    entry = config.model.parameters.get(parameter.name)
    given = None if entry is None else entry.value
    return parameter.default if given is None or isinstance(given, list) else float(given)
