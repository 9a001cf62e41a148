"""The point estimate as the start of the sampling."""

from __future__ import annotations

import copy
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from heterodyne_cmc.models import Unseen, knowledge_of
from heterodyne_cmc.parameters import ParameterSpace
from heterodyne_cmc.priors import bounds_within, distance
from heterodyne_cmc.whitening import PRIOR_REACH
from heterodyne_data import NLSQResult, TwoTimeData
from heterodyne_spec import Config, DataError, ModelSpec, Problem, ResultError, load_config

POINT_ESTIMATE = "heterodyne.point_estimate"
"""Group of entry points of packages that fit a measurement."""
REACHED = 3.0
"""Distance from the centre of a prior, in its sd, within which parameters beyond `PRIOR_REACH` are refitted."""
OPEN = 3.0
"""Largest distance from that interval, in sd of the fit, of a parameter that the data leave undetermined."""

_ROUNDING = 1e-6
"""Relative difference between a value and the one stored in single precision."""


def read_start(source: NLSQResult | str | Path | None) -> NLSQResult | None:
    """Return the point estimate given as such, or as the folder or file of one."""
    return source if source is None or isinstance(source, NLSQResult) else NLSQResult.load(source)


def point_estimate(
    data: TwoTimeData, config: Config, candidates: Sequence[NLSQResult] = (), weighting: str = "auto"
) -> NLSQResult | None:
    """Return the point estimate of an installed package that provides one, or None if there is no such package.

    Its pairs have weights of the kind `weighting` (equal, noise), or as the configuration says (auto).

    The package is found by its entry point in the group `POINT_ESTIMATE`: a function of data and configuration, with
    previous estimates as the keyword ``candidates``, that returns an NLSQResult. This is the only link between the
    two stages.

    Raises
    ------
    DataError, ConfigError : raised by the fit.
    """
    offered = sorted(importlib.metadata.entry_points(group=POINT_ESTIMATE), key=lambda entry: entry.name)
    if not offered:
        return None
    document = dict(config.document)
    asked = config.cmc.weighting if weighting == "auto" else weighting
    if asked != "auto":
        document["nlsq"] = {**(document.get("nlsq") or {}), "weighting": asked}
    found: NLSQResult = offered[0].load()(data, load_config(document), candidates=candidates)
    return found


def weights_of(nlsq: NLSQResult) -> str:
    """Return the kind of the weights of the pairs in a point estimate: equal or noise."""
    return "equal" if nlsq.weighting is None else nlsq.weighting.kind


def with_weights(nlsq: NLSQResult, space: ParameterSpace, data: TwoTimeData, config: Config) -> tuple[NLSQResult, str]:
    """Return a point estimate with the weights that the posterior is to have, and a description of the change, '' for
    the given one; `space` is not needed for it.

    Raises
    ------
    DataError : when it has others and cannot be made again, or lacks the estimate with equal weights.
    """
    asked, weighting = config.cmc.weighting, nlsq.weighting
    if weighting is None or weighting.kind == "equal":
        if asked == "noise":
            raise DataError(
                "cmc.weighting: noise, and the NLSQ result has equal weights; give a result with nlsq.weighting: "
                "noise, or set cmc.weighting: auto"
            )
        return nlsq, ""
    if asked != "equal":
        if not len(weighting.contrast) == len(weighting.offset) == data.n_phi:
            raise DataError(
                "the NLSQ result has weights from the noise without contrast and offset of equal weights; fit again "
                "with this version, or set cmc.weighting: equal"
            )
        return nlsq, ""
    if (found := point_estimate(data, config, [nlsq], "equal")) is None:
        raise DataError(
            "cmc.weighting: equal, and the NLSQ result has weights from the noise; give a result with "
            "nlsq.weighting: equal, or install heterodyne-nlsq"
        )
    return found, "the point estimate has weights from the noise: fitted again with equal weights (cmc.weighting)"


