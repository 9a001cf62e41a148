"""The noise of the maps and what it does, against simulation of pixels and closed forms."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest
from conftest import TRUTH, at, held, make, values

from heterodyne_data import TwoTimeData
from heterodyne_nlsq import fit_nlsq_jax
from heterodyne_nlsq.at_ages import at_age, inverse, mean, ratio
from heterodyne_nlsq.evaluators import choose_evaluator
from heterodyne_nlsq.fit import prepare
from heterodyne_nlsq.uncertainty.calibration import calibrate, score_covariance
from heterodyne_nlsq.uncertainty.noise_parts import NoiseParts, described_details, noise_parts
from heterodyne_nlsq.uncertainty.pixels import Request, blocks_of, fluctuations, pixel_details
from heterodyne_nlsq.uncertainty.propagation import bands, derived
from heterodyne_nlsq.uncertainty.scales import Details, Expected, cut_of
from heterodyne_nlsq.uncertainty.scales import measured_details as details_of_parts
from heterodyne_nlsq.uncertainty.structure import Residual, beyond_noise
from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid, field_laws, physics_of, speckle_map
from heterodyne_spec import load_config, load_model

Q, MODES, PIXELS, N_T = 0.0054, 5, 2000, 64
FLOW = {**TRUTH, "D_offset_ref": 0.0, "D_offset_sample": 0.0, "v_offset": 0.0, "f2": 0.0}
FIXED = ("D_offset_ref", "D_offset_sample", "v_offset", "f2", "phi0", "f0", "f1")
T, PHI = 0.1 * np.arange(1, N_T + 1), np.array([10.0])


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def fixed_config() -> dict[str, Any]:
    start = {name: {"value": FLOW[name], "vary": name not in FIXED} for name in FLOW}
    return {"model": {"parameters": start}, "nlsq": {"start": "values"}}


def model_map() -> np.ndarray:
    return np.asarray(c2_meshgrid(HeterodyneModel(**FLOW), T, Q, PHI, np.array([1 / MODES]), np.ones(1)))


def maps(count: int, photons: float | None, seed: int) -> list[np.ndarray]:
    rng, laws = np.random.default_rng(seed), field_laws(HeterodyneModel(**FLOW), T, Q, 10.0)
    return [speckle_map(laws, PIXELS, MODES, rng, photons) for _ in range(count)]


def measured_details(residual: np.ndarray, n_near: int) -> Details:
    return details_of_parts(functools.partial(cut_of, residual), len(residual), n_near)


def pixels() -> Expected:
    vector = np.array([FLOW[name] for name in load_model().names])
    request = Request(
        physics_of("two-component"), vector, np.eye(vector.size), T, Q, PHI, np.array([1 / MODES]), np.ones((1, N_T)), 1
    )
    blocks = blocks_of(request, 0, model_map()[0], 1.0)
    return pixel_details(request, 0, fluctuations(request, 0, range(3), [0])[0], blocks)[0]


def test_white_noise_is_the_same_in_every_detail() -> None:
    noise = np.triu(0.3 * np.random.default_rng(0).normal(size=(256, 256)), 1)
    found = measured_details(noise, 3)
    np.testing.assert_allclose(found.square[:4], 0.09, rtol=0.15)
    assert np.all(np.diff(found.number) < 0)
    # Slowly varying residuals show in large blocks only.
    slow = measured_details(np.sin(np.arange(256) / 40)[:, None] * np.ones(256), 1).square
    assert slow[4].max() > 100 * slow[0].max()


def test_details_of_large_maps_are_those_of_every_block() -> None:
    # More rows of blocks than are formed at once, and an odd frame left over.
    n_t, n_near = 1201, 4
    residual = np.random.default_rng(3).normal(size=(n_t, n_t)).astype(np.float32)
    found, n_block = measured_details(residual, n_near), n_t // 2
    quarters = residual[: 2 * n_block, : 2 * n_block].astype(float).reshape(n_block, 2, n_block, 2) / 2
    first, second = np.triu_indices(n_block, 1)
    apart = 2 * (second - first) - 1 >= n_near
    blocks = quarters[first[apart], :, second[apart]]
    signs = np.array([[[1, 1], [-1, -1]], [[1, -1], [1, -1]], [[1, -1], [-1, 1]]])
    assert found.number[0] == apart.sum()
    expected = np.mean(np.einsum("nij,kij->nk", blocks, signs) ** 2, axis=0)
    np.testing.assert_allclose(found.square[0], expected, rtol=1e-10)


@pytest.mark.parametrize("photons", [pytest.param(None, marks=pytest.mark.slow), 3.0])
def test_details_of_simulated_maps_are_those_expected_of_their_pixels(photons: float | None) -> None:
    residuals = [c2 - model_map()[0] for c2 in maps(60, photons, 1)]
    found = np.mean([measured_details(residual, 1).square for residual in residuals], axis=0)
    expected = pixels()
    dark = 0.0 if photons is None else 1 / photons
    described = (expected.speckle + dark * expected.mixed + dark**2) / PIXELS
    # The squares of products of intensities have long tails: their mean level is known to some 10 %, common to all.
    ratio = found[:-1] / described[:-1]
    assert np.mean(ratio) == pytest.approx(1.0, abs=0.3)
    np.testing.assert_allclose(ratio, np.mean(ratio), rtol=0.2)


def test_parts_of_the_noise_are_told_apart() -> None:
    expected = pixels()
    number = np.array([496.0, 120.0, 28.0, 6.0, 1.0])
    for dark, white in ((0.0, 0.0), (0.5, 0.0), (0.0, 2e-5)):
        described = (expected.speckle + dark * expected.mixed + dark**2) / PIXELS + white
        parts = noise_parts(Details(described, number), expected, 1.0)
        np.testing.assert_allclose(described_details(parts, expected), described, rtol=0.03)
        assert 1 / parts.speckle == pytest.approx(PIXELS, rel=0.1)


def test_azimuths_that_agree_show_what_the_model_does_not_describe() -> None:
    rng, n_t = np.random.default_rng(8), 400

    def pattern() -> np.ndarray:
        return 0.1 * np.kron(rng.normal(size=(50, 50)), np.ones((8, 8)))

    def residuals_of(patterns: list[np.ndarray], frames: list[np.ndarray]) -> list[Residual]:
        found = [measured_details(rng.normal(size=(n_t, n_t)) + one, 1) for one in patterns]
        flat = np.zeros_like(found[0].square)
        # As when the speckle of the model absorbs the pattern: by scale, all that is there is noise.
        parts = NoiseParts(1.0, 0.0, 0.0, 0.0)
        return [
            Residual(details, Expected(details.square, flat, flat, flat), [], parts, one)
            for details, one in zip(found, frames, strict=True)
        ]

    all_frames, common = np.arange(n_t), pattern()
    agreeing = residuals_of([common, pattern(), common], [all_frames] * 3)
    excess, limit, _ = beyond_noise(agreeing, 3)
    np.testing.assert_array_equal(excess > limit, [True, False, True])
    # In blocks of 8 frames and more, the pattern adds 0.1² · 64 = 0.64 to a variance of 1.
    assert excess[0] == pytest.approx(1.64, abs=0.2)
    # Details of other frames are at other ages.
    other = residuals_of([common, common], [all_frames, 3 * all_frames])
    assert np.all(np.less(*beyond_noise(other, 2)[:2]))


def test_white_noise_beside_speckle_that_outweighs_it_is_a_misfit() -> None:
    rng, n_t = np.random.default_rng(10), 200
    details = measured_details(rng.normal(size=(n_t, n_t)), 1)
    growing = details.square * 4.0 ** np.arange(len(details.square))[:, None]
    flat, dark = np.zeros_like(growing), np.ones_like(growing)

    def residual(parts: NoiseParts) -> Residual:
        described = parts.speckle * growing + parts.photons + parts.white
        return Residual(
            details._replace(square=described), Expected(growing, flat, dark, flat), [], parts, np.arange(n_t)
        )

    def is_structure(parts: NoiseParts) -> bool:
        excess, limit, above = beyond_noise([residual(parts)], 1)
        # By scale, all is as modelled.
        assert above < 1.3
        return bool(excess > limit)

    # Speckle of 25 times the other noise at 32 frames, and of a quarter of it.
    assert is_structure(NoiseParts(0.1, 0.0, 0.0, 1.0))
    assert not is_structure(NoiseParts(0.1, 0.0, 1.0, 0.0))
    assert not is_structure(NoiseParts(0.001, 0.0, 0.0, 1.0))


def test_white_noise_stays_nearly_white() -> None:
    """Speckle is accepted by Akaike's criterion, in an eighth of white maps, and adds little."""
    expected, number, rng = pixels(), np.array([496.0, 120.0, 28.0, 6.0, 1.0]), np.random.default_rng(3)
    found = []
    for _ in range(50):
        square = 0.01 * rng.chisquare(number[:, None] * np.ones(3)) / number[:, None]
        found.append(noise_parts(Details(square, number), expected, 1.0))
    assert sum(parts.speckle > 0 for parts in found) <= 8
    # At the finest scale all is white; at 16 frames, what is accepted adds 4 % to the variance on average.
    described = np.array([described_details(parts, expected).mean(axis=1) / 0.01 for parts in found])
    np.testing.assert_allclose(described[:, 0], 1.0, atol=0.15)
    assert 0.95 < described[:, 3].mean() < 1.08


