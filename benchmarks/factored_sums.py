"""One evaluation of the fit from factored sums against one dense forward-mode Jacobian of the same maps."""

from __future__ import annotations

import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from table import number, print_table, seconds

from heterodyne_physics_meshgrid import HeterodyneModel, bracket
from heterodyne_physics_meshgrid.factored import halve_maps, inner_products

Q, PHI = 0.0054, 10.0
VECTOR = np.array([900, 0.25, 180, 5200, -0.1, -900, 470, -0.43, -20, 0.16, -0.05, 0.9, 0.52, -2.1])
REPEATS = 7


def timed(function: Callable[[], object]) -> tuple[float, float]:
    """Return the time of the first call (with compilation) and the median of the following, in s."""
    begin = time.perf_counter()
    jax.block_until_ready(function())
    first = time.perf_counter() - begin
    spent = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        jax.block_until_ready(function())
        spent.append(time.perf_counter() - begin)
    return first, float(np.median(spent))


def main() -> None:
    """Print the table."""
    jax.config.update("jax_enable_x64", True)
    sums = jax.jit(inner_products)
    rows = []
    for n_t in (250, 500, 1000, 2000, 4000):
        t = 40.0 / n_t * np.arange(1, n_t + 1)
        c2 = np.float32(1 + 0.2 * np.random.default_rng(n_t).random((n_t, n_t)))
        maps = halve_maps(((c2 + c2.T) / 2)[None], t, np.ones((1, n_t)))
        # Data are arguments: a constant inside a compiled function would be folded at compilation.
        arguments = (jnp.asarray(VECTOR), jnp.asarray(Q), jnp.array([PHI]), maps)
        first, factored = timed(lambda arguments=arguments: sums(*arguments))
        row = [str(n_t), seconds(first), seconds(factored)]
        if n_t <= 2000:

            def model(vector: jax.Array, t: jax.Array) -> jax.Array:
                return bracket(HeterodyneModel.from_vector(vector), t, Q, PHI)

            jacobian = jax.jit(jax.jacfwd(model))
            ages = jnp.asarray(t)
            _, dense = timed(lambda jacobian=jacobian, ages=ages: jacobian(jnp.asarray(VECTOR), ages))
            row += [seconds(dense), number(dense / factored)]
        rows.append([*row, *["-"] * (5 - len(row))])
    header = ["frames", "first call", "factored sums", "dense Jacobian", "ratio"]
    print_table("Sums of one evaluation (one angle, 14 parameters) against a dense Jacobian", header, rows)


if __name__ == "__main__":
    main()
