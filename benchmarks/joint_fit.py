"""Joint fits from starting values 10 % off: time in a fresh process, with and without compiled functions kept, and
warm; memory; large measurements; maps stored in float32.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import numpy as np
from memory import peak_bytes
from table import megabytes, number, print_table, seconds

if TYPE_CHECKING:
    from heterodyne_data import TwoTimeData

Q, WINDOW, CONTRAST, OFFSET, NOISE = 0.0054, 40.0, 0.2, 1.0, 0.01
TRUTH = np.array([900, 0.25, 180, 5200, -0.1, -900, 470, -0.43, -20, 0.16, -0.05, 0.9, 0.52, -2.1])


def measurement(n_phi: int, n_t: int, dtype: type, number: int = 0) -> TwoTimeData:
    """Return maps of the model with white noise, made one angle at a time; each `number` has its own."""
    import jax

    from heterodyne_data import TwoTimeData
    from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid

    rng = np.random.default_rng([n_t, number] if number else n_t)
    t, phi = WINDOW / n_t * np.arange(1, n_t + 1), np.linspace(0, 90, n_phi)
    c2 = np.empty((n_phi, n_t, n_t), dtype)
    with jax.enable_x64(True):
        for angle, out in zip(phi, c2, strict=True):
            out[:] = c2_meshgrid(HeterodyneModel.from_vector(TRUTH), t, Q, angle, CONTRAST, OFFSET)
            for row in range(n_t - 1):
                out[row, row + 1 :] += NOISE * rng.standard_normal(n_t - row - 1)
                out[row + 1 :, row] = out[row, row + 1 :]
    return TwoTimeData(c2=c2, q=Q, phi=phi, t=t)


def start() -> dict[str, object]:
    """Return a configuration with starting values 10 % off, up or down."""
    from heterodyne_spec import load_model

    off = TRUTH * (1 + 0.1 * np.random.default_rng(5).choice([-1, 1], TRUTH.size))
    values = {name: {"value": float(value)} for name, value in zip(load_model().names, off, strict=True)}
    return {"model": {"parameters": values}, "nlsq": {"start": "values"}}


def fits(n_phi: int, n_t: int, kept: bool) -> dict[str, float]:
    """Fit twice in this process."""
    begin = time.perf_counter()
    from heterodyne_nlsq import fit_nlsq_jax, keep_compiled_functions

    if kept:
        keep_compiled_functions()
    imported = time.perf_counter() - begin
    data = measurement(n_phi, n_t, np.float32)
    config, before = start(), peak_bytes()
    spent = []
    for _ in range(2):
        begin = time.perf_counter()
        result = fit_nlsq_jax(data, config)
        spent.append(time.perf_counter() - begin)
    assert result.success, result.message
    return {
        "first": imported + spent[0],
        "warm": spent[1],
        "descent": result.timings["fit"],
        "evaluations": result.n_evaluations,
        "chi2": result.reduced_chi2,
        "data": data.c2.nbytes,
        "beyond": peak_bytes() - before,
        "peak": peak_bytes(),
    }


def dense_jacobian(n_phi: int, n_t: int) -> dict[str, float]:
    """Return the time of one dense forward-mode Jacobian of all maps."""
    import jax
    import jax.numpy as jnp

    from heterodyne_physics_meshgrid import HeterodyneModel, bracket

    jax.config.update("jax_enable_x64", True)
    t, phi = jnp.asarray(WINDOW / n_t * np.arange(1, n_t + 1)), np.linspace(0, 90, n_phi)
    jacobian = jax.jit(jax.jacfwd(lambda vector, angle: bracket(HeterodyneModel.from_vector(vector), t, Q, angle)))

    def of_all_angles() -> None:
        for angle in phi:
            jacobian(jnp.asarray(TRUTH), angle).block_until_ready()

    of_all_angles()
    spent = []
    for _ in range(5):
        begin = time.perf_counter()
        of_all_angles()
        spent.append(time.perf_counter() - begin)
    return {"dense": float(np.median(spent))}


def storage(n_phi: int, n_t: int) -> dict[str, float]:
    """Return how far the parameters move, in standard deviations, when the maps are rounded to float32."""
    from dataclasses import replace

    from heterodyne_nlsq import fit_nlsq_jax

    data = measurement(n_phi, n_t, np.float64)
    wide = fit_nlsq_jax(data, start())
    narrow = fit_nlsq_jax(replace(data, c2=np.asarray(data.c2, np.float32)), start())
    names = wide.identifiability.determined
    sd = {row.name: row.sd for row in wide.table}
    moved = [abs(wide.parameters[n] - narrow.parameters[n]) / sd[n] for n in names]
    return {"moved": max(moved), "compared": len(names)}


def apart(*arguments: object, cache: str | None = None) -> dict[str, float]:
    """Return what a process of its own measures."""
    environment = os.environ | ({"XDG_CACHE_HOME": cache} if cache else {})
    command = [sys.executable, __file__, *map(str, arguments)]
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    found: dict[str, float] = json.loads(output)
    return found


def main() -> None:
    """Print the tables."""
    rows = []
    for n_phi, n_t in ((3, 1000), (23, 1000), (3, 8000)):
        with tempfile.TemporaryDirectory() as cache:
            cold, kept = (apart("fits", n_phi, n_t, "kept", cache=cache) for _ in range(2))
        dense = apart("dense", n_phi, n_t)["dense"] if n_t <= 2000 else None
        rows.append(
            [
                f"{n_phi} × {n_t}",
                *map(seconds, (cold["first"], kept["first"], kept["warm"], kept["descent"])),
                str(int(kept["evaluations"])),
                number(kept["chi2"], 4),
                "-" if dense is None else seconds(dense),
                "-" if dense is None else number(dense / kept["descent"]),
                *map(megabytes, (kept["data"], kept["beyond"], kept["peak"])),
            ]
        )
    header = ["angles × frames", "nothing kept", "compiled kept", "warm", "its descent", "evaluations", "reduced χ²"]
    print_table(
        "Joint fit from starting values 10 % off",
        [*header, "dense Jacobian", "Jacobian/descent", "data/MB", "beyond/MB", "peak/MB"],
        rows,
        [
            "Times of fit_nlsq_jax: in a fresh process with imports, nothing compiled before; the same with the "
            "compiled functions of the run before; the second fit in a process, and of that the descent (the "
            "rest is reading, noise and uncertainties). All 14 parameters and contrast and "
            "offset of every angle are free; white noise of 0.01. Peak: resident memory of the process."
        ],
    )
    moved = apart("storage", 3, 500)
    print(
        f"Maps rounded to float32 (3 × 500): the {int(moved['compared'])} determined parameters move by at most "
        f"{number(moved['moved'])} standard deviations.\n"
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["fits", n_phi, n_t, kept]:
            print(json.dumps(fits(int(n_phi), int(n_t), kept == "kept")))
        case ["dense", n_phi, n_t]:
            print(json.dumps(dense_jacobian(int(n_phi), int(n_t))))
        case ["storage", n_phi, n_t]:
            print(json.dumps(storage(int(n_phi), int(n_t))))
        case _:
            main()