def test_few_photons_are_shared_by_the_pairs_of_a_frame() -> None:
    """At 0.3 photons the noise looks white in most details, and is not: leaving the shared part out is an error."""
    expected, model = pixels(), model_map()[0]
    found = [noise_parts(measured_details(c2 - model, 1), expected, 1.0) for c2 in maps(40, 0.3, 0)]
    assert np.mean([parts.mixed for parts in found]) == pytest.approx(1 / (PIXELS * 0.3), rel=0.2)


@pytest.mark.slow
def test_the_scatter_of_linear_steps_is_the_one_stated() -> None:
    """Gauss-Newton steps from the truth on simulated maps: their scatter is H⁻¹ (covariance of the score) H⁻¹."""
    steps, stated, independent = [], [], []
    for c2 in maps(160, None, 2):
        setup = prepare(TwoTimeData(c2=c2[None], t=T, q=Q, phi=PHI), load_config(fixed_config()))
        evaluator = choose_evaluator(setup)
        vector = np.array([*(FLOW[name] for name in setup.free.free_names), 1 / MODES, 1.0])
        cost, gradient, matrix = (np.asarray(part) for part in evaluator.normal(vector, evaluator.problem))
        inverse = np.linalg.inv(matrix)
        steps.append(-inverse @ gradient)
        independent.append(np.sqrt(np.diag(inverse) * 2 * cost / (N_T * (N_T - 1) / 2)))
        if len(stated) < 20:
            stated.append(np.sqrt(np.diag(inverse @ score(setup, evaluator, vector) @ inverse)))
    scatter = np.std(steps, axis=0, ddof=1)
    # 160 steps tell a standard deviation to 6 %; effective pixels of one such map are known to a third, so the mean of
    # 20 of the stated ones to 4 %, and simulated pixels add 5 %.
    ratio = scatter / np.sqrt(np.mean(np.square(stated), axis=0))
    assert np.all((ratio > 0.8) & (ratio < 1.25)), ratio
    assert np.median(scatter / np.mean(independent, axis=0)) > 3


