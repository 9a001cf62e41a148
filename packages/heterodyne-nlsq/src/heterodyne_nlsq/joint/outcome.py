"""The result of a joint fit: covariance, what every measurement gets of it, agreement, exponents and scatter."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_data import (
    Agreement,
    Alternative,
    Derived,
    FittedExponent,
    JointMember,
    JointParameter,
    JointResult,
    NLSQResult,
    Scatter,
    Signal,
    is_one_q,
)
from heterodyne_data.setup import reduced_chi_square
from heterodyne_nlsq.courses import courses_of_fit
from heterodyne_nlsq.covariance import (
    covariance,
    covariance_root,
    curvature,
    prior_scale,
    projected_score,
    spread_along,
    with_observations,
)
from heterodyne_nlsq.descent import descend as descend_alone
from heterodyne_nlsq.evidence.chance import PRESENT, chdtrc
from heterodyne_nlsq.identify import identifiability
from heterodyne_nlsq.joint.descent import Problem, chi_squares, normal, summed
from heterodyne_nlsq.joint.homogeneity import chance, freedom_of, weights_of_decrease
from heterodyne_nlsq.joint.labels import Labels, alternative
from heterodyne_nlsq.maps import model_maps, residual_noise
from heterodyne_nlsq.models import knowledge_of, of_result
from heterodyne_nlsq.parallel import each
from heterodyne_nlsq.priors import make_priors
from heterodyne_nlsq.representative import calibrated_noise, optimum, plainest, vector_at
from heterodyne_nlsq.result_building import scaling_of, table_of
from heterodyne_nlsq.solver import Solution
from heterodyne_nlsq.standing import Standing, standings
from heterodyne_nlsq.start.coefficients import fitted_vector
from heterodyne_nlsq.stated import stated, unstated_functions
from heterodyne_nlsq.uncertainty.calibration import Calibration, calibrate, score_covariance
from heterodyne_nlsq.uncertainty.propagation import bands, derived, headline
from heterodyne_nlsq.verdict import CAUTION, NO_SIGNAL, USABLE, judge
from heterodyne_report import TimeCourse, format_number, format_p_value, format_plus_minus

type FloatArray = npt.NDArray[np.float64]

DOUBT = 1e-3
"""Probability below which measurements do not agree."""

_REPEATS = 3
"""Measurements of one q from which their scatter is compared with the noise."""

_LEAST = 2
"""Measurements with a signal from which their agreement is tested."""

_LEAST_P = 1e-300


@dataclass(frozen=True)
class Fitted:
    """A joint fit: its problem and solution, the names of the common parameters, and every measurement alone."""

    problem: Problem
    solution: Solution
    shared: tuple[str, ...]
    alone: tuple[NLSQResult, ...]


@dataclass(frozen=True)
class _Noise:
    """What noise does to a member at a joint estimate, in units of its chi-square: Gauss-Newton matrix, covariance of
    the score and that of independent pairs, (n_fit, n_fit).
    """

    matrix: FloatArray
    score: FloatArray
    independent: FloatArray


@dataclass(frozen=True)
class _Spread:
    """The covariance of a joint estimate and that of independent pairs by their roots (n_joint, k), and the labels of
    the parameters that are not determined.
    """

    root: FloatArray
    independent: FloatArray
    not_determined: tuple[str, ...]


def outcome(
    fitted: Fitted, wider: tuple[Problem, Solution] | None, calibrations: Sequence[Calibration], labels: Labels
) -> JointResult:
    """Return the result of a joint fit.

    `wider` is that with the exponents of q free, `calibrations` those of every member at the optimum, `labels` what
    there is to say of the labels of the components.
    """
    noises = _noises(fitted, calibrations)
    agreement = _agreement(fitted, noises)
    exponents = () if wider is None else tuple(_exponents(wider, noises))
    # Tests and exponents are those of the optimum; what follows, of the point that is reported.
    fitted = _plainest(fitted, noises)
    problem, solution = fitted.problem, fitted.solution
    noises = _noises(fitted, calibrations)
    spread = _spread(problem, solution.vector, noises)
    signal = _together([one.signal for one in fitted.alone])
    members = tuple(
        _member(fitted, spread, calibrations[k], signal, alternative(problem, labels, k), k)
        for k in range(len(problem.members))
    )
    result = JointResult(
        shared=fitted.shared,
        parameters=tuple(_parameters(fitted, members)),
        headline=_common(fitted, members),
        members=members,
        chi2=2 * solution.cost,
        success=solution.success,
        message=solution.message,
        verdict="",
        sentence="",
        agreement=agreement,
        exponents=tuple(one for one in exponents if _is_stated(one, members[0].joint)),
        scatter=_scatter(fitted, agreement),
    )
    verdict, sentence = _judged(result, _common_courses(fitted, members))
    said = () if verdict == NO_SIGNAL else labels.words
    warnings = (*said, *_warnings(result))
    if agreement is not None and agreement.p_value < DOUBT:
        result = replace(result, members=tuple(_doubted(member, agreement) for member in members))
    return replace(result, verdict=verdict, sentence=sentence, warnings=warnings)


def _plainest(fitted: Fitted, noises: Sequence[_Noise]) -> Fitted:
    """Return the fit at the point closest to the priors among those that fit as well with the same functions."""
    problem, solution = fitted.problem, fitted.solution
    if problem.members[0].setup.config.nlsq.representative != "plainest":
        return fitted
    land, z = problem.landscape(solution.vector)
    turns = [problem.layout.turn(solution.vector, k) for k in range(len(problem.members))]
    noise = calibrated_noise(land, z, summed([one.score for one in noises], turns), 1.0)
    vector = vector_at(land, plainest(land, optimum(land, z), noise))
    return replace(fitted, solution=replace(solution, vector=vector, cost=float(normal(problem, vector).cost)))


def calibrations_of(problem: Problem, solution: Solution) -> list[Calibration]:
    """Return the noise of every member at a joint estimate."""
    found = []
    # One after the other: each uses all cores.
    for k, member in enumerate(problem.members):
        setup, at = member.setup, _member_at(problem, solution, k)
        squares = np.asarray(member.evaluator.squares(at.vector, member.evaluator.problem))
        model = model_maps(setup, at.values, at.contrast, at.offset)
        each_pair = squares / np.maximum(member.evaluator.weights, 1.0)
        found.append(calibrate(setup, at.values, at.contrast, at.offset, model, each_pair))
    return found


def _noises(fitted: Fitted, calibrations: Sequence[Calibration]) -> list[_Noise]:
    """Return what noise does to every member at a joint estimate that describes the data as that of the calibration."""

    def of_member(k: int) -> _Noise:
        member, at = fitted.problem.members[k], _at(fitted, k)
        evaluator, unit = member.evaluator, member.unit
        matrices = np.asarray(evaluator.matrices(at.vector, evaluator.problem))
        score = score_covariance(member.setup, calibrations[k], at.values, at.contrast, matrices)
        squares = np.asarray(evaluator.squares(at.vector, evaluator.problem))
        variance = float(squares.sum()) / max(float(evaluator.weights.sum()), 1.0)
        matrix = matrices.sum(axis=0) / unit
        return _Noise(matrix, score / unit**2, matrix * variance / unit)

    return each(of_member, range(len(calibrations)))


class _At(NamedTuple):
    """A member at the joint estimate: its fitted vector, all parameters, contrast and offset."""

    vector: FloatArray
    values: FloatArray
    contrast: FloatArray
    offset: FloatArray


def _at(fitted: Fitted, k: int) -> _At:
    return _member_at(fitted.problem, fitted.solution, k)


def _member_at(problem: Problem, solution: Solution, k: int) -> _At:
    setup, vector = problem.members[k].setup, problem.layout.member(solution.vector, k)
    n_free = len(setup.free.free)
    return _At(vector, setup.free.full(vector[:n_free]), *setup.scaling.per_angle(vector[n_free:]))


def _spread(problem: Problem, joint: FloatArray, noises: Sequence[_Noise]) -> _Spread:
    layout, members = problem.layout, problem.members
    turns = [layout.turn(joint, k) for k in range(len(members))]
    matrix, score, independent = (
        summed([getattr(one, name) for one in noises], turns) for name in ("matrix", "score", "independent")
    )
    prior, lower, upper = (np.ones(layout.n_leading) for _ in range(3))
    for k, member in enumerate(members):
        positions, places = list(member.setup.free.free), layout.places[k][: len(layout.names)]
        chosen = tuple(member.setup.spec.parameters[i] for i in positions)
        prior[places] = prior_scale(chosen, joint[places])
        lower[places], upper[places] = member.setup.free.lower[positions], member.setup.free.upper[positions]
    lower[layout.at_exponents], upper[layout.at_exponents] = layout.expected - 1, layout.expected + 1
    bent = curvature(matrix, prior)
    roots = [_with_baselines(problem, covariance_root(bent, matrix, one, prior)) for one in (score, independent)]
    along = spread_along(bent, projected_score(score, matrix, layout.n_leading))
    labels = layout.labels([member.label for member in members])
    known = identifiability(labels, bent, upper - lower, along)
    return _Spread(roots[0], roots[1], known.not_determined)


def _with_baselines(problem: Problem, root: FloatArray) -> FloatArray:
    """Return the root of the covariance with the priors of the offsets, which count as data."""
    observed, sd = [], []
    for k, member in enumerate(problem.members):
        known = make_priors(member.setup)
        own = np.flatnonzero(np.asarray(known.baseline))
        observed.append(problem.layout.places[k][own])
        sd.append(np.asarray(known.scale)[own])
    at = np.concatenate(observed)
    return with_observations(root, at, np.concatenate(sd)) if at.size else root


def _together(found: Sequence[Mapping[str, Signal]]) -> dict[str, Signal]:
    """Return the answers of all measurements together: of a feature in independent maps, p-values multiply.

    Minus twice the sum of the logarithms of n p-values is a chi-square of 2 n degrees of freedom (Fisher 1925).
    """
    together = {}
    for question in found[0]:
        answers = [one[question] for one in found if question in one]
        p_values = [max(one.p_value, _LEAST_P) for one in answers]
        p_value = float(chdtrc(2 * len(answers), -2 * sum(map(math.log, p_values))))
        surest = min(answers, key=lambda one: one.p_value)
        seen = sum(one.present for one in answers)
        words = f"{surest.words}; seen in {seen} of {len(answers)} measurements, {format_p_value(p_value)} together"
        together[question] = Signal(p_value < PRESENT, sum(one.statistic for one in answers), p_value, words)
    return together


def _member(
    fitted: Fitted,
    spread: _Spread,
    calibration: Calibration,
    signal: Mapping[str, Signal],
    alternatives: tuple[Alternative, ...],
    k: int,
) -> JointMember:
    """Return the part of the joint estimate of member number `k`, as the result of a fit."""
    problem, alone, solution = fitted.problem, fitted.alone[k], fitted.solution
    member, layout = problem.members[k], problem.layout
    setup, places, n_free = member.setup, layout.places[k], len(layout.names)
    vector, values, contrast, offset = _at(fitted, k)
    root, root_iid = spread.root[places], spread.independent[places]
    labels = layout.labels([one.label for one in problem.members])
    lost = [name for name, place in zip(layout.names, places, strict=False) if labels[place] in spread.not_determined]
    model = model_maps(setup, values, contrast, offset)
    squares = np.asarray(member.evaluator.squares(vector, member.evaluator.problem))
    standing: dict[str, Standing] = standings(setup, vector, root, lost)
    joint, joint_iid = covariance(root), covariance(root_iid)
    table = table_of(setup, values, joint[:n_free, :n_free], standing, signal)
    open_ = tuple(row.name for row in table if row.status == "free" and not row.determined)
    known = replace(
        alone.identifiability,
        determined=tuple(row.name for row in table if row.status == "free" and row.determined),
        not_determined=open_,
        directions=(),
    )
    noise_sd = residual_noise(setup.data, model)
    assert alone.noise is not None
    result = replace(
        alone,
        table=table,
        covariance=joint[:n_free, :n_free],
        covariance_iid=joint_iid[:n_free, :n_free],
        scaling=scaling_of(setup, contrast, offset, joint, joint_iid),
        cost=float(squares.sum()) / 2,
        reduced_chi2=reduced_chi_square(squares, member.evaluator.weights, noise_sd, vector.size),
        noise_sd=noise_sd,
        start=f"joint fit of {len(problem.members)} measurements",
        success=solution.success,
        message=solution.message,
        warnings=(),
        identifiability=known,
        alternatives=alternatives,
        bands=bands(setup, values, root[:n_free]),
        derived=derived(setup, values, root[:n_free]),
        headline=headline(setup, values, root[:n_free]),
        noise=replace(alone.noise, excess=calibration.excess, limit=calibration.limit),
        signal=signal,
        nested=(),
        weighting=None,
        maps=(setup.data.c2, model),
    )
    verdict, sentence = judge(result)
    return JointMember(member.label, replace(result, verdict=verdict, sentence=sentence), alone)


def _parameters(fitted: Fitted, members: Sequence[JointMember]) -> Iterator[JointParameter]:
    """Yield the common parameters, then those of every member."""
    for row in members[0].joint.table:
        if row.name in fitted.shared:
            yield JointParameter(row.name, "", row.unit, row.value, row.sd, row.determined, row.status)
    for member in members:
        for row in member.joint.table:
            if row.name not in fitted.shared:
                yield JointParameter(row.name, member.label, row.unit, row.value, row.sd, row.determined, row.status)


def _common(fitted: Fitted, members: Sequence[JointMember]) -> tuple[Derived, ...]:
    """Return what is quoted of the functions whose parameters are all common."""
    shared = _common_functions(fitted)
    # Names of quantities hold those of their functions: "d ln v / d ln t".
    joint = members[0].joint
    return tuple(q for q in stated(joint, joint.headline) if shared & set(q.name.replace("/", " ").split()))


def _common_functions(fitted: Fitted) -> set[str]:
    """Return the names of the functions of age whose parameters are all common."""
    spec = fitted.problem.members[0].setup.spec
    return {
        function.name
        for function in spec.functions
        if all(p.name in fitted.shared for p in spec.parameters if spec.function_of_group.get(p.group) == function.name)
    }


def _common_courses(fitted: Fitted, members: Sequence[JointMember]) -> list[TimeCourse]:
    """Return the courses of the common functions, at the ages of all measurements."""
    shared = _common_functions(fitted)
    found = zip(*(courses_of_fit(member.joint) for member in members), strict=True)
    return [TimeCourse.joined(courses) for courses in found if courses[0].name in shared]


def _is_stated(exponent: FittedExponent, joint: NLSQResult) -> bool:
    """Return whether there is evidence for the functions of an exponent: without, it describes noise."""
    functions = of_result(joint).exponents[exponent.name].functions
    return joint.verdict != NO_SIGNAL and not set(functions) & set(unstated_functions(joint))


def _agreement(fitted: Fitted, noises: Sequence[_Noise]) -> Agreement | None:
    """Return whether what is common agrees; None if nothing that is free is, or this cannot be told."""
    problem, joint = fitted.problem, fitted.solution.vector
    signals = sum(one.verdict != NO_SIGNAL for one in fitted.alone)
    # Of what one measurement alone shows, or of values at which a descent stopped, nothing is tested.
    if not problem.layout.common.any() or signals < _LEAST or not fitted.solution.success:
        return None
    turns = [problem.layout.turn(joint, k) for k in range(len(problem.members))]
    weights = weights_of_decrease([one.matrix for one in noises], [one.score for one in noises], turns)

    def lowest(k: int) -> float:
        member, alone = problem.members[k], fitted.alone[k]
        free = np.array([alone.parameters[name] for name in member.setup.free.free_names])
        start = fitted_vector(member.setup, member.evaluator, free)
        limit = member.setup.config.nlsq.max_iterations
        found = descend_alone(member.setup, member.evaluator, start, None, limit, member.unit)
        return min(2 * found.cost, 2 * alone.cost) / member.unit

    together, apart = chi_squares(problem, joint), np.array(each(lowest, range(len(problem.members))))
    released = np.maximum(together - apart, 0.0)
    decrease = float(released.sum())
    p_value = chance(weights, decrease)
    ratio = format_number(decrease / max(float(weights.sum()), 1e-300), 2)
    agree = "agree on what they have in common" if p_value >= DOUBT else "do not agree on what they have in common"
    words = (
        f"the measurements {agree}: fitted each by itself, they lower chi-square by {ratio} times what is expected by "
        f"chance ({format_p_value(p_value)})"
    )
    if p_value < DOUBT and len(problem.members) > 2:
        # Of two, either may be the odd one.
        largest = int(np.argmax(released))
        share = 100 * released[largest] / released.sum()
        words += f"; the largest part of it, {share:.0f} %, is that of {problem.members[largest].label}"
    return Agreement(decrease, float(weights.sum()), p_value, words, freedom_of(weights))


def _exponents(wider: tuple[Problem, Solution], noises: Sequence[_Noise]) -> Iterator[FittedExponent]:
    """Yield the exponents of q, fitted together with everything else."""
    problem, solution = wider
    spread = _spread(problem, solution.vector, noises)
    layout, spec = problem.layout, problem.members[0].setup.spec
    known = knowledge_of(spec.id).exponents
    for name, place, expected in zip(layout.exponents, layout.at_exponents, layout.expected, strict=True):
        value, sd = float(solution.vector[place]), float(np.linalg.norm(spread.root[place]))
        off = (value - expected) / sd if sd > 0 else math.nan
        p_value = math.erfc(abs(off) / math.sqrt(2)) if math.isfinite(off) else math.nan
        found = format_plus_minus(value, sd)
        words = f"the exponent of q in {name} is {found}, {expected:g} in the model ({known[name].words})"
        yield FittedExponent(name, float(expected), value, sd, p_value, words)


def _scatter(fitted: Fitted, agreement: Agreement | None) -> Scatter | None:
    """Return the scatter between repeats over the noise; those without a signal have no part in it."""
    repeats = sum(one.verdict != NO_SIGNAL for one in fitted.alone)
    one_q = is_one_q([member.setup.data.q for member in fitted.problem.members])
    if agreement is None or not one_q or repeats < _REPEATS or agreement.expected <= 0:
        return None
    ratio = math.sqrt(max(agreement.statistic, 0.0) / agreement.expected)
    sd = ratio / math.sqrt(2 * agreement.freedom)
    words = f"the scatter between {repeats} repeats is {format_plus_minus(ratio, sd)} times the stated noise"
    return Scatter(ratio, sd, words)


def _judged(result: JointResult, courses: Sequence[TimeCourse]) -> tuple[str, str]:
    """Return the verdict and its sentence, which describes the common functions (`courses`)."""
    verdicts = [member.joint.verdict for member in result.members]
    first = result.members[0].joint
    if all(verdict == NO_SIGNAL for verdict in verdicts):
        return NO_SIGNAL, first.sentence
    doubts = []
    if not result.success:
        doubts.append("the joint fit did not converge; the values are those at which it stopped")
    apart = result.agreement is not None and result.agreement.p_value < DOUBT
    if result.agreement is not None and apart:
        doubts.append(result.agreement.words)
    doubts += [
        f"in {member.label}: {member.joint.sentence}"
        for member in result.members
        if member.joint.verdict != USABLE and result.success
    ][:2]
    doubts += [
        f"no signal is seen in {member.label} by itself, so that it adds nothing to the others: leave it out"
        for member in result.members
        if member.alone.verdict == NO_SIGNAL
    ][:2]
    good = (member.joint for member in result.members if member.joint.verdict == USABLE)
    usable = next((judge(_without_noise(one) if apart else one, courses)[1] for one in good), "")
    if not doubts:
        return USABLE, usable
    return CAUTION, " ".join([f"{doubt[:1].upper()}{doubt[1:].rstrip('.')}." for doubt in doubts] + [usable]).strip()


def _without_noise(joint: NLSQResult) -> NLSQResult:
    """Return the part of a measurement in a joint fit whose residuals are not those of noise: of what is common, the
    test of agreement tells more than a look at the residuals does."""
    return replace(joint, noise=None)


def _doubted(member: JointMember, agreement: Agreement) -> JointMember:
    """Return a member with the doubt about the joint fit, which its own page would not show."""
    words, joint = agreement.words, member.joint
    if joint.verdict != USABLE:
        return member
    sentence = f"{words[:1].upper()}{words[1:]}. {judge(_without_noise(joint))[1]}"
    return replace(member, joint=replace(joint, verdict=CAUTION, sentence=sentence))


def _warnings(result: JointResult) -> Iterator[str]:
    """Yield what limits the use of the values."""
    if not result.success:
        yield result.message
    for member in result.members:
        if member.alone.verdict != USABLE:
            yield f"{member.label} by itself: {member.alone.sentence}"
    for exponent in result.exponents:
        if exponent.p_value < DOUBT:
            yield f"{exponent.words}: differs by more than chance ({format_p_value(exponent.p_value)})"
