"""The fit: data and configuration in, result out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from heterodyne_data import NLSQResult, TwoTimeData, select_data
from heterodyne_data.setup.free import free_parameters
from heterodyne_data.setup.noise import structured
from heterodyne_data.setup.scaling import make_scaling
from heterodyne_nlsq import paths
from heterodyne_nlsq.blas import few_threads
from heterodyne_nlsq.compilation import make_room
from heterodyne_nlsq.outcome import make_result
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import Progress
from heterodyne_nlsq.start.candidate import Candidate
from heterodyne_nlsq.start.candidates import candidates as starts_asked_for
from heterodyne_nlsq.start.earlier import Estimate, estimates, follow
from heterodyne_nlsq.start.race import Outcome, compile_evaluation, joined, race
from heterodyne_nlsq.start.twin import with_twin
from heterodyne_physics_meshgrid import MODEL_VERSION
from heterodyne_physics_meshgrid.devices import check_devices
from heterodyne_report.stages import COMPILING, READING, STARTS, UNCERTAINTIES, announce
from heterodyne_spec import Config, ConfigError, DataError, check_model_versions, load_config, load_model
from heterodyne_spec.errors import Problem


def fit_nlsq_jax(
    data: TwoTimeData | str | Path,
    config: Config | Mapping[str, Any] | str | Path | None = None,
    *,
    candidates: Iterable[Estimate] = (),
    progress: Progress | None = None,
) -> NLSQResult:
    """Fit all azimuths of one q together and return the point estimate.

    Parameters
    ----------
    data : a measurement, or the path of a file. The section ``data`` of `config` applies to both: see
        `heterodyne_data.select_data`.
    config : a Config, a dict, the path of a YAML or JSON file, or None for the defaults.
    candidates : point estimates of other, similar measurements as further starts: results, or mappings from names of
        parameters (those not named start as configured) to values in the units of the model; q, azimuths and frames
        may differ. With ``nlsq.start: auto`` the one that describes the data best is followed first. Where it missed
        no more than 5 % of what they show, and noise explains the residuals, the wide search for other starts is left
        out; otherwise it is made, and the lowest minimum of all counts. With ``values`` and ``multistart`` they are
        candidates beside the others.
    progress : called after every iteration with its number and the cost. Where it has a method ``stage(name)``, that is
        called when a stage begins: "reading", "compiling", "starting values", "short fit 1 of 4", "fit 1 of 2",
        "uncertainties".

    Returns
    -------
    NLSQResult, whether the fit converged or not: look at ``success``, ``message`` and ``warnings``. With candidates,
    ``start`` says whether the wide search was made, and which values were outside the bounds and moved inside.

    Raises
    ------
    DataError : when the measurement cannot be read or used, or does not hold what the configuration asks for.
    ConfigError : with every problem of the configuration, or every unknown name and unusable value of the candidates.
    ResultError : when a candidate is the result of another model.
    ModelVersionError : when the installed packages implement different versions of the model.

    Examples
    --------
    >>> from heterodyne_nlsq import fit_nlsq_jax
    >>> result = fit_nlsq_jax("measurement.h5", {"data": {"q": 0.0054}})  # doctest: +SKIP
    >>> later = fit_nlsq_jax("next.h5", {"data": {"q": 0.0054}}, candidates=[result])  # doctest: +SKIP

    Notes
    -----
    Computes in float64 whatever the setting of the process is, and leaves that setting as it was.
    """
    check_model_versions({"heterodyne-physics-meshgrid": MODEL_VERSION})
    check_devices(jax.devices)
    clock = Clock(progress)
    with clock("read"), jax.enable_x64(True):
        if not isinstance(data, TwoTimeData):
            announce(progress, READING)
        setup = prepare(data, load_config(config))
        earlier = estimates(candidates, setup)
        make_room()
        announce(progress, COMPILING)
        path = paths.choose_path(setup)
    with clock("fit"), jax.enable_x64(True):
        compile_evaluation(setup, path)
    with few_threads(setup.data.n_t), jax.enable_x64(True):
        if earlier and setup.config.nlsq.start == "auto":
            result = _follow_then_search(setup, path, earlier, progress, clock)
        else:
            result = _search(setup, path, earlier, progress, clock)
    return replace(result, timings={stage: round(spent, 4) for stage, spent in clock.spent.items()})


_ANNOUNCED = {"start": STARTS, "uncertainty": UNCERTAINTIES}


class Clock:
    """Seconds spent in the stages of a fit, which are announced where they begin here; fits announce themselves."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self.spent = dict.fromkeys(("read", "start", "fit", "uncertainty"), 0.0)

    @contextlib.contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Count what happens inside as time of the stage."""
        if stage in _ANNOUNCED:
            announce(self._progress, _ANNOUNCED[stage])
        begin = time.perf_counter()
        yield
        self.spent[stage] += time.perf_counter() - begin


def _search(
    setup: Setup,
    path: paths.Path,
    earlier: list[Candidate],
    progress: Progress | None,
    clock: Clock,
    known: Outcome | None = None,
) -> NLSQResult:
    """Return the best of what the configuration's starts, the earlier estimates and `known` descents lead to."""
    with clock("start"):
        starts = [*starts_asked_for(setup), *earlier]
    with clock("fit"):
        outcome = race(setup, path, starts, progress)
        outcome = joined(known, outcome) if known else outcome
        # Who gives the values has named the components.
        outcome = outcome if setup.config.nlsq.start == "values" else with_twin(setup, path, outcome, progress)
    with clock("uncertainty"):
        return make_result(setup, path, outcome)