def score(setup: Any, evaluator: Any, vector: np.ndarray) -> np.ndarray:
    matrices = np.asarray(evaluator.matrices(vector, evaluator.problem))
    np.testing.assert_allclose(matrices.sum(axis=0), evaluator.normal(vector, evaluator.problem).matrix, rtol=1e-10)
    full = np.array([FLOW[name] for name in setup.free.names])
    contrast = np.array([1 / MODES])
    calibration = calibrate(setup, full, contrast, np.ones(1), model_map(), np.ones(1))
    return score_covariance(setup, calibration, full, contrast, matrices)


def test_white_noise_falls_back_to_the_usual_covariance() -> None:
    result = fit_nlsq_jax(make(noise=0.02), at({**values(), **held("f2", "D_offset_ref", "D_offset_sample")}))
    assert result.noise is not None
    assert "no correlated noise" in result.noise.statement
    np.testing.assert_allclose(np.diag(result.covariance), np.diag(result.covariance_iid), rtol=0.1)


@pytest.mark.parametrize(
    ("n_t", "near"), [(5, 1), pytest.param(13, 10, marks=pytest.mark.slow)], ids=["one pair of blocks", "none"]
)
def test_where_there_are_no_blocks_the_residuals_still_have_their_variance(n_t: int, near: int) -> None:
    names = [name for name in TRUTH if name != "v0"]
    config = at({**held(*names), "v0": {"value": 650.0}}, data={"exclude_diagonals": near})
    result = fit_nlsq_jax(make(n_t=n_t, noise=0.01, phi=(10.0,)), config)
    ratio = result.covariance[0, 0] / result.covariance_iid[0, 0]
    assert 0.1 < ratio < 10


