"""Conformance vectors: what every implementation of a model must give, and the check of results against them.

The file's fields are described in ``vectors/README.md``; it is made at 50 digits by ``scripts/make_vectors.py``.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_spec.errors import ConfigError, Problem, did_you_mean
from heterodyne_spec.model import load_model
from heterodyne_spec.models import SHIPPED
from heterodyne_spec.yamlio import parse_json

WORST_PER_CASE = 3
"""Number of single values that are reported for one case; the rest is counted."""

type FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class VectorCase:
    """One case: what goes in, and c2 with the intermediate values that a correct implementation gives.

    Parameters
    ----------
    id, shows : its name, and what an implementation that fails it got wrong.
    parameters : every parameter of the model by name, in canonical order.
    q : wavevector in 1/Å.
    phi : azimuth in degrees.
    contrast, offset : scaling.
    dt : time between frames in s.
    start_frame : 1-based number of the first frame.
    n_frames : length of the window.
    pairs : 0-based frame indices (n_pair, 2), in any order.
    c2 : correlation of the pairs, (n_pair,).
    frames : the few frames of the intermediate values, (n_frame,).
    functions : J_r, J_s, v and x at these frames, (n_frame,) each.
    integrals : of J_r, J_s and v from the first frame of the window to these frames, (n_frame,) each.
    """

    id: str
    shows: str
    parameters: Mapping[str, float]
    q: float
    phi: float
    contrast: float
    offset: float
    dt: float
    start_frame: int
    n_frames: int
    pairs: npt.NDArray[np.int64]
    c2: FloatArray
    frames: npt.NDArray[np.int64]
    functions: Mapping[str, FloatArray]
    integrals: Mapping[str, FloatArray]

    @property
    def t(self) -> FloatArray:
        """Age at every frame of the window in s, (n_frames,)."""
        return np.asarray(np.arange(self.start_frame, self.start_frame + self.n_frames) * self.dt, np.float64)


@dataclass(frozen=True, eq=False)
class VectorSet:
    """The vectors of one model version; `tolerance` is absolute, `digits` those of the arithmetic that made them."""

    model: str
    model_version: str
    digits: int
    command: str
    tolerance: float
    cases: tuple[VectorCase, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the cases, in the order of the file."""
        return tuple(case.id for case in self.cases)

    def case(self, name: str) -> VectorCase:
        """Return the case called `name`.

        Raises
        ------
        KeyError : with a suggestion, when there is none.
        """
        for case in self.cases:
            if case.id == name:
                return case
        raise KeyError(f"no case '{name}'; {did_you_mean(name, self.ids)}")


def _frozen(values: Any, dtype: type[np.int64] | type[np.float64]) -> npt.NDArray[Any]:
    array = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array


def _build_case(item: Mapping[str, Any], names: tuple[str, ...]) -> VectorCase:
    plain = ("id", "shows", "q", "phi", "contrast", "offset", "dt", "start_frame", "n_frames")
    return VectorCase(
        **{name: item[name] for name in plain},
        parameters=MappingProxyType({name: item["parameters"][name] for name in names}),
        pairs=_frozen(item["pairs"], np.int64),
        c2=_frozen(item["c2"], np.float64),
        frames=_frozen(item["frames"], np.int64),
        functions=MappingProxyType({name: _frozen(item[name], np.float64) for name in ("J_r", "J_s", "v", "x")}),
        integrals=MappingProxyType({name: _frozen(item[f"int_{name}"], np.float64) for name in ("J_r", "J_s", "v")}),
    )


@functools.cache
def load_vectors(name: str = "two-component") -> VectorSet:
    """Return the shipped vectors of a model; the arrays are read-only.

    Raises
    ------
    ConfigError : when there is no model of that name.
    """
    if name not in SHIPPED:
        raise ConfigError(name, [Problem("model", f"'{name}'", "a model with vectors", did_you_mean(name, SHIPPED))])
    text = resources.files("heterodyne_spec").joinpath("vectors", f"{name}.json").read_text(encoding="utf-8")
    document = parse_json(text, f"{name}.json")
    head = {key: document[key] for key in ("model", "model_version", "digits", "command", "tolerance")}
    names = load_model(name).names
    return VectorSet(**head, cases=tuple(_build_case(item, names) for item in document["cases"]))


def check_results(document: Any, vectors: VectorSet) -> list[Problem]:
    """Return everything in which a results document departs from the vectors; an empty list is conformance.

    Parameters
    ----------
    document : ``{"model": ..., "model_version": ..., "results": {case id: [c2, in the order of pairs]}}``.
        NumPy arrays serve as lists.
    vectors : what to compare with.
    """
    if not isinstance(document, Mapping):
        return [Problem("", type(document).__name__, "an object", "give model, model_version and results", "Shape")]
    results = document.get("results")
    problems = list(_head_problems(document, vectors))
    if not isinstance(results, Mapping):
        found = type(results).__name__ if "results" in document else "nothing"
        remedy = "give a list of c2 for every case, by the case's id"
        return [*problems, Problem("results", found, "an object", remedy, "Shape")]
    for name in results:
        if name not in vectors.ids:
            remedy = did_you_mean(str(name), vectors.ids)
            problems.append(
                Problem(f"results.{name}", "an unknown case", "a case of the vectors", remedy, "UnknownCase")
            )
    for case in vectors.cases:
        if case.id in results:
            problems.extend(_case_problems(case, results[case.id], vectors.tolerance))
        else:
            remedy = f"compute it ({case.shows})"
            problems.append(Problem(f"results.{case.id}", "nothing", f"{len(case.c2)} values", remedy, "MissingCase"))
    return problems


