"""Memory of c2 on the grid as the frames increase, and of c2 at pairs as the pairs increase, one process each.

Two measurements: what XLA states for the compiled function (scratch and result), and the peak of the resident memory
of a fresh process above what it had after a first small evaluation (its arguments are in it).
"""

import json
import resource
import subprocess
import sys
from typing import Any

from table import megabytes, print_table

FRAMES = (250, 500, 1000, 2000, 4000)
PAIRS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
FRAMES_OF_PAIRS = 1000


def peak_bytes() -> int:
    """Return the largest resident memory of this process so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(backend: str, n_t: int, n_pair: int) -> dict[str, int]:
    """Evaluate c2 once in this process and return the memory that it took."""
    # JAX is imported here only: the parent stays small, and a child's peak starts from its parent's.
    import jax
    import numpy as np

    jax.config.update("jax_enable_x64", True)

    def compiled_for(n_t: int, n_pair: int) -> tuple[Any, tuple[Any, ...]]:
        t = 0.05 * np.arange(1, n_t + 1)
        if backend == "meshgrid":
            import heterodyne_physics_meshgrid as physics

            arguments = (physics.HeterodyneModel(), t)
            function = jax.jit(lambda model, t: physics.c2_meshgrid(model, t, 0.0054, 12.0, 0.3, 1.0))
        else:
            import heterodyne_physics_elementwise as physics

            rng = np.random.default_rng(0)
            i, j = (rng.integers(0, n_t, n_pair, dtype=np.int32) for _ in range(2))
            arguments = (physics.HeterodyneModel(), physics.precompute_shard_grid(t, 0.0054), i, j)
            function = jax.jit(lambda model, grid, i, j: physics.c2_pairs(model, grid, i, j, 12.0, 0.3, 1.0))
        return function.lower(*arguments).compile(), arguments

    compiled, arguments = compiled_for(16, 16)
    compiled(*arguments).block_until_ready()
    before = peak_bytes()
    compiled, arguments = compiled_for(n_t, n_pair)
    compiled(*arguments).block_until_ready()
    analysis = compiled.memory_analysis()
    return {
        "scratch": analysis.temp_size_in_bytes,
        "result": analysis.output_size_in_bytes,
        "arguments": analysis.argument_size_in_bytes,
        "resident": peak_bytes() - before,
    }


def measure_apart(backend: str, n_t: int, n_pair: int = 0) -> list[str]:
    """Return the cells of one measurement, made in a process of its own."""
    command = [sys.executable, __file__, backend, str(n_t), str(n_pair)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = json.loads(output)
    return [megabytes(found[name]) for name in ("arguments", "scratch", "result", "resident")]


def main() -> None:
    columns = ["arguments/MB", "scratch/MB", "result/MB", "peak resident/MB"]
    print_table(
        "c2_meshgrid, one azimuth",
        ["frames", "one N×N array/MB", *columns],
        [[str(n), megabytes(8 * n**2), *measure_apart("meshgrid", n)] for n in FRAMES],
    )
    rows = [[str(FRAMES_OF_PAIRS), str(n), *measure_apart("elementwise", FRAMES_OF_PAIRS, n)] for n in PAIRS]
    rows.append(["4000", "1000", *measure_apart("elementwise", 4000, 1000)])
    print_table("c2_pairs", ["frames", "pairs", *columns], rows)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
    else:
        main()
