"""The sampling: data, configuration and point estimate in, posterior out."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from heterodyne_cmc.consistency import start_warnings
from heterodyne_cmc.engine import finished, in_this_process, plan
from heterodyne_cmc.joint_vectors import log_joint, log_likelihoods, summed
from heterodyne_cmc.mode import at_mode
from heterodyne_cmc.noise import checked, residual_noise
from heterodyne_cmc.parameters import parameter_space
from heterodyne_cmc.population import ROUNDS_UNSEEN
from heterodyne_cmc.problem import whole_problems
from heterodyne_cmc.progress import listening
from heterodyne_cmc.request import Request, prepare
from heterodyne_cmc.result import CMCResult
from heterodyne_cmc.result_building import make_result
from heterodyne_cmc.search import search
from heterodyne_cmc.start import not_seen, point_estimate, read_start, with_weights, within_reach
from heterodyne_cmc.store import FOLDER, ShardStore, kept
from heterodyne_cmc.sub_posterior import SubPosterior
from heterodyne_cmc.unfinished import ChainStore
from heterodyne_cmc.whitening import make_whitening, of_shards
from heterodyne_cmc.work import ShardWork, Work, bytes_per_worker, fingerprint, shard_work
from heterodyne_data import NLSQResult, TwoTimeData, as_measurement, select_data
from heterodyne_data.setup import data_noise
from heterodyne_physics_elementwise import MODEL_VERSION
from heterodyne_physics_meshgrid import check_devices
from heterodyne_spec import Config, ConfigError, Problem, check_model_versions, load_config

type Progress = Callable[[float, int, int, float], None]
"""Called after every shard, and meanwhile where one is sampled in this process: the number of finished shards with the
part that is done of the next, of how many, divergences so far, seconds left."""


def fit_cmc_jax(
    data: TwoTimeData | str | Path | ArrayLike,
    config: Config | Mapping[str, Any] | str | Path | None = None,
    nlsq_result: NLSQResult | str | Path | None = None,
    *,
    q: float | None = None,
    phi: ArrayLike | None = None,
    t: ArrayLike | None = None,
    dt: float | None = None,
    start: str = "auto",
    directory: str | Path | None = None,
    progress: Progress | bool | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> CMCResult:
    """Sample the posterior of all azimuths of one q.

    Parameters
    ----------
    data : a measurement, the path of a file, or c2 as an array, (n_phi, N, N) or (N, N), of NumPy, JAX or lists. The
        section ``data`` of `config` applies to all: see `heterodyne_data.select_data`.
    config : a Config, a dict, the path of a YAML or JSON file, or None for the defaults. Give the one of the point
        estimate: what it holds or ties is held or tied here.
    nlsq_result : the point estimate of these data, or the folder or file of one. It gives the start, the scale in
        which the chains move, the calibration of the likelihood and the first guess of the noise, never the prior.
    q, phi, t, dt : with an array only: wavevector in 1/Å, azimuths in degrees (n_phi,), ages of the frames in s (N,),
        time between frames in s; as `heterodyne_data.TwoTimeData` takes them. q, phi, and t or dt are required.
    start : where the sampling starts when there is no `nlsq_result`. "auto": from a fit made first, where
        heterodyne-nlsq is installed, else by "search": from where a search over the priors ends; "values": uphill
        from the configuration's values or the registry's defaults. Without a fit the likelihood is not calibrated, and
        the result carries a warning.
    directory : where finished shards, and chains of this process, are written, in its folder ``shards``. A run that
        ended early goes on from them: the same call samples only what is missing. `clear_shards` removes them. None:
        nothing is written.
    say : called with a line of text on what is going to be done, and where.
    progress : True shows finished shards and the remaining time: a line that is overwritten in a terminal or a notebook
        cell, lines 20 s apart in a log. A function is called after every shard, and meanwhile where one is sampled in
        this process, with the number of finished shards and the part that is done of the next, of how many, the
        divergences so far and the seconds left, NaN before that is known.

    Returns
    -------
    CMCResult, whether the chains converged or not: look at ``success``, ``message`` and ``warnings``.

    Raises
    ------
    DataError : when the measurement cannot be read or used, does not hold what the configuration asks for, or the
        point estimate belongs to another.
    ConfigError : with every problem of the configuration, options that this version does not have included.
    ResultError : when the file of the point estimate is damaged.
    ModelVersionError : when the installed packages implement different versions of the model.
    SamplingError : when chains do not move at all.

    Examples
    --------
    >>> from heterodyne_cmc import fit_cmc_jax
    >>> result = fit_cmc_jax("measurement.h5", "config.yaml", "results/nlsq_result.json")  # doctest: +SKIP

    Notes
    -----
    Consensus Monte Carlo: Scott et al. 2016. Computes in float64 whatever the setting of the process is, and leaves
    that setting as it was. The same data, configuration, point estimate and versions give the same draws.
    """
    check_model_versions({"heterodyne-physics-elementwise": MODEL_VERSION})
    check_devices(jax.devices)
    if start not in ("auto", "search", "values"):
        raise ConfigError("fit_cmc_jax", [Problem("start", f"'{start}'", "auto, search or values", "correct it")])
    measured, folder = as_measurement(data, q=q, phi=phi, t=t, dt=dt), None if directory is None else Path(directory)
    with listening(progress) as listener:
        return _posterior(measured, load_config(config), nlsq_result, start, folder, listener, say)


def _posterior(
    data: TwoTimeData | str | Path,
    settings: Config,
    nlsq_result: NLSQResult | str | Path | None,
    start: str,
    directory: Path | None,
    progress: Progress | None,
    say: Callable[[str], None],
) -> CMCResult:
    """Return the posterior of a measurement or file."""
    begin = time.perf_counter()
    measured = select_data(data, settings)
    # Once before the fit: what cannot be sampled is refused at once.
    request = prepare(measured, settings, read_start(nlsq_result))
    if request.nlsq is None and start == "auto":
        request = prepare(measured, settings, point_estimate(measured, settings))
    if request.nlsq is None and settings.cmc.weighting == "noise":
        found, wanted = "no point estimate", "an NLSQ result with weights from the noise"
        raise ConfigError("configuration", [Problem("cmc.weighting", found, wanted, "set cmc.weighting: auto")])
    changes = []
    for change in (with_weights, within_reach):
        if request.nlsq is None:
            break
        estimate, changed = change(request.nlsq, request.space, measured, settings)
        if changed:
            say(changed)
            changes.append(changed)
            request = prepare(measured, settings, estimate)
    read = time.perf_counter()
    with jax.enable_x64(True):
        if request.nlsq is None and start != "values":
            request = _begun(request, say)
        work = prepared_work(without_chains(request, say), say)
        subs = sample_shards(work, directory, progress, say)
        sampled = time.perf_counter()
        words = [*start_warnings(request), *changes]
        problems = work.problems()
        result = make_result(
            *(request, subs, work.noise, work.whitening, words),
            log_density=summed(log_joint, problems),
            log_likelihood=summed(log_likelihoods, problems),
            say=say,
        )
    timings = {"prepare": read - begin, "sample": sampled - read, "combine": time.perf_counter() - sampled}
    return replace(result, timings={name: round(seconds, 4) for name, seconds in timings.items()})


def plan_of_sampling(
    data: TwoTimeData, config: Config, nlsq_result: NLSQResult | str | Path | None = None
) -> list[str]:
    """Describe what `fit_cmc_jax` would sample, and where; raises the same errors.

    Raises
    ------
    DataError, ConfigError, ResultError : what is wrong with the request.
    """
    request = prepare(select_data(data, config), config, read_start(nlsq_result))
    if request.nlsq is not None and config.cmc.weighting == "noise":
        with_weights(request.nlsq, request.space, request.data, config)
    cmc, deal = config.cmc, request.partition
    return [
        f"would sample {', '.join(request.space.free_names) or 'contrast, offset and noise only'}",
        f"{cmc.chains} chains of {cmc.warmup} + {cmc.samples} steps on {deal.n_pairs} pairs in "
        f"{deal.n_shards} shard{'s' if deal.n_shards > 1 else ''}; consensus: {request.method}",
        plan(cmc, bytes_per_worker(request), range(deal.n_shards), deal.n_shards),
    ]


def kept_so_far(directory: str | Path) -> str:
    """Describe what `directory` contains for resuming a run: finished shards and chains; empty if nothing."""
    return kept(Path(directory) / FOLDER)


def clear_shards(directory: str | Path, n_shards: int) -> None:
    """Remove the files of finished shards in `directory`, once the result is safe."""
    ShardStore(Path(directory) / FOLDER, "", n_shards).clear()


def prepared_work(request: Request, say: Callable[[str], None] = lambda text: None) -> ShardWork:
    """Return the shards of a request as work, with the first guess of the noise and the coordinates of the chains.

    These are those of the posterior around its highest point, where all shards are anchored.
    """
    deal, space = request.partition, request.space
    with jax.enable_x64(True):
        noise = _noise(request)
        whitening = make_whitening(space, request.scaling, request.nlsq, noise, deal.weight)
        say("maximising the posterior over all pairs")
        whitening = at_mode(whitening, whole_problems(request, noise, whitening), space)
        return shard_work(request, noise, of_shards(whitening, deal.n_shards, anchored=True))


def without_chains(request: Request, say: Callable[[str], None]) -> Request:
    """Return a request without chains if the fit does not see a component: on priors alone they do not converge."""
    cmc, nlsq = request.config.cmc, request.nlsq
    if nlsq is None or cmc.sampler != "auto" or not (missing := not_seen(nlsq, request.space, request.spec)):
        return request
    say(f"the fit finds no {missing}: importance sampling without chains (cmc.sampler: nuts enables them)")
    weighted = replace(request.config, cmc=replace(cmc, sampler="importance"))
    return replace(request, config=weighted, rounds=ROUNDS_UNSEEN)


def _begun(request: Request, say: Callable[[str], None]) -> Request:
    """Return a request without a point estimate with the start that a search finds."""
    noise, space = _noise(request), request.space
    whitening = make_whitening(space, request.scaling, None, noise, request.partition.weight)
    problems = whole_problems(request, noise, whitening)
    found = search(problems, space, float(np.log(noise)), request.config.cmc.seed, say)
    begin = dict(zip(space.free_names, found.tolist(), strict=True))
    return replace(
        request, space=parameter_space(request.spec, request.config, None, request.data.t, request.data.phi, begin)
    )


def _noise(request: Request) -> float:
    """Return the first guess of the noise: residuals of the point estimate, or the maps' white noise."""
    if request.nlsq is None:
        return checked(data_noise(request.data))
    # One shard is a random sample of all pairs, and enough.
    return checked(residual_noise(request.data, request.partition.pairs(0), request.nlsq))


