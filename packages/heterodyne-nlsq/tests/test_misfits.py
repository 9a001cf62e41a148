"""Measurements that do not follow the model are told from noise, though the speckle in the noise model absorbs much.

The maps are written out here, independently of the package's own models.
"""

from __future__ import annotations

import numpy as np
import pytest

from heterodyne_data import NLSQResult, TwoTimeData
from heterodyne_data.setup import structured
from heterodyne_nlsq import evidence_rows, fit_nlsq_jax

Q, DT, N_T, PHI, CONTRAST, NOISE = 0.0054, 0.1, 500, np.array([0.0, 40.0]), 0.2, 0.006
AGE = np.arange(1, N_T + 1) / N_T


def fitted(velocity: np.ndarray, jump: np.ndarray | float = 0.0) -> NLSQResult:
    """Return the default fit of a flow with a `velocity` (n_t,) in Å/s, displaced by a `jump` (n_t,) in Å besides."""
    t, rng = DT * np.arange(1, N_T + 1), np.random.default_rng(1)
    x = 0.3 * np.exp(-0.01 * t) + 0.2

    def between(displaced: np.ndarray) -> np.ndarray:
        return displaced[None, :] - displaced[:, None]

    moved = np.concatenate([[0.0], np.cumsum((velocity[1:] + velocity[:-1]) / 2) * DT]) + jump
    kept_ref, kept_sample = (np.exp(-0.5 * Q**2 * rate * np.abs(between(t))) for rate in (600.0, 3000.0))
    maps = []
    for phi in PHI:
        phase = Q * np.cos(np.radians(phi)) * between(moved)
        field = np.outer(1 - x, 1 - x) * kept_ref + np.outer(x, x) * kept_sample * np.exp(1j * phase)
        intensity = x**2 + (1 - x) ** 2
        noise = np.triu(rng.normal(scale=NOISE, size=(N_T, N_T)), 1)
        maps.append(1 + CONTRAST * np.abs(field) ** 2 / np.outer(intensity, intensity) + noise + noise.T)
    return fit_nlsq_jax(TwoTimeData(c2=np.array(maps), q=Q, phi=PHI, t=t))


@pytest.mark.parametrize(
    ("velocity", "jump"),
    [
        # Absorbed as speckle of a few hundred pixels, which would be a hundred times stronger in blocks of 64 frames.
        (np.full(N_T, 400.0), 150.0 * (AGE > 0.5)),
        # Absorbed at every scale, but not as strong at every age.
        (np.where(AGE > 0.5, -200.0, 200.0), 0.0),
    ],
    ids=["a jump", "a reversal"],
)
def test_a_misfit_that_the_speckle_of_the_noise_model_absorbs_is_structure(velocity: np.ndarray, jump: float) -> None:
    result = fitted(velocity, jump)
    assert result.noise is not None
    assert result.reduced_chi2 > 2
    assert structured(result.noise).all()
    assert result.verdict == "caution"
    assert result.sentence.startswith("The residuals at φ = 0, 40° have structure that noise does not explain.")


def test_that_a_fit_is_no_better_than_a_constant_does_not_make_maps_flat() -> None:
    # The intensity of the beam oscillates, which the noise model takes for speckle of 20 pixels at all scales and ages.
    rng, t = np.random.default_rng(4), DT * np.arange(1, 301)
    beam, lag = 1 + 0.05 * np.sin(2 * np.pi * t / 3), np.abs(t[:, None] - t)
    kept_ref, kept_sample = (np.exp(-0.5 * Q**2 * rate * lag) for rate in (900.0, 4000.0))
    field = 0.36 * kept_ref + 0.16 * kept_sample * np.exp(1j * Q * np.cos(np.radians(10)) * 400 * (t[:, None] - t))
    noise = np.triu(rng.normal(scale=0.004, size=lag.shape), 1)
    c2 = (1 + 0.2 * np.abs(field / 0.52) ** 2) * np.outer(beam, beam) + noise + noise.T
    result = fit_nlsq_jax(TwoTimeData(c2=c2[None], q=Q, phi=np.array([10.0]), t=t))
    assert not structured(result.noise).any(), "else this is the case above"
    assert result.verdict == "caution"
    assert result.sentence.startswith("The maps change by more than their noise, and the model describes them")
    assert {answer for _, answer, *_ in evidence_rows(result)[1:]} == {"unclear"}


def test_maps_that_the_model_does_not_describe_are_not_called_flat() -> None:
    # c2 decays; the fit that fails to describe it is no better than a constant.
    result = fitted(np.where(AGE > 0.7, 0.0, 400.0))
    assert result.verdict == "caution"
    assert "whether c2 decays cannot be said while there is such structure" in result.sentence
    assert "Å" not in result.sentence
    answers = evidence_rows(result)[1:]
    assert {answer for _, answer, *_ in answers} == {"unclear"}
    assert not any("equally well" in words or "without contrast" in words for *_, words in answers)
