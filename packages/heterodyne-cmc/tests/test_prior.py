"""Without data the posterior is the prior: of one chain, and of the consensus of shards that carry its K-th root."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import pytest
from measurement import NOISE, make

from heterodyne_cmc.combination import combine
from heterodyne_cmc.density import NOISE_PRIOR_SCALE, shard_problem
from heterodyne_cmc.diagnostics import ess_bulk
from heterodyne_cmc.outcome import natural
from heterodyne_cmc.request import Request, prepare
from heterodyne_cmc.sampler import sample_shard
from heterodyne_cmc.sums import some_pairs
from heterodyne_cmc.whitening import make_whitening, of_shards
from heterodyne_spec import load_config
from heterodyne_spec.model import Prior

pytestmark = pytest.mark.usefixtures("float64")

CHAINS = {"chains": 2, "warmup": 200, "samples": 600}


def without_data(request: Request, n_shards: int) -> npt.NDArray[np.float64]:
    """Return joint draws (n_shard, n_chain, n_draw, n_joint) of shards in which no pair counts."""
    pairs = some_pairs(request.data, request.partition.pairs(0))
    pairs = pairs._replace(weight=jnp.zeros_like(pairs.weight))
    whole = make_whitening(request.space, request.scaling, None, NOISE, 0.0)
    whitening = of_shards(whole, n_shards, anchored=False)
    problem = shard_problem(pairs, request.space, request.scaling, NOISE, whitening.tilt, n_shards)
    return np.stack([sample_shard(s, problem, whitening, seed=1, **CHAINS).draws for s in range(n_shards)])


def distribution(prior: Prior, bounds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return values (2, n) of a parameter and the prior's distribution function there, by the trapezoid rule."""
    log = prior.family == "lognormal"
    p = np.geomspace(*bounds, 200_001) if log else np.linspace(*bounds, 200_001)
    z = ((np.log(p) if log else p) - prior.location) / prior.scale
    density = np.exp(-0.5 * z**2) / (p if log else 1.0)
    below = np.append(0.0, np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(p)))
    return np.stack([p, below / below[-1]])


def distance(draws: npt.NDArray[np.float64], below: npt.NDArray[np.float64]) -> float:
    """Return Kolmogorov's distance of draws (n_chain, n_draw) from a distribution, times the root of the ESS."""
    levels = np.interp(np.sort(draws.ravel()), *below)
    steps = np.arange(1, levels.size + 1) / levels.size
    return float(np.max(np.abs(levels - steps)) * np.sqrt(min(ess_bulk(draws[..., None])[0], draws.size)))


def test_one_chain_without_data_samples_the_registry_priors() -> None:
    # With the gauge, which is held unless asked for.
    everything = {"model": {"parameters": {"f2": {"vary": True}}}, "cmc": {"shards": 1}}
    request = prepare(make(), load_config(everything), None)
    assert len(request.space.free) == 14
    joint = without_data(request, 1)
    draws = natural(joint[0], request)
    for name, prior, bounds in zip(request.space.free_names, request.space.priors, request.space.bounds, strict=True):
        # 1.95: one in a thousand for independent draws.
        assert distance(draws[name], distribution(prior, bounds)) < 1.95, name
    assert np.std(np.log(draws["noise_sd"])) == pytest.approx(NOISE_PRIOR_SCALE, rel=0.1)
    expected = request.scaling.precision**-0.5
    np.testing.assert_allclose(joint[0, ..., -expected.size :].std(axis=(0, 1)), expected, rtol=0.1)


@pytest.mark.slow
def test_consensus_of_shards_without_data_is_the_prior_once() -> None:
    narrow = {"v0": ("normal", 700.0, 20.0), "alpha_ref": ("normal", 0.3, 0.05), "D0_sample": ("lognormal", 9.0, 0.05)}
    keys = ("family", "location", "scale")
    parameters = {
        name: {"prior": {**dict(zip(keys, narrow[name], strict=True)), "truncated": True}}
        if name in narrow
        else {"vary": False}
        for name in prepare(make(), load_config({"cmc": {"shards": 1}}), None).space.free_names
    }
    request = prepare(make(), load_config({"model": {"parameters": parameters}, "cmc": {"shards": 1}}), None)
    draws = natural(combine(without_data(request, 4), "gaussian", 0).draws, request)
    for name, (family, location, scale) in narrow.items():
        values = np.log(draws[name]) if family == "lognormal" else draws[name]
        assert values.mean() == pytest.approx(location, abs=0.15 * scale), name
        assert values.std() == pytest.approx(scale, rel=0.1), name
