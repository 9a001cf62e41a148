"""The product of Gaussians with the moments of the sub-posteriors, corrected by the posterior if that is close
enough."""

from __future__ import annotations

from dataclasses import replace

from heterodyne_cmc.combination import Combined, Shards, with_draws


def combine(shards: Shards) -> Combined:
    """Return draws of the product."""
    return replace(with_draws(replace(shards.averaged, method="gaussian"), shards.normal), exact=shards.exact)