def sample_shards(
    work: Work, directory: Path | None, progress: Progress | None, say: Callable[[str], None]
) -> list[SubPosterior]:
    """Return the sub-posteriors of all shards, those of an earlier run that ended early among them."""
    store = None if directory is None else ShardStore(directory / FOLDER, fingerprint(work), work.n_shards)
    done, words = ({}, []) if store is None else store.load()
    missing = [shard for shard in range(work.n_shards) if shard not in done]
    for line in words:
        say(line)
    if done:
        say(f"{len(done)} of {work.n_shards} shards reused from an earlier run")
    if missing:
        say(plan(work.request.config.cmc, work.memory, missing, work.n_shards))
    clock = _Clock(work.n_shards, done.values(), progress)
    if missing and not in_this_process(work, len(missing)):
        clock.begin()
    # Always closed immediately, so that its workers end.
    chains: Callable[[int], ChainStore | None] = (lambda shard: None) if store is None else store.chains
    for line in [] if store is None else [store.chains(shard).load()[1] for shard in missing]:
        if line:
            say(line)
    with contextlib.closing(finished(work, missing, clock.within, chains)) as ready:
        for sub, workers in ready:
            if store is not None:
                store.save(sub)
            done[sub.shard] = sub
            clock.after(sub, workers)
    return [done[shard] for shard in sorted(done)]


