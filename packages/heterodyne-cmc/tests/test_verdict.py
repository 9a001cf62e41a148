"""Warnings and their remedies."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from heterodyne_cmc.posterior import Diagnostics, ShardDiagnostics
from heterodyne_cmc.verdict import judge, warnings_of
from heterodyne_spec import load_config

FEW = Diagnostics(
    shards=(),
    divergences=0,
    r_hat=1.02,
    ess_bulk=900.0,
    ess_tail=900.0,
    bfmi=math.nan,
    chi2=math.nan,
    dof=math.nan,
    p=math.nan,
    outside=0.0,
    bent=False,
    consensus_shift=0.0,
    consensus_width=0.0,
    flows=0,
    flow_divergences=0,
    k_hat=0.3,
    corrected=False,
)


@pytest.mark.parametrize(("sampler", "remedy"), [("nuts", "raise cmc.warmup"), ("importance", "raise cmc.samples")])
def test_remedy_for_r_hat_depends_on_the_sampler(sampler: str, remedy: str) -> None:
    (said,) = warnings_of(FEW, (), load_config(None).cmc, "draws", sampler)
    assert said.startswith("R-hat reaches 1.020")
    assert said.endswith(remedy)


@pytest.mark.parametrize("sampler", ["nuts", "importance"])
@pytest.mark.parametrize(
    ("r_hat", "samples", "success", "begins", "says"),
    [
        (1.004, 1000, True, "converged; ", ""),
        (1.014, 1000, True, "nearly converged (R-hat reaches 1.014, expected below 1.01); ", ""),
        (1.2, 1000, False, "not converged: ", "R-hat reaches 1.200"),
        (math.nan, 4, False, "not converged: ", "at least 8 draws per chain, found 4; raise cmc.samples"),
        (math.nan, 100, False, "not converged: ", "all the same"),
    ],
)
def test_converged_means_an_r_hat_below_101(
    sampler: str, r_hat: float, samples: int, success: bool, begins: str, says: str
) -> None:
    settings = load_config({"cmc": {"samples": samples}}).cmc
    found = judge(replace(FEW, r_hat=r_hat), settings, "draws", sampler)
    assert found[0] is success
    assert found[1].startswith(begins)
    assert says in found[1]


def test_a_consensus_names_samplers_and_k_hat() -> None:
    chains = ShardDiagnostics(0, 100, 1, (0,), 1.0, 900.0, 900.0, 1.0, 4, 0, 0.8, (0.1, 0.1), 0.0, 1.0)
    weights = replace(chains, shard=1, step_size=(), k_hat=0.41)
    both = replace(FEW, shards=(chains, weights, replace(weights, shard=2, k_hat=0.2)), r_hat=1.0, k_hat=0.12)
    settings = load_config(None).cmc
    _, message = judge(both, settings, "gaussian")
    assert message == (
        "converged; Gaussian consensus of 3 shards, sampled by NUTS in 1 shard and importance sampling in 2 shards "
        "(k-hat up to 0.41); consensus with k-hat 0.12"
    )
    _, message = judge(replace(both, shards=(chains,), k_hat=math.nan), settings, "draws")
    assert message == "converged; one shard, whose draws are the posterior, sampled by NUTS"
