"""Covariance of the least-squares score due to the speckle of one pixel, from simulated pixels of the fitted model.

c2 is an average over independent pixels, so the covariance of the score is that of one pixel over their number. With
intensities 1 + δ a pixel adds to the score of a parameter, whose derivative of c2 is W,

    Σ_{i<j} W_ij (δ_i δ_j - Γ_ij (1 + δ_i + δ_j)),    Γ_ij = c2_ij - offset,

the terms with Γ from dividing by the mean intensities of the frames. Photon noise e of frame i, variance one over the
photons, adds e_i Σ_j W_ij (δ_j - Γ_ij) and a part that is white over the pairs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_nlsq.parallel import each
from heterodyne_nlsq.uncertainty.scales import Blocks, Expected, expected_details, make_blocks
from heterodyne_physics_meshgrid import FieldLaws, Physics, field_laws, gaussian_histories
from heterodyne_physics_meshgrid.factored import padded_size

type FloatArray = npt.NDArray[np.float64]

PORTION = 256
"""Pixels simulated at once."""

PORTIONS = 6
"""How many times: 1536 pixels give a standard deviation to 1.8 %."""

GLANCE = 1
"""How many times for a first estimate, with a standard deviation to 4.4 %."""

DETAILED = 3
"""How many times for the details by scale: 2.5 %, where the number of pixels is known to 6 % at best."""

_MOST_MODES = 8
"""Maximum number of simulated modes; with more, intensities are practically Gaussian and are scaled to their
contrast."""

SLICE = 64
"""Number of pixels, or vectors over frames, of which all products are returned at once: what one step of a recursion
needs fits into the processor's own memory."""


class Request(NamedTuple):
    """The input of the simulation: the full parameter `vector` (n_par,) and the directions `expand` (n_par, n_free) in
    which it was fitted, ages `t` (n_t,) in s, `q` in 1/Å, `phi` (n_phi,) in degrees, `contrast` (n_phi,), `weight` of
    the frames (n_phi, n_t) and the nearest diagonal `n_near` that counts.
    """

    physics: Physics
    vector: FloatArray
    expand: FloatArray
    t: FloatArray
    q: float
    phi: FloatArray
    contrast: FloatArray
    weight: FloatArray
    n_near: int


class PixelScores(NamedTuple):
    """Covariances (n_local, n_local) of the score of the free parameters, contrast and offset due to one pixel of an
    azimuth: due to its speckle, and to its speckle times photon noise of unit variance.
    """

    speckle: FloatArray
    mixed: FloatArray


def _earlier(z: Array, n_near: int) -> Array:
    """Return Σ_{j ≤ i - n_near} z_j."""
    return jnp.concatenate([jnp.zeros((n_near, *z.shape[1:])), jnp.cumsum(z, axis=0)])[: z.shape[0]]


def _derivatives(product: Callable[[Array], Array], vector: Array, expand: Array) -> tuple[Array, Array]:
    """Return a product and its derivatives by the free parameters, (n_free, ...)."""
    return jax.vmap(lambda along: jax.jvp(product, (vector,), (along,)), out_axes=(None, 0))(expand.T)


@functools.partial(jax.jit, static_argnames="n_near")
def _quadratic(
    physics: Physics,
    vector: Array,
    expand: Array,
    t: Array,
    q: Array,
    phi: Array,
    contrast: Array,
    z: Float[Array, "n_t k"],
    n_near: int,
) -> Float[Array, "n_local k"]:
    """Return Σ_{i<j} W_ij z_i z_j of every pixel."""
    found = physics.quadratic_forms(vector, t, q, phi, z, n_near)
    of_offset = jnp.sum(z * _earlier(z, n_near), axis=0)
    return jnp.concatenate([contrast * expand.T @ found[1:], found[:1], of_offset[None]])


