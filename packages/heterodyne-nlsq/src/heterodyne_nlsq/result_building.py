"""Building the result from the optimum: table, covariances, maps and warnings."""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_data import (
    FittedData,
    FittedParameter,
    FittedScaling,
    Identifiability,
    MapNoise,
    NLSQResult,
    Signal,
    Weighting,
)
from heterodyne_data.setup import reduced_chi_square
from heterodyne_nlsq.covariance import (
    Curvature,
    covariance,
    covariance_root,
    curvature,
    prior_scale,
    projected_score,
    spread_along,
    with_observations,
)
from heterodyne_nlsq.evaluators import Evaluator, remembered
from heterodyne_nlsq.evidence.constants import constant_tests
from heterodyne_nlsq.evidence.examination import can_choose, examine, rise_above, with_all
from heterodyne_nlsq.identify import at_bound, identifiability, statements
from heterodyne_nlsq.maps import model_maps, residual_noise
from heterodyne_nlsq.minima import alternatives, first_exchanged, named
from heterodyne_nlsq.models import DYNAMICS, knowledge_of
from heterodyne_nlsq.priors import make_priors
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import Solution
from heterodyne_nlsq.standing import Standing, standings
from heterodyne_nlsq.start.race import Descents
from heterodyne_nlsq.stated import DIRECTIONS, poorly_known
from heterodyne_nlsq.uncertainty.calibration import Calibration
from heterodyne_nlsq.uncertainty.propagation import bands, derived, headline
from heterodyne_nlsq.verdict import judge
from heterodyne_nlsq.weighted.choice import COULD_GAIN, doubts, weighed
from heterodyne_report import format_interval
from heterodyne_spec import find_laws

type FloatArray = npt.NDArray[np.float64]

_DISTRIBUTIONS = (
    "heterodyne-spec",
    "heterodyne-data",
    "heterodyne-physics-meshgrid",
    "heterodyne-nlsq",
    "nlsq",
    "jax",
    "numpy",
)


_SAID = 4
"""Maximum number of undetermined and weak directions in the warnings; the result file has all."""


