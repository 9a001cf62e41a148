"""Assembly of the result from the sub-posteriors: consensus, table, diagnostics and warnings."""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_cmc import diagnostics as measure
from heterodyne_cmc.bands import posterior_bands
from heterodyne_cmc.chart import Chart, to_parameters
from heterodyne_cmc.combination import Combined, combine, convergence, worst
from heterodyne_cmc.consensus import all_anchors
from heterodyne_cmc.density import NOISE_PRIOR_SCALE, LikelihoodAdjustment
from heterodyne_cmc.gauge import drawn
from heterodyne_cmc.importance import K_MOST, LogDensity
from heterodyne_cmc.models import knowledge_of
from heterodyne_cmc.parameters import ParameterSpace
from heterodyne_cmc.posterior import Calibration, Diagnostics, ShardDiagnostics, SummaryRow
from heterodyne_cmc.priors import prior_draws
from heterodyne_cmc.request import Request
from heterodyne_cmc.result import CMCResult
from heterodyne_cmc.sampler import MAX_TREE_DEPTH
from heterodyne_cmc.start import remedy, weights_of
from heterodyne_cmc.sub_posterior import Chains, SubPosterior, Weighted
from heterodyne_cmc.verdict import INDEPENDENT_NOISE, NOWHERE, judge, warnings_of
from heterodyne_cmc.whitening import Whitening, beyond_priors, place_of
from heterodyne_data import FittedData, NLSQResult

type FloatArray = npt.NDArray[np.float64]

_DISTRIBUTIONS = (
    "heterodyne-spec",
    "heterodyne-data",
    "heterodyne-physics-elementwise",
    "heterodyne-physics-meshgrid",
    "heterodyne-cmc",
    "numpyro",
    "jax",
    "numpy",
)
_OF_FLOWS = ("flax", "optax")
"""Distributions that make the flows, where these were used."""
_QUANTILES = (0.16, 0.84, 0.025, 0.975)


def _full(joint: FloatArray, request: Request) -> FloatArray:
    """Return all parameters of the model, (..., n_par), in natural units."""
    space = request.space
    u = joint[..., : len(space.free)]
    free = np.asarray(_parameters(jnp.asarray(u.reshape(-1, u.shape[-1])), space.chart()))
    return space.full(free.reshape(u.shape))


@jax.jit
def _parameters(u: Float[Array, "n n_free"], chart: Chart) -> Float[Array, "n n_free"]:
    return jax.vmap(lambda one: to_parameters(one, chart)[0])(u)


def natural(joint: FloatArray, request: Request) -> dict[str, FloatArray]:
    """Return draws in natural units by name: every parameter that is not fixed, then contrast, offset, noise_sd."""
    space, n_free = request.space, len(request.space.free)
    n_sampled = n_free + 1
    full = drawn(_full(joint, request), space.gauges, request.config.cmc.seed)
    draws = {p.name: full[..., k] for k, p in enumerate(space.parameters) if space.status[k] != "fixed"}
    contrast, offset = request.scaling.per_angle(joint[..., n_sampled:])
    return {**draws, "contrast": contrast, "offset": offset, "noise_sd": np.exp(joint[..., n_free])}