class _Clock:
    """Elapsed time of the sampling, and an estimate of the remaining time."""

    def __init__(self, n_shards: int, done: Iterable[SubPosterior], progress: Progress | None):
        there = list(done)
        self._progress = progress or (lambda *told: None)
        self._n_shards, self._n_done, self._n_new = n_shards, len(there), 0
        self._divergences = sum(sub.divergences[-1] for sub in there)
        self._seconds = 0.0
        self._told = [(time.perf_counter(), 0.0)]

    def begin(self) -> None:
        """Report how many shards there are, before it is known how long one takes."""
        self._progress(self._n_done, self._n_shards, self._divergences, math.nan)

    def within(self, share: float, divergences: int) -> None:
        """Report the progress of a shard of this process."""
        now = time.perf_counter()
        if share < self._told[-1][1]:
            # Another attempt, or chains after failed weights: the earlier speed does not apply.
            self._told = [(self._told[-1][0], 0.0)]
        self._told.append((now, share))
        # The trees of the first steps are far deeper than later ones, so that the latest half is used.
        then, before = next(told for told in self._told if told[1] >= share / 2 or told is self._told[-2])
        left = (1.0 - share) * (now - then) / max(share - before, 1e-9)
        whole = now - self._told[0][0] + left
        left += (self._n_shards - self._n_done - 1) * whole
        self._progress(self._n_done + share, self._n_shards, self._divergences + divergences, left)

    def after(self, sub: SubPosterior, workers: int) -> None:
        """Tell that a shard is ready, of which `workers` are sampled at once."""
        self._n_done += 1
        self._n_new += 1
        self._seconds += sub.seconds
        self._divergences += sub.divergences[-1]
        self._told = [(time.perf_counter(), 0.0)]
        # Not of the time since the beginning: when the first of several workers is done, others nearly are.
        left = self._seconds / self._n_new * (self._n_shards - self._n_done) / workers
        self._progress(self._n_done, self._n_shards, self._divergences, left)
