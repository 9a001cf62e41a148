"""The sampled parameters: free, fixed or tied, with bounds, priors and start values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from heterodyne_cmc.chart import Chart, Laws
from heterodyne_cmc.gauge import Gauge, find_gauges
from heterodyne_cmc.laws import make_laws, no_laws
from heterodyne_cmc.models import knowledge_of
from heterodyne_cmc.priors import Priors
from heterodyne_cmc.transforms import Intervals
from heterodyne_data import NLSQResult
from heterodyne_data.setup import FreeParameters, free_parameters
from heterodyne_spec import Config, ModelSpec, Parameter, Prior

type FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ParameterSpace:
    """The parameters of the model and the map from the sampled ones: ``full = base + expand @ free``.

    `status` is free, fixed or tied according to the configuration. `varying` states which parameters are sampled: the
    `gauges`, free parameters that are drawn afterwards, are fixed there. `start` (n_free,), `priors` and `log` belong
    to the free ones, `laws` are those among them in whose coordinates the chains move, `naming` says which component is
    the sample where the data do not.
    """

    parameters: tuple[Parameter, ...]
    status: tuple[str, ...]
    varying: FreeParameters
    start: FloatArray
    priors: tuple[Prior, ...]
    log: npt.NDArray[np.bool_]
    laws: Laws
    gauges: tuple[Gauge, ...]
    naming: tuple[Any, ...]

    @property
    def tie(self) -> tuple[str | None, ...]:
        """The parameter to which each one is tied, or None."""
        return self.varying.tie

    @property
    def free(self) -> tuple[int, ...]:
        """Positions of the free parameters among all, (n_free,)."""
        return self.varying.free

    @property
    def free_names(self) -> tuple[str, ...]:
        """Names of the free parameters, in canonical order."""
        return self.varying.free_names

    @property
    def bounds(self) -> FloatArray:
        """Bounds of the free parameters, (n_free, 2)."""
        return self.varying.bounds

    @property
    def base(self) -> FloatArray:
        """All parameters where the free ones are 0, (n_par,)."""
        return self.varying.base

    @property
    def expand(self) -> FloatArray:
        """How all parameters follow the free ones, (n_par, n_free)."""
        return self.varying.expand

    @property
    def later_names(self) -> tuple[str, ...]:
        """Names of the parameters that are drawn after the sampling."""
        return tuple(self.parameters[gauge.origin].name for gauge in self.gauges)

    def full(self, free: FloatArray) -> FloatArray:
        """Return all parameters (..., n_par) of the free ones (..., n_free)."""
        return self.varying.full(free)

    def at_fixed_origins(self, free: FloatArray, origins: Mapping[str, float]) -> FloatArray:
        """Return free parameters (n_free,) of laws with other `origins`, with those of the gauges: the same functions.

        Origins that are not given are those of the gauges already.
        """
        found, full = free.copy(), self.full(free)
        for gauge in self.gauges:
            held = float(self.base[gauge.origin])
            moved = np.exp(full[gauge.rate] * (held - origins.get(self.parameters[gauge.origin].name, held)))
            found[self.free.index(gauge.amplitude)] = full[gauge.amplitude] * moved
        return found

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
    registry; a fixed one has the value of the configuration or the registry. A tied one has the prior and bounds of
    the parameter that it follows. `t` (n_t,) and `phi` (n_phi,) are the ages in s and azimuths in degree of the
    measurement, without which no law is straight.
    """
    model, names = config.model, spec.names
    known = nlsq.parameters if nlsq else begin or {}
    start = np.array([known.get(p.name, model.value(p)) for p in spec.parameters])
    status, tie = model.status(spec), model.ties(spec)
    bounds, priors = [model.bounds(p) for p in spec.parameters], [model.prior(p) for p in spec.parameters]
    gauges = tuple(find_gauges(spec, status, tie, bounds, priors))
    varying = free_parameters(spec, model, {names[gauge.origin]: start[gauge.origin] for gauge in gauges})
    free = list(varying.free)
    laws = no_laws()
    if t is not None and phi is not None:
        laws = make_laws(spec, varying.status, free, varying.bounds, priors, start, nlsq, t, phi)
    return ParameterSpace(
        parameters=spec.parameters,
        status=status,
        varying=varying,
        start=start[free],
        priors=tuple(priors[k] for k in free),
        # A logarithm needs a positive interval; a configured one may reach below.
        log=np.array([spec.parameters[k].transform == "log-logit" and bounds[k][0] > 0 for k in free], bool),
        laws=laws,
        gauges=gauges,
        naming=knowledge_of(spec.id).untold(nlsq, spec, np.ones(1) if t is None else t),
    )
