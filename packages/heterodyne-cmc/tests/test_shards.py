"""Every usable pair is in exactly one shard, and nothing else is in any."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measurement import make

from heterodyne_cmc.shards import automatic_shards, partition, usable_pairs
from heterodyne_data import TwoTimeData, pair_valid
from heterodyne_spec import DataError


@st.composite
def measurements(draw: Any) -> TwoTimeData:
    """Maps of 6 to 12 frames at one to three angles, some frames masked or without weight, some pairs NaN."""
    n_t, n_phi = draw(st.integers(6, 12)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    c2 = rng.normal(1.0, 0.1, (n_phi, n_t, n_t))
    c2 = c2 + np.swapaxes(c2, 1, 2)
    hole = np.triu(rng.random(c2.shape) < 0.1, 1)
    c2[hole | np.swapaxes(hole, 1, 2)] = np.nan
    weight = rng.choice([0.0, 0.5, 1.0, 2.0], (n_phi, n_t))
    valid = rng.random((n_phi, n_t)) < 0.9
    # Enough is left of every angle, whatever was drawn.
    weight[:, :4], valid[:, :4] = 1.0, True
    c2[:, :4, :4] = 1.1
    return TwoTimeData(c2=c2, q=0.005, phi=np.arange(n_phi), dt=0.1, valid=valid, weight=weight)


@settings(max_examples=60, deadline=None)
@given(data=measurements(), n_shards=st.integers(1, 6), diagonals=st.integers(1, 3), seed=st.integers(0, 99))
def test_partition_is_disjoint_and_complete(data: TwoTimeData, n_shards: int, diagonals: int, seed: int) -> None:
    deal = partition(data, usable_pairs(data, diagonals), n_shards, seed)
    shards = [deal.members(s) for s in range(n_shards)]
    for a in range(data.n_phi):
        found = [tuple(pair) for shard in shards for pair in shard[a]]
        expected = {
            (i, j)
            for i in range(data.n_t)
            for j in range(i + diagonals, data.n_t)
            if pair_valid(data)[a, i, j] and data.weight[a, i] > 0 and data.weight[a, j] > 0
        }
        assert len(found) == len(set(found))
        assert set(found) == expected
        sizes = [len(shard[a]) for shard in shards]
        assert max(sizes) - min(sizes) <= 1
    totals = [sum(len(pairs) for pairs in shard) for shard in shards]
    assert max(totals) - min(totals) <= 1
    assert sum(totals) == deal.n_pairs


@settings(max_examples=30, deadline=None)
@given(data=measurements(), n_shards=st.integers(1, 5))
def test_values_and_weights_belong_to_their_pairs(data: TwoTimeData, n_shards: int) -> None:
    deal = partition(data, usable_pairs(data, 1), n_shards, 0)
    shapes = set()
    for s in range(n_shards):
        pairs = deal.pairs(s)
        shapes.add(pairs.i.shape)
        assert pairs.count == sum(len(row) for row in deal.members(s))
        assert np.isfinite(pairs.value).all()
        a, k = np.nonzero(pairs.weight)
        i, j = pairs.i[a, k], pairs.j[a, k]
        assert (i < j).all()
        assert (pairs.value[a, k] == data.c2[a, i, j]).all()
        assert (pairs.weight[a, k] == data.weight[a, i] * data.weight[a, j]).all()
    assert len(shapes) == 1, "shards of one shape run the same compiled code"


def test_order_is_that_of_the_seed() -> None:
    data = make()
    pairs = usable_pairs(data, 1)
    first, again, other = (partition(data, pairs, 3, seed).members(1)[0] for seed in (5, 5, 6))
    assert (first == again).all()
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("n_pairs", "n_shards"), [(1, 1), (74_999, 1), (75_001, 2), (12_000_000, 240)])
def test_automatic_shards_hold_between_1e4_and_1e5_pairs(n_pairs: int, n_shards: int) -> None:
    assert automatic_shards(n_pairs) == n_shards


def test_an_angle_without_pairs_is_named() -> None:
    with pytest.raises(DataError, match=r"phi = 10.*exclude_diagonals"):
        usable_pairs(make(), 24)
