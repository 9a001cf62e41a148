"""The two physics backends against each other, and both against speckle fields simulated pixel by pixel."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import pytest
from jaxtyping import Array

import heterodyne_physics_elementwise as elementwise
import heterodyne_physics_meshgrid as meshgrid
from heterodyne_physics_elementwise._generated import two_component as elementwise_model
from heterodyne_physics_meshgrid._generated import two_component as meshgrid_model

type Vector = npt.NDArray[np.float64]

NAMES = meshgrid.HeterodyneModel.names
BOUNDS = np.array(meshgrid.HeterodyneModel.bounds)
N_PAR = len(NAMES)
FREE = (*NAMES, "contrast", "offset")
EPS = float(np.finfo(float).eps)

LENGTHS = (3, 50, pytest.param(257, marks=pytest.mark.slow), 1000)
STEPS = (2e-5, 1e-3, 0.1, 1.0)
WAVEVECTORS = (0.0, 1e-3, 0.0054, 0.02)
ANGLES = (-180.0, -45.0, 0.0, 4.9, 80.0, 90.0)


def points(kind: str, n: int, seed: int) -> npt.NDArray[np.float64]:
    """Return `n` vectors (n, n_par): inside the bounds, at corners of them, or each coordinate either."""
    rng = np.random.default_rng(seed)
    lower, upper = BOUNDS.T
    inside = lower + rng.uniform(size=(n, N_PAR)) * (upper - lower)
    positive = lower > 0
    inside[:, positive] = np.exp(rng.uniform(np.log(lower[positive]), np.log(upper[positive]), (n, positive.sum())))
    corner = np.where(rng.integers(0, 2, (n, N_PAR)), lower, upper)
    share = {"random": 0.0, "mixed": 0.5, "corner": 1.0}[kind]
    return np.where(rng.uniform(size=(n, N_PAR)) < share, corner, inside)


def settings(n_t: int, n: int, seed: int) -> Iterator[tuple[Vector, float, float]]:
    """Return ages, wavevector and azimuth of `n` measurements, with every step, wavevector and azimuth among them."""
    rng = np.random.default_rng(seed)
    for k in range(n):
        first = int(rng.choice([1, 1, 2, 5000]))
        t = STEPS[k % len(STEPS)] * np.arange(first, first + n_t)
        yield t, WAVEVECTORS[(k + 1 + k // len(STEPS)) % len(WAVEVECTORS)], float(rng.choice(ANGLES))


@jax.jit
def by_meshgrid(free: Array, t: Array, q: Array, phi: Array) -> Array:
    """Return c2 of all pairs; `free` holds the parameters, contrast and offset."""
    return meshgrid.c2_meshgrid(meshgrid.HeterodyneModel.from_vector(free[:-2]), t, q, phi, free[-2], free[-1])


@jax.jit
def by_pairs(free: Array, t: Array, q: Array, phi: Array, i: Array, j: Array) -> Array:
    model = elementwise.HeterodyneModel.from_vector(free[:-2])
    return elementwise.c2_pairs(model, elementwise.precompute_shard_grid(t, q), i, j, phi, free[-2], free[-1])


def argument(free: Vector, t: Vector, q: float) -> float:
    """Return the largest exponent plus the largest phase that the integrals of these ages can give."""
    model = meshgrid.HeterodyneModel.from_vector(free[:-2])
    duration = t[-1] - t[0]
    J, v = (float(jnp.max(jnp.abs(f(t)))) for f in (lambda t: model.J_r(t) + model.J_s(t), model.v))
    return q**2 * J * duration + q * v * duration


def tolerance(free: Vector, t: Vector, q: float) -> float:
    """Return the difference in c2 that is allowed.

    1e-12 up to arguments of a few hundred radians. A phase is rounded to half an ulp, so that two correct
    programs may differ by eps times the phase: at 1e10 rad nothing below 1e-6 has a meaning. (On the machines
    tried so far the backends round alike and agree to a few 1e-16 at every corner; nothing promises that.)
    """
    return 1e-12 + EPS * argument(free, t, q)


@pytest.mark.parametrize("kind", ["random", "mixed", "corner"])
@pytest.mark.parametrize("n_t", LENGTHS)
def test_c2(n_t: int, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    i, j = (np.asarray(index, np.int32) for index in np.triu_indices(n_t))
    n = 64 if n_t < 1000 else 16
    worst, largest = 0.0, 0.0
    for point, (t, q, phi) in zip(points(kind, n, seed=n_t), settings(n_t, n, seed=n_t), strict=True):
        free = np.concatenate([point, [0.7, 1.1]])
        matrix, values = np.asarray(by_meshgrid(free, t, q, phi)), np.asarray(by_pairs(free, t, q, phi, i, j))
        difference = max(np.abs(matrix[i, j] - values).max(), np.abs(matrix[j, i] - values).max())
        assert difference <= tolerance(free, t, q), f"dt={t[1] - t[0]:g} q={q} phi={phi} {point.tolist()}"
        worst, largest = max(worst, difference), max(largest, argument(free, t, q))
    with capsys.disabled():
        print(f"\n  c2, {n_t} frames, {kind}: worst difference {worst:.1e} (arguments up to {largest:.0e})", end="")


@jax.jit
def condition(free: Array, t: Array, q: Array, phi: Array, weights: Array) -> Array:
    """Return for every parameter the sum of the moduli of all elementary contributions to the gradient.

    The gradient of sum(W c2) is built from W ∂c2/∂x, W ∂c2/∂∫J and W ∂c2/∂∫v of every pair, times the derivatives
    of x and of the cumulated integrals. Reverse mode collects the former at the frames and runs them back along
    the whole cumulated sum, so that each meets the whole integral of |∂J/∂p|; what is left after cancellation can
    be smaller by any factor, and its relative error larger. Every order of summation errs by some eps of this scale.
    """
    model = meshgrid.HeterodyneModel.from_vector(free[:-2])
    contrast, angle = free[-2], jnp.deg2rad(phi + model.phi0)
    x = model.x(t)
    n = x**2 + (1 - x) ** 2
    decays = [meshgrid.create_time_integral_matrix(f(t), jnp.diff(t)) for f in (model.J_r, model.J_s)]
    shares = [(1 - x) / jnp.sqrt(n), x / jnp.sqrt(n)]
    reference, sample = (
        jnp.outer(share, share) * jnp.exp(-(q**2) / 2 * jnp.abs(decay))
        for share, decay in zip(shares, decays, strict=True)
    )
    cross = 2 * reference * sample

    def total(name: str) -> Array:
        """Integral of |∂f/∂p| over the window, for every p."""
        slopes = jax.jacfwd(lambda p: getattr(meshgrid.HeterodyneModel.from_vector(p), name)(t))(free[:-2])
        return jnp.trapezoid(jnp.abs(slopes), t, axis=0)

    def summed(factor: Array) -> Array:
        return contrast * jnp.sum(jnp.abs(weights) * factor)

    slope_x = jnp.abs(jax.jacfwd(lambda p: meshgrid.HeterodyneModel.from_vector(p).x(t))(free[:-2]))
    of_x = 8.0 * contrast * jnp.einsum("ij,ip->p", jnp.abs(weights) + jnp.abs(weights.T), slope_x)  # |∂c2/∂x| <= 8
    physics = of_x + q**2 * summed(reference**2 + cross / 2) * total("J_r")
    physics += q**2 * summed(sample**2 + cross / 2) * total("J_s") + q * jnp.abs(jnp.cos(angle)) * summed(
        cross
    ) * total("v")
    turning = q * jnp.abs(jnp.sin(angle)) * jnp.pi / 180 * summed(cross) * jnp.trapezoid(jnp.abs(model.v(t)), t)
    physics = physics.at[NAMES.index("phi0")].add(turning)
    scaling = jnp.array([jnp.sum(jnp.abs(weights) * (reference + sample) ** 2), jnp.sum(jnp.abs(weights))])
    return jnp.concatenate([physics, scaling])


def gradient_pairs(free: Array, t: Array, q: Array, phi: Array, i: Array, j: Array, weights: Array) -> Array:
    return jnp.sum(by_pairs(free, t, q, phi, i, j) * weights)


def gradient_mesh(free: Array, t: Array, q: Array, phi: Array, weights: Array) -> Array:
    return jnp.sum(by_meshgrid(free, t, q, phi) * weights)


# Compiled once for all tests. The sampler uses reverse mode on pairs, the fit forward mode on the grid.
of_pairs = jax.jit(jax.grad(gradient_pairs))
of_meshgrid = {"forward": jax.jit(jax.jacfwd(gradient_mesh)), "reverse": jax.jit(jax.grad(gradient_mesh))}


@pytest.mark.parametrize(
    ("n_t", "kind"),
    [
        pytest.param(n_t, kind, marks=pytest.mark.slow if n_t > 50 else ())
        for n_t in (3, 50, 257, 1000)
        for kind in ("random", "mixed", "corner")
    ],
)
def test_gradients(n_t: int, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(n_t)
    i, j = (np.asarray(index, np.int32) for index in np.triu_indices(n_t))
    weights = np.triu(rng.normal(size=(n_t, n_t)))
    n = 24 if n_t < 1000 else 2
    worst = dict.fromkeys(of_meshgrid, 0.0)
    for point, (t, q, phi) in zip(points(kind, n, seed=n_t + 1), settings(n_t, n, seed=n_t + 1), strict=True):
        free = np.concatenate([point, [0.7, 1.1]])
        expected = np.asarray(of_pairs(free, t, q, phi, i, j, weights[i, j]))
        scale = np.asarray(condition(free, t, q, phi, weights))
        # Besides 1e-12 of the scale, the sine of a phase is as uncertain as its cosine: eps times the phase.
        allowed = tolerance(free, t, q) * scale
        assert np.all(np.isfinite(expected)) and np.all(np.isfinite(scale))
        for mode, gradient in of_meshgrid.items():
            found = np.asarray(gradient(free, t, q, phi, weights))
            difference = np.abs(found - expected)
            bad = [name for name, good in zip(FREE, difference <= allowed, strict=True) if not good]
            assert not bad, f"{mode} {bad} dt={t[1] - t[0]:g} q={q} phi={phi} {point.tolist()}"
            worst[mode] = max(worst[mode], float(np.max(difference / np.where(scale > 0, scale, 1.0))))
    with capsys.disabled():
        figures = ", ".join(f"{mode} mode {figure:.1e}" for mode, figure in worst.items())
        print(f"\n  gradient, {n_t} frames, {kind}: worst difference of the scale, {figures}", end="")


@pytest.mark.parametrize("n_t", [50, pytest.param(257, marks=pytest.mark.slow)])
def test_gradients_by_their_own_size(n_t: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing is extreme, 1e-12 of sum |W ∂c2/∂p| itself, with no allowance for the phase."""
    rng = np.random.default_rng(n_t)
    i, j = (np.asarray(index, np.int32) for index in np.triu_indices(n_t))
    weights = np.triu(rng.normal(size=(n_t, n_t)))
    jacobian = jax.jit(jax.jacfwd(by_meshgrid))
    worst = 0.0
    for _ in range(12):
        amplitudes, offsets = rng.uniform(1e3, 1e4, 2), rng.uniform(-100, 1000, 2)
        exponents, angles = rng.uniform(-0.5, 0.5, 3), rng.uniform(-5, 5)
        velocity, fraction = rng.uniform([100, -20], [1e3, 20]), rng.uniform([0.2, -0.2, -1, 0.1], [0.5, 0.2, 1, 0.3])
        transport = np.stack([amplitudes, exponents[:2], offsets], axis=1).ravel()
        free = np.concatenate([transport, [velocity[0], exponents[2], velocity[1]], fraction, [angles, 0.3, 1.0]])
        t, q, phi = 0.05 * np.arange(1, n_t + 1), 0.0054, float(rng.uniform(-70, 70))
        expected = np.asarray(of_pairs(free, t, q, phi, i, j, weights[i, j]))
        scale = np.abs(np.asarray(jacobian(free, t, q, phi)) * weights[..., None]).sum(axis=(0, 1))
        for gradient in of_meshgrid.values():
            relative = np.abs(np.asarray(gradient(free, t, q, phi, weights)) - expected) / scale
            worst = max(worst, float(relative.max()))
    with capsys.disabled():
        print(f"\n  gradient, {n_t} frames, ordinary: worst difference {worst:.1e} of sum |W dc2/dp|", end="")
    assert worst <= 1e-12


