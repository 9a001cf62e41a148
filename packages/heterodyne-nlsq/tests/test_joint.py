"""Joint fits: what they combine, what they notice, and how they are asked for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from conftest import DT, TRUTH, at
from scipy.stats import chi2, expon

from heterodyne_data import JointResult, TwoTimeData, is_one_q, joint_measurements, save_data
from heterodyne_nlsq import Experiment, fit_joint_jax, simulate
from heterodyne_nlsq.command import main
from heterodyne_nlsq.courses import courses_of_fit
from heterodyne_nlsq.evaluators import choose_evaluator
from heterodyne_nlsq.fit import prepare
from heterodyne_nlsq.joint.descent import Member, Problem, chi_squares
from heterodyne_nlsq.joint.fit import _from_alone, shared_parameters
from heterodyne_nlsq.joint.homogeneity import chance, freedom_of, weights_of_decrease
from heterodyne_nlsq.joint.labels import aligned
from heterodyne_nlsq.joint.layout import make_layout
from heterodyne_nlsq.joint.outcome import _judged
from heterodyne_nlsq.joint.page import _compared
from heterodyne_nlsq.joint.tables import ages_of, compared_rows, notes_of, own_rows, quoted_rows
from heterodyne_nlsq.models import knowledge_of
from heterodyne_nlsq.solver import Solution
from heterodyne_nlsq.start.coefficients import fitted_vector
from heterodyne_nlsq.start.label_exchange import exchanged_start
from heterodyne_spec import Config, ConfigError, DataError, ResultError, load_config

HELD = ("D_offset_ref", "D_offset_sample", "v_offset", "f1", "beta", "alpha_ref", "alpha_sample", "f0")
SAMPLE = {**TRUTH, **dict.fromkeys(("D_offset_ref", "D_offset_sample", "v_offset", "f1", "f0", "alpha_ref"), 0.0)}
SAMPLE |= {"f3": 0.6, "alpha_sample": 0.0}
CONFIG = {"model": {"parameters": {name: {"value": SAMPLE[name], "vary": False} for name in HELD}}}
STARTED = at({**{name: {"value": value} for name, value in SAMPLE.items()}, **CONFIG["model"]["parameters"]})
"""Without the search for starting values, where another test makes it."""
QS = (0.004, 0.008)


def measured(q: float, seed: int, **changes: float) -> TwoTimeData:
    plan = Experiment({**SAMPLE, **changes}, q, (0.0, 60.0), 60, DT, "white", noise_sd=0.003, modes=4, seed=seed)
    return simulate(plan)


@pytest.fixture(scope="module")
def joint() -> JointResult:
    """Two q of one sample, with other fractions."""
    return fit_joint_jax([measured(QS[0], 1), measured(QS[1], 2, f3=0.4)], CONFIG)


def test_common_values_are_those_of_both_weighted_by_their_precision(joint: JointResult) -> None:
    assert joint.success
    assert joint.verdict == "usable"
    assert "f3" not in joint.shared
    rows = {(row.name, row.member): row for row in joint.parameters}
    for name in ("D0_ref", "D0_sample", "v0", "phi0"):
        value, sd = np.array([(m.alone.parameters[name], m.alone.sd[name]) for m in joint.members]).T
        row, weight = rows[name, ""], sd**-2.0
        # Where the estimates are normal, the product of both is the joint one.
        assert row.sd == pytest.approx(weight.sum() ** -0.5, rel=0.15)
        assert abs(row.value - np.average(value, weights=weight)) < 0.35 * row.sd
        assert abs(row.value - SAMPLE[name]) < 4 * row.sd
    for member, right in zip(joint.members, (0.6, 0.4), strict=True):
        own = rows["f3", member.label]
        assert abs(own.value - right) < 4 * own.sd


def test_what_is_not_common_is_stated_of_every_measurement_and_not_of_the_sample(joint: JointResult) -> None:
    assert "velocity" in joint.sentence
    assert "fraction" not in joint.sentence
    columns, *rows = own_rows(joint)
    cells = {name: found for name, *found in rows}
    assert columns == ["own", *(member.label for member in joint.members)]
    for found, right in zip(cells["x"], (0.6, 0.4), strict=True):
        value, sd = map(float, found.split(" ± "))
        assert abs(value - right) < 4 * sd
    assert cells["f2"] == ["0, held", "0, held"]


def test_a_measurement_without_a_signal_among_others_is_a_reason_for_caution(joint: JointResult) -> None:
    first, second = joint.members
    empty = replace(second, alone=replace(second.alone, verdict="no-signal"))
    verdict, sentence = _judged(replace(joint, members=(first, empty)), courses_of_fit(first.joint))
    assert verdict == "caution"
    assert sentence.startswith(f"No signal is seen in {second.label} by itself")
    assert sentence[sentence.index("leave it out") :].count("velocity") == 1


def test_wavevectors_that_differ_by_their_digits_are_one() -> None:
    repeats = [replace(measured(0.0054, seed), q=0.0054 * (1 + step)) for seed, step in ((1, 0.0), (2, 4e-4))]
    config = load_config(CONFIG)
    setups = [prepare(one, config) for one in repeats]
    assert shared_parameters(setups, None) == tuple(setups[0].spec.names)
    assert [one.label for one in joint_measurements(repeats, config, None)] == ["measurement 1", "measurement 2"]
    assert not is_one_q([0.0054, 0.0056])


def test_measurements_of_other_ages_are_beside_the_joint_estimate_at_their_own(joint: JointResult) -> None:
    names = [row[0] for row in compared_rows(joint)]
    assert names == ["by itself", *(member.label for member in joint.members), "joint"]
    first, second = joint.members
    later = replace(second.joint, data=replace(second.joint.data, start_frame=second.joint.data.start_frame + 60))
    moved = [replace(one, value=2 * one.value) for one in later.headline]
    runs = replace(joint, members=(first, replace(second, joint=replace(later, headline=tuple(moved)))))
    rows = compared_rows(runs)
    ages = [f"{age:.3g} s" for age in ages_of(runs)]
    beside = [
        f"{first.label} at {ages[0]}",
        f"joint at {ages[0]}",
        f"{second.label} at {ages[1]}",
        f"joint at {ages[1]}",
    ]
    assert [row[0] for row in rows[1:]] == beside
    k = rows[0].index("v / Å/s")
    assert float(rows[4][k].split()[0]) == pytest.approx(2 * float(rows[2][k].split()[0]), rel=1e-3)


def test_a_value_that_is_not_determined_is_neither_stated_nor_drawn(joint: JointResult) -> None:
    lost = tuple(replace(one, value=0.0, sd=np.nan) if one.name == "J_r" else one for one in joint.headline)
    members = []
    for member in joint.members:
        bands = member.joint.bands
        assert bands is not None
        open_ = replace(bands, sd={**bands.sd, "J_r": np.full_like(bands.sd["J_r"], np.nan)})
        members.append(replace(member, joint=replace(member.joint, headline=lost, bands=open_)))
    found = replace(joint, headline=lost, members=tuple(members))
    rows = {row[0]: row for row in quoted_rows(found)}
    assert rows["J_r"][1:3] == ["", "not determined"]
    assert rows["J_s"][2].startswith("± ")
    assert compared_rows(found)[-1][1] == "not determined"
    assert "J_r of every measurement" not in str(_compared(found))
    assert "J_s of every measurement" in str(_compared(found))


def test_notes_on_the_data_are_told_once_with_the_measurements_that_have_them() -> None:
    found, empty, other = "baseline 1 found", "phi = 0: empty, left out", "q = 0.003 1/Å left out (3 maps)"
    told = notes_of([("a", [found, empty]), ("b", [found, other]), ("c", [found])])
    assert told == [found, f"a: {empty}"]


def test_exponents_and_agreement_are_those_of_the_model(joint: JointResult) -> None:
    assert {one.name: one.expected for one in joint.exponents} == {"J": 2.0, "v": 1.0}
    assert all(abs(one.value - one.expected) < 4 * one.sd < 0.5 for one in joint.exponents)
    assert joint.agreement is not None
    assert joint.agreement.p_value > 1e-3


def test_measurements_of_different_samples_do_not_agree() -> None:
    result = fit_joint_jax([measured(QS[0], 1), measured(QS[1], 2, v0=1.2 * SAMPLE["v0"])], STARTED)
    assert result.agreement is not None
    assert result.agreement.p_value < 1e-6
    assert result.verdict == "caution"
    assert "do not agree" in result.sentence
    assert "consistent with noise" not in result.sentence
    # Each part is read by itself, too.
    for member in result.members:
        assert member.joint.verdict == "caution"
        assert member.joint.sentence.startswith("The measurements do not agree")
    # A factor of 1.2 in v between q and 2 q.
    v = next(one for one in result.exponents if one.name == "v")
    assert abs(v.value - 1 - np.log2(1.2)) < 4 * v.sd
    assert v.p_value < 1e-6
    assert any("differs by more than chance" in words for words in result.warnings)


@pytest.mark.slow
def test_labels_that_the_measurements_do_not_tell_follow_the_convention_and_it_is_said() -> None:
    # Repeats with a constant x: J_r and J_s exchanged, and 1 - x, fit as well; the slower one was called the sample.
    slow = {"D0_ref": 9000.0, "D0_sample": 1500.0, "f3": 0.6}
    result = fit_joint_jax([measured(QS[1], seed, **slow) for seed in (1, 2)], CONFIG)
    assert any("do not determine which component is the sample" in words for words in result.warnings)
    assert {one.joint.alternatives[0].parameters["f3"] < 0.7 for one in result.members} == {True}
    values = {row.name: row for row in result.parameters if not row.member}
    assert values["f3"].value == pytest.approx(1 - 0.6, abs=4 * values["f3"].sd)
    assert values["D0_sample"].value == pytest.approx(9000.0, abs=4 * values["D0_sample"].sd)


def test_labels_of_a_measurement_by_itself_are_made_those_of_the_others(joint: JointResult) -> None:
    # With either label a measurement is fitted as well by itself; between them x is 1 - x.
    setups = [
        prepare(measured(QS[0], 1), load_config(CONFIG)),
        prepare(measured(QS[1], 2, f3=0.4), load_config(CONFIG)),
    ]
    members = tuple(Member(f"{k}", setup, choose_evaluator(setup), 1.0) for k, setup in enumerate(setups))
    problem = Problem(members, make_layout(setups, joint.shared))
    with jax.enable_x64(True):
        right = []
        for member, found in zip(members, joint.members, strict=True):
            free = np.array([found.joint.parameters[name] for name in member.setup.free.free_names])
            right.append(fitted_vector(member.setup, member.evaluator, free))
        other = exchanged_start(right[1], members[1].setup)
        mixed = [right[0], fitted_vector(members[1].setup, members[1].evaluator, other)]
        least = chi_squares(problem, problem.layout.assembled(right))
        assert chi_squares(problem, problem.layout.assembled(mixed))[1] > 2 * least[1]
        # Both assignments are one fit: whichever the labels become, they are those of one of the two.
        mended = chi_squares(problem, problem.layout.assembled(aligned(problem, mixed)))
        # A joint fit that stays between both is begun again from the measurements by themselves; another one is not.
        alone = [member.alone for member in joint.members]
        between, best = (
            Solution(vector, float(chi_squares(problem, vector).sum()) / 2, True, "", 1)
            for vector in map(problem.layout.assembled, (mixed, right))
        )
        begun = _from_alone(problem, between, alone, None)
        assert _from_alone(problem, best, alone, None) is None
    np.testing.assert_allclose(mended, least, rtol=0.01)
    assert begun is not None
    assert begun.cost == pytest.approx(least.sum() / 2, rel=0.01)


def test_of_noise_nothing_is_claimed() -> None:
    noise = [simulate(Experiment(SAMPLE, q, (0.0, 60.0), 60, DT, "white", noise_sd=0.01, modes=10**6)) for q in QS]
    result = fit_joint_jax(noise, STARTED)
    assert result.verdict == "no-signal"
    assert (result.headline, result.exponents) == ((), ())
    assert "Å/s" not in result.sentence
    assert (result.agreement, result.scatter) == (None, None)
    assert not any("component" in words for words in result.warnings)


def test_what_cannot_be_joined_is_refused() -> None:
    both = [measured(QS[0], 1), measured(QS[1], 2)]
    with pytest.raises(ConfigError, match="at least one"):
        fit_joint_jax(both, CONFIG, share=[])
    for wrong in (None, {"one": both[0]}, [*both, 3]):
        with pytest.raises(DataError, match="expected a list of measurements"):
            fit_joint_jax(wrong, CONFIG)  # type: ignore[arg-type]


def test_a_result_is_read_as_it_was_written(joint: JointResult, tmp_path: Path) -> None:
    joint.save(tmp_path)
    again = JointResult.load(tmp_path)
    assert again.parameters == joint.parameters
    assert (again.agreement, again.exponents, again.shared) == (joint.agreement, joint.exponents, joint.shared)
    assert [m.label for m in again.members] == [m.label for m in joint.members]
    for one, other in zip(again.members, joint.members, strict=True):
        assert (one.joint.parameters, one.alone.parameters) == (other.joint.parameters, other.alone.parameters)
    (tmp_path / "02" / "nlsq_result.json").unlink()
    with pytest.raises(ResultError, match="02"):
        JointResult.load(tmp_path)
    # Of an earlier joint fit of more measurements nothing is left that would pass for one of these.
    (tmp_path / "02" / "notes.txt").write_text("mine")
    replace(joint, members=joint.members[:1]).save(tmp_path)
    assert [path.name for path in (tmp_path / "02").iterdir()] == ["notes.txt"]
    assert len(JointResult.load(tmp_path).members) == 1


def test_layout_turns_as_its_vectors_do() -> None:
    setups = [prepare(measured(q, 1), load_config({})) for q in QS]
    layout = make_layout(setups, ("D0_ref", "D_offset_ref", "v0", "phi0"), knowledge_of("two-component").exponents)
    joint = np.random.default_rng(0).uniform(1, 2, layout.size)
    assert layout.n_leading == 4 + 2 * 9 + 2
    for k in range(2):
        turn, steps = layout.turn(joint, k), 1e-6 * np.eye(layout.size)
        slopes = [(layout.member(joint + s, k) - layout.member(joint - s, k)) / 2e-6 for s in steps]
        np.testing.assert_allclose(turn, np.transpose(slopes), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("weights", "survival"),
    [
        (np.ones(5), lambda x: chi2.sf(x, 5)),
        (np.array([2.0]), lambda x: chi2.sf(x / 2, 1)),
        # A pair of equal weights w is an exponential of mean 2 w; the sum of two exponentials is hypoexponential.
        (np.array([3.0, 3.0, 0.5, 0.5]), lambda x: 1.2 * expon.sf(x, scale=6) - 0.2 * expon.sf(x, scale=1)),
    ],
)
def test_chance_of_a_weighted_sum_is_its_closed_form(weights: np.ndarray, survival: Callable[[float], float]) -> None:
    for x in (1.0, 8.0, 30.0):
        assert chance(weights, x * weights.mean()) == pytest.approx(survival(x * weights.mean()), abs=2e-4)


def test_weights_of_the_decrease_count_restrictions() -> None:
    # Two measurements of three common parameters, information the same as noise: three chi-squares of weight one.
    matrix = np.diag([1.0, 2.0, 3.0])
    np.testing.assert_allclose(weights_of_decrease([matrix] * 2, [matrix] * 2, [np.eye(3)] * 2), np.ones(3))
    assert freedom_of(np.ones(3)) == pytest.approx(3.0)
    # The relative variance of a sum of two of which one is three times as large: 2 (1 + 9) / 4².
    assert freedom_of(np.array([1.0, 3.0])) == pytest.approx(2 / (2 * (1 + 9) / 16))


def test_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [save_data(tmp_path / f"{k}.npz", measured(0.005, k), "npz") or tmp_path / f"{k}.npz" for k in (1, 2)]
    one, other = map(str, files)
    again = Path(shutil.copy(one, tmp_path / "copy.npz"))
    for arguments, words in (
        (["--joint"], "--data"),
        (["--joint", "--data", one], "at least two"),
        (["--joint", "--data", one, one], "given twice"),
        (["--joint", "--data", one, str(again)], "given twice (the maps of 1.npz, q = 0.005 are the same)"),
        (["--joint", "--data", one, other, "--set", "nlsq.weighting=noise"], "weighs all pairs equally"),
        (["--joint", "--data", one, other, "--set", "nlsq.weighting=noise", "--dry-run"], "weighs all pairs equally"),
        (["--joint", "--data", one, other, "--share", "v1"], "did you mean"),
        (["--data", one, other], "add --joint"),
        (["--data", one, "--q", "0.005,0.006"], "add --joint"),
        (["--data", one, "--share", "v"], "add --joint"),
    ):
        assert main([*arguments, "--output", str(tmp_path / "out")]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert words in error
    with pytest.raises(SystemExit):
        main(["--joint", "--data", one, other, "--q", "some"])
    assert "found 'some', expected a number in 1/Å; with --joint several" in capsys.readouterr().err
    settings = tmp_path / "several.json"
    settings.write_text('{"data": {"q": [0.005, 0.006]}}')
    assert main(["--data", one, "--config", str(settings), "--output", str(tmp_path / "out")]) == 1
    assert "data.q asks for several q (0.005, 0.006)" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with pytest.raises(ConfigError, match="did you mean 'v'"):
        fit_joint_jax([one, other], {"model": {"share": ["v1"]}})
    with pytest.raises(ConfigError, match="did you mean 'v'"):
        fit_joint_jax([one, other], share="v1")
    with pytest.raises(DataError, match=r"at least two measurements, 1\.npz, q = 0\.005 is one"):
        fit_joint_jax(one, q=0.005)
    with pytest.raises(DataError, match="expected numbers"):
        fit_joint_jax([one, other], q="some")
    with pytest.raises(ConfigError, match="soft_l1"):
        fit_joint_jax([one, other], {"nlsq": {"loss": "soft_l1"}})


def test_the_command_writes_result_and_report(
    joint: JointResult, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def made(data: Any, config: Config, **options: Any) -> JointResult:
        given.update(options, data=data, config=config)
        return joint

    # Fitted through the command in `nox -s snippets`.
    monkeypatch.setattr("heterodyne_nlsq.joint.fit.fit_joint_jax", made)
    settings = ["--set", 'model.share=["J_r", "J_s", "v"]', "--set", "model.parameters.f1.vary=false", "--no-cache"]
    out = tmp_path / "out"
    assert main(["--joint", "--data", "a.npz", "b.npz", "--output", str(out), "--q", "all", *settings]) == 0
    assert (list(map(str, given["data"])), given["q"], given["share"]) == (["a.npz", "b.npz"], "all", None)
    assert list(given["config"].model.share) == ["J_r", "J_s", "v"]
    assert not given["config"].model.parameters["f1"].vary
    said = capsys.readouterr().out
    assert "the measurements agree" in said
    assert JointResult.load(out).shared == joint.shared
    page = (out / "joint_report.html").read_text(encoding="utf-8")
    assert "Do the measurements agree?" in page
    assert page.count("<svg") + page.count("svg+xml") >= 4
