"""Derived quantities of J_r, J_s, v and x."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from heterodyne_nlsq.models import Quantities

_STEPS = 256
"""Points of the quadrature for means over age."""


def headline(when: str) -> Quantities:
    """Return J_r, J_s, v and x at an age, and their local exponents of age; for x, d x / d ln t.

    The exponent is zero for a function at its floor.
    """
    exponent = "local exponent of age, equal to alpha or beta if the law has no constant"
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
    return Quantities(labels, _at_age)


def _at_age(model: Any, age: Any) -> Any:
    """Return the functions at an age, (8,), each followed by its local exponent; x by its change with the logarithm."""
    import jax
    import jax.numpy as jnp

    at = jnp.log(age)[None]

    def both(function: Callable[[Any], Any]) -> tuple[Any, Any]:
        return jax.jvp(lambda u: function(jnp.exp(u)), (at,), (jnp.ones(1),))

    (j_r, by_r), (j_s, by_s), (v, by_v), (x, by_x) = map(both, (model.J_r, model.J_s, model.v, model.x))
    return jnp.concatenate([j_r, by_r / j_r, j_s, by_s / j_s, v, by_v / v, x, by_x])


def derived(when: str) -> Quantities:
    """Return derived quantities: means over the measurement, displacement, relaxation times at its middle."""
    labels = (
        ("mean velocity", "Å/s", "mean of v over the measurement"),
        ("displacement", "Å", "integral of v from the first frame to the last"),
        (
            "relaxation time of the reference",
            "s",
            f"1 / (q² J_r) {when}: decay of |g1|² of the reference by a factor e",
        ),
        ("relaxation time of the sample", "s", f"1 / (q² J_s) {when}: decay of |g1|² of the sample by a factor e"),
        ("mean J of the reference", "Å²/s", "mean of J_r over the measurement"),
        ("mean J of the sample", "Å²/s", "mean of J_s over the measurement"),
        ("mean fraction", "1", "mean of x over the measurement"),
    )
    return Quantities(labels, _means)


NAMES = {
    "velocity": "v",
    "displacement": "v",
    "reference": "J_r",
    "sample": "J_s",
    "fraction": "x",
}
"""Parts of the names of derived quantities that identify their function."""


def _means(model: Any, first: Any, last: Any, q: Any) -> Any:
    """Return the quantities of `derived`, (7,)."""
    import jax.numpy as jnp

    ages, middle = jnp.linspace(first, last, _STEPS), jnp.stack([(first + last) / 2])

    def mean(function: Any) -> Any:
        return jnp.mean((function[1:] + function[:-1]) / 2)

    def relaxation(transport: Any) -> Any:
        return 1 / (q**2 * jnp.maximum(transport, 1e-300))

    velocity = mean(model.v(ages))
    times = [relaxation(model.J_r(middle))[0], relaxation(model.J_s(middle))[0]]
    means = [mean(model.J_r(ages)), mean(model.J_s(ages)), mean(model.x(ages))]
    return jnp.stack([velocity, velocity * (last - first), *times, *means])