@functools.partial(jax.jit, static_argnames="n_near")
def slope_products(
    physics: Physics,
    vector: Array,
    expand: Array,
    t: Array,
    q: Array,
    phi: Array,
    contrast: Array,
    z: Float[Array, "n_t k"],
    n_near: int,
) -> Float[Array, "n_local n_t k"]:
    """Return Σ_j W_ij z_j of every frame and pixel."""
    of_model, of_parameters = _derivatives(
        lambda values: physics.pair_products(values, t, q, phi, z, n_near, later=True), vector, expand
    )
    of_offset = _earlier(z, n_near) + _earlier(z[::-1], n_near)[::-1]
    return jnp.concatenate([contrast * of_parameters, of_model[None], of_offset[None]])


def fluctuations(
    request: Request, seed: int, portions: range, azimuths: Sequence[int], size: int = PORTION
) -> list[npt.NDArray[np.float32]]:
    """Return δ (n_t, n_pixel) of portions, of `size` pixels each, of the pixels of some azimuths; the histories behind
    them are the same."""
    if not azimuths:
        return []
    model = request.physics.model(*request.vector.tolist())
    laws = [field_laws(model, request.t, request.q, float(request.phi[a])) for a in azimuths]
    found = [np.empty((request.t.size, size * len(portions)), np.float32) for _ in laws]

    def fill(portion: int) -> None:
        fields = _fields(laws[0], request, [seed, portion], size)
        there = slice((portion - portions.start) * size, (portion - portions.start + 1) * size)
        for a, law, one in zip(azimuths, laws, found, strict=True):
            one[:, there] = _fluctuation(fields, law, float(request.contrast[a]))

    each(fill, portions)
    return found


def blocks_of(request: Request, a: int, fitted: npt.NDArray[np.floating], offset: float) -> list[Blocks]:
    """Return the blocks of azimuth number `a` whose details are expected, Γ being `fitted` (n_t, n_t) less `offset`."""
    return make_blocks(fitted, offset, np.flatnonzero(request.weight[a] > 0), request.n_near)


def pixel_details(
    request: Request, a: int, fluctuation: npt.NDArray[np.float32], blocks: list[Blocks]
) -> list[Expected]:
    """Return the details of a pixel of azimuth number `a` in its blocks, all and those of every age."""
    used = request.weight[a] > 0
    # In single precision: the pixels give it to 2.5 %.
    found = [expected_details(fluctuation[used, k : k + PORTION], blocks) for k in _portions(fluctuation)]
    return [Expected(*of_age) for of_age in np.mean(found, axis=0)]


def pixel_scores(request: Request, a: int, fluctuation: npt.NDArray[np.float32]) -> PixelScores:
    """Return the contribution of a pixel of azimuth number `a` to the score."""
    linear, mixed = _one_photon(request, a, fluctuation[:, :PORTION].astype(np.float64))
    scores = []
    for k in _portions(fluctuation):
        delta = fluctuation[:, k : k + PORTION].astype(np.float64)
        scores.append(quadratic_forms(request, a, delta) - linear @ delta)
    return PixelScores(np.cov(np.concatenate(scores, axis=1)), mixed)


def quadratic_forms(request: Request, a: int, z: FloatArray) -> FloatArray:
    """Return Σ_{i<j} W_ij z_i z_j of vectors z (n_t, k) over frames times their weights, (n_local, k)."""
    return _in_slices(_quadratic, request, a, z, PORTION)


def products(request: Request, a: int, z: FloatArray) -> FloatArray:
    """Return Σ_j W_ij z_j of vectors z (n_t, k) over frames times their weights, (n_local, n_t, k)."""
    return _in_slices(slope_products, request, a, z, SLICE)[:, : request.t.size]


