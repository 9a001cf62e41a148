"""The diagnostics in words: whether the chains converged, and what stands between the numbers and their use."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from heterodyne_cmc.importance import K_MOST
from heterodyne_cmc.methods import METHODS
from heterodyne_cmc.methods.installed import FLOW_REQUIREMENT
from heterodyne_cmc.posterior import Diagnostics, ShardDiagnostics, SummaryRow
from heterodyne_cmc.sampler import ACCEPTANCE, DIVERGENT
from heterodyne_spec.config import CMCConfig

R_HAT_GOOD, R_HAT_MOST = 1.01, 1.05
"""Vehtari et al. 2021 ask for 1.01; above 1.05 the result is called not converged."""
NOWHERE = 1e3
"""k-hat as it is kept of draws that are nowhere near."""
ESS_PER_CHAIN = 100
BFMI_LEAST = 0.3
P_LEAST = 1e-3
OUTSIDE_MOST = 0.01
CONTRACTION_LEAST = 0.1
SATURATED_MOST = 0.01
BENT_MOST = 0.8
"""Implied shift of a mean, in posterior sd, up to which flows were near the exact chain: measured 0.75 and near (sd
0.98 to 1.05 times those of the chain), 1.02 and not (0.72)."""

INDEPENDENT_NOISE = (
    "the likelihood takes the noise of all pairs as independent: where pairs share their noise, as in maps of many "
    "photons, the intervals are far too small (10 to 24 times in a simulated case); start from an NLSQ result with a "
    "calibrated covariance"
)

_WORDS = {"draws": "one shard, whose draws are the posterior", **{name: way.words for name, way in METHODS.items()}}
"""What a method is called in a sentence."""


def judge(
    found: Diagnostics, config: CMCConfig, method: str, sampler: str = "nuts", remedy: str = ""
) -> tuple[bool, str]:
    """Return whether the chains converged, or the weights can be trusted, and a sentence on it; `remedy` is what helps
    if not, where the point estimate tells."""
    if sampler == "importance" and method == "draws":
        return _of_weights(found, remedy or "set cmc.sampler: nuts")
    reasons = []
    if math.isnan(found.r_hat):
        reasons.append("too few draws per chain to tell")
    elif found.r_hat > R_HAT_MOST:
        reasons.append(f"R-hat reaches {found.r_hat:.3f}, expected below {R_HAT_MOST}")
    if failed := _failed(found, config):
        reasons.append(f"more than {DIVERGENT:.1%} divergent steps in shard {_numbers(failed)}")
    if poor := [shard for shard in found.shards if shard.k_hat >= K_MOST]:
        worst = max(shard.k_hat for shard in poor)
        reasons.append(
            f"the weights of shard {_numbers(poor)} do not hold (k-hat up to {worst:.2f}, expected below {K_MOST}): "
            "set cmc.sampler: auto"
        )
    if method in METHODS and not found.corrected and found.k_hat >= K_MOST:
        reasons.append(
            f"the {_WORDS[method]} is not near the posterior of all pairs (k-hat {found.k_hat:.2f}, expected below "
            f"{K_MOST}): use fewer shards, or cmc.shards: 1"
        )
    if reasons:
        advice = remedy or "raise cmc.warmup and cmc.samples, start from an NLSQ result, or hold parameters"
        return False, f"not converged: {'; '.join(reasons)}; {advice}"
    return True, f"converged; {_WORDS[method]}" + (f" of {len(found.shards)} shards" if method != "draws" else "")


def _of_weights(found: Diagnostics, remedy: str) -> tuple[bool, str]:
    if found.k_hat >= NOWHERE:
        return False, f"not converged: importance sampling found no mixture that covers the posterior; {remedy}"
    words = f"importance sampling (k-hat {found.k_hat:.2f}, {found.ess_bulk:.0f} effective draws)"
    if found.k_hat < K_MOST:
        return True, f"converged; {words}, exact where k-hat is below {K_MOST}"
    return False, f"not converged: {words}: expected k-hat below {K_MOST}; {remedy}"


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
    # Weights that do not hold have their own remedy: more draws are none.
    failed = sampler == "importance" and found.k_hat >= K_MOST
    chains = () if failed else _of_chains(found, config, sampler)
    return (*chains, *_of_combination(found, config, method), *_of_values(found, summary))


def _of_chains(found: Diagnostics, config: CMCConfig, sampler: str) -> Iterator[str]:
    if again := [shard for shard in found.shards if shard.attempts > 1]:
        yield f"sampled again with smaller steps (acceptance {ACCEPTANCE[1]:g}): shard {_numbers(again)}"
    if found.divergences:
        yield f"{found.divergences} divergent steps: the chains miss places where the posterior is sharply bent"
    if math.isnan(found.r_hat):
        yield "R-hat and effective sample sizes need at least 8 draws per chain; raise cmc.samples"
    elif found.r_hat > R_HAT_GOOD:
        # Weighted draws have no warm-up: what differs by chance does less so between more of them.
        remedy = "raise cmc.samples" if sampler == "importance" else "the chains differ; raise cmc.warmup"
        yield f"R-hat reaches {found.r_hat:.3f}, expected below {R_HAT_GOOD}: {remedy}"
    if config.chains == 1:
        yield "one chain: R-hat compares its halves only and cannot see other valleys; use four chains"
    # A shard counts too: its covariance is its weight.
    least = min(found.ess_bulk, found.ess_tail, *(min(s.ess_bulk, s.ess_tail) for s in found.shards))
    wanted = ESS_PER_CHAIN * config.chains
    if least < wanted:
        yield f"the smallest effective sample size is {least:.0f}, expected {wanted} or more; raise cmc.samples"
    if found.bfmi < BFMI_LEAST:
        yield f"BFMI falls to {found.bfmi:.2f}, expected above {BFMI_LEAST}: the tails are hardly explored"
    total = config.chains * config.samples
    if deep := [shard for shard in found.shards if shard.saturated > SATURATED_MOST * total]:
        yield f"trajectories end at the largest tree depth in shard {_numbers(deep)}: the sampling is slow, not wrong"


def _of_combination(found: Diagnostics, config: CMCConfig, method: str) -> Iterator[str]:
    if found.p < P_LEAST:
        yield (
            f"the shards disagree: chi-square {found.chi2:.0f} for {found.dof:.0f} degrees of freedom "
            f"(p = {found.p:.1g}); the model does not describe the data, pairs share their noise, or chains have not "
            "converged"
        )
    if method == "flow":
        yield from _of_flows(found, config)
    elif method != "draws" and found.bent and found.exact:
        yield (
            "the sub-posteriors are bent: the Gaussian consensus alone is off by "
            f"{found.consensus_shift:.2g} sd in a mean and {found.consensus_width:.0%} in an sd; the draws are those "
            "of the posterior of all pairs"
        )
    elif method != "draws" and found.bent:
        kept = "; its draws were corrected by the posterior, as far as they reach" if found.corrected else ""
        yield (
            f"the sub-posteriors are bent: the {_WORDS[method]} is off by about {found.consensus_shift:.2g} sd in a "
            f"mean and {found.consensus_width:.0%} in an sd (k-hat {found.k_hat:.2f}){kept}; {_remedy(config)}, or use "
            "fewer shards"
        )


def _remedy(config: CMCConfig) -> str:
    # Automatic, bent and yet no flow: what flows need is not there.
    missing = config.consensus == "auto"
    return f"flows would correct it and are not installed: {FLOW_REQUIREMENT}" if missing else "set cmc.consensus: flow"


def _of_flows(found: Diagnostics, config: CMCConfig) -> Iterator[str]:
    if found.bent and not found.flows:
        yield (
            "the sub-posteriors are bent, but no flow describes them better than a Gaussian: the consensus is the "
            "Gaussian one; raise cmc.samples, use fewer shards, or cmc.shards: 1"
        )
    if found.consensus_shift > BENT_MOST:
        yield (
            f"the sub-posteriors are strongly bent (a Gaussian consensus is off by about {found.consensus_shift:.2g} "
            "sd): flows may miss a tail that none of their draws reaches; compare with cmc.shards: 1, the exact chain"
        )
    if found.flow_divergences > DIVERGENT * config.chains * config.samples:
        yield f"{found.flow_divergences} divergent steps on the product of the flows; use fewer shards"


def _of_values(found: Diagnostics, summary: Sequence[SummaryRow]) -> Iterator[str]:
    if found.outside > OUTSIDE_MOST:
        yield (
            f"{found.outside:.0%} of the draws have a contrast or offset outside its bounds, which the sampling does "
            "not know; widen the bounds, or hold them with scaling: fixed"
        )
    if loose := [row.name for row in summary if row.status == "free" and row.contraction < CONTRACTION_LEAST]:
        names = ", ".join(dict.fromkeys(loose))
        yield f"the data say hardly more than the prior on {names}: their intervals are the prior's"