def make_result(
    setup: Setup, evaluator: Evaluator, descents: Descents, calibration: Calibration | None = None
) -> NLSQResult:
    """Build the result of a fit from its descents.

    `calibration` is the noise, if it is known from a fit that describes the data equally well.
    """
    evaluator, minima = remembered(evaluator), [final.solution for final in descents.finals]
    chosen, full = 0, with_all(setup, evaluator, minima[0], calibration)
    conventions, above = knowledge_of(setup.spec.id).conventions, 0.0
    if (other := first_exchanged(minima, setup)) is not None:
        above = rise_above(setup, full, minima[other])
        kept, words = named(minima[0], minima[other], setup, above)
        conventions += words
        if not kept:
            # With exchanged labels the maps are the same, and so is their noise.
            chosen, full = other, with_all(setup, evaluator, minima[other], full.calibration)
    given = [full]
    del full
    # Handed over: its maps are replaced by those of the reported point, and large ones are not kept twice.
    found = examine(setup, evaluator, minima[chosen], given.pop())
    rise: Callable[[Solution], float] = found.rise_to
    if other is not None and chosen == 0:
        rise = _known(rise, minima[other], above)
    signal = found.signal()
    if (simpler := found.simpler(signal)) is not None:
        found, what, signal = simpler
        conventions += (what,)
    optimum, origin = minima.pop(chosen), descents.finals[chosen].origin
    spec, data = setup.spec, setup.data
    solution = optimum
    if can_choose(setup):
        # The rest refers to the reported point, which fits equally well but may be far from the optimum.
        solution = replace(optimum, vector=found.vector, cost=_cost(evaluator, found.vector))
    gauss_newton = np.asarray(evaluator.matrices(solution.vector, evaluator.problem)).sum(axis=0)
    equal = _estimate(setup, solution.vector, gauss_newton, found.score)
    sharper, weighting = weighed(setup, evaluator, found.calibration, equal, found.full.model)
    estimate = equal
    if sharper is not None:
        estimate = _estimate(setup, sharper.vector, sharper.matrix, sharper.score)
        solution = replace(solution, vector=sharper.vector, cost=_cost(evaluator, sharper.vector))
    free, positions = setup.free, list(setup.free.free)
    values, contrast, offset, root = estimate.values, estimate.contrast, estimate.offset, estimate.root
    model = found.full.model if sharper is None else model_maps(setup, values, contrast, offset)
    squares, noise = np.asarray(evaluator.squares(solution.vector, evaluator.problem)), residual_noise(data, model)
    of_parameters = root[: len(positions)]
    joint = covariance(root)
    joint_iid = covariance(covariance_root(equal.bent, gauss_newton, found.variance * gauss_newton, equal.prior))
    calibrated, independent = (whole[: len(positions), : len(positions)] for whole in (joint, joint_iid))
    spread = spread_along(estimate.bent, projected_score(estimate.score, estimate.matrix, len(positions)))
    known = identifiability(free.free_names, estimate.bent, (free.upper - free.lower)[positions], spread)
    standing = standings(setup, solution.vector, root, known.not_determined)
    table = table_of(setup, values, calibrated, standing, signal)
    known = replace(
        known,
        determined=tuple(row.name for row in table if row.status == "free" and row.determined),
        not_determined=tuple(row.name for row in table if row.status == "free" and not row.determined),
    )
    fitted = scaling_of(setup, contrast, offset, joint, joint_iid)
    reduced = reduced_chi_square(squares, evaluator.weights, noise, solution.vector.size)
    result = NLSQResult(
        table=table,
        varying=free.free_names,
        covariance=calibrated,
        covariance_iid=independent,
        covariance_kind="calibrated",
        scaling=fitted,
        data=FittedData(data.q, data.phi, data.n_t, data.start_frame, data.dt, data.notes, data.provenance),
        cost=solution.cost,
        reduced_chi2=reduced,
        noise_sd=noise,
        n_pairs=int(evaluator.n_pairs.sum()),
        n_evaluations=descents.n_evaluations,
        method=evaluator.name,
        start=origin,
        success=solution.success,
        message=solution.message,
        warnings=(*_warnings(setup, solution, table, known, fitted, found.calibration), *doubts(weighting)),
        identifiability=known,
        age_resolved=knowledge_of(spec.id).age_resolved(setup, dict(zip(free.names, values.tolist(), strict=True))),
        alternatives=alternatives(optimum, minima, setup, rise),
        conventions=(*conventions, *_of_loss(setup), *_of_weights(setup, weighting)),
        bands=bands(setup, values, of_parameters),
        derived=derived(setup, values, of_parameters),
        headline=headline(setup, values, of_parameters),
        noise=_noise(found.calibration, calibrated, independent),
        signal=signal,
        nested=(*found.held(), *constant_tests(setup, values, of_parameters)),
        weighting=weighting,
        model={"id": spec.id, "version": spec.version, "sha256": spec.sha256},
        timings={},
        versions={name: importlib.metadata.version(name) for name in _DISTRIBUTIONS},
        config=setup.config.document,
        maps=(data.c2, model),
    )
    result = replace(result, warnings=(*result.warnings, *poorly_known(result)))
    verdict, sentence = judge(result)
    return replace(result, verdict=verdict, sentence=sentence)


def _known(rise: Callable[[Solution], float], of: Solution, above: float) -> Callable[[Solution], float]:
    """Return the same function, which takes seconds for long measurements, with its value for a solution known."""
    return lambda solution: above if solution is of else rise(solution)


def _of_weights(setup: Setup, weighting: Weighting) -> Iterator[str]:
    """Yield the choice of the weights if the configuration leaves it open or asks for others than equal ones, or if
    others could gain, and what has which weights.
    """
    if setup.config.nlsq.weighting != "equal" or weighting.statement == COULD_GAIN:
        yield weighting.statement
    if weighting.kind == "noise":
        yield (
            "evidence for features, tests of fixed parameters, age slices and residual structure are those with equal "
            "weights, for which their distributions without a feature are known; values, their standard deviations, "
            "what is determined, and tests of constants have the weights from the noise"
        )


class _Estimate(NamedTuple):
    """A point and what is known of it: the fitted `vector` (n_fit,), all parameters (n_par,), contrast and offset
    (n_phi,); the `matrix` and covariance of the score of its equations, (n_fit, n_fit); standard deviations of the
    priors (n_free,), the curvature of the free parameters, and the root of the covariance.
    """

    vector: FloatArray
    values: FloatArray
    contrast: FloatArray
    offset: FloatArray
    matrix: FloatArray
    score: FloatArray
    prior: FloatArray
    bent: Curvature
    root: FloatArray


def _estimate(setup: Setup, vector: FloatArray, matrix: FloatArray, score: FloatArray) -> _Estimate:
    positions = list(setup.free.free)
    values = setup.free.full(vector[: len(positions)])
    prior = prior_scale(tuple(setup.spec.parameters[k] for k in positions), values[positions])
    bent = curvature(matrix, prior)
    root = covariance_root(bent, matrix, score, prior)
    if can_choose(setup):
        root = _with_baseline(setup, root)
    contrast, offset = setup.scaling.per_angle(vector[len(positions) :])
    return _Estimate(vector, values, contrast, offset, matrix, score, prior, bent, root)


