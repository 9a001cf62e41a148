"""The Jacobian of c2_meshgrid with respect to the 14 parameters: forward mode, reverse mode, finite differences.

There are 14 columns and N² rows. Forward mode needs one pass for each column, reverse mode (`jax.jacrev`) one pullback
for each row. Reverse mode is done here in chunks of rows, since all pullbacks at once take N⁴ numbers; where not all
rows are done, the time is that of the rows done, scaled to N², and the table says so.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from table import number, print_table, seconds

from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid

Q, PHI, CONTRAST, OFFSET, DT = 0.0054, 12.0, 0.3, 1.0, 0.05
POINT = {"D0_ref": 3e3, "alpha_ref": -0.3, "D_offset_ref": 400.0, "D0_sample": 9e3, "alpha_sample": 0.4}
POINT |= {"D_offset_sample": -200.0, "v0": 600.0, "beta": 0.3, "v_offset": -20.0}
POINT |= {"f0": 0.4, "f1": -0.1, "f2": 0.5, "f3": 0.15, "phi0": 3.0}
"""Every term alive, no floor and no clip active."""

ROWS = {100: 10_000, 200: 8_000, 500: 2_000}
"""Number of frames, and the rows of the Jacobian that reverse mode is timed on."""
CHUNK = {100: 50, 200: 25, 500: 5}


def correlation(point: Array, t: Array) -> Array:
    """Return c2 of all pairs, flat, (N²,)."""
    return c2_meshgrid(HeterodyneModel.from_vector(point), t, Q, PHI, CONTRAST, OFFSET).ravel()


value = jax.jit(correlation)
forward = jax.jit(jax.jacfwd(correlation))


def reverse_in_chunks(chunk: int) -> Callable[[Array, Array, Array], Array]:
    """Return a function that gives some rows of the Jacobian by one pullback each, `chunk` of them at a time."""

    @jax.jit
    def rows(point: Array, t: Array, chosen: Array) -> Array:
        c2, pullback = jax.vjp(lambda p: correlation(p, t), point)
        return jax.lax.map(lambda k: pullback(jnp.zeros_like(c2).at[k].set(1.0))[0], chosen, batch_size=chunk)

    return rows


def cost(point: Array, t: Array, target: Array) -> Array:
    """Return half the sum of squares, for which reverse mode needs one pullback only."""
    return 0.5 * jnp.sum((correlation(point, t) - target) ** 2)


gradient_of_cost = jax.jit(jax.grad(cost))


@dataclass(frozen=True)
class Durations:
    """Median and shortest duration in s; the shortest is the one that other work on the machine disturbs least."""

    median: float
    shortest: float

    def __str__(self) -> str:
        return f"{seconds(self.median)} ({seconds(self.shortest)})"

    def times(self, factor: float) -> "Durations":
        return Durations(factor * self.median, factor * self.shortest)


def durations(call: Callable[[], Array], repeats: int) -> Durations:
    """Time some calls; the first one, which compiles, does not count."""
    jax.block_until_ready(call())
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(call())
        found.append(time.perf_counter() - start)
    return Durations(statistics.median(found), min(found))


def differences(point: np.ndarray, t: np.ndarray, points: int) -> np.ndarray:
    """Return the Jacobian by central differences of 2 or 5 points, with the step that suits 2 or 5 points."""
    eps = np.finfo(float).eps
    steps = eps ** (1 / 3 if points == 2 else 1 / 5) * np.maximum(np.abs(point), 0.1)
    columns = []
    for k, step in enumerate(steps):
        at = {m: np.asarray(value(point + m * step * np.eye(point.size)[k], t)) for m in (-2, -1, 1, 2)}
        two, wide = (at[1] - at[-1]) / (2 * step), (at[2] - at[-2]) / (4 * step)
        columns.append(two if points == 2 else (4 * two - wide) / 3)
    return np.stack(columns, axis=1)


def worst(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference of any column, in units of the largest entry of that column."""
    return float(np.max(np.abs(found - expected).max(axis=0) / np.abs(expected).max(axis=0)))


def main() -> None:
    jax.config.update("jax_enable_x64", True)
    point = np.array([POINT[name] for name in HeterodyneModel.names])
    accuracy, timing = [], []
    for n_t, n_rows in ROWS.items():
        t = DT * np.arange(1, n_t + 1)
        jacobian = np.asarray(forward(point, t))
        chosen = np.linspace(0, n_t**2 - 1, n_rows).round().astype(np.int32)
        rows = reverse_in_chunks(CHUNK[n_t])
        by_rows = worst(np.asarray(rows(point, t, chosen)), jacobian[chosen])
        two, five = (worst(differences(point, t, points), jacobian) for points in (2, 5))
        accuracy.append([str(n_t), number(two), number(five), number(by_rows)])

        target = value(1.1 * point, t)
        evaluation = durations(lambda t=t: value(point, t), 50)
        by_columns = durations(lambda t=t: forward(point, t), 50)
        reverse = durations(lambda t=t, r=rows, c=chosen: r(point, t, c), 5).times(n_t**2 / n_rows)
        gradient = durations(lambda t=t, c=target: gradient_of_cost(point, t, c), 50)
        done = "all" if n_rows == n_t**2 else f"{n_rows} of {n_t**2}, scaled"
        ratio = f"{reverse.median / by_columns.median:.0f} ({reverse.shortest / by_columns.shortest:.0f})"
        timing.append([str(n_t), str(evaluation), str(by_columns), str(reverse), done, ratio, str(gradient)])
    print_table(
        "Accuracy of the forward-mode Jacobian",
        ["frames", "2-point differences", "5-point differences", "reverse mode"],
        accuracy,
        ["Largest difference from forward mode in any column, in units of that column's largest entry."],
    )
    print_table(
        "Time of the Jacobian",
        [
            "frames",
            "c2 alone",
            "forward, 14 columns",
            "reverse, N² rows",
            "rows timed",
            "reverse/forward",
            "gradient of a sum",
        ],
        timing,
        [
            "Medians, in parentheses the shortest; compilation excluded. The last column is reverse mode of the summed "
            "squares, which takes one pullback."
        ],
    )


if __name__ == "__main__":
    main()