def within_reach(nlsq: NLSQResult, space: ParameterSpace, data: TwoTimeData, config: Config) -> tuple[NLSQResult, str]:
    """Return a point estimate within reach of the priors, and a description of the change, '' for the given estimate.

    The fit has no priors: undetermined parameters may end anywhere, often at a bound, and the covariance there does not
    describe the region of the posterior. They are refitted within `REACHED` standard deviations of their priors, from
    the values of the fit, if a package for fitting is installed. Parameters determined by the data stay where they are.

    Raises
    ------
    DataError, ConfigError : raised by the fit.
    """
    away = dict(zip(space.free_names, distance(space.priors, space.start), strict=True))
    far = {name: sds for name, sds in away.items() if abs(sds) > PRIOR_REACH}
    if not far or nlsq.covariance_kind != "calibrated" or nlsq.verdict == "no-signal":
        return nlsq, ""
    document = copy.deepcopy(dict(config.document))
    entries = document.setdefault("model", {}).setdefault("parameters", {})
    for name in far:
        k = space.free_names.index(name)
        low, high = bounds_within(space.priors[k], space.bounds[k], REACHED)
        outside = max(low - space.start[k], space.start[k] - high)
        if low >= high or outside > OPEN * _sd(nlsq, name):
            return nlsq, ""
        # The registry's value may lie outside.
        entries[name] = {**entries.get(name, {}), "bounds": [low, high], "value": (low + high) / 2}
    found = point_estimate(data, load_config(document), [nlsq], weights_of(nlsq))
    if found is None or not found.success or found.verdict == "no-signal" or weights_of(found) != weights_of(nlsq):
        return nlsq, ""
    listed = ", ".join(f"{name} ({sds:+.0f} sd)" for name, sds in far.items())
    return found, f"the point estimate lies beyond the priors in {listed}: refitted within their range"


def _sd(nlsq: NLSQResult, name: str) -> float:
    """Return the standard deviation of a fitted parameter, infinite if the fit has none."""
    at = list(nlsq.varying).index(name) if name in nlsq.varying else None
    variance = float("nan") if at is None else float(nlsq.covariance[at, at])
    return float(np.sqrt(variance)) if variance > 0 else float("inf")


def not_seen(nlsq: NLSQResult | None, space: ParameterSpace, spec: ModelSpec) -> str:
    """Return the feature required by the free parameters but absent from the maps according to the fit, else ""."""
    if nlsq is None:
        return ""
    return _NO_SIGNAL if nlsq.verdict == "no-signal" else _unseen(nlsq, space, spec).feature


def remedy(nlsq: NLSQResult | None, space: ParameterSpace, spec: ModelSpec) -> str:
    """Return how to obtain a converged posterior if the maps lack a required feature, else ""."""
    if nlsq is None:
        return ""
    if nlsq.verdict == "no-signal":
        return f"the fit sees no {_NO_SIGNAL}: the data add nothing to the priors, with any sampler"
    return _unseen(nlsq, space, spec).remedy


_NO_SIGNAL = "signal in the maps"


def _unseen(nlsq: NLSQResult, space: ParameterSpace, spec: ModelSpec) -> Unseen:
    return knowledge_of(spec.id).unseen(nlsq, spec, space.free_names)


def check_start(nlsq: NLSQResult, data: TwoTimeData, spec: ModelSpec) -> None:
    """Refuse a point estimate of other data or of another model.

    Raises
    ------
    DataError, ResultError : what does not fit.
    """
    other = nlsq.data
    if not np.isclose(other.q, data.q, rtol=1e-6, atol=0) or not (
        other.phi.shape == data.phi.shape and np.allclose(other.phi, data.phi, atol=1e-6)
    ):
        raise DataError(
            f"the NLSQ result is of q = {other.q:.5g} 1/Å at {len(other.phi)} angles, the data are of q = {data.q:.5g} "
            f"1/Å at {data.n_phi}; give the result of these data, selected by the same configuration"
        )
    if not np.isclose(other.dt, data.dt, rtol=1e-6, atol=0):
        raise DataError(
            f"the NLSQ result is of frames {other.dt:.6g} s apart, those of the data are {data.dt:.6g} s apart; give "
            "the result of these data"
        )
    if nlsq.maps is not None and (angles := _other_maps(nlsq.maps[0], other.start_frame, data)):
        raise DataError(
            f"the NLSQ result is of other maps: values differ at {', '.join(angles)} although q, angles and frames "
            "agree; its calibration and start do not apply; give the result of these data"
        )
    if missing := [name for name in spec.names if name not in nlsq.parameters]:
        found = f"no {', '.join(missing)}"
        problem = Problem("parameters", found, f"those of {spec.id}", "fit again with this version")
        raise ResultError("the NLSQ result", [problem])


def _other_maps(fitted: npt.NDArray[np.floating], start_frame: int, data: TwoTimeData) -> list[str]:
    """Return the azimuths whose maps are not those that were fitted, compared where both have finite values."""
    if fitted is data.c2:
        return []
    begin, end = max(start_frame, data.start_frame), min(start_frame + len(fitted[0]), data.start_frame + data.n_t)
    there, here = (slice(begin - first, max(end - first, 0)) for first in (start_frame, data.start_frame))
    differing = []
    for phi, before, now in zip(data.phi, fitted, data.c2, strict=True):
        one, other = np.asarray(before[there, there], np.float32), np.asarray(now[here, here], np.float32)
        with np.errstate(invalid="ignore"):
            if np.any(np.abs(one - other) > _ROUNDING * np.abs(other)):
                differing.append(f"phi = {phi:g}")
    return differing
