"""The posterior of several measurements: one prior for what is common, and a consensus that agrees with all at once."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from measurement import FREE, TRUTH, config, make, point_estimate

from heterodyne_cmc import (
    JointPosterior,
    fit_joint_cmc_jax,
    plan_of_joint_sampling,
    summary_of_joint_posterior,
    write_joint_page,
)
from heterodyne_cmc.density import NOISE_PRIOR_SCALE, log_likelihood
from heterodyne_cmc.joint.density import joint_problem
from heterodyne_cmc.joint.fit import _around_mode, _warnings, _with_samplers
from heterodyne_cmc.joint.layout import make_layout
from heterodyne_cmc.joint.members import Member, members_of
from heterodyne_cmc.joint.work import MemberWork
from heterodyne_cmc.priors import log_prior
from heterodyne_cmc.two_component import _named, _State
from heterodyne_cmc.values import values_at
from heterodyne_data import JointMember, JointResult, Measurement, TwoTimeData, joint_measurements, save_data
from heterodyne_spec import ConfigError, DataError, ResultError, load_config

SHARED = tuple(name for name in TRUTH if not name.startswith("f"))
SEEDS = (0, 1)


def repeats(seeds: tuple[int, ...] = SEEDS) -> list[TwoTimeData]:
    return [make(seed=seed) for seed in seeds]


def estimate(data: list[TwoTimeData], shared: tuple[str, ...] = SHARED) -> JointResult:
    """Return what a joint fit would leave, every estimate at the truth."""
    found = [point_estimate(one) for one in data]
    members = tuple(JointMember(f"measurement {k + 1}", one, one) for k, one in enumerate(found))
    return JointResult(shared, (), (), members, 1.0, True, "made by hand", "usable", "Made by hand.")


def asked(**cmc: Any) -> dict[str, Any]:
    return config(cmc={"shards": "auto", "sampler": "auto", "warmup": 200, "samples": 400, **cmc})


def members_for(found: list[Measurement], joint: JointResult) -> tuple[list[Member], list[np.ndarray]]:
    data, settings, sources = zip(*((one.data, one.config, one.source) for one in found), strict=True)
    members, places, _ = members_of(data, settings, sources, joint, print)
    return members, places


def work_of(data: list[Any], shared: tuple[str, ...] = SHARED) -> MemberWork:
    found = joint_measurements(data, load_config(asked()), None)
    members, places = members_for(found, estimate([one.data for one in found], shared))
    layout = make_layout(np.array([name in shared for name in FREE], bool), len(members))
    return _around_mode(members, places, layout, print)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `exact`."""
    return tmp_path_factory.mktemp("exact")


@pytest.fixture(scope="module")
def exact(kept: Path) -> JointPosterior:
    return fit_joint_cmc_jax(repeats(), asked(), estimate(repeats()), directory=kept)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("measurements")
    paths = [folder / f"{seed}.npz" for seed in SEEDS]
    for path, one in zip(paths, repeats(), strict=True):
        save_data(path, one, "npz")
    return paths


@pytest.fixture(scope="module")
def work(files: list[Path]) -> MemberWork:
    with jax.enable_x64(True):
        return work_of(files)


