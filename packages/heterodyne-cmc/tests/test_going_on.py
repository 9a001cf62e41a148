"""Shards by weights and by chains, together too; chains that are interrupted, and go on."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from measurement import FREE, config, make, point_estimate

from heterodyne_cmc import CMCResult, clear_shards, fit_cmc_jax, kept_so_far
from heterodyne_cmc.page import write_page
from heterodyne_cmc.unfinished import ChainStore, Part, Unfinished


def test_shards_are_sampled_by_weights_where_these_hold(sampled: CMCResult) -> None:
    data = make()
    found = fit_cmc_jax(data, config(cmc={"sampler": "auto"}), point_estimate(data))
    assert found.success
    assert found.sampler == "importance"
    assert set(found.sample_stats) == {"lp"}
    assert all(shard.k_hat < 0.7 for shard in found.diagnostics.shards)
    for name in FREE:
        assert abs(found.mean[name] - sampled.mean[name]) < 0.5 * sampled.sd[name]
        assert found.sd[name] == pytest.approx(sampled.sd[name], rel=0.25)


def test_an_interrupted_chain_ends_at_once_and_the_same_run_goes_on_from_it(sampled: CMCResult, tmp_path: Path) -> None:
    told: list[float] = []

    def interrupt(done: float, *call: float) -> None:
        told.append(done)
        if 0.6 < done < 1:
            raise KeyboardInterrupt

    data, lines = make(), list[str]()
    given = data, config(), point_estimate(data)
    with pytest.raises(KeyboardInterrupt):
        fit_cmc_jax(*given, progress=interrupt, directory=tmp_path)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ThreadPool")]
    assert kept_so_far(tmp_path) == "the chains so far"
    at = told[-1]
    told.clear()
    found = fit_cmc_jax(*given, progress=lambda done, *rest: told.append(done), directory=tmp_path, say=lines.append)
    assert any("continuing chains of an earlier run after" in line for line in lines)
    # From where it was, not from the beginning, and to the same draws.
    assert told[0] >= at
    for name, draws in sampled.draws.items():
        np.testing.assert_array_equal(found.draws[name], draws)
    assert kept_so_far(tmp_path) == "2 finished shards"
    clear_shards(tmp_path, 2)
    assert kept_so_far(tmp_path) == ""


def test_shards_by_weights_and_by_chains_make_one_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("heterodyne_cmc.work.holds", lambda sub, settings: sub.shard == 0)
    data = make()
    found = fit_cmc_jax(data, config(cmc={"sampler": "auto"}), point_estimate(data))
    first, second = found.diagnostics.shards
    assert first.k_hat < 0.7
    assert np.isnan([second.k_hat, first.bfmi]).all()
    assert second.bfmi == found.diagnostics.bfmi > 0.3
    assert found.sampler == "nuts"
    assert found.sample_stats["n_steps"].shape == (2, 2, 200)
    assert not found.sample_stats["n_steps"][0].any()
    assert found.sample_stats["n_steps"][1].all()
    read = CMCResult.load(found.save(tmp_path))
    np.testing.assert_array_equal(read.sample_stats["energy"], found.sample_stats["energy"])
    assert write_page(read, tmp_path / "report.html").is_file()


def test_chains_on_disk_are_those_of_this_work_and_whole_or_it_is_said(tmp_path: Path) -> None:
    part = Part(25, (np.zeros(3), np.array(7, np.uint32)), (np.ones((5, 2)),))
    made = Unfinished(np.zeros(2), np.eye(2), np.zeros((1, 2)), (3,), (part,))
    store = ChainStore(tmp_path / "chains_0001_of_0001.npz", "this work")
    assert store.load() == (None, "")
    store.save(made)
    found, words = store.load()
    assert words == "continuing chains of an earlier run after 25 steps"
    assert found is not None
    assert found.divergences == (3,)
    for one, other in zip(found.parts[0].state + found.parts[0].rows, part.state + part.rows, strict=True):
        np.testing.assert_array_equal(one, other)
    assert ChainStore(store.path, "other work").load()[0] is None
    assert "other data, settings or versions" in ChainStore(store.path, "other work").load()[1]
    store.path.write_bytes(store.path.read_bytes()[:200])
    assert store.load()[0] is None
    assert "is damaged" in store.load()[1]