def _in_slices(function: Callable[..., Array], request: Request, a: int, z: FloatArray, width: int) -> FloatArray:
    """Return the values of a compiled function of vectors, in slices of equal width, so that it is compiled once."""
    found = []
    for k in range(0, z.shape[1], width):
        part = z[:, k : k + width]
        padded = part if part.shape[1] == width else np.pad(part, ((0, 0), (0, width - part.shape[1])))
        found.append(_padded(function, request, a, padded)[..., : part.shape[1]])
    return found[0] if len(found) == 1 else np.concatenate(found, axis=-1)


def some_portions(fluctuation: npt.NDArray[np.float32], portions: int) -> npt.NDArray[np.float32]:
    """Return the first portions of pixels."""
    return fluctuation[:, : PORTION * portions]


def _portions(fluctuation: npt.NDArray[np.float32]) -> range:
    return range(0, fluctuation.shape[1], PORTION)


def padded_ages(t: FloatArray) -> FloatArray:
    """Return the ages of the frames with further ones, up to one of a few sizes."""
    n_t = t.size
    return np.append(t, t[-1] + (t[-1] - t[-2]) * np.arange(1, padded_size(n_t) - n_t + 1))


def _padded(function: Callable[..., Array], request: Request, a: int, fluctuation: FloatArray) -> FloatArray:
    """Return the value of a compiled function of weighted fluctuations; frames are padded to a few sizes."""
    t = padded_ages(request.t)
    z = np.pad(request.weight[a][:, None] * fluctuation, ((0, t.size - request.t.size), (0, 0)))
    parts = (request.vector, request.expand, t, request.q, request.phi[a], request.contrast[a], z)
    arrays = (jnp.asarray(part, float) for part in parts)
    return np.asarray(function(request.physics, *arrays, n_near=request.n_near))


def _one_photon(request: Request, a: int, fluctuation: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return Σ_j W_ij Γ_ij (n_local, n_t), and the covariance of the score from photon noise of unit variance."""
    n_t, n_pixel = fluctuation.shape
    n_local = request.expand.shape[1] + 2
    linear, lit, light, squares = (np.zeros(size) for size in ((n_local, n_t), (n_local, n_t), n_t, (n_local, n_local)))
    for k in range(0, n_pixel, SLICE):
        delta = fluctuation[:, k : k + SLICE]
        response = request.weight[a][:, None] * _padded(slope_products, request, a, delta)[:, :n_t]
        variance = np.maximum(1 + delta, 0.0)
        linear += np.sum(delta * response, axis=-1)
        light += np.sum(variance, axis=-1)
        seen = variance * response
        lit += np.sum(seen, axis=-1)
        squares += seen.reshape(len(seen), -1) @ response.reshape(len(seen), -1).T
    linear /= n_pixel
    # Photon noise multiplies the response minus the linear term; with the square expanded, responses are needed only
    # once.
    cross = linear @ lit.T
    return linear, (squares - cross - cross.T + (linear * light) @ linear.T) / n_pixel


def _fields(law: FieldLaws, request: Request, seed: list[int], size: int) -> tuple[npt.NDArray[np.complex64], ...]:
    """Return histories (n_mode, n_t, n_pixel) of the components; they are the same for all azimuths."""
    n_modes = int(np.clip(np.round(1 / max(float(np.mean(request.contrast)), 1e-3)), 1, _MOST_MODES))
    rng = np.random.default_rng(seed)
    return tuple(gaussian_histories(keep, (n_modes, size), rng) for keep in law.keep)


def _fluctuation(
    fields: tuple[npt.NDArray[np.complex64], ...], law: FieldLaws, contrast: float
) -> npt.NDArray[np.float32]:
    """Return δ (n_t, n_pixel) of pixels with the given contrast."""
    parts = [a.astype(np.complex64)[:, None] * one for a, one in zip(law.amplitude, fields, strict=True)]
    field = functools.reduce(np.add, parts)
    intensity = np.mean(field.real**2 + field.imag**2, axis=0)
    return np.asarray((intensity - 1) * np.float32(np.sqrt(max(contrast, 0.0) * len(fields[0]))), np.float32)
