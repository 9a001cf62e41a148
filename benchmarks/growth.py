"""How time and memory of a fit grow: with the frames, with the azimuths, and with the files of a batch.

``python growth.py [frames | angles | files] [MOST]``. Nothing is given: starting values are searched, noise, evidence
and uncertainties are those of every fit. Warm: the second fit of a process of its own. Exponents are those between a
row and the one above. ``python growth.py guard`` compares the smaller sizes with growth.json, in units of a reference
computation of the same run, and fails where one takes more than 1.5 times as long; ``python growth.py guard store``
writes that file.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from joint_fit import measurement
from memory import peak_bytes
from table import megabytes, number, print_table, seconds

FRAMES, ANGLES, FILES = (250, 500, 1000, 2000, 4000, 8000), (1, 2, 4, 8, 16, 32, 64), (1, 5, 20, 200)
OF_FRAMES, OF_ANGLES, OF_FILES = 3, 500, (3, 200)
"""Azimuths where the frames grow, frames where the azimuths do, azimuths and frames of a file."""

GUARDED = ((3, 250), (3, 1000), (8, 500))
STORED, SLOWER = Path(__file__).with_suffix(".json"), 1.5


def fit(n_phi: int, n_t: int) -> dict[str, float]:
    """Fit twice in this process and return the time of the second, its stages, and the peak of the memory."""
    from heterodyne_nlsq import fit_nlsq_jax, keep_compiled_functions

    keep_compiled_functions()
    data = measurement(n_phi, n_t, np.float32)
    fit_nlsq_jax(data)
    begin = time.perf_counter()
    result = fit_nlsq_jax(data)
    spent = time.perf_counter() - begin
    return {"warm": spent, "peak": peak_bytes(), "data": data.c2.nbytes, **result.timings}


def batch(count: int, cores: int) -> dict[str, float]:
    """Return the time in which a command fits so many files."""
    from heterodyne_data import save_data

    with tempfile.TemporaryDirectory() as folder:
        for k in range(count):
            # Files with the same data are fitted once.
            save_data(Path(folder) / f"{k:03}.h5", measurement(*OF_FILES, np.float32, k), "aps-u")
        command = [
            sys.executable,
            "-m",
            "heterodyne_cli.command",
            "batch",
            *sorted(map(str, Path(folder).glob("*.h5"))),
        ]
        command += ["--output", f"{folder}/results", "--quiet", "--workers", str(cores)]
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        spent = time.perf_counter() - begin
        fitted = len(list(Path(folder).glob("results/*/nlsq_result.json")))
        if fitted != count:
            raise RuntimeError(f"{fitted} of {count} files were fitted")
        return {"warm": spent}


def reference() -> float:
    """Return the time of a computation that stands for the speed of this machine."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(600, 600)), rng.normal(size=2_000_000)
    spent = []
    for _ in range(5):
        begin = time.perf_counter()
        for _ in range(5):
            np.exp(b).sum()
            a @ a
        spent.append(time.perf_counter() - begin)
    return float(np.median(spent))


def apart(*arguments: object) -> dict[str, float]:
    """Return what a process of its own measures."""
    output = subprocess.run(
        [sys.executable, __file__, *map(str, arguments)], check=True, capture_output=True, text=True, env=os.environ
    ).stdout
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def growth(sizes: list[int], found: list[dict[str, float]], key: str) -> list[str]:
    """Return the exponents of a quantity between every size and the one before."""
    rows = ["-"]
    for k in range(1, len(sizes)):
        ratio = math.log(max(found[k][key], 1e-9) / max(found[k - 1][key], 1e-9))
        rows.append(number(ratio / math.log(sizes[k] / sizes[k - 1]), 2))
    return rows


def table_of(title: str, what: str, sizes: list[int], found: list[dict[str, float]]) -> None:
    stages = ("start", "fit", "uncertainty")
    columns = zip(sizes, found, growth(sizes, found, "warm"), growth(sizes, found, "peak"), strict=True)
    rows = [
        [
            str(size),
            seconds(one["warm"]),
            power,
            *(seconds(one[stage]) for stage in stages),
            megabytes(one["data"]),
            megabytes(one["peak"]),
            memory,
        ]
        for size, one, power, memory in columns
    ]
    header = [what, "warm", "exponent", *stages, "data/MB", "peak/MB", "exponent"]
    print_table(title, header, rows)


def guard(store: bool) -> int:
    """Compare with what is stored; return 1 if a size takes longer."""
    unit = reference()
    found = {f"{n_phi} × {n_t}": apart("fit", n_phi, n_t)["warm"] / unit for n_phi, n_t in GUARDED}
    if store:
        STORED.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return 0
    known: dict[str, float] = json.loads(STORED.read_text(encoding="utf-8"))
    rows = [
        [
            size,
            number(found[size]),
            number(known[size]),
            number(found[size] / known[size]),
            "slower" * (found[size] > SLOWER * known[size]),
        ]
        for size in known
    ]
    print_table(f"Warm fits in units of {seconds(unit)}", ["angles × frames", "now", "stored", "ratio", ""], rows)
    return int(any(row[-1] for row in rows))


def main(kinds: tuple[str, ...] = ("frames", "angles", "files"), most: int = 10**9) -> None:
    """Print the tables."""
    if "frames" in kinds:
        sizes = [n for n in FRAMES if n <= most]
        table_of(f"{OF_FRAMES} azimuths", "frames", sizes, [apart("fit", OF_FRAMES, n) for n in sizes])
    if "angles" in kinds:
        sizes = [n for n in ANGLES if n <= most]
        table_of(f"{OF_ANGLES} frames", "azimuths", sizes, [apart("fit", n, OF_ANGLES) for n in sizes])
    if "files" in kinds:
        sizes, rows = [n for n in FILES if n <= most], []
        times: dict[int, list[Any]] = {cores: [batch(n, cores)["warm"] for n in sizes] for cores in (1, 2)}
        for k, n in enumerate(sizes):
            rows.append([str(n), *(seconds(times[cores][k]) for cores in (1, 2)), number(times[1][k] / times[2][k], 2)])
        title = f"Files of {OF_FILES[0]} × {OF_FILES[1]} frames by one command"
        print_table(title, ["files", "one core", "two cores", "ratio"], rows)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["fit", n_phi, n_t]:
            print(json.dumps(fit(int(n_phi), int(n_t))))
        case ["guard", *rest]:
            sys.exit(guard(rest == ["store"]))
        case [kind, most]:
            main((kind,), int(most))
        case [kind]:
            main((kind,))
        case _:
            main()
