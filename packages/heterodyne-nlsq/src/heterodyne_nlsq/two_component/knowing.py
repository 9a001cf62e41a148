"""The two-component model behind the interface of `heterodyne_nlsq.models`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from heterodyne_data import AgeResolved, NLSQResult, Signal
from heterodyne_nlsq.models import Candidate, Exponent, Knowledge, Nested, Null, Quantities, Question
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.two_component import exchange, quantities, words
from heterodyne_nlsq.two_component.age_resolved import age_resolved
from heterodyne_nlsq.two_component.nulls import RESTRICTIONS, starts
from heterodyne_nlsq.two_component.starts import from_data

type FloatArray = npt.NDArray[np.float64]

QUESTIONS = {
    "two_components": Question(
        "two components",
        "two components are seen",
        "one component describes the maps equally well",
        ("fraction", "velocity", "angle"),
        Null(8.5, 1.2, 0.3),
    ),
    "flow": Question(
        "flow",
        "a flow is seen",
        "the maps are described equally well without flow",
        ("velocity", "angle"),
        Null(8.0, 1.2, 0.3),
    ),
    "ageing": Question(
        "change with age",
        "the sample changes with age",
        "constant coefficients describe the maps equally well",
        (),
        Null(8.5, 1.0, 0.3),
    ),
}

_TYPICAL = {"v": (0.1, True)}


class TwoComponent(Knowledge):
    """The fit of two components, one of which flows, with fractions that change with age."""

    def starts(self, setup: Setup) -> list[Candidate]:
        return from_data(setup)

    def tolerance(self, function: str) -> tuple[float, bool]:
        return _TYPICAL.get(function) or super().tolerance(function)

    def exchanged(self, functions: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        return exchange.exchanged(functions)

    def exchanged_parameters(self, values: Mapping[str, float], age: FloatArray) -> dict[str, float]:
        return exchange.exchanged_parameters(values, age, np.asarray(self.spec.evaluate("x", values, age)))

    def preferred(self, functions: Mapping[str, float]) -> bool:
        # By convention, the sample is the component with the larger transport coefficient.
        return functions["J_s"] >= functions["J_r"]

    def exchange_words(self, age: float) -> tuple[str, str, str]:
        return exchange.words(age)

    def age_resolved(self, setup: Setup, values: Mapping[str, float]) -> AgeResolved | None:
        return age_resolved(setup.data, setup.spec, values)

    def rises(self, nested: Nested, asked: Sequence[str]) -> dict[str, float]:
        if not asked:
            return {}

        def best(question: str, one: Mapping[str, float] | None) -> object:
            return nested.best(RESTRICTIONS[question], starts(question, nested.values, nested.setup, one))

        alone, found = best("two_components", None), {}
        if "two_components" in asked:
            found["two_components"] = nested.rise(alone)
        values = nested.values_at(alone)
        if "flow" in asked:
            # One component is a special case of two at rest, so that a higher cost is a failed descent.
            found["flow"] = nested.rise(nested.lower(best("flow", values), alone))
        if "ageing" in asked:
            found["ageing"] = nested.rise(best("ageing", values))
        return found

    def simpler(self, nested: Nested, signal: Mapping[str, Signal]) -> tuple[object, str] | None:
        # Where it is not needed, a second component bends the law of the first, by far more than its errors.
        if signal["two_components"].present:
            return None
        values = nested.values
        held = {name: values[name] for name in RESTRICTIONS["two_components"]}
        alone = starts("two_components", values, nested.setup, None)
        return nested.best({**held, **dict.fromkeys(words.FRACTION, 0.0)}, alone), words.ALONE

    def reconciled(self, found: dict[str, Signal]) -> dict[str, Signal]:
        # Fringes require two components.
        flow, both = found["flow"], "the flow is seen by the beat of two components"
        if not flow.present or found["two_components"].present:
            return found
        return {**found, "two_components": Signal(True, flow.statistic, flow.p_value, both)}

    def headline(self, when: str) -> Quantities:
        return quantities.headline(when)

    def derived(self, when: str) -> Quantities:
        return quantities.derived(when)

    def reasons(self, result: NLSQResult) -> dict[str, str]:
        return words.reasons(result)

    def subjects(self, result: NLSQResult) -> Mapping[str, str]:
        return words.subjects(result)

    def doubts(self, result: NLSQResult) -> Iterator[str]:
        return words.doubts(result)


KNOWLEDGE = TwoComponent(
    model="two-component",
    questions=QUESTIONS,
    conventions=(
        "c2 is the same for v and -v: the bounds of v0 make v positive, so it states the speed, not the direction",
    ),
    nothing="no velocity, transport coefficient or fraction is stated",
    names=quantities.NAMES,
    of_angle="v",
    of_sample=("reference", "sample", "velocity", "angle"),
    exponents={
        "J": Exponent(("J_r", "J_s"), 2.0, "q² J", positive=True),
        "v": Exponent(("v",), 1.0, "q v", positive=False),
    },
)
