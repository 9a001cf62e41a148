"""The fit: data and configuration in, result out."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax

from heterodyne_nlsq import paths
from heterodyne_nlsq.compilation import make_room
from heterodyne_nlsq.free import free_parameters
from heterodyne_nlsq.outcome import make_result
from heterodyne_nlsq.scaling import make_scaling
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import Progress
from heterodyne_nlsq.start.candidates import candidates
from heterodyne_nlsq.start.race import race
from heterodyne_physics_meshgrid import MODEL_VERSION
from heterodyne_spec import (
    Config,
    DataError,
    NLSQResult,
    TwoTimeData,
    check_model_versions,
    load_config,
    load_data,
    load_model,
)


def fit_nlsq_jax(
    data: TwoTimeData | str | Path,
    config: Config | Mapping[str, Any] | str | Path | None = None,
    *,
    progress: Progress | None = None,
) -> NLSQResult:
    """Fit all azimuths of one q together and return the point estimate.

    Parameters
    ----------
    data : a measurement, or the path of a file (then q, phi, frames, dt and masks come from `config`).
    config : a Config, a dict, the path of a YAML or JSON file, or None for the defaults.
    progress : called after every iteration with its number and the cost.

    Returns
    -------
    NLSQResult, whether the fit converged or not: look at ``success``, ``message`` and ``warnings``.

    Raises
    ------
    DataError : when the measurement cannot be read or used.
    ConfigError : with every problem of the configuration.
    ModelVersionError : when the installed packages implement different versions of the model.

    Examples
    --------
    >>> from heterodyne_nlsq import fit_nlsq_jax
    >>> result = fit_nlsq_jax("measurement.h5", {"data": {"q": 0.0054}})  # doctest: +SKIP

    Notes
    -----
    Computes in float64 whatever the setting of the process is, and leaves that setting as it was.
    """
    check_model_versions({"heterodyne-physics-meshgrid": MODEL_VERSION})
    clock = [time.perf_counter()]
    setup = prepare(data, load_config(config))
    make_room()
    with jax.enable_x64(True):
        path = _path(setup)
        clock.append(time.perf_counter())
        starters = candidates(setup)
        clock.append(time.perf_counter())
        outcome = race(setup, path, starters, progress)
        clock.append(time.perf_counter())
        result = make_result(setup, path, outcome)
    clock.append(time.perf_counter())
    spent = (round(later - earlier, 4) for earlier, later in itertools.pairwise(clock))
    return replace(result, timings=dict(zip(("read", "start", "fit", "uncertainty"), spent, strict=True)))


def prepare(data: TwoTimeData | str | Path, config: Config) -> Setup:
    """Return the request made ready to be fitted.

    Raises
    ------
    DataError, ConfigError : what is wrong with it.
    """
    if not isinstance(data, TwoTimeData):
        data = load_data(data, config=config)
    asked = config.data.q
    if asked is not None and abs(data.q - asked) > config.data.q_tolerance * asked:
        raise DataError(
            f"the data have q = {data.q:.4g} 1/Å and the configuration asks for {asked:.4g}; change data.q or the data"
        )
    spec = load_model(config.model.name)
    return Setup(config, spec, data, free_parameters(spec, config.model), make_scaling(config, spec, data.phi))


def _path(setup: Setup) -> paths.Path:
    """Return the way to evaluate the problem; too few pairs for what is fitted are refused."""
    data = setup.data
    path = paths.choose_path(setup)
    n_fitted = len(setup.free.free) + 2 * setup.scaling.n_coefficients
    if path.n_pairs.min() == 0 or path.n_pairs.sum() <= n_fitted:
        raise DataError(
            f"too few valid pairs of frames for {n_fitted} fitted values (fewest, {path.n_pairs.min()}, at phi = "
            f"{data.phi[int(path.n_pairs.argmin())]:g}); use more frames, mask fewer, or hold parameters"
        )
    return path
