"""Other minima: which differ from the best one, which are indistinguishable from it, and which one is reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from heterodyne_data import Alternative
from heterodyne_data.setup import reference_age
from heterodyne_nlsq.models import knowledge_of
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import Solution

type FloatArray = npt.NDArray[np.float64]

MARGIN = 20.0
"""Calibrated chi-square above the best up to which a minimum is listed: a likelihood ratio of e^10."""

_AMBIGUOUS = 4.0
"""Calibrated chi-square below which the data do not determine the labels of the components."""

_AS_LOW = 1.001
"""Ratio of costs up to which the labels follow the convention."""

_N_AGES = 16


def functions(vector: FloatArray, setup: Setup) -> dict[str, FloatArray]:
    """Return the functions of age of a fitted vector (n_fit,) at a few ages."""
    values = setup.free.full(vector[: len(setup.free.free)])
    parameters = dict(zip(setup.free.names, values.tolist(), strict=True))
    age = np.linspace(setup.data.t[0], setup.data.t[-1], _N_AGES)
    return {f.name: np.asarray(setup.spec.evaluate(f.name, parameters, age)) for f in setup.spec.functions}


def difference(a: FloatArray, b: FloatArray, name: str, setup: Setup) -> float:
    """Return the typical difference of two time courses of a function (n_age,), relative to that of unequal ones."""
    limit, logarithmic = knowledge_of(setup.spec.id).tolerance(name)
    if not logarithmic:
        return float(np.median(np.abs(a - b))) / limit
    small = 1e-9 * max(np.abs(a).max(), np.abs(b).max(), 1e-300)
    return float(np.median(np.abs(np.log(np.maximum(np.abs(a), small) / np.maximum(np.abs(b), small))))) / limit


def _alike(a: FloatArray, b: FloatArray, name: str, setup: Setup) -> bool:
    """Return whether two time courses of a function (n_age,) are typically equal."""
    return difference(a, b, name, setup) < 1


def same_minimum(a: FloatArray, b: FloatArray, setup: Setup) -> bool:
    """Return whether two fitted vectors describe the same course of all functions of age."""
    first, second = functions(a, setup), functions(b, setup)
    return all(_alike(first[name], second[name], name, setup) for name in first)


def exchanged(a: dict[str, FloatArray], b: dict[str, FloatArray], setup: Setup) -> bool:
    """Return whether b is a with the labels of the components exchanged."""
    swapped = knowledge_of(setup.spec.id).exchanged(a)
    return swapped is not None and all(_alike(swapped[name], b[name], name, setup) for name in swapped)


def _as_named(vector: FloatArray, setup: Setup) -> bool:
    """Return whether the labels of the components follow the convention at the reference age."""
    age, free = np.array([reference_age(setup.data.t)]), setup.free
    parameters = dict(zip(free.names, free.full(vector[: len(free.free)]).tolist(), strict=True))
    at = {f.name: float(setup.spec.evaluate(f.name, parameters, age)[0]) for f in setup.spec.functions}
    return knowledge_of(setup.spec.id).preferred(at)


def first_exchanged(solutions: Sequence[Solution], setup: Setup) -> int | None:
    """Return the index of the first of the solutions, lowest cost first, that is the best one with labels exchanged."""
    best = functions(solutions[0].vector, setup)
    found = (
        k for k, s in enumerate(solutions) if k and s.success and exchanged(best, functions(s.vector, setup), setup)
    )
    return next(found, None)


def named(best: Solution, other: Solution, setup: Setup, rise: float) -> tuple[bool, tuple[str, ...]]:
    """Return whether the best solution keeps the labels of its components, and the convention as a sentence, if needed.

    `rise` is the calibrated chi-square of the `other` one, with the components exchanged, above that of the best. With
    strongly correlated noise the two can be equally likely although their sums of squares differ; the one with the
    lower sum is then reported.
    """
    if rise >= _AMBIGUOUS:
        return True, ()
    said, larger, _ = knowledge_of(setup.spec.id).exchange_words(reference_age(setup.data.t))
    untold = f"{said} (exchanged, chi-square differs by {rise:.2g})"
    if other.cost > _AS_LOW * best.cost:
        return True, (f"{untold}: the labels are those with the lower sum of squares",)
    return _as_named(best.vector, setup), (f"{untold}: {larger}",)


def alternatives(
    best: Solution, others: Sequence[Solution], setup: Setup, rise: Callable[[Solution], float]
) -> tuple[Alternative, ...]:
    """Return the minima, other than the best, whose chi-square is less than `MARGIN` above it, lowest first.

    `rise` gives the calibrated chi-square of another above that of the best.
    """
    listed: list[Solution] = []
    found: list[Alternative] = []
    for other in others:
        known = [best, *listed]
        if other.success and not any(same_minimum(other.vector, k.vector, setup) for k in known):
            listed.append(other)
            if (above := rise(other)) < MARGIN:
                found.append(_alternative(best, other, setup, above))
    return tuple(found)


def _alternative(best: Solution, other: Solution, setup: Setup, above: float) -> Alternative:
    free = setup.free
    values = free.full(other.vector[: len(free.free)])
    return Alternative(
        cost=other.cost,
        delta_chi2=above,
        parameters=dict(zip(free.names, values.tolist(), strict=True)),
        statement=_difference(functions(best.vector, setup), functions(other.vector, setup), setup),
    )


def _difference(best: dict[str, FloatArray], other: dict[str, FloatArray], setup: Setup) -> str:
    """Return the difference of two solutions in words."""
    if exchanged(best, other, setup):
        return knowledge_of(setup.spec.id).exchange_words(reference_age(setup.data.t))[2]
    units = {f.name: "" if f.unit == "1" else f" {f.unit}" for f in setup.spec.functions}
    words = [
        f"mean {name} {other[name].mean():.3g} instead of {best[name].mean():.3g}{units[name]}"
        for name in best
        if not _alike(best[name], other[name], name, setup)
    ]
    return "; ".join(words)
