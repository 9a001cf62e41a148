"""The upper tail of a chi-square."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaincc


def tail(statistic: float, freedom: float) -> float:
    """Return the probability that a chi-square with `freedom` degrees exceeds `statistic`."""
    with jax.enable_x64(True):
        return float(gammaincc(jnp.asarray(freedom / 2, float), jnp.asarray(statistic / 2, float)))
