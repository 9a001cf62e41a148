"""The sums over pairs from factors, against the same sums over maps written out."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from heterodyne_physics_meshgrid import HeterodyneModel, bracket
from heterodyne_physics_meshgrid.factored import (
    BASELINE,
    LEAF,
    HalvedMaps,
    ModelSums,
    halve_maps,
    inner_products,
    model_sums,
)

Q, PHI = 0.0054, np.array([0.0, 70.0, -30.0])
TYPICAL = np.array([900, 0.25, 180, 5200, -0.1, -900, 470, -0.43, -20, 0.16, -0.05, 0.9, 0.52, -2.1])
BOUNDS = np.array(HeterodyneModel.bounds)
N_T = 90
"""One size where any does: every size is compiled anew."""
SUMS = jax.jit(inner_products)


@jax.jit
def dense_sums(
    vector: jax.Array, t: jax.Array, data: jax.Array, weight: jax.Array, q: float = Q
) -> tuple[jax.Array, ...]:
    """Return <B_k, B_l>, <1, B_k>, <D, B_k> from the model's maps and their forward-mode derivatives."""

    def maps(v: jax.Array) -> jax.Array:
        return bracket(HeterodyneModel.from_vector(v), t, q, PHI)

    derivatives = jnp.moveaxis(jax.jacfwd(maps)(vector), -1, 1)
    b = jnp.concatenate([maps(vector)[:, None], derivatives], axis=1).reshape(len(PHI), 15, -1)
    w = weight.reshape(len(PHI), 1, -1)
    d = data.reshape(len(PHI), -1)
    return jnp.einsum("akp,alp->akl", b * w, b), (b * w).sum(-1), jnp.einsum("akp,ap->ak", b * w, d)


@jax.jit
def _model_sums(vector: jax.Array, q: jax.Array, phi: jax.Array, maps: HalvedMaps) -> ModelSums:
    return model_sums(vector, q, phi, maps)


def worst_difference(
    vector: np.ndarray, n_t: int, dt: float, weight: np.ndarray, exclude: int = 1, spoiled: bool = False
) -> float:
    """Return the largest difference of any sum, relative to the lengths of the two vectors multiplied."""
    t = dt * np.arange(1, n_t + 1)
    rng = np.random.default_rng(n_t)
    c2 = 1 + 0.2 * rng.random((len(PHI), n_t, n_t))
    c2 = (c2 + c2.transpose(0, 2, 1)) / 2
    if spoiled:
        c2[1, 2, n_t - 1] = c2[1, n_t - 1, 2] = np.nan
    lag = np.arange(n_t) - np.arange(n_t)[:, None]
    pair = weight[:, :, None] * weight[:, None, :] * (lag >= exclude) * np.isfinite(c2)
    data = np.where(np.isfinite(c2), c2 - BASELINE, 0.0)
    gram, ones, cross = (np.asarray(part) for part in dense_sums(vector, t, data, pair))
    maps = halve_maps(c2, t, weight, exclude)
    found = SUMS(jnp.asarray(vector), Q, PHI, maps)
    # A derivative that underflows has no relative accuracy to speak of.
    length = np.sqrt(np.einsum("akk->ak", gram))
    length = np.where(length > 1e-30 * length[:, :1], length, np.inf)
    one, d = np.sqrt(pair.sum((1, 2)))[:, None], np.sqrt((pair * data**2).sum((1, 2)))[:, None]
    assert np.asarray(maps.n_pairs).tolist() == (pair > 0).sum((1, 2)).tolist()
    np.testing.assert_allclose(maps.one[:, None], one**2, rtol=1e-12)
    np.testing.assert_allclose(maps.dd[:, None], d**2, rtol=1e-12)
    return max(
        np.max(np.abs(np.asarray(found.gram) - gram) / (length[:, :, None] * length[:, None, :])),
        np.max(np.abs(np.asarray(found.ones) - ones) / (length * one)),
        np.max(np.abs(np.asarray(found.data) - cross) / (length * d)),
    )


