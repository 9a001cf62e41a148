"""How much evidence whole fits find for features that are not there: the numbers of `heterodyne_nlsq.evidence.chance`.

``python null_distribution.py [COUNT] [SEED]``. COUNT measurements (300) of every kind of `nulls.py` that lacks
something are fitted with default settings, seeds from SEED (0) on, all below those of the held-out test. For every
question the rises of chi-square without a feature that is absent are described by the largest of m chi-squares of v
degrees of freedom, those below the median by their number alone: the tail is what matters.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from nulls import HELD_OUT, KINDS, null
from scipy.stats import chi2
from table import print_table

type FloatArray = npt.NDArray[np.float64]

QUESTIONS = ("dynamics", "two_components", "flow", "ageing")
CHANCES = (1e-2, 1e-3)


class Rises(NamedTuple):
    """Of one measurement: the rises without the features that it lacks, by question, and a line that describes it."""

    rises: dict[str, float]
    description: str


def fit(task: tuple[str, int]) -> Rises:
    """Fit one measurement."""
    from heterodyne_nlsq import fit_nlsq_jax, keep_compiled_functions

    keep_compiled_functions()
    kind, seed = task
    experiment = null(kind, seed)
    signal = fit_nlsq_jax(experiment.data).signal
    rises = {question: signal[question].statistic for question in QUESTIONS if question in experiment.absent}
    return Rises(rises, experiment.description)


def describe(rises: FloatArray) -> tuple[float, float]:
    """Return the degrees of freedom and the number of chi-squares, the most likely ones."""
    middle = float(np.median(rises))
    above, below = rises[rises > middle], int(np.count_nonzero(rises <= middle))
    freedom, number = np.meshgrid(np.arange(1, 25, 0.5), np.geomspace(0.5, 300, 80), indexing="ij")

    def log_below(rise: float) -> FloatArray:
        return -number * chi2.sf(rise, freedom)

    likelihood = below * log_below(middle)
    for rise in above:
        likelihood += np.log(number) + chi2.logpdf(rise, freedom) + log_below(rise)
    best = np.unravel_index(int(np.argmax(likelihood)), likelihood.shape)
    return float(freedom[best]), float(number[best])


def _one_thread() -> None:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"


def main(count: int, first: int) -> None:
    """Print the table."""
    assert first + count <= HELD_OUT, "seeds of the held-out test set no threshold"
    # What is steady has a flow: it lacks ageing alone, of which the others have enough.
    kinds = [kind for kind in KINDS if kind != "steady"]
    tasks = [(kind, first + k // len(kinds)) for k, kind in enumerate(kinds * (count // len(kinds) + 1))][:count]
    found: dict[str, list[float]] = {question: [] for question in QUESTIONS}
    with multiprocessing.get_context("spawn").Pool(2, _one_thread) as pool:
        for number, done in enumerate(pool.imap(fit, tasks), 1):
            for question, rise in done.rises.items():
                found[question].append(rise)
            print(f"{number}/{count}  {done.rises}  {done.description}", file=sys.stderr, flush=True)
    rows = []
    for question, values in found.items():
        rises = np.array(values)
        freedom, number = describe(rises)
        grid = np.arange(5, 80, 0.1)
        beyond = -np.expm1(-number * chi2.sf(grid, freedom))
        limits = [f"{grid[np.argmax(beyond < chance)]:.1f}" for chance in CHANCES]
        quantiles = [f"{value:.1f}" for value in (*np.percentile(rises, [50, 90]), rises.max())]
        rows.append([question, str(len(rises)), *quantiles, f"{freedom:g}", f"{number:.2g}", *limits])
    header = ["", "number", "median", "90 %", "largest", "ν", "m", *(f"p = {chance:g}" for chance in CHANCES)]
    print_table(f"Rises of chi-square without what is absent, {count} measurements", header, rows)


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    main(*(arguments + [300, 0][len(arguments) :]))
