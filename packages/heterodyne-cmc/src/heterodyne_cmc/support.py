"""Which options of a configuration this version implements; without JAX, so that a check of a file costs nothing."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Mapping
from typing import Any

from heterodyne_cmc.methods import METHODS
from heterodyne_spec import Config, ModelSpec, Problem

FARTHEST = 30.0
"""Distance of a prior's middle from the bounds, in its scales, up to which it can be sampled inside them."""


def unsupported_options(config: Config, spec: ModelSpec) -> list[Problem]:
    """Return every option of `config` that this version does not implement; none is replaced by another."""
    problems = _scaling_problems(config, spec)
    method = METHODS.get(config.cmc.consensus)
    if method is not None and (needed := method.missing()):
        problems.append(Problem("cmc.consensus", f"'{method.name}'", "Flax and Optax installed", needed))
    if config.cmc.engine == "dask":
        problems += _dask_problems(config.cmc.dask)
    problems += _priors_elsewhere(config, spec)
    for name in spec.names:
        entry = config.model.parameters.get(name)
        if entry is not None and entry.prior is not None and not entry.prior.truncated:
            path = f"model.parameters.{name}.prior.truncated"
            remedy = "set truncated: true, and wider bounds where they should not matter"
            problems.append(Problem(path, "false", "true (a parameter is sampled inside its bounds)", remedy))
    return problems


def _scaling_problems(config: Config, spec: ModelSpec) -> list[Problem]:
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


def _dask_problems(settings: Mapping[str, Any]) -> list[Problem]:
    """Return what keeps the Dask engine from being begun with."""
    given = [name for name in ("scheduler", "cluster") if settings[name] is not None]
    needed = ["distributed", *(["dask_jobqueue"] if "cluster" in given else [])]
    problems = [
        Problem("cmc.engine", f"'dask', and {name} is not installed", "Dask", "pip install 'heterodyne-cmc[dask]'")
        for name in needed
        if importlib.util.find_spec(name) is None
    ]
    if len(given) != 1:
        found, wanted = "both" if given else "neither", "cmc.dask.scheduler (an address), or cmc.dask.cluster"
        problems.append(Problem("cmc.dask", found, f"{wanted} (slurm or pbs)", "give one of the two"))
    return problems


def _priors_elsewhere(config: Config, spec: ModelSpec) -> Iterator[Problem]:
    """Yield sampled parameters whose prior excludes all values inside their bounds."""
    for parameter, status in zip(spec.parameters, config.model.status(spec), strict=True):
        prior, ends = config.model.prior(parameter), config.model.bounds(parameter)
        if status != "free" or (prior.family == "lognormal" and ends[0] <= 0):
            continue
        low, high = (math.log(end) if prior.family == "lognormal" else end for end in ends)
        away = max(low - prior.location, prior.location - high) / prior.scale
        if away > FARTHEST:
            found = (
                f"{prior.family} {prior.location:g}, {prior.scale:g}, {away:.3g} scales from [{ends[0]:g}, {ends[1]:g}]"
            )
            wanted, remedy = f"at most {FARTHEST:g} scales from the bounds", "give another prior or other bounds"
            yield Problem(f"model.parameters.{parameter.name}.prior", found, wanted, remedy)