@pytest.mark.parametrize("n_t", [N_T, *(pytest.param(n, marks=pytest.mark.slow) for n in (3, LEAF, LEAF + 1, 333))])
def test_typical_parameters_with_dead_frames_weights_and_excluded_pairs(n_t: int) -> None:
    rng = np.random.default_rng(n_t)
    weight = np.ones((len(PHI), n_t))
    weight[:, n_t // 2] = 0
    weight[1] *= rng.random(n_t)
    vector = TYPICAL * rng.uniform(0.8, 1.2, TYPICAL.size)
    assert worst_difference(vector, n_t, 0.1, weight) < 1e-12
    if n_t > 3:
        assert worst_difference(vector, n_t, 0.1, weight, exclude=4, spoiled=True) < 1e-12


def test_random_parameters_inside_the_bounds_and_at_corners() -> None:
    rng = np.random.default_rng(7)
    for case, dt in itertools.product(range(12), (1e-2, 0.1)):
        mix = rng.random(TYPICAL.size) if case % 2 else rng.integers(0, 2, TYPICAL.size)
        vector = BOUNDS[:, 0] + (BOUNDS[:, 1] - BOUNDS[:, 0]) * mix
        # 1e-10 of the lengths multiplied: at corners exponents reach 1e5 and phases 1e4 over the window. (Where all
        # phases are below 1e-3 the derivative by phi0 is what products of size 1 leave, and loses digits.)
        assert worst_difference(vector, N_T, dt, np.ones((len(PHI), N_T))) < 1e-10


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"D0_ref": 1e6, "D0_sample": 1e6}, "decays of 3e5 over the window"),
        ({"v0": 1e4, "D0_ref": 1e2, "D0_sample": 1e2}, "hundreds of fringes"),
        ({"f0": 0.0, "f3": 1.0}, "sample only"),
        ({"f0": 0.0, "f3": 0.0}, "reference only"),
        ({"D_offset_ref": -1e5, "D_offset_sample": -1e5}, "no transport"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_extremes(changes: dict[str, float], what: str) -> None:
    vector = TYPICAL.copy()
    for name, value in changes.items():
        vector[HeterodyneModel.names.index(name)] = value
    assert worst_difference(vector, N_T, 0.1, np.ones((len(PHI), N_T))) < 1e-10, what


def test_a_batch_of_vectors_gives_the_same_as_one_by_one() -> None:
    n_t = LEAF + 1
    rng = np.random.default_rng(3)
    c2 = 1 + 0.1 * rng.random((len(PHI), n_t, n_t))
    maps = halve_maps((c2 + c2.transpose(0, 2, 1)) / 2, 0.1 * np.arange(1, n_t + 1), np.ones((len(PHI), n_t)))
    vectors = jnp.asarray(TYPICAL * rng.uniform(0.9, 1.1, (5, TYPICAL.size)))

    batch = jax.jit(jax.vmap(lambda vector: inner_products(vector, jnp.asarray(Q), jnp.asarray(PHI), maps)))(vectors)
    for k, vector in enumerate(vectors):
        for together, alone in zip(batch, SUMS(vector, Q, PHI, maps), strict=True):
            np.testing.assert_allclose(together[k], alone, rtol=1e-11, atol=1e-11 * np.abs(alone).max())


# With 600 frames there are blocks that are gone through in strips.
@pytest.mark.parametrize("n_t", [LEAF + 1, pytest.param(600, marks=pytest.mark.slow)])
def test_sums_of_the_model_alone_and_their_gradients_are_those_of_all_inner_products(n_t: int) -> None:
    rng = np.random.default_rng(n_t)
    c2 = 1 + 0.1 * rng.random((len(PHI), n_t, n_t))
    c2 = (c2 + c2.transpose(0, 2, 1)) / 2
    weight = rng.uniform(0.5, 1.0, (len(PHI), n_t))
    weight[:, n_t // 3] = 0
    c2[1, 0, 2] = c2[1, 2, 0] = np.nan
    maps = halve_maps(c2, 0.1 * np.arange(1, n_t + 1), weight, exclude_diagonals=2)
    vector, q, phi = jnp.asarray(TYPICAL * rng.uniform(0.8, 1.2, TYPICAL.size)), jnp.asarray(Q), jnp.asarray(PHI)
    expected = SUMS(vector, Q, PHI, maps)
    found = _model_sums(vector, q, phi, maps)
    # M itself stands in front of its derivatives; that of M² is twice M times that of M.
    all_sums = (expected.ones, expected.gram[:, 0], expected.data)
    for value, whole in zip(found, all_sums, strict=True):
        np.testing.assert_allclose(value, whole[:, 0], rtol=1e-11, atol=1e-12)
    slopes = jax.jit(jax.jacrev(_model_sums))(vector, q, phi, maps)
    for slope, whole, factor in zip(slopes, all_sums, (1.0, 2.0, 1.0), strict=True):
        length = np.abs(whole[:, 1:]).max()
        np.testing.assert_allclose(slope, factor * whole[:, 1:], rtol=1e-9, atol=1e-11 * max(length, 1e-9))
    together = jax.vmap(_model_sums, (0, None, None, None))(jnp.stack([vector, 1.1 * vector]), q, phi, maps)
    for one, alone in zip(together, found, strict=True):
        np.testing.assert_allclose(one[0], alone, rtol=1e-12, atol=1e-12)
        assert not np.allclose(one[1], alone, rtol=1e-6)


@pytest.mark.parametrize("n_t", [3, LEAF, 41, 130, 300])
def test_every_pair_stands_in_one_place(n_t: int) -> None:
    i, j = np.triu_indices(n_t, 1)
    numbered = np.zeros((1, n_t, n_t))
    numbered[0, i, j] = 2.0 + np.arange(i.size)
    maps = halve_maps(numbered, np.arange(1.0, n_t + 1), np.ones((1, n_t)))
    stored = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves((maps.near, maps.far))])
    assert sorted(stored[stored > 0]) == (1.0 + np.arange(i.size)).tolist()


