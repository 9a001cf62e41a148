"""Weights from the covariance of the noise: limits, covariance, gain at the level of speckle, what a user is told."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import numpy as np
import numpy.typing as npt
import pytest
from conftest import TRUTH, at, held, make, values

from heterodyne_data import NLSQResult, TwoTimeData
from heterodyne_nlsq import fit_nlsq_jax, simulation
from heterodyne_nlsq.evaluators import choose_evaluator
from heterodyne_nlsq.fit import prepare
from heterodyne_nlsq.maps import model_maps
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.uncertainty.calibration import Calibration, calibrate, score_covariance
from heterodyne_nlsq.uncertainty.noise_parts import NoiseParts
from heterodyne_nlsq.weighted import choice, estimate
from heterodyne_nlsq.weighted.azimuths import Azimuth, azimuths
from heterodyne_nlsq.weighted.estimate import equations, score_value
from heterodyne_nlsq.weighted.weights import Weighted, columns, shared_scores, weights
from heterodyne_nlsq.weighted.weights import score_covariance as weighted_score
from heterodyne_physics_meshgrid import bracket, c2_meshgrid
from heterodyne_spec import load_config

type FloatArray = npt.NDArray[np.float64]

NONE = dict.fromkeys(("D_offset_ref", "D_offset_sample", "v_offset"), 0.0)
HELD = held("alpha_ref", "alpha_sample", "beta", "f0", "f1", "f2", **NONE)
"""What is left free is determined by a few frames: D0_ref, D0_sample, v0, f3, phi0."""
CONTRAST = np.full(2, 0.2)


def speckle(seed: int, pixels: int = 4000, frames: int = 64) -> TwoTimeData:
    """Return two maps simulated pixel by pixel, with ten photons per pixel and frame."""
    parameters, phi = {**TRUTH, **NONE}, (-20.0, 40.0)
    plan = simulation.Experiment(parameters, 0.0054, phi, frames, 0.1, pixels=pixels, modes=5, photons=10.0, seed=seed)
    return simulation.simulate(plan)


def asked(**nlsq: Any) -> dict[str, Any]:
    return at({**values(), **HELD}, nlsq)


def at_truth(setup: Setup) -> tuple[FloatArray, Calibration]:
    """Return the fitted vector of the truth, and the noise there."""
    free = np.array([TRUTH[name] for name in setup.free.free_names])
    full = setup.free.full(free)
    model = np.asarray(
        c2_meshgrid(setup.physics.model.from_vector(full), setup.data.t, setup.data.q, setup.data.phi, 0.2, 1.0)
    )
    variance = np.nanmean((setup.data.c2 - model) ** 2, axis=(1, 2))
    return np.concatenate([free, CONTRAST, np.ones(2)]), calibrate(
        setup, full, CONTRAST, np.ones(2), model.astype(np.float32), variance
    )


@pytest.fixture
def in_float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def weighed(setup: Setup, vector: FloatArray, calibration: Calibration, ridge: float, **most: int) -> list[Weighted]:
    """Return the weights of all azimuths at the truth."""
    parts = azimuths(setup, calibration, setup.free.full(vector[:-4]), CONTRAST)
    return [weights(part, ridge, columns(part.root, **most)) for part in parts]


def equations_of(setup: Setup, weighted: list[Weighted]) -> Any:
    return equations(setup, weighted, [shared_scores(one) for one in weighted])


def score_of(one: Weighted) -> FloatArray:
    return weighted_score([one], shared_scores(one))


def covered(frames: int = 64) -> Setup:
    """Return frames of which some are missing, some count half and near pairs do not count."""
    data = speckle(1, frames=frames)
    valid = np.ones((2, data.n_t), bool)
    valid[0, 10:13] = False
    weight = np.where(np.arange(data.n_t) < 20, 0.5, 1.0)
    data = TwoTimeData(c2=data.c2, q=data.q, phi=data.phi, t=data.t, valid=valid, weight=weight)
    return prepare(data, load_config({**asked(), "data": {"exclude_diagonals": 3}}))


@pytest.mark.usefixtures("in_float64")
@pytest.mark.slow
def test_equal_weights_give_the_matrix_and_the_score_of_the_factored_sums() -> None:
    setup = covered()
    vector, calibration = at_truth(setup)
    evaluator = choose_evaluator(setup)
    matrices = np.asarray(evaluator.matrices(vector, evaluator.problem))
    gradient = np.asarray(evaluator.normal(vector, evaluator.problem).gradient)
    expected = score_covariance(setup, calibration, setup.free.full(vector[:-4]), CONTRAST, matrices)
    weighted = weighed(setup, vector, calibration, np.inf)
    found, value = equations_of(setup, weighted), score_value(setup, evaluator, vector, weighted)
    matrix = matrices.sum(axis=0)
    length = np.sqrt(np.diag(matrix))
    np.testing.assert_allclose(scaled(found.matrix, length), scaled(matrix, length), atol=1e-6)
    np.testing.assert_allclose(value / length, -gradient / length, atol=1e-5 * np.abs(gradient / length).max())
    spread = np.sqrt(np.diag(expected))
    # There, the terms linear in the fluctuations are those of few pixels.
    np.testing.assert_allclose(scaled(found.score, spread), scaled(expected, spread), atol=0.02)


def scaled(matrix: FloatArray, length: FloatArray) -> FloatArray:
    return matrix / np.outer(length, length)


class Dense(NamedTuple):
    """Weights W (n_local, n_t, n_t) of an azimuth, derivatives X of the map and its Γ, with matrices over all pairs."""

    part: Azimuth
    weights: FloatArray
    slopes: FloatArray
    correlation: FloatArray


@functools.partial(jax.jit, static_argnums=1)
def one_map(values: jax.Array, model: Any, t: jax.Array, q: jax.Array, phi: jax.Array) -> jax.Array:
    return bracket(model.from_vector(values), t, q, phi)[0]


slopes_of_map = jax.jit(jax.jacfwd(one_map), static_argnums=1)


def dense(part: Azimuth, ridge: float) -> Dense:
    request, root = part.request, part.root
    lag = np.subtract.outer(np.arange(root.size), np.arange(root.size))
    counts = (np.abs(lag) >= request.n_near) & (np.outer(root, root) > 0) & np.isfinite(part.c2)

    given = request.physics.model, request.t, request.q, request.phi[part.a][None]
    vector = jax.numpy.asarray(request.vector)
    shape = np.asarray(one_map(vector, *given))
    along = 0.2 * np.moveaxis(np.asarray(slopes_of_map(vector, *given)) @ request.expand, -1, 0)
    slopes = np.concatenate([along, shape[None], np.ones_like(shape)[None]])
    noise, used = part.noise, root > 0
    own = np.sqrt((noise.photons + noise.white) / noise.speckle)
    smooth = np.zeros_like(shape)
    inside = np.ix_(used, used)
    smooth[inside] = np.linalg.inv(0.2 * shape[inside] + (own + 0.2 * ridge) * np.eye(np.count_nonzero(used)))
    smooth = np.outer(root, root) * smooth
    found = counts * (smooth @ (counts * slopes) @ smooth) / noise.speckle
    return Dense(part, found, counts * slopes, 0.2 * shape)


def dense_score(one: Dense) -> FloatArray:
    """Return the covariance of the weighted sums of residuals from all simulated pixels."""
    noise, delta = one.part.noise, one.part.fluctuations.astype(float)
    linear = np.einsum("kij,ij->ki", one.weights, one.correlation)
    product = one.weights @ delta
    shared = np.einsum("kip,ip->kp", product, delta) / 2 - linear @ delta
    seen = ((product - linear[..., None]) * np.sqrt(np.maximum(1 + delta, 0.0))).reshape(len(linear), -1)
    own = np.einsum("kij,lij->kl", one.weights, one.weights, optimize=True) / 2
    lit = seen @ seen.T / delta.shape[1]
    return noise.speckle * np.cov(shared) + noise.mixed * lit + (noise.photons + noise.white) * own


@pytest.mark.usefixtures("in_float64")
@pytest.mark.slow
def test_some_columns_of_the_weights_give_almost_what_all_give() -> None:
    setup = covered(frames=120)
    vector, calibration = at_truth(setup)
    every, few = (weighed(setup, vector, calibration, 1.0, **most) for most in ({}, {"most": 60}))
    for one, some in zip(every, few, strict=True):
        length, spread = (np.sqrt(np.diag(matrix)) for matrix in (one.matrix, score_of(one)))
        np.testing.assert_allclose(scaled(some.matrix, length), scaled(one.matrix, length), atol=0.01)
        np.testing.assert_allclose(scaled(score_of(some), spread), scaled(score_of(one), spread), atol=0.02)


@pytest.mark.usefixtures("in_float64")
def test_recursions_give_what_matrices_over_all_pairs_give() -> None:
    setup = covered()
    vector, calibration = at_truth(setup)
    weighted = weighed(setup, vector, calibration, 1.0)
    expected = np.zeros(vector.size)
    residual = setup.data.c2 - np.asarray(
        c2_meshgrid(
            setup.physics.model.from_vector(setup.free.full(vector[:-4])), setup.data.t, 0.0054, setup.data.phi, 0.2, 1
        )
    )
    for one in weighted:
        a, whole = one.part.a, dense(one.part, 1.0)
        matrix, score = np.einsum("kij,lij->kl", whole.weights, whole.slopes) / 2, dense_score(whole)
        length, spread = np.sqrt(np.diag(matrix)), np.sqrt(np.diag(score))
        value = np.einsum("kij,ij->k", whole.weights, np.where(whole.weights[-1] != 0, residual[a], 0.0)) / 2
        expected[:-4] += value[:-2]
        expected[[-4 + a, -2 + a]] += value[-2:]
        np.testing.assert_allclose(scaled(one.matrix, length), scaled(matrix, length), atol=1e-7)
        # Photon noise seen through other frames comes from fewer pixels.
        np.testing.assert_allclose(scaled(score_of(one), spread), scaled(score, spread), atol=0.01)
    found = score_value(setup, choose_evaluator(setup), vector, weighted)
    size = np.sqrt(np.diag(equations_of(setup, weighted).matrix))
    np.testing.assert_allclose(found / size, expected / size, atol=1e-5 * np.abs(expected / size).max())


@pytest.mark.usefixtures("in_float64")
@pytest.mark.slow
def test_one_step_from_the_truth_scatters_less_and_as_stated() -> None:
    pixels, photons = 2000, 10.0
    simulated = NoiseParts(1 / pixels, 1 / (pixels * photons), 1 / (pixels * photons**2), 0.0)
    steps: dict[float, list[FloatArray]] = {np.inf: [], 1.0: []}
    setup = prepare(speckle(0, pixels), load_config(asked()))
    vector, calibration = at_truth(setup)
    calibration = replace(calibration, parts=(simulated, simulated))
    weighted = {ridge: weighed(setup, vector, calibration, ridge) for ridge in steps}
    known = {ridge: equations_of(setup, one) for ridge, one in weighted.items()}
    for seed in range(60):
        again = replace(setup, data=speckle(seed, pixels))
        evaluator = choose_evaluator(again)
        for ridge, given in weighted.items():
            moved = [one._replace(part=one.part._replace(c2=again.data.c2[one.part.a])) for one in given]
            value = score_value(again, evaluator, vector, moved)
            steps[ridge].append(np.linalg.solve(known[ridge].matrix, value)[:5])
    scatter = {ridge: np.std(one, axis=0) for ridge, one in steps.items()}
    gain = scatter[np.inf] / scatter[1.0]
    assert np.median(gain) > 1.2
    assert gain.min() > 0.97
    for ridge, one in steps.items():
        inverse = np.linalg.inv(known[ridge].matrix)
        stated = np.sqrt(np.diag(inverse @ known[ridge].score @ inverse)[:5])
        # 60 repeats give a standard deviation to 9 %.
        np.testing.assert_allclose(scatter[ridge] / stated, 1.0, atol=0.25)
        # Frames are normalised by means over few pixels, which biases every estimate by some 0.2; 60 repeats add 0.13.
        assert np.abs(np.mean(one, axis=0) / scatter[ridge]).max() < 0.5


@pytest.fixture(scope="module")
def sharper() -> NLSQResult:
    # Chosen automatically.
    return fit_nlsq_jax(speckle(2), asked(weighting="auto"))


def test_a_result_keeps_the_estimate_with_equal_weights(sharper: NLSQResult, tmp_path: Any) -> None:
    equal = fit_nlsq_jax(speckle(2), asked())
    assert equal.weighting is not None and sharper.weighting is not None
    assert equal.weighting.kind == "equal"
    assert any("nlsq.weighting: auto may give" in words for words in equal.conventions)
    assert sharper.weighting.kind == "noise"
    assert any("evidence" in words and "equal weights" in words for words in sharper.conventions)
    for name in equal.varying:
        assert sharper.weighting.values[name] == pytest.approx(equal.parameters[name], rel=1e-6)
        assert sharper.weighting.sd[name] == pytest.approx(equal.sd[name], rel=1e-3)
        assert abs(sharper.parameters[name] - equal.parameters[name]) < 3 * equal.sd[name]
    np.testing.assert_allclose(sharper.weighting.contrast, equal.contrast, rtol=1e-6)
    np.testing.assert_allclose(sharper.weighting.offset, equal.offset, rtol=1e-6)
    assert np.median([equal.sd[name] / sharper.sd[name] for name in equal.varying]) > 1.2
    assert sharper.weighting.p_value is not None and sharper.weighting.p_value > 1e-3
    sharper.save(tmp_path)
    assert NLSQResult.load(tmp_path).weighting == sharper.weighting


@pytest.mark.slow
def test_functions_are_sharper_also_where_their_parameters_compensate_each_other() -> None:
    data, every = speckle(3, frames=120), {name: {"value": value} for name, value in {**TRUTH, **NONE}.items()}
    equal, noise = (
        fit_nlsq_jax(data, at({**every, **held("f2")}, {"weighting": weighting})) for weighting in ("equal", "noise")
    )
    assert noise.weighting is not None and noise.weighting.kind == "noise"
    assert {"D0_ref", "D_offset_ref"} <= set(equal.identifiability.not_determined)
    assert noise.bands is not None and equal.bands is not None
    for function in ("v", "J_r", "J_s", "x"):
        ratio = noise.bands.sd[function] / equal.bands.sd[function]
        # A covariance is valid where it was computed: from another point, bands are wider by up to a hundred.
        assert np.median(ratio) < 0.95
        assert ratio.max() < 1.5


def test_what_frames_without_data_hold_does_not_matter(sharper: NLSQResult) -> None:
    data = speckle(2)
    valid = np.ones((2, data.n_t), bool)
    valid[:, 30] = False
    found = []
    for inside in (1e3, np.nan):
        c2 = data.c2.copy()
        c2[:, 30] = c2[:, :, 30] = inside
        hidden = TwoTimeData(c2=c2, q=data.q, phi=data.phi, t=data.t, valid=valid)
        found.append(fit_nlsq_jax(hidden, asked(weighting="noise")))
    assert found[0].weighting is not None and found[0].weighting.kind == "noise"
    assert found[0].parameters == pytest.approx(found[1].parameters, rel=1e-9)
    assert found[0].parameters["v0"] == pytest.approx(sharper.parameters["v0"], abs=2 * sharper.sd["v0"])


@pytest.mark.usefixtures("in_float64")
@pytest.mark.parametrize(("photons", "words"), [(0.1, "noise of single frames outweighs"), (0.7, "times only")])
def test_automatic_weights_are_equal_where_photons_are_few(
    photons: float, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = prepare(speckle(1), load_config(asked(weighting="auto")))
    vector, calibration = at_truth(setup)
    evaluator = choose_evaluator(setup)
    matrix = np.asarray(evaluator.matrices(vector, evaluator.problem)).sum(axis=0)
    few = NoiseParts(1 / 4000, 1 / (4000 * photons), 1 / (4000 * photons**2), 0.0)
    equal = SimpleNamespace(vector=vector, matrix=matrix, score=1e-3 * matrix, prior=np.full(5, 1e9))
    # The estimate is not sought for the decision, and the weights are not formed if it is clear.
    monkeypatch.delattr(choice, "reweighted")
    if photons < 0.5:
        monkeypatch.delattr(estimate, "weights")
    model = model_maps(setup, setup.free.full(vector[:5]), *setup.scaling.per_angle(vector[5:]))
    found, weighting = choice.weighed(setup, evaluator, replace(calibration, parts=(few, few)), equal, model)
    assert found is None
    assert words in weighting.statement


def test_what_weights_do_to_standard_deviations_is_said_the_right_way_round() -> None:
    assert choice._times(np.array([1.5, 1.2, 2.0])) == "smaller by 1.5 times (median; 1.20 to 2.00)"
    assert choice._times(np.array([0.5, 0.25, 2.0])) == "larger by 2 times (median; 0.50 to 4.00)"


@pytest.mark.slow
def test_weights_that_make_it_worse_are_not_taken_although_asked_for() -> None:
    result = fit_nlsq_jax(speckle(1, frames=16), {"nlsq": {"weighting": "noise"}})
    assert result.weighting.kind == "equal"
    assert "would make standard deviations larger by" in result.weighting.statement


def test_automatic_weights_are_equal_where_no_noise_is_shared() -> None:
    data = make(64, phi=(-20.0, 40.0), **NONE)
    # In the precision of simulated maps, for which the fit is compiled.
    result = fit_nlsq_jax(replace(data, c2=data.c2.astype(np.float32)), asked(weighting="auto"))
    assert result.weighting is not None
    assert result.weighting.statement == "equal weights of all pairs: no noise is shared between pairs"