@pytest.mark.usefixtures("float64")
def test_what_is_common_has_one_prior_and_shards_multiply_to_the_posterior(work: MemberWork) -> None:
    problems, layout = [member.problem() for member in work.members], work.layout
    # D0_sample and v0 are common; f3 and the noise are those of each.
    assert layout.size == 2 + 2 + 2
    rng, spread = np.random.default_rng(0), np.sqrt(np.diag(work.spread @ work.spread.T))
    vectors = work.centre + 2 * spread * rng.standard_normal((4, layout.size))
    shards, joint = [work.problem(k) for k in range(2)], joint_problem(problems, layout, np.zeros(3))

    def density(vector: np.ndarray, problem: Any) -> float:
        return float(values_at(vector[None], problem, np.zeros(vector.size), np.eye(vector.size))[0])

    likelihood, prior = jax.jit(log_likelihood), jax.jit(log_prior)
    of_prior = problems[0].priors, problems[0].chart
    whole = [density(vector, joint) for vector in vectors]
    priors, products = [], []
    for vector in vectors:
        own = [jnp.asarray(vector[places]) for places in layout.places]
        # No law is straight here: the prior is a sum over coordinates.
        found = -float(prior(jnp.asarray([*vector[:2], 0.0]), *of_prior))
        product = 0.0
        for one, problem, shard in zip(own, problems, shards, strict=True):
            noise = -0.5 * ((one[-1] - problem.log_noise) / NOISE_PRIOR_SCALE) ** 2
            found += float(likelihood(one, problem) + prior(one[:-1], *of_prior) + noise)
            away = one[:-1] - shard.anchor.centre
            product += density(np.asarray(one), shard) + float(0.5 * away @ shard.anchor.precision @ away)
        priors.append(found)
        products.append(product)
    for expected in (priors, products, work.log_posterior()(vectors)):
        differences = np.subtract(whole, expected)
        np.testing.assert_allclose(differences, differences[0], atol=1e-7)


def test_repeats_make_what_is_common_sharper_and_leave_the_rest(exact: JointPosterior) -> None:
    assert exact.success, exact.message
    assert exact.method == "exact"
    single = point_estimate(make())
    for name in ("D0_sample", "v0"):
        row = exact.row(name)
        assert row.sd == pytest.approx(single.sd[name] / np.sqrt(2), rel=0.2)
        assert abs(row.mean - TRUTH[name]) < 4 * row.sd
        for member in exact.members[1:]:
            np.testing.assert_array_equal(member.posterior.draws[name], exact.members[0].posterior.draws[name])
    assert not np.array_equal(*(member.posterior.draws["f3"] for member in exact.members[:2]))
    with pytest.raises(KeyError, match="D0_sample, v0"):
        exact.row("f3")


@pytest.mark.slow
def test_a_consensus_of_measurements_is_the_posterior_of_all_at_once(exact: JointPosterior, tmp_path: Path) -> None:
    found = fit_joint_cmc_jax(repeats(), asked(shards=2, workers=1), estimate(repeats()), directory=tmp_path)
    assert found.success, found.message
    assert found.method == "consensus"
    assert len(list((tmp_path / "shards").glob("shard_*.npz"))) == 2
    for name in ("D0_sample", "v0"):
        row, whole = found.row(name), exact.row(name)
        assert abs(row.mean - whole.mean) < 0.2 * whole.sd
        assert row.sd == pytest.approx(whole.sd, rel=0.15)
    for one, other in zip(found.members, exact.members, strict=True):
        assert one.posterior.sd["f3"] == pytest.approx(other.posterior.sd["f3"], rel=0.15)


def test_what_was_sampled_at_once_is_not_sampled_again(exact: JointPosterior, kept: Path) -> None:
    said: list[str] = []
    again = fit_joint_cmc_jax(repeats(), asked(), estimate(repeats()), directory=kept, say=said.append)
    assert "1 of 1 shards reused from an earlier run" in said
    for one, other in zip(again.members, exact.members, strict=True):
        np.testing.assert_array_equal(one.posterior.draws["f3"], other.posterior.draws["f3"])