def make_result(
    request: Request,
    subs: list[SubPosterior],
    noise: float,
    whitening: Whitening,
    words: list[str],
    log_density: LogDensity | None = None,
    log_likelihood: LogDensity | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> CMCResult:
    """Return the result of a sampling; `whitening` is that of the shards, `words` are warnings that arose before it.

    Of joint vectors (n, n_joint), `log_density` is ln of the posterior, by which a consensus is corrected, and
    `log_likelihood` that of the likelihood of each angle, (n, n_phi), which the configuration may ask for.
    """
    joint = np.stack([sub.draws for sub in subs])
    held, n_joint = whitening.anchor, joint.shape[-1]
    anchors = all_anchors(held.centre, held.precision, len(subs), n_joint) if np.any(held.precision) else None
    combined = combine(joint, request.method, request.config.cmc.seed, log_density, anchors, say)
    if len(subs) == 1 and isinstance(made := subs[0].made, Weighted):
        combined = replace(
            combined, convergence=_convergence(subs[0]), k_hat=made.k_hat, corrected=True, exact=made.k_hat < K_MOST
        )
    elif not combined.corrected:
        combined = replace(combined, convergence=_no_better(combined.convergence, subs))
    sampler = "importance" if all(isinstance(sub.made, Weighted) for sub in subs) else "nuts"
    draws = natural(combined.draws, request)
    contrast, offset, noise_sd = (draws.pop(name) for name in ("contrast", "offset", "noise_sd"))
    (low, high), (lowest, highest) = request.scaling.bounds
    outside = (contrast < low) | (contrast > high) | (offset < lowest) | (offset > highest)
    found = _diagnostics(subs, combined, float(np.mean(outside)))
    scaling = {"contrast": contrast, "offset": offset, "noise_sd": noise_sd}
    summary = _summary(request, {**draws, **scaling}, combined)
    data, space = request.data, request.space
    helps = remedy(request.nlsq, space, request.spec)
    success, message = judge(found, request.config.cmc, combined.method, sampler, helps)
    calibration = _calibration(request, whitening.adjustment)
    found_wrong = warnings_of(found, summary, request.config.cmc, combined.method, sampler)
    not_calibrated = [calibration.statement] if calibration.kind == "independent" else []
    return CMCResult(
        draws=draws,
        contrast=contrast,
        offset=offset,
        noise_sd=noise_sd,
        sub_draws=natural(joint, request),
        sample_stats=_sample_stats(subs),
        log_likelihood=_log_likelihood(combined.draws, request, log_likelihood),
        observed=np.asarray(data.c2),
        bands=posterior_bands(request.spec, _full(combined.draws, request), request.data.t),
        summary=summary,
        diagnostics=found,
        method=combined.method,
        sampler=sampler,
        requested=request.config.cmc.consensus,
        n_shards=len(subs),
        n_pairs=request.partition.n_pairs,
        success=success,
        message="; ".join(filter(None, (message, knowledge_of(request.spec.id).words(space.naming)))),
        calibration=calibration,
        warnings=(*not_calibrated, *words, *found_wrong),
        fixed={p.name: float(space.base[k]) for k, p in enumerate(space.parameters) if space.status[k] == "fixed"},
        data=FittedData(data.q, data.phi, data.n_t, data.start_frame, data.dt, data.notes, data.provenance),
        model={"id": request.spec.id, "version": request.spec.version, "sha256": request.spec.sha256},
        seed=request.config.cmc.seed,
        timings={},
        versions=_versions(combined),
        config=request.config.document,
        start=_start(request, noise),
    )


def _log_likelihood(draws: FloatArray, request: Request, of: LogDensity | None) -> FloatArray | None:
    """Return ln of the likelihood of each angle at the draws, (n_chain, n_draw, n_phi), where it is asked for."""
    if of is None or not request.config.cmc.log_likelihood:
        return None
    return of(draws.reshape(-1, draws.shape[-1])).reshape(*draws.shape[:2], -1)


def _calibration(request: Request, adjustment: LikelihoodAdjustment) -> Calibration:
    """Return a record and description of the calibration of the likelihood."""
    nlsq, power = request.nlsq, float(adjustment.power)
    if nlsq is None or nlsq.covariance_kind != "calibrated":
        return Calibration("independent", 1.0, INDEPENDENT_NOISE)
    if nlsq.noise is not None and not np.isfinite(nlsq.noise.effective_pixels).any():
        return Calibration("calibrated", power, f"the likelihood needs no calibration: {nlsq.noise.statement}")
    words = f"the noise is correlated between pairs: their likelihood is raised to the power {power:.3g} " + (
        "only, because the point estimate lies outside the priors: widths agree with its calibrated covariance on "
        "average over directions"
        if beyond_priors(request.space, place_of(request.space, request.space.start).p)
        else f"and transformed so that its {_like(nlsq)} of the point estimate"
    )
    return Calibration("calibrated", power, words if nlsq.noise is None else f"{words}; {nlsq.noise.statement}")


def _like(nlsq: NLSQResult) -> str:
    """Return in words what the likelihood has from a point estimate."""
    if weights_of(nlsq) == "equal":
        return "width is that of the calibrated covariance"
    return "centre and width are those of the estimate with weights from the noise and of the calibrated covariance"


def _versions(combined: Combined) -> dict[str, str]:
    names = (*_DISTRIBUTIONS, *(_OF_FLOWS if combined.flow is not None else ()))
    return {name: importlib.metadata.version(name) for name in names}


def _start(request: Request, noise: float) -> dict[str, Any]:
    """Return where the chains started from, for the record."""
    nlsq, names = request.nlsq, request.space.free_names
    record: dict[str, Any] = {
        "source": "configuration" if nlsq is None else "nlsq",
        "values": dict(zip(names, request.space.start.tolist(), strict=True)),
        "noise_sd": noise,
    }
    if nlsq is not None:
        sd = {row.name: row.sd for row in nlsq.table if row.name in names}
        record["nlsq"] = {"success": nlsq.success, "versions": dict(nlsq.versions), "command": nlsq.command, "sd": sd}
        record["nlsq"]["weighting"] = weights_of(nlsq)
    return record


def _sample_stats(subs: list[SubPosterior]) -> dict[str, npt.NDArray[Any]]:
    shape = subs[0].draws.shape[:2]
    lp = np.stack([sub.made.log_density for sub in subs])
    if all(isinstance(sub.made, Weighted) for sub in subs):
        return {"lp": lp}
    # Shards with importance sampling have no steps, in contrast to those with chains.
    of = {
        name: np.stack([np.asarray(getattr(sub.made, name, np.full(shape, none))) for sub in subs])
        for name, none in (("diverging", False), ("energy", math.nan), ("acceptance", math.nan), ("steps", 0))
    }
    return {
        "diverging": of["diverging"],
        "energy": of["energy"],
        "lp": lp,
        "acceptance_rate": of["acceptance"],
        "n_steps": of["steps"],
        "tree_depth": measure.tree_depth(of["steps"]),
    }


def _diagnostics(subs: list[SubPosterior], combined: Combined, outside: float) -> Diagnostics:
    shards = tuple(_shard(sub, combined.apart.by_shard[k]) for k, sub in enumerate(subs))
    r_hat, bulk, tail = combined.convergence
    return Diagnostics(
        shards=shards,
        divergences=sum(shard.divergences[-1] for shard in shards),
        # The consensus is not better than its worst shard.
        r_hat=float(np.max([r_hat.max(), *(shard.r_hat for shard in shards)])),
        ess_bulk=float(bulk.min()),
        ess_tail=float(tail.min()),
        bfmi=min((shard.bfmi for shard in shards if not math.isnan(shard.bfmi)), default=math.nan),
        chi2=combined.apart.chi2,
        dof=combined.apart.dof,
        p=combined.apart.p,
        outside=outside,
        **_of_consensus(combined),
    )


def _of_consensus(combined: Combined) -> dict[str, Any]:
    """Return the fields on the reliability of the consensus."""
    away, flow = combined.non_gaussianity, combined.flow
    return {
        "bent": combined.bent,
        "consensus_shift": 0.0 if away is None else away.worst_shift,
        "consensus_width": 0.0 if away is None else away.worst_width,
        "flows": 0 if flow is None else int(np.count_nonzero(flow.training.kept)),
        "flow_divergences": 0 if flow is None else flow.divergences,
        "k_hat": _finite(combined.k_hat if flow is None else flow.k_hat),
        "corrected": combined.corrected,
        "exact": combined.exact,
    }


def _finite(k_hat: float) -> float:
    """Return the k-hat that is stored: NaN for equal weights, limited for draws far from the density."""
    return math.nan if math.isnan(k_hat) or k_hat == -math.inf else min(k_hat, NOWHERE)


def _no_better(found: FloatArray, subs: list[SubPosterior]) -> FloatArray:
    """Return the convergence of a consensus, with at most the effective draws of weighted shards, because resampled
    draws look independent."""
    effective = [sub.made.effective for sub in subs if isinstance(sub.made, Weighted)]
    return np.stack([found[0], *np.minimum(found[1:], min(effective, default=math.inf))])


def _convergence(sub: SubPosterior) -> FloatArray:
    """Return split R-hat, bulk and tail effective sample size, (3, n_joint), of a shard's draws."""
    found = convergence(sub.draws)
    if isinstance(sub.made, Weighted):
        # Resampled draws look independent; their effective number is that of the weights.
        found[1:] = np.minimum(found[1:], sub.made.effective)
    return found


def _shard(sub: SubPosterior, apart: float) -> ShardDiagnostics:
    r_hat, bulk, tail = _convergence(sub)
    chains = sub.made if isinstance(sub.made, Chains) else None
    depth = measure.tree_depth(np.zeros(1, int) if chains is None else chains.steps)
    return ShardDiagnostics(
        shard=sub.shard,
        n_pairs=sub.n_pairs,
        attempts=sub.attempts,
        divergences=sub.divergences,
        r_hat=float(r_hat.max()),
        ess_bulk=float(bulk.min()),
        ess_tail=float(tail.min()),
        bfmi=math.nan if chains is None else float(measure.bfmi(np.asarray(chains.energy)).min()),
        tree_depth=int(depth.max()),
        saturated=int(np.count_nonzero(depth >= MAX_TREE_DEPTH)),
        acceptance=math.nan if chains is None else float(np.mean(chains.acceptance)),
        step_size=() if chains is None else tuple(float(step) for step in chains.step_size),
        disagreement=apart,
        seconds=round(sub.seconds, 3),
        k_hat=_finite(sub.made.k_hat) if isinstance(sub.made, Weighted) else math.nan,
    )


def _rows(request: Request) -> list[tuple[str, str, float | None, str, int]]:
    """Return name, unit, angle, status and position in the joint vector of every row of the table."""
    space, scaling, phi = request.space, request.scaling, request.data.phi
    rows: list[tuple[str, str, float | None, str, int]] = []
    for k, parameter in enumerate(space.parameters):
        if space.status[k] != "fixed":
            followed = int(np.argmax(space.expand[k])) if space.expand[k].any() else -1
            rows.append((parameter.name, parameter.unit, None, space.status[k], followed))
    n_free, n = len(space.free), scaling.basis.shape[1]
    for row, name in enumerate(("contrast", "offset")):
        for a, angle in enumerate(phi if n else ()):
            column = n_free + 1 + row * n + int(np.argmax(scaling.basis[a]))
            rows.append((name, "1", float(angle), scaling.mode, column))
    return [*rows, ("noise_sd", "1", None, "free", n_free)]


def _made_of(space: ParameterSpace, column: int) -> list[int]:
    """Return the coordinates on which a value of a joint draw depends: all three where it belongs to a law."""
    return next((law.tolist() for law in space.laws.positions if column in law), [column])


def _own_scale(values: FloatArray, log: bool) -> FloatArray:
    """Return values on the scale on which their prior is normal."""
    return np.log(values) if log else values


def _summary(request: Request, draws: dict[str, FloatArray], combined: Combined) -> tuple[SummaryRow, ...]:
    space, n_free, angles = request.space, len(request.space.free), list(request.data.phi)
    known_before = [
        float(np.std(_own_scale(column, prior.family == "lognormal")))
        for column, prior in zip(prior_draws(space.priors, space.bounds).T, space.priors, strict=True)
    ]
    known_before += [NOISE_PRIOR_SCALE, *(request.scaling.precision**-0.5).tolist()]
    rows = []
    for name, unit, phi, status, column in _rows(request):
        values = draws[name] if phi is None else draws[name][..., angles.index(phi)]
        lower_68, upper_68, lower_95, upper_95 = np.quantile(values, _QUANTILES).tolist()
        known = [math.nan] * 4
        # Column -1: tied to a parameter that is held, a constant.
        if column >= 0:
            log = column == n_free or (column < n_free and space.priors[column].family == "lognormal")
            own = _own_scale(values, log)
            shrunk = measure.contraction(np.atleast_1d(own.std(ddof=1)), np.atleast_1d(known_before[column]))
            # Its own, and no better than that of the coordinates that it is made of.
            of = worst([convergence(values[..., None]), combined.convergence[:, _made_of(space, column)]])
            known = [*of.tolist(), float(shrunk[0])]
        rows.append(
            SummaryRow(
                name=name,
                unit=unit,
                phi=phi,
                status=status,
                mean=float(values.mean()),
                sd=float(values.std(ddof=1)) if values.size > 1 else math.nan,
                lower_68=lower_68,
                upper_68=upper_68,
                lower_95=lower_95,
                upper_95=upper_95,
                r_hat=known[0],
                ess_bulk=known[1],
                ess_tail=known[2],
                contraction=known[3],
            )
        )
    return tuple(rows)