def test_what_is_quoted_at_an_age_and_its_derivatives_are_those_of_closed_forms() -> None:
    a, b, c, age = 2e4, -0.3, 500.0, 7.0

    def functions(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        power = t**b
        return (a * power + c)[None], np.stack([power, a * power * np.log(t), np.ones_like(t)], axis=-1)[None]

    value, change = at_age(functions, age)
    first = a * age**b
    exponent = ratio(change, value)
    np.testing.assert_allclose(exponent.value, b * first / (first + c), rtol=1e-7)
    by_a = b * age**b * c / (first + c) ** 2
    by_b = first / (first + c) + b * first * np.log(age) * c / (first + c) ** 2
    np.testing.assert_allclose(exponent.slopes, [[by_a, by_b, -b * first / (first + c) ** 2]], rtol=1e-6)
    np.testing.assert_allclose(inverse(value, 3.0).slopes, -3 * value.slopes / value.value**2, rtol=1e-12)
    over = mean(functions, 1.0, 50.0)
    np.testing.assert_allclose(over.value, a * (50 ** (1 + b) - 1) / (1 + b) / 49 + c, rtol=1e-3)


def test_bands_and_derived_quantities_spread_as_draws_of_the_parameters_do() -> None:
    setup = prepare(make(), load_config(at({**values(), **held("f2")})))
    centre = np.array([TRUTH[name] for name in setup.free.names])
    sd = 1e-3 * np.abs(centre[list(setup.free.free)])
    root = np.diag(sd)
    band, quantities = bands(setup, centre, root), derived(setup, centre, root)
    rng, spec = np.random.default_rng(0), load_model()
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in band.values}
    velocity = []
    for _ in range(2000):
        free = centre[list(setup.free.free)] + sd * rng.normal(size=sd.size)
        parameters = dict(zip(spec.names, setup.free.full(free).tolist(), strict=True))
        for name in drawn:
            drawn[name].append(spec.evaluate(name, parameters, band.t))
        velocity.append(np.trapezoid(drawn["v"][-1], band.t))
    for name, functions in drawn.items():
        np.testing.assert_allclose(band.values[name], spec.evaluate(name, TRUTH, band.t), rtol=1e-9)
        np.testing.assert_allclose(band.sd[name], np.std(functions, axis=0), rtol=0.12)
    displacement = next(d for d in quantities if d.name == "displacement")
    assert displacement.value == pytest.approx(np.mean(velocity), rel=0.02)
    assert displacement.sd == pytest.approx(np.std(velocity), rel=0.15)
    assert displacement.unit == "Å"


def test_bands_hold_where_large_variances_cancel() -> None:
    # Without an exponent, J_r is D0_ref + D_offset_ref: each may be anywhere, their sum is known to 3.
    entries = {**values(), **held("f2"), "alpha_ref": {"value": 0.0, "vary": False}}
    setup = prepare(make(), load_config(at(entries)))
    centre = np.array([0.0 if name == "alpha_ref" else TRUTH[name] for name in setup.free.names])
    root = np.zeros((len(setup.free.free), 2))
    root[setup.free.free_names.index("D0_ref")] = (1e8, 3.0)
    root[setup.free.free_names.index("D_offset_ref")] = (-1e8, 0.0)
    np.testing.assert_allclose(bands(setup, centre, root).sd["J_r"], 3.0, rtol=1e-9)
