"""One evaluation of what a least-squares step needs, from factored sums: time against a dense Jacobian, growth, memory,
batches of parameter vectors, and maps stored in float32.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from memory import peak_bytes
from table import megabytes, number, print_table, seconds

Q, PHI = 0.0054, 10.0
VECTOR = np.array([900, 0.25, 180, 5200, -0.1, -900, 470, -0.43, -20, 0.16, -0.05, 0.9, 0.52, -2.1])
REPEATS = 9
GROWTH = (250, 500, 1000, 2000, 4000, 8000)
DENSE_UP_TO = 2000
BATCH, BATCH_FRAMES = 64, (128, 300, 1000)


def timed(function: Callable[[], object]) -> tuple[float, float]:
    """Return the time of the first call (with compilation) and the median of the following, in s."""
    import jax

    spent = []
    for _ in range(REPEATS + 1):
        begin = time.perf_counter()
        jax.block_until_ready(function())
        spent.append(time.perf_counter() - begin)
    return spent[0], float(np.median(spent[1:]))


def maps_of(n_t: int, dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Return ages and one map of noise."""
    rng = np.random.default_rng(n_t)
    c2 = np.empty((1, n_t, n_t), dtype)
    for row in c2[0]:
        row[:] = 1 + 0.2 * rng.random(n_t)
    return 40.0 / n_t * np.arange(1, n_t + 1), c2


def measure(n_t: int, dtype: type) -> dict[str, float]:
    """Return times and memory of one angle, in this process."""
    import jax
    import jax.numpy as jnp

    from heterodyne_physics_meshgrid import HeterodyneModel, bracket
    from heterodyne_physics_meshgrid.factored import halve_maps, inner_products

    jax.config.update("jax_enable_x64", True)
    sums = jax.jit(inner_products)
    arguments = (jnp.asarray(VECTOR), jnp.asarray(Q), jnp.array([PHI]))
    t, c2 = maps_of(64, dtype)
    jax.block_until_ready(sums(*arguments, halve_maps(c2, t, np.ones((1, 64)))))
    t, c2 = maps_of(n_t, dtype)
    begin = time.perf_counter()
    maps = halve_maps(c2, t, np.ones((1, n_t)))
    found = {"prepare": time.perf_counter() - begin}
    # What the preparation took for a while is not what the evaluation takes.
    before = peak_bytes()
    found["first"], found["factored"] = timed(lambda: sums(*arguments, maps))
    found["resident"] = peak_bytes() - before
    found["scratch"] = sums.lower(*arguments, maps).compile().memory_analysis().temp_size_in_bytes
    found["stored"] = sum(leaf.nbytes for leaf in jax.tree.leaves(maps))
    if n_t <= DENSE_UP_TO and dtype is np.float64:
        model = jax.jit(jax.jacfwd(lambda vector, t: bracket(HeterodyneModel.from_vector(vector), t, Q, PHI)))
        ages = jnp.asarray(t)
        _, found["dense"] = timed(lambda: model(arguments[0], ages))
    return found


def measure_batch(n_t: int) -> dict[str, float]:
    """Return the times of 64 vectors together by vmap, and of one."""
    import jax
    import jax.numpy as jnp

    from heterodyne_physics_meshgrid.factored import halve_maps, inner_products

    jax.config.update("jax_enable_x64", True)
    t, c2 = maps_of(n_t, np.float64)
    maps = halve_maps(c2, t, np.ones((1, n_t)))
    vectors = jnp.asarray(VECTOR * (1 + 0.05 * np.random.default_rng(0).standard_normal((BATCH, VECTOR.size))))
    q, phi = jnp.asarray(Q), jnp.array([PHI])
    together = jax.jit(jax.vmap(inner_products, (0, None, None, None)))
    in_turn = jax.jit(lambda vectors, *rest: jax.lax.map(lambda vector: inner_products(vector, *rest), vectors))
    alone = jax.jit(inner_products)
    first, batch = timed(lambda: together(vectors, q, phi, maps))
    _, one_by_one = timed(lambda: in_turn(vectors, q, phi, maps))
    _, one = timed(lambda: alone(vectors[0], q, phi, maps))
    return {"first": first, "batch": batch, "in turn": one_by_one, "one": one}


def apart(*arguments: object) -> dict[str, float]:
    """Return what a process of its own measures."""
    command = [sys.executable, __file__, *map(str, arguments)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def main() -> None:
    """Print the tables."""
    rows = []
    for n_t in GROWTH:
        for dtype in ("float64", "float32"):
            f = apart("sums", n_t, dtype)
            dense = [seconds(f["dense"]), number(f["dense"] / f["factored"])] if "dense" in f else ["-", "-"]
            memory = [megabytes(f[name]) for name in ("stored", "scratch", "resident")]
            times = [seconds(f[name]) for name in ("prepare", "first", "factored")]
            rows.append([str(n_t), dtype, *times, *dense, *memory])
    header = ["frames", "maps in", "preparation", "first call", "evaluation", "dense Jacobian", "ratio"]
    print_table(
        "Sums of one evaluation, one angle, 14 parameters",
        [*header, "stored/MB", "scratch/MB", "resident/MB"],
        rows,
        [
            "Evaluation: all inner products of model, 14 derivatives, data and 1. Dense: forward-mode Jacobian of it. "
            "Stored: the maps as prepared. Scratch: stated by the compiler; resident: growth of the process's peak "
            "over what it was with the prepared maps, compilation included. Each row in a process of its own."
        ],
    )
    rows = []
    for n_t in BATCH_FRAMES:
        f = apart("batch", n_t)
        times = [f["first"], f["batch"], f["batch"] / BATCH, f["in turn"] / BATCH, f["one"]]
        rows.append([str(n_t), *map(seconds, times)])
    print_table(
        f"{BATCH} parameter vectors, one angle",
        ["frames", "first call", "together (vmap)", "per vector", "per vector, in turn (map)", "one alone"],
        rows,
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["sums", n_t, dtype]:
            print(json.dumps(measure(int(n_t), getattr(np, dtype))))
        case ["batch", n_t]:
            print(json.dumps(measure_batch(int(n_t))))
        case _:
            main()