def _cost(evaluator: Evaluator, vector: FloatArray) -> float:
    return float(evaluator.normal(vector, evaluator.problem).cost)


def _of_loss(setup: Setup) -> Iterator[str]:
    """Yield a note that a robust loss excludes the choice among equally good solutions."""
    if setup.config.nlsq.loss != "linear" and setup.config.nlsq.representative == "plainest":
        yield (
            f"with the loss {setup.config.nlsq.loss} the optimum is reported, not the solution closest to the priors: "
            "its chi-square criterion requires least squares"
        )


def _with_baseline(setup: Setup, root: FloatArray) -> FloatArray:
    """Return the root of the covariance including the prior of the offset, which counts as data."""
    known = make_priors(setup)
    of_offset = np.flatnonzero(np.asarray(known.baseline))
    return with_observations(root, of_offset, np.asarray(known.scale)[of_offset]) if of_offset.size else root


def _noise(calibration: Calibration, calibrated: FloatArray, independent: FloatArray) -> MapNoise:
    """Return the noise estimates, with a statement on their effect and basis."""
    speckle = np.array([parts.speckle for parts in calibration.parts])
    pixels = np.where(speckle > 0, 1 / np.where(speckle > 0, speckle, 1.0), np.nan)
    own = 100 * calibration.own_share
    if not np.any(speckle > 0):
        words = "no correlated noise was found: standard deviations assume uncorrelated pairs"
        return MapNoise(pixels, calibration.own_share, calibration.excess, words, calibration.limit)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.sqrt(np.diag(calibrated) / np.diag(independent))
    changed = ratio[np.isfinite(ratio)]
    times = f"{_range(changed)} times those that assume uncorrelated pairs" if changed.size else "calibrated"
    words = (
        f"standard deviations are {times}, because the noise is correlated between pairs of frames; estimated from the "
        f"residuals: {_range(pixels)} effective pixels per azimuth; photon and detector noise are {_range(own)} % of "
        "the variance"
    )
    return MapNoise(pixels, calibration.own_share, calibration.excess, words, calibration.limit)


def _range(values: FloatArray) -> str:
    return format_interval(float(np.nanmin(values)), float(np.nanmax(values)))


def table_of(
    setup: Setup,
    values: FloatArray,
    covariance: FloatArray,
    standing: Mapping[str, Standing],
    signal: Mapping[str, Signal],
) -> tuple[FittedParameter, ...]:
    free = setup.free
    sd = dict(zip(free.free_names, np.sqrt(np.diag(covariance)), strict=True))
    # What describes a feature that the maps do not show is determined by nothing.
    unseen = {
        group
        for question, groups in _groups_of_features(setup).items()
        for group in groups
        if _absent(signal, question)
    }
    grown = _growth(setup, values)
    rows = []
    for k, parameter in enumerate(setup.spec.parameters):
        leader = free.tie[k] or parameter.name
        moved = leader in standing
        determined = not moved or (standing[leader].determined and setup.spec.parameter(leader).group not in unseen)
        spread = float(sd[leader]) if determined and moved else math.nan
        ends = (float(free.lower[k]), float(free.upper[k]))
        at = _edge(parameter.prior.family, float(values[k]), ends, spread, grown.get(parameter.name, 1.0))
        rows.append(
            FittedParameter(
                name=parameter.name,
                unit=parameter.unit,
                value=float(values[k]),
                sd=spread,
                lower=float(free.lower[k]),
                upper=float(free.upper[k]),
                status=free.status[k],
                tie=free.tie[k],
                determined=determined,
                at_bound=at if free.status[k] == "free" else None,
                standing="tied" if free.tie[k] else "held" if not moved else "determined" if determined else "chosen",
                against="" if determined else ", ".join(standing[leader].against),
            )
        )
    return tuple(rows)


def _edge(family: str, value: float, ends: tuple[float, float], sd: float, growth: float) -> str | None:
    """Return the end at which a value is; `growth` is that of the term of which it is the amplitude."""
    lower, upper = ends
    if family == "lognormal" and lower > 0:
        # For a parameter that spans decades, the distance to a bound is measured in its logarithm.
        return at_bound(math.log(value), math.log(lower), math.log(upper), sd / value)
    found = at_bound(value, lower, upper, sd)
    # A tiny amplitude that grows to a significant value within the measurement is not 0.
    grows = found == "lower" and lower == 0 and at_bound(min(value * growth, upper), lower, upper, sd) != "lower"
    return None if grows else found