def test_both_backends_come_from_the_same_specification() -> None:
    for name in ("MODEL_ID", "MODEL_VERSION", "MODEL_SHA256"):
        assert getattr(meshgrid, name) == getattr(elementwise, name)
    ours, theirs = meshgrid.HeterodyneModel, elementwise.HeterodyneModel
    for name in ("names", "units", "bounds", "defaults"):
        assert getattr(ours, name) == getattr(theirs, name)
    for point in points("mixed", 10, seed=0):
        np.testing.assert_array_equal(ours.from_vector(point).to_vector(), theirs.from_vector(point).to_vector())
    files = [Path(str(module.__file__)).read_text(encoding="utf-8") for module in (meshgrid_model, elementwise_model)]
    assert files[0] == files[1]


SPECKLES = {
    "beating": {"v0": 900.0, "beta": 0.4, "v_offset": -30.0, "f0": 0.5, "f1": -0.3, "f2": 0.2, "f3": 0.1},
    "mostly sample": {"alpha_sample": 0.7, "v0": 300.0, "f0": 0.2, "f1": 0.2, "f3": 0.5, "phi0": -7.0},
    "floored reference": {"alpha_ref": 1.0, "D_offset_ref": -8e3, "v0": 1500.0, "f0": 0.35, "phi0": 4.0},
}