def _head_problems(document: Mapping[str, Any], vectors: VectorSet) -> Iterator[Problem]:
    for key, expected in (("model", vectors.model), ("model_version", vectors.model_version)):
        if document.get(key) != expected:
            found = repr(document[key]) if key in document else "nothing"
            remedy = "state what the results were computed with; use the vectors of the same model version"
            yield Problem(key, found, repr(expected), remedy, "Version")
    for key in document:
        if key not in ("model", "model_version", "results"):
            remedy = did_you_mean(str(key), ("model", "model_version", "results"))
            yield Problem(str(key), "an unknown field", "model, model_version, results", remedy, "UnknownField")


def _case_problems(case: VectorCase, values: Any, tolerance: float) -> Iterator[Problem]:
    where = f"results.{case.id}"
    numbers = _numbers(values)
    if numbers is None:
        yield Problem(where, type(values).__name__, "a list of numbers", "give c2 in the order of pairs", "Shape")
        return
    if len(numbers) != len(case.c2):
        remedy = "give one c2 for every pair, in the order of pairs"
        yield Problem(where, f"{len(numbers)} values", f"{len(case.c2)} values", remedy, "Length")
        return
    bad = [k for k, number in enumerate(numbers) if not math.isfinite(number)]
    for k in bad[:WORST_PER_CASE]:
        found = f"{_listed(values)[k]!r} for pair {case.pairs[k].tolist()}"
        yield Problem(f"{where}[{k}]", found, repr(float(case.c2[k])), "give a finite number", "NotFinite")
    if len(bad) > WORST_PER_CASE:
        found = f"{len(bad)} of {len(numbers)} values that are not finite numbers"
        yield Problem(where, found, "none", f"this case shows: {case.shows}", "NotFinite")
    yield from _differences(case, numbers, tolerance)


def _differences(case: VectorCase, numbers: list[float], tolerance: float) -> Iterator[Problem]:
    # repr(float): a difference in the last digits must stay visible in the message.
    apart = {k: abs(number - float(case.c2[k])) for k, number in enumerate(numbers) if math.isfinite(number)}
    wrong = sorted((k for k in apart if apart[k] > tolerance), key=lambda k: -apart[k])
    remedy = f"this case shows: {case.shows}"
    for k in wrong[:WORST_PER_CASE]:
        found = f"{numbers[k]!r} for pair {case.pairs[k].tolist()}"
        expected = f"{float(case.c2[k])!r} to {tolerance:g} (difference {apart[k]:.3g})"
        yield Problem(f"results.{case.id}[{k}]", found, expected, remedy, "Difference")
    if len(wrong) > WORST_PER_CASE:
        found = f"{len(wrong)} of {len(numbers)} values beyond the tolerance"
        yield Problem(f"results.{case.id}", found, "none", f"the worst {WORST_PER_CASE} are listed", "Difference")


def _listed(values: Any) -> Any:
    return values.tolist() if hasattr(values, "tolist") else values


def _numbers(values: Any) -> list[float] | None:
    """Return `values` as floats, what is no finite binary64 as NaN; None when it is no list."""
    listed = _listed(values)
    return [_number(value) for value in listed] if isinstance(listed, list | tuple) else None


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


@dataclass(frozen=True)
class Report:
    """Outcome of a comparison; `largest` is the largest finite difference and `where` its case and pair."""

    n_cases: int
    n_passed: int
    largest: float | None
    where: str
    problems: tuple[Problem, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing at all is wrong."""
        return not self.problems

    def __str__(self) -> str:
        largest = (
            "no value to compare" if self.largest is None else f"largest difference {self.largest:.3g} ({self.where})"
        )
        lines = [f"{self.n_passed} of {self.n_cases} cases passed; {largest}"]
        return "\n".join([*lines, *(f"  {problem}" for problem in self.problems)])


def report(document: Any, vectors: VectorSet) -> Report:
    """Return how many cases of a results document pass, the largest difference and all problems.

    The arguments are those of `check_results`; a case passes when nothing is wrong with its values.
    """
    results = document.get("results") if isinstance(document, Mapping) else None
    n_passed, largest, where = 0, None, ""
    for case in vectors.cases:
        values = results.get(case.id) if isinstance(results, Mapping) else None
        n_passed += not any(_case_problems(case, values, vectors.tolerance))
        for k, number in enumerate((_numbers(values) or [])[: len(case.c2)]):
            difference = abs(number - float(case.c2[k]))
            if math.isfinite(difference) and (largest is None or difference > largest):
                largest, where = difference, f"{case.id}, pair {case.pairs[k].tolist()}"
    return Report(len(vectors.cases), n_passed, largest, where, tuple(check_results(document, vectors)))