@pytest.mark.usefixtures("undrawn")
def test_a_result_is_read_as_it_was_written_and_shown(exact: JointPosterior, tmp_path: Path) -> None:
    replace(exact, members=(*exact.members, exact.members[0])).save(tmp_path)
    (tmp_path / "03" / "notes.txt").write_text("mine")
    exact.save(tmp_path)
    # The third measurement of the earlier posterior is gone, what it did not write stays.
    assert [path.name for path in (tmp_path / "03").iterdir()] == ["notes.txt"]
    again = JointPosterior.load(tmp_path)
    assert (again.shared, again.method, again.message) == (exact.shared, exact.method, exact.message)
    assert again.common == exact.common
    for one, other in zip(again.members, exact.members, strict=True):
        assert one.label == other.label
        np.testing.assert_array_equal(one.posterior.draws["f3"], other.posterior.draws["f3"])
    said = summary_of_joint_posterior(again)
    assert "measurement 2" in said
    assert "contrast at 10°" in said
    page = write_joint_page(again, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Posterior of 2 measurements" in page
    assert "the velocity falls" in page or "The velocity falls" in page
    (tmp_path / "02" / "cmc_result.nc").unlink()
    with pytest.raises(ResultError, match="02"):
        JointPosterior.load(tmp_path)


@pytest.mark.usefixtures("float64")
def test_another_process_reads_the_file_of_its_measurement_only(
    files: list[Path], work: MemberWork, tmp_path: Path
) -> None:
    sent = pickle.dumps(work)
    files[1].rename(tmp_path / "gone.npz")
    with pytest.raises(DataError, match=r"1\.npz"):
        pickle.loads(sent)
    (tmp_path / "gone.npz").rename(files[1])
    vector = jnp.asarray(work.layout.member(work.centre, 1))
    assert pickle.loads(sent).problem(1).log_density(vector) == work.problem(1).log_density(vector)
    assert work.members[0].request.data.c2.tobytes() not in sent


def test_of_measurements_without_a_signal_no_chain_is_begun_and_no_course_is_stated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("heterodyne_cmc.fit.ROUNDS_UNSEEN", 1)
    joint, sentence = estimate(repeats()), "No signal: c2 does not decay."
    found = [replace(one.joint, verdict="no-signal", sentence=sentence) for one in joint.members]
    joint = replace(
        joint, members=tuple(JointMember(one.label, new, new) for one, new in zip(joint.members, found, strict=True))
    )
    said: list[str] = []
    posterior = fit_joint_cmc_jax(repeats(), asked(), joint, say=said.append)
    assert [member.posterior.sampler for member in posterior.members] == ["importance"] * 2
    assert any("without chains" in line for line in said)
    assert any(words.endswith(sentence) for words in posterior.warnings)
    page = write_joint_page(posterior, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "The maps show no signal" in page
    assert "no course of age is stated" in page
    # One measurement with a signal is enough for what is common.
    seen = replace(joint, members=(estimate(repeats()).members[0], joint.members[1]))
    with jax.enable_x64(True):
        members, _ = members_for(joint_measurements(repeats(), load_config(asked()), None), seen)
    assert {one.request.config.cmc.sampler for one in _with_samplers(members, said.append)} == {"auto"}


def test_labels_of_what_is_not_free_need_no_spread() -> None:
    best, nothing = _State(np.array([1.0, 2.0]), 0.6), _State(np.zeros(2), 0.0)
    assert float(_named(best, nothing, 1.0).sign) == 1.0


def test_a_warning_names_the_measurements_that_have_it_unless_all_do() -> None:
    found = {"a": ["few draws", "a: refitted"], "b": ["few draws", "flat"], "c": ["few draws", "flat"]}
    parts: list[Any] = [SimpleNamespace(label=k, posterior=SimpleNamespace(warnings=v)) for k, v in found.items()]
    assert _warnings(parts) == ("few draws", "a: refitted", "b; c: flat")


def test_requests_that_cannot_be_met_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"cmc\.shards.*1, or 2"):
        fit_joint_cmc_jax(repeats(), asked(shards=3), estimate(repeats()))
    with pytest.raises(DataError, match="joint estimate is of 3 measurements, 2 are given"):
        fit_joint_cmc_jax(repeats(), asked(), estimate(repeats((0, 1, 2))))


def test_a_plan_says_how_and_raises_the_errors_of_the_sampling() -> None:
    joint = estimate(repeats())
    assert plan_of_joint_sampling(repeats(), load_config(asked()), joint) == ["would sample all maps at once"]
    by_member = load_config(asked(shards=2))
    assert plan_of_joint_sampling(repeats(), by_member, None) == ["would sample one shard for every measurement"]
    with pytest.raises(ConfigError, match=r"cmc\.shards.*1, or 2"):
        plan_of_joint_sampling(repeats(), load_config(asked(shards=3)), None)
    with pytest.raises(DataError, match="joint estimate is of 2 measurements, 3 are given"):
        plan_of_joint_sampling(repeats((0, 1, 2)), load_config(asked()), joint)