def _follow_then_search(
    setup: Setup, path: paths.Path, earlier: list[Candidate], progress: Progress | None, clock: Clock
) -> NLSQResult:
    """Return the fit that an earlier estimate leads to, after a wide search where there is doubt about it."""
    with clock("fit"):
        outcome, described, doubt = follow(setup, path, earlier, progress)
    if not doubt:
        with clock("uncertainty"):
            result = make_result(setup, path, outcome)
        if not structured(result.noise).any():
            return replace(result, start=f"{result.start}; no wide search for other starts: {described}")
        doubt = "the residuals from there had structure that noise does not explain"
    result = _search(setup, path, [], progress, clock, outcome)
    return replace(result, start=f"{result.start}; a wide search was made, because {doubt}")


def prepare(data: TwoTimeData | str | Path, config: Config) -> Setup:
    """Return the request made ready to be fitted.

    Raises
    ------
    DataError, ConfigError : what is wrong with it.
    """
    data = select_data(data, config)
    spec = load_model(config.model.name)
    setup = Setup(config, spec, data, free_parameters(spec, config.model), make_scaling(config, spec, data.phi))
    check_model_versions({"heterodyne-physics-meshgrid": setup.physics.version}, spec.id)
    _check_pairs(setup)
    _check_start(setup)
    return setup


def _check_start(setup: Setup) -> None:
    """Refuse values at which the model is not finite, as with an exponent of a million: no descent begins there."""
    free, t = setup.free, setup.data.t
    values = dict(zip(free.names, free.start.tolist(), strict=True))
    with np.errstate(all="ignore"):
        courses = {f.name: setup.spec.evaluate(f.name, values, t) for f in setup.spec.functions}
    if infinite := [name for name, course in courses.items() if not np.isfinite(course).all()]:
        found, wanted = f"values that make {', '.join(infinite)} infinite", "finite functions"
        remedy = "correct the values and bounds of their parameters"
        raise ConfigError("configuration", [Problem("model.parameters", found, wanted, remedy, "FiniteStart")])


def _check_pairs(setup: Setup) -> None:
    """Refuse too few pairs for what is fitted."""
    data = setup.data
    counts = paths.count_pairs(data, setup.config.data.exclude_diagonals)
    n_fitted = len(setup.free.free) + 2 * setup.scaling.n_coefficients
    if counts.min() == 0 or counts.sum() <= n_fitted:
        raise DataError(
            f"too few valid pairs of frames for {n_fitted} fitted values (fewest, {counts.min()}, at phi = "
            f"{data.phi[int(counts.argmin())]:g}); use more frames, mask fewer, or hold parameters"
        )
