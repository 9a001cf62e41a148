"""Without data the posterior is the prior: in the coordinates, and of shards that carry its K-th root."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import pytest
from measurement import NOISE, make

from heterodyne_cmc.chart import from_parameters, to_parameters
from heterodyne_cmc.combination import combine
from heterodyne_cmc.density import shard_problem
from heterodyne_cmc.gauge import drawn
from heterodyne_cmc.priors import log_prior, prior_draws
from heterodyne_cmc.request import Request, prepare
from heterodyne_cmc.result_building import natural
from heterodyne_cmc.sampler import sample_shard
from heterodyne_cmc.sub_posterior import Settings
from heterodyne_cmc.sums import some_pairs
from heterodyne_cmc.whitening import make_whitening, of_shards
from heterodyne_spec import Prior, load_config, load_model

pytestmark = pytest.mark.usefixtures("float64")

CHAINS, WARMUP = Settings(chains=2, samples=600, seed=1), 200


def without_data(request: Request, n_shards: int) -> npt.NDArray[np.float64]:
    """Return joint draws (n_shard, n_chain, n_draw, n_joint) of shards in which no pair counts."""
    pairs = some_pairs(request.data, request.partition.pairs(0))
    pairs = pairs._replace(weight=jnp.zeros_like(pairs.weight))
    whole = make_whitening(request.space, request.scaling, None, NOISE, 0.0)
    whitening = of_shards(whole, n_shards, anchored=False)
    problem = shard_problem(pairs, request.space, request.scaling, NOISE, whitening.adjustment, n_shards)
    return np.stack([sample_shard(s, problem, whitening, CHAINS, WARMUP).draws for s in range(n_shards)])


def distribution(prior: Prior, bounds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return values (2, n) of a parameter and the prior's distribution function there, by the trapezoid rule."""
    log = prior.family == "lognormal"
    p = np.geomspace(*bounds, 200_001) if log else np.linspace(*bounds, 200_001)
    z = ((np.log(p) if log else p) - prior.location) / prior.scale
    density = np.exp(-0.5 * z**2) / (p if log else 1.0)
    below = np.append(0.0, np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(p)))
    return np.stack([p, below / below[-1]])


def distance(draws: npt.NDArray[np.float64], below: npt.NDArray[np.float64]) -> float:
    """Return Kolmogorov's distance of independent draws (n,) from a distribution, times the root of their number."""
    levels = np.interp(np.sort(draws), *below)
    steps = np.arange(1, levels.size + 1) / levels.size
    return float(np.max(np.abs(levels - steps)) * np.sqrt(levels.size))


@pytest.mark.slow
def test_steps_by_the_density_of_the_coordinates_leave_the_registry_priors_as_they_are() -> None:
    # Draws of the priors themselves, moved by Metropolis' steps in the coordinates: a wrong volume would move them all.
    space, rng = prepare(make(), load_config({}), None).space, np.random.default_rng(3)
    assert len(space.free) == 13
    chart, priors = space.chart(), space.prior_arrays()
    density = jax.jit(jax.vmap(lambda u: log_prior(u, priors, chart)))
    begin = prior_draws(space.priors, space.bounds)
    u = np.array(jax.vmap(lambda p: from_parameters(p, chart))(jnp.asarray(begin)))
    before = np.array(density(u))
    widths = np.subtract(*np.quantile(u, [0.84, 0.16], axis=0)) / 2
    moved = 0.0
    for k in range(900):
        # One coordinate at a time, by steps small and large.
        step = np.zeros_like(u)
        step[:, k % u.shape[1]] = widths[k % u.shape[1]] * rng.standard_normal(len(u)) * rng.choice([0.2, 1.0, 5.0])
        after = np.asarray(density(u + step))
        taken = np.log(rng.uniform(size=len(u))) < after - before
        u[taken], before[taken] = (u + step)[taken], after[taken]
        moved += taken.mean() / 900
    assert moved > 0.2
    draws = np.asarray(jax.vmap(lambda one: to_parameters(one, chart)[0])(jnp.asarray(u)))
    for k, name in enumerate(space.free_names):
        below = distribution(space.priors[k], space.bounds[k])
        # 1.95: one in a thousand.
        assert distance(draws[:, k], below) < 1.95, name
        levels = (np.interp(values[:, k], *below) for values in (begin, draws))
        assert np.mean(np.abs(np.subtract(*levels))) > 0.02, f"{name} hardly moved"


def test_the_origin_of_the_exponential_is_drawn_from_its_prior_and_changes_no_fraction() -> None:
    changes = {"f2": {"vary": True, "bounds": [-40.0, 90.0]}}
    space = prepare(make(), load_config({"model": {"parameters": changes}}), None).space
    assert space.later_names == ("f2",)
    assert "f2" not in space.free_names
    spec, rng = load_model(), np.random.default_rng(0)
    a, b, t0 = (spec.names.index(name) for name in ("f0", "f1", "f2"))
    full = np.tile(space.full(space.start), (4000, 1))
    full[:, a], full[:, b] = rng.uniform(0.0, 1.0, 4000), rng.normal(0.0, 0.1, 4000)
    full[:500, b] = 0.0
    full[500:510, a] = 0.0
    found = drawn(full, space.gauges, 0)
    age = np.array([0.1, 3.0, 11.0])
    first = full[:, a, None] * np.exp(full[:, b, None] * (age - full[:, t0, None]))
    then = found[:, a, None] * np.exp(found[:, b, None] * (age - found[:, t0, None]))
    np.testing.assert_allclose(then, first, rtol=1e-12)
    assert found[:, a].min() >= 0.0
    assert found[:, a].max() <= 1.0
    assert np.unique(found[:, t0]).size == 4000
    prior = spec.parameter("f2").prior
    assert distance(found[:510, t0], distribution(prior, np.array([-40.0, 90.0]))) < 1.95
    # A law that grows may begin no later than where it is as large as a fraction may be.
    grows = (full[:, b] > 0) & (full[:, a] > 0)
    np.testing.assert_array_less(found[grows, t0], -np.log(full[grows, a]) / full[grows, b] + 1e-9)
    np.testing.assert_array_equal(np.delete(found, (a, t0), axis=1), np.delete(full, (a, t0), axis=1))


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