def test_float32_maps_lose_nothing() -> None:
    n_t = N_T
    c2 = np.float32(1 + 0.2 * np.random.default_rng(5).random((len(PHI), n_t, n_t)))
    c2 = np.triu(c2) + np.swapaxes(np.triu(c2, 1), 1, 2)
    t, weight = 0.1 * np.arange(1, n_t + 1), np.ones((len(PHI), n_t))

    def sums(maps: np.ndarray) -> np.ndarray:
        halved = halve_maps(maps, t, weight)
        return np.asarray(SUMS(jnp.asarray(TYPICAL), Q, PHI, halved).data)

    assert halve_maps(c2, t, weight).near.dtype == np.float32
    np.testing.assert_allclose(sums(c2), sums(c2.astype(float)), rtol=1e-13)


def test_one_step_far_larger_than_those_before_it_leaves_no_rounding() -> None:
    # What the sums over a leaf once made of it: e to the power of that rounding, which is infinite.
    t = np.array([1.27e-4, 3.85e-4, 399.316, 399.321, 399.326, 5947670.6])
    vector = np.array([1e6, -1.68, -44272.3, 1e6, 2.0, 1e5, 1e-6, -2.0, 83.0, 0.8, 0.0, 0.0, 0.0, -10.0])
    q, weight, pair = 0.443, np.ones((len(PHI), t.size)), np.triu(np.ones((len(PHI), t.size, t.size)), 1)
    found = SUMS(jnp.asarray(vector), q, PHI, halve_maps(np.full_like(pair, 1.1), t, weight))
    gram, ones, data = dense_sums(vector, t, np.full_like(pair, 1.1 - BASELINE), pair, q)
    for one, other in zip(found, (gram, ones, data), strict=True):
        assert np.isfinite(one).all()
        np.testing.assert_allclose(one[:, 0], np.asarray(other)[:, 0], rtol=1e-9, atol=1e-12)
