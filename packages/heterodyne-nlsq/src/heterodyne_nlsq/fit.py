"""The fit."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from heterodyne_data import NLSQResult, TwoTimeData, as_measurement, select_data
from heterodyne_data.setup import free_parameters, make_scaling, structured
from heterodyne_nlsq.blas import few_threads
from heterodyne_nlsq.compilation import make_room
from heterodyne_nlsq.evaluators import Evaluator, choose_evaluator, count_pairs
from heterodyne_nlsq.models import Candidate
from heterodyne_nlsq.parallel import beside
from heterodyne_nlsq.progress import listening
from heterodyne_nlsq.result_building import make_result
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import Progress
from heterodyne_nlsq.start.candidates import candidates as starts_asked_for
from heterodyne_nlsq.start.earlier import Estimate, estimates, follow
from heterodyne_nlsq.start.label_exchange import with_labels_exchanged
from heterodyne_nlsq.start.race import Descents, compile_evaluation, joined, race
from heterodyne_nlsq.stated import unstated_functions
from heterodyne_physics_meshgrid import MODEL_VERSION, check_devices
from heterodyne_report import Stage, announce_stage
from heterodyne_spec import Config, ConfigError, DataError, Problem, check_model_versions, load_config, load_model


def fit_nlsq_jax(
    data: TwoTimeData | str | Path | ArrayLike,
    config: Config | Mapping[str, Any] | str | Path | None = None,
    *,
    q: float | None = None,
    phi: ArrayLike | None = None,
    t: ArrayLike | None = None,
    dt: float | None = None,
    candidates: Iterable[Estimate] = (),
    progress: Progress | bool | None = None,
) -> NLSQResult:
    """Fit all azimuths of one q together and return the point estimate.

    Parameters
    ----------
    data : a measurement, the path of a file, or c2 as an array, (n_phi, N, N) or (N, N), of NumPy, JAX or lists. The
        section ``data`` of `config` applies to all: see `heterodyne_data.select_data`.
    config : a Config, a dict, the path of a YAML or JSON file, or None for the defaults.
    q, phi, t, dt : with an array only: wavevector in 1/Å, azimuths in degrees (n_phi,), ages of the frames in s (N,),
        time between frames in s; as `heterodyne_data.TwoTimeData` takes them. q, phi, and t or dt are required.
    candidates : results of similar measurements as additional starting values: results, or mappings from parameter
        names (others start as configured) to values in the units of the model; q, azimuths and frames may differ. With
        ``nlsq.start: auto``, the best candidate is optimised first. If it leaves at most 5 % of the variation of the
        data unexplained, all functions are seen and noise explains the residuals, the full search is skipped;
        otherwise it is done, and the lowest minimum is selected. With ``values`` and ``multistart``, they are
        additional candidates.
    progress : True shows stage, iterations and elapsed time: a line that is overwritten in a terminal or a notebook
        cell, lines 20 s apart in a log. A function is called after every iteration with its number and the cost; a
        method ``stage(name)`` of it, if present, is called at the beginning of a stage: "reading", "compiling",
        "starting values", "short fit 1 of 4", "fit 1 of 2", "uncertainties".

    Returns
    -------
    NLSQResult, whether the fit converged or not: check ``success``, ``message`` and ``warnings``. With candidates,
    ``start`` states whether the full search was done, and which values were moved inside the bounds.

    Raises
    ------
    DataError : if the measurement cannot be read or used, or lacks the data selected by the configuration.
    ConfigError : with every problem in the configuration, or every unknown name and unusable value of the candidates.
    ResultError : if a candidate is a result of another model.
    ModelVersionError : if the installed packages implement different versions of the model.

    Examples
    --------
    >>> from heterodyne_nlsq import fit_nlsq_jax
    >>> result = fit_nlsq_jax("measurement.h5", {"data": {"q": 0.0054}})  # doctest: +SKIP
    >>> result = fit_nlsq_jax(c2, q=0.0054, phi=[0, 90], dt=0.1, progress=True)  # doctest: +SKIP
    >>> later = fit_nlsq_jax("next.h5", {"data": {"q": 0.0054}}, candidates=[result])  # doctest: +SKIP

    Notes
    -----
    Computes in float64 regardless of the setting of the process, which is not changed.
    """
    check_model_versions({"heterodyne-physics-meshgrid": MODEL_VERSION})
    check_devices(jax.devices)
    with listening(progress) as listener:
        clock = Clock(listener)
        with clock("read"):
            measured = as_measurement(data, q=q, phi=phi, t=t, dt=dt)
        result = _fit(measured, load_config(config), candidates, listener, clock)
    return replace(result, timings={stage: round(spent, 4) for stage, spent in clock.spent.items()})


def _fit(
    data: TwoTimeData | str | Path,
    config: Config,
    candidates: Iterable[Estimate],
    progress: Progress | None,
    clock: Clock,
) -> NLSQResult:
    """Return the point estimate of a measurement or file."""
    with clock("read"), jax.enable_x64(True):
        if not isinstance(data, TwoTimeData):
            announce_stage(progress, Stage.READING)
        setup = prepare(data, config)
        earlier = estimates(candidates, setup)
        make_room()
        announce_stage(progress, Stage.COMPILING)
        evaluator = choose_evaluator(setup)
    with few_threads(setup.data.n_t), jax.enable_x64(True):
        if earlier and setup.config.nlsq.start == "auto":
            return _follow_then_search(setup, evaluator, earlier, progress, clock)
        return _search(setup, evaluator, earlier, progress, clock)


STAGES = ("read", "start", "fit", "uncertainty")
"""Stages of a fit whose durations are measured."""

_ANNOUNCED = {"start": Stage.STARTS, "uncertainty": Stage.UNCERTAINTIES}


class Clock:
    """Measures the durations of the stages of a fit and reports their beginning, except that of fits."""

    def __init__(self, progress: Progress | None, stages: Sequence[str] = STAGES) -> None:
        self._progress = progress
        self.spent = dict.fromkeys(stages, 0.0)

    @contextlib.contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Measure the enclosed code as time of the stage."""
        if stage in _ANNOUNCED:
            announce_stage(self._progress, _ANNOUNCED[stage])
        begin = time.perf_counter()
        yield
        self.spent[stage] += time.perf_counter() - begin


