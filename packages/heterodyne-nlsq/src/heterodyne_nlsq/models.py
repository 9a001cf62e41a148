"""Interface for the parts of the fit that are specific to a model and not in its specification.

A module about a model (`heterodyne_nlsq.two_component`, or ``nlsq`` of a plug-in: see `heterodyne_spec.models`) has
``KNOWLEDGE``, a `Knowledge` or an object of a class derived from it. The defaults are valid for every model: starting
values from the priors, no exchange of components, no question beyond contrast and dynamics, the means of the functions
as derived quantities.

Nothing here imports JAX, so that the description of a result does not need it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from heterodyne_data import AgeResolved, NLSQResult, Signal
from heterodyne_data.setup import FreeParameters
from heterodyne_nlsq.at_ages import Found, Functions, alternating, at_age, mean, ratio
from heterodyne_nlsq.setup import Setup
from heterodyne_report import words_of
from heterodyne_spec import DEFAULT_MODEL, ModelSpec, knowledge, load_model, model_names

__all__ = [
    "CONTRAST",
    "DYNAMICS",
    "Candidate",
    "Knowledge",
    "Label",
    "Nested",
    "Null",
    "Quantities",
    "Question",
    "inside",
    "knowledge_of",
    "of_result",
    "questions_of",
]

type FloatArray = npt.NDArray[np.float64]
type Label = tuple[str, str, str]
"""Name, unit and meaning of a quantity."""


class Candidate(NamedTuple):
    """Starting values of the free parameters (n_free,), and their origin in words.

    `misfit` is their cost for the curves relative to that of the best candidate; 1 if unknown.
    """

    origin: str
    vector: FloatArray
    misfit: float = 1.0


def inside(vector: FloatArray, free: FreeParameters) -> FloatArray:
    """Return the vector clipped to the bounds, with a small margin; what is positive needs none to a bound of 0.

    The first term of a law that grows by twenty e-folds begins far below any margin.
    """
    lower, upper = (bound[list(free.free)] for bound in (free.lower, free.upper))
    margin = 1e-6 * (upper - lower)
    least = np.where((lower == 0) & (vector > 0), 0.0, margin)
    return np.clip(vector, lower + least, upper - margin)


class Exponent(NamedTuple):
    """Functions of age that the model multiplies with a power of q: their names, the power, what it is in words, and
    whether they are positive."""

    functions: Sequence[str]
    expected: float
    words: str
    positive: bool


class Null(NamedTuple):
    """Distribution of the evidence for a feature that is absent: see `heterodyne_nlsq.evidence.chance`.

    Degrees of freedom ν, and number m_0 and growth g of independent chi-squares.
    """

    freedom: float
    number: float
    growth: float


@dataclass(frozen=True)
class Question:
    """Whether the maps show a feature of the model.

    `title` is its name in a table, `seen` and `unseen` are the sentences for the two answers, `groups` are those of the
    parameters that describe the feature, and `null` is the distribution of the evidence if the feature is absent.
    """

    title: str
    seen: str
    unseen: str
    groups: Sequence[str]
    null: Null


CONTRAST, DYNAMICS = "contrast", "dynamics"
"""The questions that are tested for every model."""


class Nested(Protocol):
    """A full fit, and fits of models that are nested in it."""

    @property
    def setup(self) -> Setup:
        """Data, model and settings of the full fit."""

    @property
    def values(self) -> dict[str, float]:
        """All parameters of the full fit, by name."""

    def best(self, restriction: Mapping[str, float], starts: Iterable[Mapping[str, float]]) -> Any:
        """Return the best fit with the parameters of a restriction fixed at its values."""

    def values_at(self, solution: Any) -> dict[str, float]:
        """Return all parameters of such a fit, by name."""

    def lower(self, one: Any, other: Any) -> Any:
        """Return the one of two such fits that has the lower cost."""

    def rise(self, solution: Any) -> float:
        """Return its calibrated chi-square minus that of the full fit."""


class Quantities(NamedTuple):
    """Quantities of a model: their `labels`, and what they are `of` its functions of age, ages in s and q in 1/Å."""

    labels: Sequence[Label]
    of: Callable[..., Found]


@dataclass(frozen=True)
class Knowledge:
    """The parts of the fit that are specific to a model; the defaults use its specification alone.

    `questions` are those tested in addition to contrast and dynamics, `conventions` are sentences that apply to every
    fit. `nothing` lists, in words, the quantities that are not stated without a signal. `names` maps words in the names
    of derived quantities to the functions from which they are computed, and `of_angle` is the function that is
    meaningless without its angle. `of_sample` are the groups of parameters that belong to the sample whatever q is, and
    `exponents` the powers of q.
    """

    model: str
    questions: Mapping[str, Question] = field(default_factory=dict)
    conventions: tuple[str, ...] = ()
    nothing: str = "no number is stated"
    names: Mapping[str, str] = field(default_factory=dict)
    of_angle: str = ""
    of_sample: tuple[str, ...] = ()
    exponents: Mapping[str, Exponent] = field(default_factory=dict)

    @property
    def spec(self) -> ModelSpec:
        """The specification."""
        return load_model(self.model)

    def starts(self, setup: Setup) -> list[Candidate] | None:
        """Return starting values estimated from the data, the best first; None if the model has no method for it."""
        return None

    def tolerance(self, function: str) -> tuple[float, bool]:
        """Return the difference below which two values of a function count as equal, and whether it is logarithmic."""
        is_fraction = function in words_of(self.model).fractions
        return (0.1, False) if is_fraction else (0.3, True)

    def exchanged(self, functions: Mapping[str, FloatArray]) -> dict[str, FloatArray] | None:
        """Return functions of age with the labels of the components exchanged; None if the model has no exchange."""
        return None

    def exchanged_parameters(self, values: Mapping[str, float], age: FloatArray) -> dict[str, float]:
        """Return all parameters after an exchange of the components, from laws fitted at ages (n,) in s.

        Called only for models for which `exchanged` returns functions; these have to implement it.
        """
        raise NotImplementedError(f"{self.model} has no exchange of components")

    def preferred(self, functions: Mapping[str, float]) -> bool:
        """Return whether the labels of the components follow the convention, given functions at the reference age."""
        return True

    def exchange_words(self, age: float) -> tuple[str, str, str]:
        """Return sentences on what the data do not distinguish, the convention, and the effect of an exchange.

        `age` is the reference age in s. Called only for models for which `exchanged` returns functions; these have to
        implement it.
        """
        raise NotImplementedError(f"{self.model} has no exchange of components")

    def age_resolved(self, setup: Setup, values: Mapping[str, float]) -> AgeResolved | None:
        """Return the analysis of age slices, fitted independently; None if the model has none."""
        return None

    def rises(self, nested: Nested, asked: Sequence[str]) -> dict[str, float]:
        """Return the rise of chi-square without each of the features asked for."""
        return {}

    def simpler(self, nested: Nested, signal: Mapping[str, Signal]) -> tuple[Any, str] | None:
        """Return the fit without what the maps do not show, if what they show cannot be read off the full fit, and what
        it is, in words; None otherwise."""
        return None

    def reconciled(self, found: dict[str, Signal]) -> dict[str, Signal]:
        """Return the answers after contradictions between them are resolved."""
        return found

    def headline(self, when: str) -> Quantities:
        """Return the quantities quoted at one age: every function and its local exponent of age."""
        functions = self.spec.functions
        labels = [
            label
            for f in functions
            for label in (
                (f.name, f.unit, f"{f.meaning} {when}"),
                (f"d ln {f.name} / d ln t", "1", f"local exponent of age, {when}"),
            )
        ]
        return Quantities(labels, _at_age)

    def derived(self, when: str) -> Quantities:
        """Return derived quantities: the means of the functions over the measurement."""
        functions = self.spec.functions
        labels = [(f"mean {f.name}", f.unit, f"mean of {f.name} over the measurement") for f in functions]
        return Quantities(labels, _means)

    def reasons(self, result: NLSQResult) -> dict[str, str]:
        """Return why functions of age are not stated although there is a signal, by their names."""
        return {}

    def subjects(self, result: NLSQResult) -> Mapping[str, str]:
        """Return names of functions in the sentence on a fit, if they differ from the usual ones."""
        return {}

    def doubts(self, result: NLSQResult) -> Iterator[str]:
        """Yield sentences on the features that are not seen and the quantities that are therefore not stated."""
        return iter(())


def _at_age(functions: Functions, age: float) -> Found:
    value, change = at_age(functions, age)
    return alternating(value, ratio(change, value))


def _means(functions: Functions, first: float, last: float, q: float) -> Found:
    return mean(functions, first, last)


@functools.cache
def knowledge_of(model: str) -> Knowledge:
    """Return the model-specific part of the fit for the model with this identifier."""
    module: Any = knowledge("heterodyne_nlsq", model)
    found: Knowledge = Knowledge(model) if module is None else module.KNOWLEDGE
    return found


def of_result(result: NLSQResult) -> Knowledge:
    """Return the model-specific part for the model of a result, or for the default model if that is not installed."""
    name = result.model.get("id", "")
    return knowledge_of(name if name in model_names() else DEFAULT_MODEL)


def questions_of(model: str) -> dict[str, str]:
    """Return the keys of `NLSQResult.signal` with their titles, in the order of a table."""
    asked = {name: question.title for name, question in knowledge_of(model).questions.items()}
    return {CONTRAST: "contrast", DYNAMICS: "decay with lag", **asked}
