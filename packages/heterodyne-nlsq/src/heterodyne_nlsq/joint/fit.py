"""The joint fit of several measurements of one sample."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from heterodyne_data import (
    JointResult,
    Measurement,
    NLSQResult,
    TwoTimeData,
    is_one_q,
    joint_measurements,
    listed_measurements,
)
from heterodyne_data.setup import free_parameters
from heterodyne_nlsq.blas import few_threads
from heterodyne_nlsq.descent import approach as approach_alone
from heterodyne_nlsq.descent import variance_unit
from heterodyne_nlsq.evaluators import choose_evaluator, remembered
from heterodyne_nlsq.fit import Clock, prepare
from heterodyne_nlsq.joint.descent import Member, Problem, approach, chi_squares, descend
from heterodyne_nlsq.joint.labels import Labels, aligned, other_labels, reported
from heterodyne_nlsq.joint.layout import make_layout
from heterodyne_nlsq.joint.outcome import Fitted, calibrations_of, outcome
from heterodyne_nlsq.minima import first_exchanged
from heterodyne_nlsq.models import knowledge_of
from heterodyne_nlsq.parallel import each
from heterodyne_nlsq.progress import listening
from heterodyne_nlsq.result_building import make_result
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import NOT_CONVERGED, Progress, Solution
from heterodyne_nlsq.start.candidates import candidates as starts_asked_for
from heterodyne_nlsq.start.coefficients import fitted_vector
from heterodyne_nlsq.start.label_exchange import with_labels_exchanged
from heterodyne_nlsq.start.race import LEAST, race
from heterodyne_nlsq.uncertainty.calibration import Calibration
from heterodyne_report import Stage, announce_stage, numbered_stage
from heterodyne_spec import Config, ConfigError, ModelSpec, did_you_mean, laws_of, load_config
from heterodyne_spec import Problem as Fault

type FloatArray = npt.NDArray[np.float64]

_STAGES = ("read", "start", "fit", "alone", "uncertainty")

_HEAT = 12
"""Evaluations of a short descent."""

_AS_WELL = 0.05
"""Cost of a measurement at the joint estimate above its own minimum, relative to it, up to which its noise there is
used at the minimum: standard deviations by itself are then larger by 2.5 % at most."""

_FAR_ABOVE = 0.1
"""Cost of a measurement at the joint estimate above its own minimum, relative to it, from which the joint fit is begun
again with the values of every measurement by itself."""

_FINALISTS = 2
"""Complete descents, from the best short ones."""


def fit_joint_jax(
    data: Sequence[TwoTimeData | str | Path] | TwoTimeData | str | Path,
    config: Config | Mapping[str, Any] | str | Path | None = None,
    *,
    q: Sequence[float] | float | str | None = None,
    share: Sequence[str] | str | None = None,
    progress: Progress | bool | None = None,
) -> JointResult:
    """Fit several measurements of one sample together: several q of a file, repeats, or runs that continue each other.

    All are fitted with common parameters, and every measurement by itself from there; no starting values are needed.
    Ages are absolute: measurements of different ages share one course of J, v and, if it is common, x.

    Parameters
    ----------
    data : measurements, or paths of files; a single file with several q.
    config : as of `heterodyne_nlsq.fit_nlsq_jax`; the same for all.
    q : wavevectors in 1/Å that every file contributes; ``"all"`` for all that it has. By default ``data.q``.
    share : names of functions of age or parameters that are common. By default, all that belongs to the sample: J_r,
        J_s, v and phi0; and x if all measurements have the same q. Contrast and offset never are. The configuration
        has it as ``model.share``.
    progress : as of `heterodyne_nlsq.fit_nlsq_jax`.

    Returns
    -------
    JointResult, whether the fit converged or not: read ``verdict``, ``agreement`` and ``warnings`` first.

    Raises
    ------
    DataError : if a measurement cannot be read or used, or there are fewer than two.
    ConfigError : with every problem in the configuration, or unknown names in `share`.

    Examples
    --------
    >>> from heterodyne_nlsq import fit_joint_jax
    >>> joint = fit_joint_jax("measurement.h5", q="all")  # doctest: +SKIP
    >>> joint.agreement.p_value, joint.exponents[0].value  # doctest: +SKIP
    >>> repeats = fit_joint_jax(["a.h5", "b.h5", "c.h5"], {"data": {"q": 0.0054}})  # doctest: +SKIP
    """
    items = listed_measurements(data)
    settings = load_config(config)
    check_settings(settings)
    with listening(progress) as listener:
        clock = Clock(listener, _STAGES)
        with clock("read"):
            found = joint_measurements(items, settings, q)
            setups = [prepare(one.data, one.config) for one in found]
            # Before the search, which takes long: a wrong name is refused immediately.
            shared = shared_parameters(setups, settings.model.share if share is None else share)
        with clock("start"):
            starts = _dynamics(found, listener)
        result = _jointly(found, setups, starts, shared, listener, clock)
    return replace(result, timings={stage: round(spent, 4) for stage, spent in clock.spent.items()})


def check_settings(settings: Config) -> None:
    """Refuse what a joint fit does not take into account.

    Raises
    ------
    ConfigError : with every such setting.
    """
    nlsq, faults = settings.nlsq, []
    if nlsq.loss != "linear":
        faults.append(Fault("nlsq.loss", nlsq.loss, "linear", "a joint fit compares sums of squares", "JointLoss"))
    if nlsq.weighting != "equal":
        remedy = "a joint fit weighs all pairs equally: leave it out, or fit each by itself"
        faults.append(Fault("nlsq.weighting", nlsq.weighting, "equal", remedy, "JointWeighting"))
    if faults:
        raise ConfigError("configuration", faults)


def _dynamics(found: Sequence[Measurement], progress: Progress | None) -> list[FloatArray]:
    """Return free parameters (n_free,) of some measurements by themselves: starting values of all."""
    announce_stage(progress, "search in some of the measurements")
    chosen = sorted({0, len(found) // 2})
    setups = [prepare(found[k].data, found[k].config) for k in chosen]
    with few_threads(setups[0].data.n_t), jax.enable_x64(True):
        return each(_searched, setups)


def _searched(setup: Setup) -> FloatArray:
    """Return the free parameters of the best minimum that a search finds, without uncertainties and evidence."""
    evaluator = choose_evaluator(setup)
    descents = race(setup, evaluator, starts_asked_for(setup), None)
    if setup.config.nlsq.start != "values":
        descents = with_labels_exchanged(setup, evaluator, descents, None)
    minima = [final.solution for final in descents.finals]
    if first_exchanged(minima, setup) is None:
        return minima[0].vector[: len(setup.free.free)]
    # Which of the labels are conventional, their uncertainties decide.
    return _free_values(setup, make_result(setup, evaluator, descents))


def _jointly(
    found: Sequence[Measurement],
    setups: Sequence[Setup],
    starts: Sequence[FloatArray],
    shared: tuple[str, ...],
    progress: Progress | None,
    clock: Clock,
) -> JointResult:
    announce_stage(progress, "joint fit")
    with clock("fit"), jax.enable_x64(True):
        members = tuple(_member(one.label, setup, starts) for one, setup in zip(found, setups, strict=True))
        problem = Problem(members, make_layout(setups, shared))
        solution, calibrations, labels = _labelled(problem, _best(problem, starts, progress), progress)
    with clock("alone"):
        alone = _each_alone(found, problem, solution, calibrations, progress)
    with clock("fit"), jax.enable_x64(True):
        lower = _from_alone(problem, solution, alone, progress)
        if lower is not None:
            solution, calibrations, labels = _labelled(problem, lower, progress)
    if lower is not None:
        with clock("alone"):
            alone = _each_alone(found, problem, solution, calibrations, progress)
    with clock("fit"), jax.enable_x64(True):
        exponents = _with_exponents(problem, solution, shared, progress)
    with clock("uncertainty"), jax.enable_x64(True):
        announce_stage(progress, Stage.UNCERTAINTIES)
        return outcome(Fitted(problem, solution, shared, alone), exponents, calibrations, labels)


def _each_alone(
    found: Sequence[Measurement],
    problem: Problem,
    solution: Solution,
    calibrations: Sequence[Calibration],
    progress: Progress | None,
) -> tuple[NLSQResult, ...]:
    """Return the fits of all measurements by themselves, from the joint solution."""

    def of_member(k: int) -> NLSQResult:
        announce_stage(progress, numbered_stage("measurement", k + 1, len(found)))
        vector = problem.layout.member(solution.vector, k)
        return _alone(problem.members[k], found[k].config, vector, calibrations[k])

    # Outside the threads, because the number of threads of BLAS is that of the process.
    with few_threads(found[0].data.n_t), jax.enable_x64(True):
        return tuple(each(of_member, range(len(found))))


def _from_alone(
    problem: Problem, solution: Solution, alone: Sequence[NLSQResult], progress: Progress | None
) -> Solution | None:
    """Return the joint fit from the values of every measurement by itself, if it is lower; None where no measurement
    asks for it by fitting far better by itself."""
    costs = chi_squares(problem, solution.vector) / 2
    least = np.array([one.cost / member.unit for one, member in zip(alone, problem.members, strict=True)])
    if not np.any(costs > (1 + _FAR_ABOVE) * least):
        return None
    announce_stage(progress, "joint fit from each measurement by itself")
    vectors = [
        fitted_vector(member.setup, member.evaluator, _free_values(member.setup, one))
        for one, member in zip(alone, problem.members, strict=True)
    ]
    start = problem.layout.assembled(aligned(problem, vectors))
    found = descend(problem, start, progress, problem.members[0].setup.config.nlsq.max_iterations)
    spent = solution.n_evaluations + found.n_evaluations
    return replace(found, n_evaluations=spent) if found.cost < solution.cost else None


def _alone(member: Member, config: Config, vector: FloatArray, calibration: Calibration) -> NLSQResult:
    """Return the fit of a measurement by itself from a fitted vector (n_fit,), where its noise is known."""
    setup, evaluator, clock = member.setup, member.evaluator, Clock(None)
    config = started_at(config, setup, vector)
    setup = replace(setup, config=config, free=free_parameters(setup.spec, config.model))
    with clock("fit"):
        descents = race(setup, evaluator, starts_asked_for(setup), None)
        there, least = float(evaluator.normal(vector, evaluator.problem).cost), descents.finals[0].solution.cost
    with clock("uncertainty"):
        known = calibration if there < (1 + _AS_WELL) * least else None
        result = make_result(setup, evaluator, descents, known)
    return replace(result, timings={stage: round(spent, 4) for stage, spent in clock.spent.items()})


def started_at(config: Config, setup: Setup, vector: FloatArray) -> Config:
    """Return a configuration whose free parameters start at those of a fitted vector (n_fit,).

    The labels of the components stay as they are there.
    """
    document = copy.deepcopy(dict(config.document))
    model = dict(document.get("model") or {})
    parameters = dict(model.get("parameters") or {})
    for name, value in zip(setup.free.free_names, vector.tolist(), strict=False):
        parameters[name] = {**(parameters.get(name) or {}), "value": value}
    document["model"] = {**model, "parameters": parameters}
    document["nlsq"] = {**(document.get("nlsq") or {}), "start": "values"}
    return load_config(document)


def _member(label: str, setup: Setup, starts: Sequence[FloatArray]) -> Member:
    """Return a member, its noise after a short descent by itself."""
    evaluator = remembered(choose_evaluator(setup))
    begun = [approach_alone(setup, evaluator, fitted_vector(setup, evaluator, free), _HEAT) for free in starts]
    best = min(begun, key=lambda one: one.cost)
    return Member(label, setup, evaluator, variance_unit(setup, evaluator, best))


def _free_values(setup: Setup, result: NLSQResult) -> FloatArray:
    return np.array([result.parameters[name] for name in setup.free.free_names])


def shared_parameters(setups: Sequence[Setup], share: Sequence[str] | str | None) -> tuple[str, ...]:
    """Return the names of the common parameters.

    Raises
    ------
    ConfigError : with every name that is neither a function of age nor a parameter.
    """
    spec = setups[0].spec
    if share is not None:
        if not isinstance(share, str | Sequence) or not share:
            wanted, remedy = "names of functions or parameters, at least one", "leave it out for those of the sample"
            raise ConfigError("joint fit", [Fault("share", repr(share), wanted, remedy, "Shared")])
        return _named(spec, [share] if isinstance(share, str) else share)
    of_sample, one_q = knowledge_of(spec.id).of_sample, is_one_q([s.data.q for s in setups])
    return tuple(p.name for p in spec.parameters if one_q or not of_sample or p.group in of_sample)


def _named(spec: ModelSpec, share: Sequence[str]) -> tuple[str, ...]:
    function_of = {p.name: spec.function_of_group.get(p.group) for p in spec.parameters}
    known = [*(function.name for function in spec.functions), *spec.names]
    if wrong := [name for name in share if name not in known]:
        wanted = "a function or a parameter of the model"
        faults = [Fault("share", f'"{name}"', wanted, did_you_mean(name, known), "Shared") for name in wrong]
        raise ConfigError("joint fit", faults)
    return tuple(name for name in spec.names if name in share or function_of[name] in share)


def _best(problem: Problem, dynamics: Sequence[FloatArray], progress: Progress | None) -> Solution:
    """Return the lowest minimum reached with the dynamics of each measurement alone as those of all.

    Every further descent gets as many evaluations as the first took, as in `race`.
    """
    heats = []
    for free in dynamics:
        vectors = [fitted_vector(m.setup, m.evaluator, free) for m in problem.members]
        heats.append(approach(problem, problem.layout.assembled(vectors), _HEAT))
    heats.sort(key=lambda heat: heat.cost)
    limit = problem.members[0].setup.config.nlsq.max_iterations
    best = descend(problem, heats[0].vector, progress, limit)
    spent = sum(heat.n_evaluations for heat in heats) + best.n_evaluations
    allowed = min(max(best.n_evaluations, LEAST), limit)
    for heat in heats[1:_FINALISTS]:
        trial = descend(problem, heat.vector, progress, allowed)
        spent += trial.n_evaluations
        if trial.cost < best.cost and not trial.success:
            trial = descend(problem, trial.vector, progress, limit)
            spent += trial.n_evaluations
        best = min(best, trial, key=lambda one: one.cost)
    return replace(best, n_evaluations=spent)


def _labelled(
    problem: Problem, solution: Solution, progress: Progress | None
) -> tuple[Solution, list[Calibration], Labels]:
    """Return the solution with the labels that are reported, the noise there, and what there is to say of labels."""
    announce_stage(progress, "joint fit with the components exchanged")
    other = other_labels(problem, solution, progress)
    if other is not None and other.cost < solution.cost:
        solution, other = other, solution
    calibrations = calibrations_of(problem, solution)
    if other is None:
        return solution, calibrations, Labels()
    # With exchanged labels the maps are the same, and so is their noise.
    found, labels = reported(problem, solution, other, calibrations)
    return found, calibrations, labels


def _with_exponents(
    problem: Problem, solution: Solution, shared: Sequence[str], progress: Progress | None
) -> tuple[Problem, Solution] | None:
    """Return the fit with the exponents of q free; None if all q are equal or no function carries one."""
    setups = [member.setup for member in problem.members]
    if is_one_q([setup.data.q for setup in setups]):
        return None
    spec = setups[0].spec
    carried = {
        name: exponent
        for name, exponent in knowledge_of(spec.id).exponents.items()
        if all(_is_scaled(setups[0], name, shared) for name in exponent.functions)
    }
    if not carried:
        return None
    layout = make_layout(setups, shared, carried)
    wider = Problem(problem.members, layout)
    start = layout.assembled([problem.layout.member(solution.vector, k) for k in range(len(setups))])
    found = descend(wider, start, progress, setups[0].config.nlsq.max_iterations)
    if found.cost > solution.cost:
        found = replace(found, success=False, message=NOT_CONVERGED)
    return wider, found


def _is_scaled(setup: Setup, function: str, shared: Sequence[str]) -> bool:
    """Return whether a factor of a common function is one of its amplitudes and constants: these are free, or 0."""
    laws, free = laws_of(setup.spec, function), setup.free
    held = dict(zip(free.names, free.start.tolist(), strict=True))
    names = [name for law in laws for name in (law.amplitude, law.offset)]
    return bool(laws) and all(name in shared and (name in free.free_names or held[name] == 0) for name in names)