def _growth(setup: Setup, values: FloatArray) -> dict[str, float]:
    """Return by how much the first term of every law grows over its amplitude, at most, within the measurement."""
    of, ages = dict(zip(setup.free.names, values.tolist(), strict=True)), setup.data.t
    # A power of age 0 is 0 for any exponent; growth is counted from the next frame.
    ends, aged = ages[[0, -1]], ages[ages > 0][[0, -1]]
    found = {}
    for law in find_laws(setup.spec):
        clock = law.clock(aged if law.origin is None else ends, of)
        found[law.amplitude] = float(np.exp(np.max(np.clip(of[law.rate] * clock, 0.0, 700.0))))
    return found


def _groups_of_features(setup: Setup) -> dict[str, Sequence[str]]:
    """Return the groups of parameters that describe a feature, by question: without dynamics there is nothing."""
    every = [parameter.group for parameter in setup.spec.parameters]
    own = {name: question.groups for name, question in knowledge_of(setup.spec.id).questions.items()}
    return {DYNAMICS: every, **own}


def _absent(signal: Mapping[str, Signal], question: str) -> bool:
    return question in signal and not signal[question].present


def scaling_of(
    setup: Setup, contrast: FloatArray, offset: FloatArray, joint: FloatArray, joint_iid: FloatArray
) -> FittedScaling:
    """Return contrast and offset per angle, with covariances from those of the fitted vector."""
    scaling, n_free = setup.scaling, len(setup.free.free)
    n_phi, n = scaling.basis.shape
    if n == 0:
        held = np.full(n_phi, math.nan)
        return FittedScaling(scaling.mode, contrast, offset, held, held)
    turn = np.zeros((n_free + 2 * n_phi, n_free + 2 * n))
    turn[:n_free, :n_free] = np.eye(n_free)
    turn[n_free : n_free + n_phi, n_free : n_free + n] = turn[n_free + n_phi :, n_free + n :] = scaling.basis
    whole, whole_iid = ((both + both.T) / 2 for both in (turn @ found @ turn.T for found in (joint, joint_iid)))
    sd = np.sqrt(np.maximum(np.diag(whole)[n_free:], 0.0))
    return FittedScaling(scaling.mode, contrast, offset, sd[:n_phi], sd[n_phi:], whole, whole_iid)


def _bound_warning(row: FittedParameter) -> str:
    edge = f"{row.name} ended at its {row.at_bound} bound {row.lower if row.at_bound == 'lower' else row.upper:g}"
    if not row.determined:
        return f"{edge}, which the data do not determine: another bound gives another value and the same fit"
    return (
        f"{edge}: its standard deviation and those of correlated parameters are not reliable; "
        "widen the bound or fix the parameter"
    )


def _warnings(
    setup: Setup,
    solution: Solution,
    table: tuple[FittedParameter, ...],
    known: Identifiability,
    fitted: FittedScaling,
    calibration: Calibration,
) -> tuple[str, ...]:
    """Return the warnings."""
    words: list[str] = []
    if not solution.success:
        words.append(
            f"{solution.message}; raise nlsq.max_iterations or give better starting values "
            "(model.parameters.NAME.value)"
        )
    words += [_bound_warning(row) for row in table if row.at_bound is not None]
    without = [name for d in known.directions if d.kind == "singular" and len(d.weights) == 1 for name in d.weights]
    if without:
        words.append(f"no effect on these data at this minimum: {', '.join(without)}")
    said = statements(d for d in known.directions if d.kind != "singular" or len(d.weights) > 1)
    words += said[:_SAID]
    if said[_SAID:]:
        words.append(f"further combinations are hardly determined: see {DIRECTIONS} in the result file")
    structured, excess = calibration.structured, calibration.excess
    if np.any(structured):
        angles = ", ".join(f"{angle:g}" for angle in setup.data.phi[structured])
        words.append(
            f"the residuals at phi = {angles} have structure that neither speckle nor photon noise explains (by a "
            f"factor of {excess.max():.3g} at some scale, age or azimuth): see the residual maps; the model does not "
            "describe these data, or this is not the global minimum; standard deviations are not reliable"
        )
    for name, values in (("contrast", fitted.contrast), ("offset", fitted.offset)):
        lower, upper = setup.spec.parameter(name).bounds
        outside = setup.data.phi[(values <= lower + 1e-6) | (values >= upper - 1e-6)]
        if outside.size and fitted.mode != "fixed":
            angles = ", ".join(f"{angle:g}" for angle in outside)
            words.append(f"{name} ended at or beyond its bounds {lower:g} .. {upper:g} at phi = {angles}")
    return tuple(words)
