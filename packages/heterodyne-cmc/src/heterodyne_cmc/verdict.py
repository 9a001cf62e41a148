"""Verdict on convergence, and warnings, from the diagnostics."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from heterodyne_cmc.diagnostics import FEWEST_DRAWS
from heterodyne_cmc.importance import K_MOST
from heterodyne_cmc.methods import METHODS
from heterodyne_cmc.methods.installed import FLOW_REQUIREMENT
from heterodyne_cmc.posterior import Diagnostics, ShardDiagnostics, SummaryRow
from heterodyne_cmc.sampler import ACCEPTANCE, DIVERGENT
from heterodyne_spec import CMCConfig, count_noun

R_HAT_GOOD, R_HAT_MOST = 1.01, 1.05
"""Vehtari et al. 2021 recommend 1.01; up to 1.05, which short chains reach by chance, the message says nearly."""
NOWHERE = 1e3
"""Largest stored k-hat."""
ESS_PER_CHAIN = 100
BFMI_LEAST = 0.3
P_LEAST = 1e-3
OUTSIDE_MOST = 0.01
CONTRACTION_LEAST = 0.1
"""Contraction below which an interval is essentially that of the prior."""
SATURATED_MOST = 0.01
BENT_MOST = 0.8
"""Largest implied shift of a mean, in posterior sd, for which flows agreed with the exact chain: measured agreement at
0.75 (sd 0.98 to 1.05 times those of the chain), but not at 1.02 (0.72)."""

INDEPENDENT_NOISE = (
    "the likelihood assumes independent noise of all pairs: if the noise is correlated between pairs, as in maps with "
    "many photons, the intervals are far too small (10 to 24 times in a simulated case); start from an NLSQ result "
    "with a calibrated covariance"
)

_WORDS = {"draws": "one shard, whose draws are the posterior", **{name: way.words for name, way in METHODS.items()}}
"""What a method is called in a sentence."""


def judge(
    found: Diagnostics, config: CMCConfig, method: str, sampler: str = "nuts", remedy: str = ""
) -> tuple[bool, str]:
    """Return whether the chains converged, or the weights are reliable, and a sentence on it; `remedy` is the advice
    suggested by the point estimate if not."""
    if sampler == "importance" and method == "draws":
        return _of_weights(found, config, remedy or "set cmc.sampler: nuts")
    if math.isnan(found.r_hat):
        return False, f"not converged: {_no_r_hat(config)}"
    reasons = []
    if found.r_hat > R_HAT_MOST:
        reasons.append(_r_hat_of(found))
    if failed := _failed(found, config):
        reasons.append(f"more than {DIVERGENT:.1%} divergent steps in shard {_numbers(failed)}")
    if poor := [shard for shard in found.shards if shard.k_hat >= K_MOST]:
        worst = max(shard.k_hat for shard in poor)
        reasons.append(
            f"the weights of shard {_numbers(poor)} are not reliable (k-hat up to {worst:.2f}, expected below "
            f"{K_MOST}): "
            "set cmc.sampler: auto"
        )
    if method in METHODS and not found.corrected and found.k_hat >= K_MOST:
        reasons.append(
            f"the {_WORDS[method]} is not near the posterior of all pairs (k-hat {found.k_hat:.2f}, expected below "
            f"{K_MOST}): use fewer shards, or cmc.shards: 1"
        )
    if reasons:
        advice = remedy or "raise cmc.warmup and cmc.samples, start from an NLSQ result, or fix parameters"
        return False, f"not converged: {'; '.join(reasons)}; {advice}"
    number = f" of {len(found.shards)} shards" if method != "draws" else ""
    return True, f"{_how_well(found)}; {_WORDS[method]}{number}, {_drawn_by(found)}"


def _r_hat_of(found: Diagnostics) -> str:
    return f"R-hat reaches {found.r_hat:.3f}, expected below {R_HAT_GOOD}"


def _how_well(found: Diagnostics) -> str:
    return f"nearly converged ({_r_hat_of(found)})" if found.r_hat > R_HAT_GOOD else "converged"


def _drawn_by(found: Diagnostics) -> str:
    """Return the samplers of the shards with their k-hat, and that of the consensus, in words."""
    # Chains have a step size; weighted draws have none.
    weighted = [shard for shard in found.shards if not shard.step_size]
    n_chains = len(found.shards) - len(weighted)
    parts = []
    if n_chains:
        parts.append("NUTS" + (f" in {count_noun(n_chains, 'shard')}" if weighted else ""))
    if weighted:
        known = [shard.k_hat for shard in weighted if math.isfinite(shard.k_hat)]
        largest = f" (k-hat up to {max(known):.2f})" if known else ""
        parts.append(
            "importance sampling" + (f" in {count_noun(len(weighted), 'shard')}" if n_chains else "") + largest
        )
    words = f"sampled by {' and '.join(parts)}"
    if math.isnan(found.k_hat):
        return words
    corrected = ", corrected to the posterior of all pairs" if found.corrected else ""
    return f"{words}; consensus with k-hat {found.k_hat:.2f}{corrected}"


def _no_r_hat(config: CMCConfig) -> str:
    if config.samples >= FEWEST_DRAWS:
        return "the draws of a value are all the same: raise cmc.warmup and cmc.samples"
    return (
        f"R-hat and effective sample sizes need at least {FEWEST_DRAWS} draws per chain, found {config.samples}; raise "
        "cmc.samples"
    )


def _of_weights(found: Diagnostics, config: CMCConfig, remedy: str) -> tuple[bool, str]:
    if found.k_hat >= NOWHERE:
        return False, f"not converged: importance sampling found no mixture that covers the posterior; {remedy}"
    words = f"importance sampling (k-hat {found.k_hat:.2f}, {found.ess_bulk:.0f} effective draws)"
    if found.k_hat >= K_MOST:
        return False, f"not converged: {words}: expected k-hat below {K_MOST}; {remedy}"
    if math.isnan(found.r_hat):
        return False, f"not converged: {_no_r_hat(config)}"
    # Chains of weighted draws share their proposal: they differ by chance alone, the more the fewer draws there are.
    if found.r_hat > R_HAT_MOST:
        return False, f"not converged: {words}: {_r_hat_of(found)}; raise cmc.samples"
    return True, f"{_how_well(found)}; {words}, exact where k-hat is below {K_MOST}"


def _failed(found: Diagnostics, config: CMCConfig) -> list[ShardDiagnostics]:
    """Return the shards whose last attempt had too many divergent steps."""
    most = DIVERGENT * config.chains * config.samples
    return [shard for shard in found.shards if shard.divergences[-1] > most]


def _numbers(shards: Sequence[ShardDiagnostics]) -> str:
    shown = ", ".join(str(shard.shard + 1) for shard in shards[:8])
    return shown + (f" and {len(shards) - 8} more" if len(shards) > 8 else "")


def warnings_of(
    found: Diagnostics, summary: Sequence[SummaryRow], config: CMCConfig, method: str, sampler: str = "nuts"
) -> tuple[str, ...]:
    """Return the warnings of a sampling."""
    # Unreliable weights have another remedy than more draws.
    failed = sampler == "importance" and found.k_hat >= K_MOST
    chains = () if failed else _of_chains(found, config, sampler)
    return (*chains, *_of_combination(found, config, method), *_of_values(found, summary))


def _of_chains(found: Diagnostics, config: CMCConfig, sampler: str) -> Iterator[str]:
    if again := [shard for shard in found.shards if shard.attempts > 1]:
        yield f"sampled again with smaller steps (acceptance {ACCEPTANCE[1]:g}): shard {_numbers(again)}"
    if found.divergences:
        yield f"{found.divergences} divergent steps: regions of strong curvature may be under-sampled"
    if math.isnan(found.r_hat):
        yield _no_r_hat(config)
    elif found.r_hat > R_HAT_GOOD:
        # Weighted draws have no warm-up; differences by chance decrease with the number of draws.
        remedy = "raise cmc.samples" if sampler == "importance" else "the chains disagree; raise cmc.warmup"
        yield f"{_r_hat_of(found)}: {remedy}"
    if config.chains == 1:
        yield "one chain: R-hat only compares its halves and cannot detect other modes; use four chains"
    # Shards are included because their covariances are weights.
    least = min(found.ess_bulk, found.ess_tail, *(min(s.ess_bulk, s.ess_tail) for s in found.shards))
    wanted = ESS_PER_CHAIN * config.chains
    if least < wanted:
        yield f"the smallest effective sample size is {least:.0f}, expected {wanted} or more; raise cmc.samples"
    if found.bfmi < BFMI_LEAST:
        yield f"BFMI is as low as {found.bfmi:.2f}, expected above {BFMI_LEAST}: the tails are poorly explored"
    total = config.chains * config.samples
    if deep := [shard for shard in found.shards if shard.saturated > SATURATED_MOST * total]:
        yield f"the largest tree depth was reached in shard {_numbers(deep)}: sampling is slow, but not biased"


def _of_combination(found: Diagnostics, config: CMCConfig, method: str) -> Iterator[str]:
    if found.p < P_LEAST:
        yield (
            f"the shards disagree: chi-square {found.chi2:.0f} for {found.dof:.0f} degrees of freedom "
            f"(p = {found.p:.1g}); the model does not describe the data, the noise is correlated between pairs, or "
            "chains have not converged"
        )
    if method == "flow":
        yield from _of_flows(found, config)
    elif method != "draws" and found.bent and found.exact:
        yield (
            "the sub-posteriors are not Gaussian: the Gaussian consensus alone is off by "
            f"{found.consensus_shift:.2g} sd in a mean and {found.consensus_width:.0%} in an sd; the draws are those "
            "of the posterior of all pairs"
        )
    elif method != "draws" and found.bent:
        kept = "; draws were corrected to the posterior, except where there are none" if found.corrected else ""
        yield (
            f"the sub-posteriors are not Gaussian: the {_WORDS[method]} is off by about "
            f"{found.consensus_shift:.2g} sd in a mean and {found.consensus_width:.0%} in an sd "
            f"(k-hat {found.k_hat:.2f}){kept}; {_remedy(config)}, or use fewer shards"
        )


def _remedy(config: CMCConfig) -> str:
    # With "auto", flows were not used only because their requirements are not installed.
    missing = config.consensus == "auto"
    if missing:
        return f"flows, which would correct this, are not installed: {FLOW_REQUIREMENT}"
    return "set cmc.consensus: flow"


def _of_flows(found: Diagnostics, config: CMCConfig) -> Iterator[str]:
    if found.bent and not found.flows:
        yield (
            "the sub-posteriors are not Gaussian, but no flow describes them better than a Gaussian: the Gaussian "
            "consensus was used; raise cmc.samples, use fewer shards, or cmc.shards: 1"
        )
    if found.consensus_shift > BENT_MOST:
        yield (
            "the sub-posteriors are strongly non-Gaussian (a Gaussian consensus is off by about "
            f"{found.consensus_shift:.2g} sd): flows may miss tails without draws; compare with cmc.shards: 1, the "
            "exact chain"
        )
    if found.flow_divergences > DIVERGENT * config.chains * config.samples:
        yield f"{found.flow_divergences} divergent steps on the product of the flows; use fewer shards"


def _of_values(found: Diagnostics, summary: Sequence[SummaryRow]) -> Iterator[str]:
    if found.outside > OUTSIDE_MOST:
        yield (
            f"{found.outside:.0%} of the draws have a contrast or offset outside its bounds, which the sampling "
            "ignores; widen the bounds, or fix them with scaling: fixed"
        )
    if loose := [row.name for row in summary if row.status == "free" and row.contraction < CONTRACTION_LEAST]:
        names = ", ".join(dict.fromkeys(loose))
        yield f"weakly constrained by the data: {names}; their intervals are essentially those of the priors"
