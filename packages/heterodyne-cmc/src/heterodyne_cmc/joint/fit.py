"""The posterior of several measurements of one sample."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from heterodyne_cmc.combination import convergence
from heterodyne_cmc.consistency import start_warnings
from heterodyne_cmc.density import NOISE_PRIOR_SCALE, no_anchor
from heterodyne_cmc.fit import Progress, sample_shards, without_chains
from heterodyne_cmc.importance import K_MOST
from heterodyne_cmc.joint.consensus import consensus_draws
from heterodyne_cmc.joint.density import joint_problem
from heterodyne_cmc.joint.layout import Layout, make_layout
from heterodyne_cmc.joint.members import Member, members_of
from heterodyne_cmc.joint.result import JointPosterior, PosteriorMember
from heterodyne_cmc.joint.work import MemberWork, WholeWork
from heterodyne_cmc.joint_vectors import joint_draws
from heterodyne_cmc.mode import around_mode
from heterodyne_cmc.progress import listening
from heterodyne_cmc.result_building import make_result
from heterodyne_cmc.sub_posterior import SubPosterior, Weighted
from heterodyne_cmc.whitening import Whitening, place_at
from heterodyne_data import JointResult, Measurement, TwoTimeData, joint_measurements, listed_measurements
from heterodyne_spec import CMCConfig, Config, ConfigError, DataError, Problem, load_config

type FloatArray = npt.NDArray[np.float64]
type Say = Callable[[str], None]


def fit_joint_cmc_jax(
    data: Sequence[TwoTimeData | str | Path] | TwoTimeData | str | Path,
    config: Config | Mapping[str, Any] | str | Path | None,
    joint_result: JointResult | str | Path,
    *,
    q: Sequence[float] | str | None = None,
    directory: str | Path | None = None,
    progress: Progress | bool | None = None,
    say: Say = lambda text: None,
) -> JointPosterior:
    """Sample the posterior of several measurements of one sample, from their joint point estimate.

    What the joint fit took as common has one prior and one value in all measurements. By default all maps are sampled
    at once, exactly. With ``cmc.shards`` equal to the number of measurements, or on Dask workers, every measurement is
    a shard: its worker reads its file only, and the consensus is corrected by the posterior of all.

    Parameters
    ----------
    data, config, q : as given to the joint fit.
    joint_result : the joint point estimate of these measurements, or its folder or file.
    directory : where finished shards, and chains of this process, are written: see `heterodyne_cmc.fit_cmc_jax`.
    progress, say : as of `heterodyne_cmc.fit_cmc_jax`.

    Returns
    -------
    JointPosterior, whether it can be relied on or not: look at ``success``, ``message`` and ``warnings``.

    Raises
    ------
    DataError : if a measurement cannot be read or used, or is not one of the joint fit.
    ConfigError : with every problem of the configuration.
    ResultError : if the joint estimate is damaged.

    Examples
    --------
    >>> from heterodyne_cmc import fit_joint_cmc_jax
    >>> posterior = fit_joint_cmc_jax("measurement.h5", None, "together", q="all")  # doctest: +SKIP
    >>> posterior.row("v0").mean  # doctest: +SKIP
    """
    begin, settings = time.perf_counter(), load_config(config)
    items = listed_measurements(data)
    joint = joint_result if isinstance(joint_result, JointResult) else JointResult.load(joint_result)
    found = joint_measurements(items, settings, q)
    _check(found, joint, settings.cmc)
    folder = None if directory is None else Path(directory)
    with listening(progress) as listener, jax.enable_x64(True):
        members, places, words = members_of(
            [one.data for one in found], [one.config for one in found], [one.source for one in found], joint, say
        )
        for word in dict.fromkeys(word for member in members for word in start_warnings(member.request)):
            say(word)
        members = _with_samplers(members, say)
        space = members[0].request.space
        layout = make_layout(np.array([name in joint.shared for name in space.free_names], bool), len(members))
        read = time.perf_counter()
        work = _around_mode(members, places, layout, say)
        by_member = _by_member(settings.cmc, len(members))
        if by_member:
            subs = sample_shards(work, folder, listener, say)
            sub, reliable = _of_consensus(work, subs, settings.cmc, say)
        else:
            (sub,), reliable = sample_shards(WholeWork(work), folder, listener, say), True
        parts = _parts(work, sub, words)
    success = all(part.posterior.success for part in parts) and reliable
    return JointPosterior(
        success=success,
        message=_message(parts, by_member, reliable),
        shared=joint.shared,
        members=parts,
        method="consensus" if by_member else "exact",
        warnings=_warnings(parts),
        timings={"prepare": round(read - begin, 4), "sample": round(time.perf_counter() - read, 4)},
    )


def plan_of_joint_sampling(
    data: Sequence[TwoTimeData | str | Path],
    config: Config,
    joint: JointResult | None,
    q: Sequence[float] | str | None = None,
) -> list[str]:
    """Return the steps of a joint sampling; raises the same errors as the sampling.

    Parameters
    ----------
    data, config, q : as of `fit_joint_cmc_jax`.
    joint : the joint point estimate of the measurements, None if it is made first.
    """
    found = joint_measurements(data, config, q)
    _check(found, joint, config.cmc)
    how = "one shard for every measurement" if _by_member(config.cmc, len(found)) else "all maps at once"
    return [f"would sample {how}"]


def _by_member(cmc: CMCConfig, n_members: int) -> bool:
    return cmc.engine == "dask" or cmc.shards == n_members


def _with_samplers(members: Sequence[Member], say: Say) -> list[Member]:
    """Return the members, without chains if none of them shows what the free parameters describe."""
    requests = [without_chains(member.request, lambda text: None) for member in members]
    if any(new is member.request for new, member in zip(requests, members, strict=True)):
        return list(members)
    say("no measurement shows all that is sampled: importance sampling without chains (cmc.sampler: nuts enables them)")
    return [replace(member, request=new) for new, member in zip(requests, members, strict=True)]


def _check(found: Sequence[Measurement], joint: JointResult | None, cmc: CMCConfig) -> None:
    if joint is not None and len(found) != len(joint.members):
        raise DataError(
            f"the joint estimate is of {len(joint.members)} measurements, {len(found)} are given; give those that it "
            "was made of, in the same order"
        )
    if isinstance(cmc.shards, int) and cmc.shards not in (1, len(found)):
        wanted = f"1, or {len(found)} (one for every measurement)"
        problem = Problem("cmc.shards", str(cmc.shards), wanted, f"set cmc.shards: {len(found)}, or leave it out")
        raise ConfigError("configuration", [problem])


def _around_mode(members: Sequence[Member], places: Sequence[FloatArray], layout: Layout, say: Say) -> MemberWork:
    """Return the work of all members, in the coordinates of the posterior around its mode."""
    start = layout.assembled(
        [np.append(u, member.whitening.centre[-1]) for u, member in zip(places, members, strict=True)]
    )
    problem = joint_problem([member.problem() for member in members], layout, places[0])

    def prior(vector: FloatArray) -> FloatArray:
        whole = np.zeros((layout.size, layout.size))
        for k, member in enumerate(members):
            own, here = layout.member(vector, k), layout.places[k]
            whole[np.ix_(here[:-1], here[:-1])] = place_at(member.request.space, own[:-1]).prior
            whole[here[-1], here[-1]] = NOISE_PRIOR_SCALE**2
        return whole

    say("maximising the joint posterior")
    begun = Whitening(start, np.eye(layout.size), members[0].whitening.adjustment, no_anchor(0))
    found = around_mode(begun, [start], lambda: (problem,), prior)
    return MemberWork(tuple(members), layout, found.centre, found.spread)


def _of_consensus(
    work: MemberWork, subs: Sequence[SubPosterior], cmc: CMCConfig, say: Say
) -> tuple[SubPosterior, bool]:
    """Return draws of the joint vector from those of all members, and whether they are those of the posterior."""
    begin = time.perf_counter()
    found, reliable = consensus_draws(work, subs, cmc.seed, say)
    kept = found.draws.shape[0] * found.draws.shape[1]
    effective = found.share * kept if reliable else float(convergence(found.draws)[1].min())
    made = Weighted(
        work.log_posterior()(found.draws.reshape(kept, -1)).reshape(found.draws.shape[:2]), found.k_hat, effective
    )
    pairs, divergences = sum(sub.n_pairs for sub in subs), sum(sub.divergences[-1] for sub in subs)
    return SubPosterior(0, pairs, found.draws, made, 1, (divergences,), time.perf_counter() - begin), reliable


def _parts(work: MemberWork, sub: SubPosterior, words: Sequence[str]) -> tuple[PosteriorMember, ...]:
    """Return the part of every member: its own columns of the joint draws, contrast and offset drawn with them."""
    parts = []
    for k, member in enumerate(work.members):
        own, problem = work.layout.member(sub.draws, k), member.problem()
        key = jax.random.fold_in(jax.random.key(member.request.config.cmc.seed), 1000 + k)
        n_dim = own.shape[-1]
        whole = joint_draws(key, own, problem, np.zeros(n_dim), np.eye(n_dim))
        part = replace(sub, n_pairs=member.request.partition.n_pairs, draws=whole)
        whitening = replace(member.whitening, anchor=no_anchor(n_dim - 1))
        said = [*start_warnings(member.request), *(word for word in words if word.startswith(f"{member.label}: "))]
        parts.append(PosteriorMember(member.label, make_result(member.request, [part], member.noise, whitening, said)))
    return tuple(parts)


def _warnings(parts: Sequence[PosteriorMember]) -> tuple[str, ...]:
    """Return the warnings of all parts, each once, with the labels of those that have it unless all do."""
    labels: dict[str, list[str]] = {}
    for part in parts:
        for warning in dict.fromkeys(part.posterior.warnings):
            labels.setdefault(warning.removeprefix(f"{part.label}: "), []).append(part.label)
    return tuple(word if len(of) == len(parts) else f"{'; '.join(of)}: {word}" for word, of in labels.items())


def _message(parts: Sequence[PosteriorMember], by_member: bool, reliable: bool) -> str:
    first = next((part.posterior for part in parts if not part.posterior.success), parts[0].posterior)
    how = f"one shard for each of {len(parts)} measurements" if by_member else f"all {len(parts)} measurements at once"
    if by_member and not reliable:
        return (
            f"not converged: the consensus is not near the posterior of all measurements (k-hat at least {K_MOST}); "
            "set cmc.shards: 1"
        )
    return f"{first.message}; {how}"
