"""From the covariance of the parameters to bands of the functions of age and to derived quantities."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from heterodyne_data import Bands, Derived
from heterodyne_data.setup.ages import band_ages, reference_age
from heterodyne_nlsq.setup import Setup
from heterodyne_physics_meshgrid import HeterodyneModel

type FloatArray = npt.NDArray[np.float64]

_STEPS = 256
"""Points over which means are taken."""


@functools.partial(jax.jit, static_argnums=0)
def _with_slopes(
    quantities: Callable[..., Array], vector: Float[Array, " n_par"], *given: ArrayLike
) -> tuple[Float[Array, " n"], Float[Array, "n n_par"]]:
    """Return quantities of a model at its full vector, and their derivatives by it."""

    def of_full(vector: Array) -> Array:
        return quantities(HeterodyneModel.from_vector(vector), *given)

    return of_full(vector), jax.jacfwd(of_full)(vector)


def _propagated(
    quantities: Callable[..., Array], setup: Setup, values: FloatArray, root: FloatArray, *given: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return what `quantities` makes of the model and of what is `given`, with standard deviations to first order.

    `root` (n_free, k) times its transpose is the covariance of the free parameters: variances that cancel keep their
    digits.
    """
    found, slopes = _with_slopes(quantities, jnp.asarray(values, float), *given)
    return np.asarray(found), np.linalg.norm(np.asarray(slopes) @ setup.free.expand @ root, axis=1)


def _functions(model: HeterodyneModel, ages: Float[Array, " n_age"]) -> Float[Array, " 4*n_age"]:
    return jnp.concatenate([model.J_r(ages), model.J_s(ages), model.v(ages), model.x(ages)])


def bands(setup: Setup, values: FloatArray, root: FloatArray) -> Bands:
    """Return J_r, J_s, v and x with standard deviations; `root` (n_free, k) is that of the covariance."""
    t, names = setup.data.t, ("J_r", "J_s", "v", "x")
    # The age of quoted results among them.
    ages = np.unique(np.append(band_ages(t), reference_age(t)))
    value, sd = (part.reshape(len(names), -1) for part in _propagated(_functions, setup, values, root, ages))
    return Bands(ages, dict(zip(names, value, strict=True)), dict(zip(names, sd, strict=True)))


def headline(setup: Setup, values: FloatArray, root: FloatArray) -> tuple[Derived, ...]:
    """Return J_r, J_s, v and x at the reference age, and how they change with the logarithm of age there.

    `root` (n_free, k) is that of the covariance. A function that is at its floor has no exponent.
    """
    age = reference_age(setup.data.t)
    when = f"at {age:.4g} s"
    exponent = "local exponent of age, as alpha or beta where the law has no constant"
    labels = (
        ("J_r", "Å²/s", f"transport coefficient of the reference {when}"),
        ("d ln J_r / d ln t", "1", f"{exponent}, {when}"),
        ("J_s", "Å²/s", f"transport coefficient of the sample {when}"),
        ("d ln J_s / d ln t", "1", f"{exponent}, {when}"),
        ("v", "Å/s", f"velocity {when}"),
        ("d ln v / d ln t", "1", f"{exponent}, {when}"),
        ("x", "1", f"field fraction of the sample {when}"),
        ("d x / d ln t", "1", f"its change with the logarithm of age {when}"),
    )
    value, sd = _propagated(_at_age, setup, values, root, age)
    return _named(labels, value, sd)


def _at_age(model: HeterodyneModel, age: Float[Array, ""]) -> Float[Array, " 8"]:
    """Return the functions at an age, each followed by its local exponent; x by its change with the logarithm."""
    at = jnp.log(age)[None]

    def both(function: Callable[[Array], Array]) -> tuple[Array, Array]:
        return jax.jvp(lambda u: function(jnp.exp(u)), (at,), (jnp.ones(1),))

    (j_r, by_r), (j_s, by_s), (v, by_v), (x, by_x) = map(both, (model.J_r, model.J_s, model.v, model.x))
    return jnp.concatenate([j_r, by_r / j_r, j_s, by_s / j_s, v, by_v / v, x, by_x])


def _named(labels: Iterable[tuple[str, str, str]], value: FloatArray, sd: FloatArray) -> tuple[Derived, ...]:
    return tuple(
        Derived(name, float(v), float(s), unit, meaning)
        for (name, unit, meaning), v, s in zip(labels, value, sd, strict=True)
        if np.isfinite(v) and np.isfinite(s)
    )


def derived(setup: Setup, values: FloatArray, root: FloatArray) -> tuple[Derived, ...]:
    """Return what people quote: means over the measurement, the displacement, relaxation times at its middle."""
    t, q = setup.data.t, setup.data.q
    middle = (t[0] + t[-1]) / 2
    when = f"at age {middle:.4g} s"
    labels = (
        ("mean velocity", "Å/s", "mean of v over the measurement"),
        ("displacement", "Å", "integral of v from the first frame to the last"),
        ("relaxation time of the reference", "s", f"1 / (q² J_r) {when}: |g1|² of the reference falls by e"),
        ("relaxation time of the sample", "s", f"1 / (q² J_s) {when}: |g1|² of the sample falls by e"),
        ("mean J of the reference", "Å²/s", "mean of J_r over the measurement"),
        ("mean J of the sample", "Å²/s", "mean of J_s over the measurement"),
        ("mean fraction", "1", "mean of x over the measurement"),
    )
    value, sd = _propagated(_means, setup, values, root, t[0], t[-1], q)
    return _named(labels, value, sd)


def _means(model: HeterodyneModel, first: Array, last: Array, q: Array) -> Float[Array, " 7"]:
    """Return what `derived` lists."""
    ages, middle = jnp.linspace(first, last, _STEPS), jnp.stack([(first + last) / 2])

    def mean(function: Array) -> Array:
        return jnp.mean((function[1:] + function[:-1]) / 2)

    def relaxation(transport: Array) -> Array:
        return 1 / (q**2 * jnp.maximum(transport, 1e-300))

    velocity = mean(model.v(ages))
    times = [relaxation(model.J_r(middle))[0], relaxation(model.J_s(middle))[0]]
    means = [mean(model.J_r(ages)), mean(model.J_s(ages)), mean(model.x(ages))]
    return jnp.stack([velocity, velocity * (last - first), *times, *means])