def _search(
    setup: Setup,
    evaluator: Evaluator,
    earlier: list[Candidate],
    progress: Progress | None,
    clock: Clock,
    known: Descents | None = None,
) -> NLSQResult:
    """Return the best minimum reached from the configured starts, the earlier estimates and `known` descents."""
    with clock("start"):
        # The compiler leaves a core to the search for starting values.
        found = beside(lambda: starts_asked_for(setup), lambda: compile_evaluation(setup, evaluator))
        starts = [*found, *earlier]
    with clock("fit"):
        descents = race(setup, evaluator, starts, progress)
        descents = joined(known, descents) if known else descents
        # User-given values fix the labels of the components.
        descents = (
            descents
            if setup.config.nlsq.start == "values"
            else with_labels_exchanged(setup, evaluator, descents, progress)
        )
    with clock("uncertainty"):
        return make_result(setup, evaluator, descents)


def _follow_then_search(
    setup: Setup, evaluator: Evaluator, earlier: list[Candidate], progress: Progress | None, clock: Clock
) -> NLSQResult:
    """Return the fit reached from an earlier estimate, after a full search if it is doubtful."""
    with clock("fit"):
        descents, described, doubt = follow(setup, evaluator, earlier, progress)
    if not doubt:
        with clock("uncertainty"):
            result = make_result(setup, evaluator, descents)
        # From x = 0 no descent leads to fringes.
        unseen = unstated_functions(result)
        if not structured(result.noise).any() and not unseen:
            return replace(result, start=f"{result.start}; full search skipped: {described}")
        doubt = "the residuals from there had structure that noise does not explain"
        if unseen:
            doubt = f"{', '.join(unseen)} were not seen from there"
    result = _search(setup, evaluator, [], progress, clock, descents)
    return replace(result, start=f"{result.start}; full search done, because {doubt}")


def prepare(data: TwoTimeData | str | Path, config: Config) -> Setup:
    """Return the prepared request.

    Raises
    ------
    DataError, ConfigError : if it is invalid.
    """
    data = select_data(data, config)
    spec = load_model(config.model.name)
    setup = Setup(config, spec, data, free_parameters(spec, config.model), make_scaling(config, spec, data.phi))
    check_model_versions({"heterodyne-physics-meshgrid": setup.physics.version}, spec.id)
    _check_pairs(setup)
    _check_start(setup)
    return setup


def _check_start(setup: Setup) -> None:
    """Refuse starting values at which the model is not finite, such as an exponent of a million."""
    free, t = setup.free, setup.data.t
    values = dict(zip(free.names, free.start.tolist(), strict=True))
    with np.errstate(all="ignore"):
        courses = {f.name: setup.spec.evaluate(f.name, values, t) for f in setup.spec.functions}
    if infinite := [name for name, course in courses.items() if not np.isfinite(course).all()]:
        found, wanted = f"values that make {', '.join(infinite)} infinite", "finite functions"
        remedy = "correct the values and bounds of their parameters"
        raise ConfigError("configuration", [Problem("model.parameters", found, wanted, remedy, "FiniteStart")])


def _check_pairs(setup: Setup) -> None:
    """Refuse a fit with fewer pairs than fitted values."""
    data = setup.data
    counts = count_pairs(data, setup.config.data.exclude_diagonals)
    n_fitted = len(setup.free.free) + 2 * setup.scaling.n_coefficients
    if counts.min() == 0 or counts.sum() <= n_fitted:
        raise DataError(
            f"too few valid pairs of frames for {n_fitted} fitted values (fewest, {counts.min()}, at phi = "
            f"{data.phi[int(counts.argmin())]:g}); use more frames, mask fewer, or fix parameters"
        )
