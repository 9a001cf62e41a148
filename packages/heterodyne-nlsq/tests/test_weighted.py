"""Weights from the covariance of the noise: limits, covariance, gain at the level of speckle, what a user is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import numpy.typing as npt
import pytest
from conftest import TRUTH, at, held, make, values

from heterodyne_data import NLSQResult, TwoTimeData
from heterodyne_nlsq import fit_nlsq_jax, simulation
from heterodyne_nlsq.evaluators import choose_evaluator
from heterodyne_nlsq.fit import prepare
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.uncertainty.calibration import Calibration, calibrate, score_covariance
from heterodyne_nlsq.uncertainty.noise_parts import NoiseParts
from heterodyne_nlsq.weighted.estimate import _azimuths, _equations
from heterodyne_nlsq.weighted.slopes import model_map
from heterodyne_nlsq.weighted.weights import weights
from heterodyne_spec import load_config

type FloatArray = npt.NDArray[np.float64]

NONE = dict.fromkeys(("D_offset_ref", "D_offset_sample", "v_offset"), 0.0)
HELD = held("alpha_ref", "alpha_sample", "beta", "f0", "f1", "f2", **NONE)
"""What is left free is determined by a few frames: D0_ref, D0_sample, v0, f3, phi0."""
CONTRAST = np.full(2, 0.2)


def speckle(seed: int, pixels: int = 4000) -> TwoTimeData:
    """Return two maps of 64 frames simulated pixel by pixel, with ten photons per pixel and frame."""
    parameters, phi = {**TRUTH, **NONE}, (-20.0, 40.0)
    plan = simulation.Experiment(parameters, 0.0054, phi, 64, 0.1, pixels=pixels, modes=5, photons=10.0, seed=seed)
    return simulation.simulate(plan)


def asked(**nlsq: Any) -> dict[str, Any]:
    return at({**values(), **HELD}, nlsq)


def at_truth(setup: Setup) -> tuple[FloatArray, Calibration]:
    """Return the fitted vector of the truth, and the noise there."""
    free = np.array([TRUTH[name] for name in setup.free.free_names])
    full = setup.free.full(free)
    model = np.stack([1.0 + 0.2 * model_map(setup, full, a) for a in range(2)])
    variance = np.nanmean((setup.data.c2 - model) ** 2, axis=(1, 2))
    return np.concatenate([free, CONTRAST, np.ones(2)]), calibrate(
        setup, full, CONTRAST, np.ones(2), model.astype(np.float32), variance
    )


@pytest.fixture
def in_float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


@pytest.mark.usefixtures("in_float64")
def test_equal_weights_give_the_matrix_and_the_score_of_the_factored_sums() -> None:
    data = speckle(1)
    valid = np.ones((2, data.n_t), bool)
    valid[0, 10:13] = False
    weight = np.where(np.arange(data.n_t) < 20, 0.5, 1.0)
    data = TwoTimeData(c2=data.c2, q=data.q, phi=data.phi, t=data.t, valid=valid, weight=weight)
    setup = prepare(data, load_config({**asked(), "data": {"exclude_diagonals": 3}}))
    vector, calibration = at_truth(setup)
    evaluator = choose_evaluator(setup)
    matrices = np.asarray(evaluator.matrices(vector, evaluator.problem))
    gradient = np.asarray(evaluator.normal(vector, evaluator.problem).gradient)
    expected = score_covariance(setup, calibration, setup.free.full(vector[:-4]), CONTRAST, matrices)
    parts = _azimuths(setup, calibration, vector)
    found = _equations(setup, parts, [weights(part, np.inf) for part in parts])
    matrix = matrices.sum(axis=0)
    length = np.sqrt(np.diag(matrix))
    np.testing.assert_allclose(scaled(found.matrix, length), scaled(matrix, length), atol=1e-5)
    np.testing.assert_allclose(found.value / length, -gradient / length, atol=1e-5 * np.abs(gradient / length).max())
    spread = np.sqrt(np.diag(expected))
    np.testing.assert_allclose(scaled(found.score, spread), scaled(expected, spread), atol=0.01)


def scaled(matrix: FloatArray, length: FloatArray) -> FloatArray:
    return matrix / np.outer(length, length)


@pytest.mark.usefixtures("in_float64")
@pytest.mark.slow
def test_one_step_from_the_truth_scatters_less_and_as_stated() -> None:
    pixels, photons = 2000, 10.0
    simulated = NoiseParts(1 / pixels, 1 / (pixels * photons), 1 / (pixels * photons**2), 0.0)
    steps: dict[float, list[FloatArray]] = {np.inf: [], 1.0: []}
    vector, calibration = at_truth(prepare(speckle(0, pixels), load_config(asked())))
    for seed in range(60):
        setup = prepare(speckle(seed, pixels), load_config(asked()))
        parts = [part._replace(noise=simulated) for part in _azimuths(setup, calibration, vector)]
        for ridge in steps:
            found = _equations(setup, parts, [weights(part, ridge) for part in parts])
            steps[ridge].append(np.linalg.solve(found.matrix, found.value)[:5])
    scatter = {ridge: np.std(one, axis=0) for ridge, one in steps.items()}
    gain = scatter[np.inf] / scatter[1.0]
    assert np.median(gain) > 1.2
    assert gain.min() > 0.97
    for ridge, one in steps.items():
        found = _equations(setup, parts, [weights(part, ridge) for part in parts])
        inverse = np.linalg.inv(found.matrix)
        stated = np.sqrt(np.diag(inverse @ found.score @ inverse)[:5])
        # 60 repeats give a standard deviation to 9 %.
        np.testing.assert_allclose(scatter[ridge] / stated, 1.0, atol=0.25)
        # Frames are normalised by means over few pixels, which biases every estimate by some 0.2; 60 repeats add 0.13.
        assert np.abs(np.mean(one, axis=0) / scatter[ridge]).max() < 0.5


@pytest.fixture(scope="module")
def sharper() -> NLSQResult:
    return fit_nlsq_jax(speckle(2), asked(weighting="noise"))


def test_a_result_keeps_the_estimate_with_equal_weights(sharper: NLSQResult, tmp_path: Any) -> None:
    equal = fit_nlsq_jax(speckle(2), asked())
    assert equal.weighting is not None and sharper.weighting is not None
    assert equal.weighting.kind == "equal"
    assert sharper.weighting.kind == "noise"
    for name in equal.varying:
        assert sharper.weighting.values[name] == pytest.approx(equal.parameters[name], rel=1e-6)
        assert sharper.weighting.sd[name] == pytest.approx(equal.sd[name], rel=1e-3)
        assert abs(sharper.parameters[name] - equal.parameters[name]) < 3 * equal.sd[name]
    assert np.median([equal.sd[name] / sharper.sd[name] for name in equal.varying]) > 1.2
    assert sharper.weighting.p_value is not None and sharper.weighting.p_value > 1e-3
    sharper.save(tmp_path)
    assert NLSQResult.load(tmp_path).weighting == sharper.weighting


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


def test_automatic_weights_are_equal_where_no_noise_is_shared() -> None:
    result = fit_nlsq_jax(make(64, phi=(-20.0, 40.0), **NONE), asked(weighting="auto"))
    assert result.weighting is not None
    assert result.weighting.statement == "equal weights of all pairs: no noise is shared between pairs"
