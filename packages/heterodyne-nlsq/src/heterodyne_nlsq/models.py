"""What the fit knows of a model beyond its specification, behind one interface.

A module about a model (`heterodyne_nlsq.two_component`, or ``nlsq`` of a plug-in: see `heterodyne_spec.models`) has
``KNOWLEDGE``, a `Knowledge` or an object of a class derived from it. What a model leaves out has an answer here that is
right for every model: starts from the priors, no renaming of components, no question beyond contrast and dynamics, the
means of the functions as derived quantities.

Nothing here imports JAX: what is said of a result is read without it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from heterodyne_data import AgeResolved, NLSQResult, Signal
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.start.candidate import Candidate, inside
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

_STEPS = 256
"""Points over which means are taken."""


class Null(NamedTuple):
    """How large the evidence for a feature is by chance: see `heterodyne_nlsq.evidence.chance`.

    Degrees of freedom ν, and number m_0 and growth g of independent chi-squares.
    """

    freedom: float
    number: float
    growth: float


@dataclass(frozen=True)
class Question:
    """Whether the maps show a feature of the model.

    `title` names it in a table, `seen` and `unseen` are the words for either answer; `groups` are those of the
    parameters that describe the feature, `null` says how large the evidence is by chance.
    """

    title: str
    seen: str
    unseen: str
    groups: Sequence[str]
    null: Null


CONTRAST, DYNAMICS = "contrast", "dynamics"
"""The questions that are asked of every model."""


class Nested(Protocol):
    """Fits of models that are nested in a full one, beside it."""

    @property
    def setup(self) -> Setup:
        """The full fit's request."""

    @property
    def values(self) -> dict[str, float]:
        """All parameters of the full fit, by name."""

    def best(self, restriction: Mapping[str, float], starts: Iterable[Mapping[str, float]]) -> Any:
        """Return the best fit with parameters held at the values of a restriction."""

    def values_at(self, solution: Any) -> dict[str, float]:
        """Return all parameters of such a fit, by name."""

    def lower(self, one: Any, other: Any) -> Any:
        """Return the one of two such fits that has the lower cost."""

    def rise(self, solution: Any) -> float:
        """Return by how much its calibrated chi-square is above that of the full fit."""


class Quantities(NamedTuple):
    """Quantities of a model: their `labels`, and a function `of` the model, ages in s and q in 1/Å, (n,)."""

    labels: Sequence[Label]
    of: Callable[..., Any]


