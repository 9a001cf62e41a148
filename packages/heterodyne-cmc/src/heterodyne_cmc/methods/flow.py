"""The product of normalizing flows, one for every sub-posterior."""

from __future__ import annotations

from dataclasses import replace

from heterodyne_cmc.combination import Combined, Shards, convergence, with_draws, worse


def combine(shards: Shards) -> Combined:
    """Return draws of the product of flows; convergence is the worse of that of the average and that of its chains."""
    from heterodyne_cmc.flow import flow_consensus

    flow = flow_consensus(shards.draws, shards.seed, shards.log_density, shards.anchors)
    found = shards.averaged.convergence
    found = found if flow.chains is None else worse(found, convergence(flow.chains))
    return with_draws(replace(shards.averaged, method="flow", flow=flow, convergence=found), flow.found)