def ornstein_uhlenbeck(decay: Vector, n_pixel: int, rng: np.random.Generator) -> npt.NDArray[np.complex128]:
    """Return circular Gaussian fields (n_pixel, n_t) of unit mean intensity, <E_k E*_{k+1}> = exp(-decay_k)."""
    n_t = decay.size + 1
    noise = rng.normal(scale=np.sqrt(0.5), size=(n_pixel, n_t, 2)).view(np.complex128)[..., 0]
    field = np.empty_like(noise)
    field[:, 0] = noise[:, 0]
    for k, kept in enumerate(np.exp(-decay)):
        field[:, k + 1] = kept * field[:, k] + np.sqrt(1 - kept**2) * noise[:, k + 1]
    return field


def intensities(
    parameters: dict[str, float], t: Vector, q: float, phi: float, n_pixel: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return the intensity (n_pixel, n_t) of reference and sample fields that beat against each other.

    Written from the fields up, with nothing of the two backends: E = (1 - x) E_r + x e^{i q·∫v} E_s.
    """
    p = {"D0_ref": 6e3, "alpha_ref": -0.2, "D_offset_ref": 500.0, "D0_sample": 9e3, "alpha_sample": 0.3}
    p |= {"D_offset_sample": 0.0, "v0": 0.0, "beta": 0.0, "v_offset": 0.0, "f0": 0.5, "f1": 0.0, "f2": 0.0, "f3": 0.0}
    p |= {"phi0": 0.0} | parameters
    J_r = np.maximum(p["D0_ref"] * t ** p["alpha_ref"] + p["D_offset_ref"], 0.0)
    J_s = np.maximum(p["D0_sample"] * t ** p["alpha_sample"] + p["D_offset_sample"], 0.0)
    v = p["v0"] * t ** p["beta"] + p["v_offset"]
    x = np.clip(p["f0"] * np.exp(p["f1"] * (t - p["f2"])) + p["f3"], 0.0, 1.0)
    steps = [np.diff(t) * (f[1:] + f[:-1]) / 2 for f in (J_r, J_s, v)]
    reference = ornstein_uhlenbeck(q**2 / 2 * steps[0], n_pixel, rng)
    sample = ornstein_uhlenbeck(q**2 / 2 * steps[1], n_pixel, rng)
    phase = q * np.cos(np.deg2rad(phi + p["phi0"])) * np.concatenate([[0.0], np.cumsum(steps[2])])
    return np.asarray(np.abs((1 - x) * reference + x * np.exp(1j * phase) * sample) ** 2)


@pytest.mark.parametrize("name", SPECKLES)
def test_speckle_fields_have_the_correlation_of_the_model(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    t, q, phi = 0.25 * np.arange(1, 11), 0.0054, 12.0
    n_batch, n_pixel = 40, 10_000
    simulate = partial(intensities, SPECKLES[name], t, q, phi, n_pixel)
    first, second = np.zeros((n_batch, t.size)), np.zeros((n_batch, t.size, t.size))
    for k, rng in enumerate(np.random.default_rng(2025).spawn(n_batch)):
        intensity = simulate(rng)
        first[k], second[k] = intensity.mean(axis=0), intensity.T @ intensity / n_pixel

    def ratio(mean: Vector, product: Vector) -> Vector:
        return np.asarray(product / (mean[..., :, None] * mean[..., None, :]))

    found = ratio(first.mean(axis=0), second.mean(axis=0))
    left_out = ratio(
        (first.sum(axis=0) - first) / (n_batch - 1),
        (second.sum(axis=0) - second) / (n_batch - 1),
    )
    jackknife = np.sqrt((n_batch - 1) * left_out.var(axis=0))

    defaults = {
        "D0_ref": 6e3,
        "alpha_ref": -0.2,
        "D_offset_ref": 500.0,
        "D0_sample": 9e3,
        "alpha_sample": 0.3,
        "v0": 0.0,
    }
    model = meshgrid.HeterodyneModel(**(defaults | SPECKLES[name]))
    expected = np.asarray(meshgrid.c2_meshgrid(model, t, q, phi, contrast=1.0, offset=1.0))
    deviation = np.abs(found - expected) / jackknife
    with capsys.disabled():
        span = f"c2 from {expected.min():.2f} to {expected.max():.2f}, standard errors up to {jackknife.max():.4f}"
        print(f"\n  speckles, {name}: worst deviation {deviation.max():.1f} standard errors ({span})", end="")
    assert expected.max() - expected.min() > 0.5, "the case must show a decay"
    assert jackknife.max() < 0.02
    assert deviation.max() < 5.0