@dataclass(frozen=True)
class Knowledge:
    """What is known of a model; this is what its specification says.

    `questions` are those asked beside contrast and dynamics, `conventions` what holds for every fit, in sentences.
    `nothing` says what is not stated where there is no signal. `names` maps words in the names of derived quantities to
    the functions that they follow from, `of_angle` is the function that has no meaning without its angle.
    """

    model: str
    questions: Mapping[str, Question] = field(default_factory=dict)
    conventions: tuple[str, ...] = ()
    nothing: str = "no number is stated"
    names: Mapping[str, str] = field(default_factory=dict)
    of_angle: str = ""

    @property
    def spec(self) -> ModelSpec:
        """The specification."""
        return load_model(self.model)

    def starts(self, setup: Setup) -> list[Candidate] | None:
        """Return candidates that describe the data, the best first; None where the model has no way to find any."""
        return None

    def tolerance(self, function: str) -> tuple[float, bool]:
        """Return the typical difference of a function that is none, and whether it is one of logarithms."""
        is_fraction = function in words_of(self.model).fractions
        return (0.1, False) if is_fraction else (0.3, True)

    def exchanged(self, functions: Mapping[str, FloatArray]) -> dict[str, FloatArray] | None:
        """Return functions of age with the names of components exchanged; None where there is nothing to exchange."""
        return None

    def traded(self, values: Mapping[str, float], age: FloatArray) -> dict[str, float]:
        """Return all parameters with the names of components exchanged, approximated by laws through ages (n,) in s.

        Asked only of models for which `exchanged` returns functions, which have to implement it.
        """
        raise NotImplementedError(f"{self.model} has nothing to exchange")

    def preferred(self, functions: Mapping[str, float]) -> bool:
        """Return whether components are named as the convention has it, by the functions at the reference age."""
        return True

    def exchange_words(self, age: float) -> tuple[str, str, str]:
        """Return what the data do not distinguish, the convention, and the difference, for the reference age in s.

        Asked only of models for which `exchanged` returns functions, which have to implement it.
        """
        raise NotImplementedError(f"{self.model} has nothing to exchange")

    def age_resolved(self, setup: Setup, values: Mapping[str, float]) -> AgeResolved | None:
        """Return the analysis of age slices, fitted independently; None if the model has none."""
        return None

    def rises(self, nested: Nested, asked: Sequence[str]) -> dict[str, float]:
        """Return by how much chi-square rises without the feature of every question asked."""
        return {}

    def reconciled(self, found: dict[str, Signal]) -> dict[str, Signal]:
        """Return answers of which none contradicts another."""
        return found

    def headline(self, when: str) -> Quantities:
        """Return what is quoted at one age: every function, and how it changes with the logarithm of age there."""
        functions = self.spec.functions
        labels = [
            label
            for f in functions
            for label in (
                (f.name, f.unit, f"{f.meaning} {when}"),
                (f"d ln {f.name} / d ln t", "1", f"local exponent of age, {when}"),
            )
        ]
        return Quantities(labels, _AtAge(tuple(f.name for f in functions)))

    def derived(self, when: str) -> Quantities:
        """Return what follows from the functions: their means over the measurement."""
        functions = self.spec.functions
        labels = [(f"mean {f.name}", f.unit, f"mean of {f.name} over the measurement") for f in functions]
        return Quantities(labels, _Means(tuple(f.name for f in functions)))

    def reasons(self, result: NLSQResult) -> dict[str, str]:
        """Return why functions of age are not stated of a fit that shows a signal, by their names."""
        return {}

    def subjects(self, result: NLSQResult) -> Mapping[str, str]:
        """Return what functions are called in the sentence on a fit, where it is not what they are called otherwise."""
        return {}

    def doubts(self, result: NLSQResult) -> Iterator[str]:
        """Yield which features are not seen, and what is not stated for that reason."""
        return iter(())


@dataclass(frozen=True)
class _AtAge:
    """The functions of a model at one age, each followed by its local exponent."""

    names: tuple[str, ...]

    def __call__(self, model: Any, age: Any) -> Any:
        import jax
        import jax.numpy as jnp

        at = jnp.log(age)[None]

        def both(name: str) -> list[Any]:
            value, slope = jax.jvp(lambda u: getattr(model, name)(jnp.exp(u)), (at,), (jnp.ones(1),))
            return [value, slope / value]

        return jnp.concatenate([part for name in self.names for part in both(name)])


@dataclass(frozen=True)
class _Means:
    """The means of the functions of a model over a measurement."""

    names: tuple[str, ...]

    def __call__(self, model: Any, first: Any, last: Any, q: Any) -> Any:
        import jax.numpy as jnp

        values = jnp.stack([getattr(model, name)(jnp.linspace(first, last, _STEPS)) for name in self.names])
        return jnp.mean((values[:, 1:] + values[:, :-1]) / 2, axis=1)


@functools.cache
def knowledge_of(model: str) -> Knowledge:
    """Return what is known of a model by its identifier."""
    module: Any = knowledge("heterodyne_nlsq", model)
    found: Knowledge = Knowledge(model) if module is None else module.KNOWLEDGE
    return found


def of_result(result: NLSQResult) -> Knowledge:
    """Return what is known of the model of a result; of the usual one where that is not installed."""
    name = result.model.get("id", "")
    return knowledge_of(name if name in model_names() else DEFAULT_MODEL)


def questions_of(model: str) -> dict[str, str]:
    """Return the keys of `NLSQResult.signal` with their titles, in the order of a table."""
    asked = {name: question.title for name, question in knowledge_of(model).questions.items()}
    return {CONTRAST: "contrast", DYNAMICS: "decay with lag", **asked}
