"""Rules for a configuration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from heterodyne_spec.errors import Problem, did_you_mean
from heterodyne_spec.lint.rule import Rule, interval, mapping, number, run
from heterodyne_spec.lint.schema import FollowsSchema, OnlyFiniteNumbers
from heterodyne_spec.model import DEFAULT, ModelSpec, Parameter, load_model
from heterodyne_spec.models import model_names


def _model(document: Any) -> ModelSpec:
    """Return the model that is named; where there is no such model, another rule says so."""
    name = mapping(document, "model").get("name")
    return load_model(name if name in model_names() else DEFAULT)


def _parameters(document: Any) -> Iterator[tuple[str, dict[str, Any], Parameter]]:
    """Yield path, entry and registry parameter of every known name under model.parameters."""
    model = _model(document)
    known = {p.name: p for p in (*model.parameters, *model.scaling)}
    for name in mapping(document, "model", "parameters"):
        if name in known:
            yield f"model.parameters.{name}", mapping(document, "model", "parameters", name), known[name]


class ModelInstalled(Rule):
    """The model is one that is installed."""

    def check(self, document: Any) -> Iterator[Problem]:
        name, known = mapping(document, "model").get("name"), model_names()
        if isinstance(name, str) and name not in known:
            yield self.problem("model.name", f'"{name}"', f"one of {', '.join(known)}", did_you_mean(name, known))


class ParameterNamesKnown(Rule):
    """Entries under model.parameters name parameters of the model."""

    def check(self, document: Any) -> Iterator[Problem]:
        model = _model(document)
        known = (*model.names, *(p.name for p in model.scaling))
        for name in mapping(document, "model", "parameters"):
            if name not in known:
                path = f"model.parameters.{name}"
                yield self.problem(path, f"unknown parameter '{name}'", "a parameter", did_you_mean(str(name), known))


class ParameterBoundsOrdered(Rule):
    """Bounds are given as lower < upper."""

    def check(self, document: Any) -> Iterator[Problem]:
        for path, entry, _ in _parameters(document):
            bounds = interval(entry.get("bounds"))
            if bounds and not bounds[0] < bounds[1]:
                remedy = "give lower < upper, or vary: false to hold the value"
                yield self.problem(f"{path}.bounds", list(bounds), "lower < upper", remedy)


class ValueInsideBounds(Rule):
    """A value lies inside the bounds that apply to it, its own or the registry's."""

    def check(self, document: Any) -> Iterator[Problem]:
        for path, entry, parameter in _parameters(document):
            lower, upper = interval(entry.get("bounds")) or parameter.bounds
            given = entry.get("value", parameter.default if "bounds" in entry else None)
            for value in given if isinstance(given, list) else [given]:
                checked = number(value)
                if checked is not None and lower < upper and not lower <= checked <= upper:
                    remedy = "give a value inside, or other bounds"
                    yield self.problem(f"{path}.value", checked, f"within [{lower:g}, {upper:g}]", remedy)


class OneValuePerPhysicalParameter(Rule):
    """Only contrast and offset take a list of values (one per angle)."""

    def check(self, document: Any) -> Iterator[Problem]:
        for path, entry, parameter in _parameters(document):
            if isinstance(entry.get("value"), list) and parameter.group != "scaling":
                yield self.problem(f"{path}.value", "a list", "one number", "give one number")


class TieNamesFreeParameter(Rule):
    """A tie names another physical parameter that is not tied itself; a tied one has no value of its own."""

    def check(self, document: Any) -> Iterator[Problem]:
        known = _model(document).names
        for path, entry, parameter in _parameters(document):
            target = entry.get("tie")
            if not isinstance(target, str):
                continue
            where = f"{path}.tie"
            if parameter.group == "scaling":
                yield self.problem(where, f"'{target}'", "no tie", "use scaling: shared for one value for all angles")
            elif target == parameter.name:
                yield self.problem(where, f"'{target}'", "another parameter", "name another one or remove the tie")
            elif target not in known:
                yield self.problem(where, f"'{target}'", "a parameter", did_you_mean(target, known))
            elif "tie" in mapping(document, "model", "parameters", target):
                remedy = "tie both to the same free parameter"
                yield self.problem(where, f"'{target}', itself tied", "a parameter that is not tied", remedy)
            for key in ("value", "vary", "bounds"):
                if key in entry:
                    yield self.problem(f"{path}.{key}", f"'{key}' beside a tie", "only the tie", f"remove {key}")


class ScalingParametersFollowScaling(Rule):
    """How contrast and offset vary is said by the key scaling, not by vary."""

    def check(self, document: Any) -> Iterator[Problem]:
        for path, entry, parameter in _parameters(document):
            if parameter.group == "scaling" and "vary" in entry:
                remedy = "use scaling: fixed to hold contrast and offset at their values"
                yield self.problem(f"{path}.vary", entry["vary"], "no vary", remedy)


class FixedScalingHasValues(Rule):
    """Contrast and offset that are held have values, as many of the one as of the other."""

    def check(self, document: Any) -> Iterator[Problem]:
        names = [p.name for p in _model(document).scaling]
        values = [mapping(document, "model", "parameters", name).get("value") for name in names]
        if isinstance(document, dict) and document.get("scaling") == "fixed":
            for name in (name for name, value in zip(names, values, strict=True) if value is None):
                remedy = "add value, or another scaling"
                yield self.problem(f"model.parameters.{name}.value", "no value", "the value to hold", remedy)
        numbers = [len(value) for value in values if isinstance(value, list)]
        if len(set(numbers)) > 1:
            found, expected = f"{numbers[1]} values", f"{numbers[0]} as for {names[0]}, one per angle"
            yield self.problem(
                f"model.parameters.{names[1]}.value", found, expected, "give one number or one per angle"
            )


class FramesOrdered(Rule):
    """A frame window goes from a lower to a higher frame."""

    def check(self, document: Any) -> Iterator[Problem]:
        given = mapping(document, "data").get("frames")
        frames = interval(given)
        if frames and not frames[0] < frames[1]:
            yield self.problem("data.frames", given, "first < last", "exchange or widen them")


class LognormalPriorPositive(Rule):
    """A lognormal prior belongs to bounds above zero."""

    def check(self, document: Any) -> Iterator[Problem]:
        for path, entry, parameter in _parameters(document):
            lower = (interval(entry.get("bounds")) or parameter.bounds)[0]
            family = mapping(entry, "prior").get("family") or parameter.prior.family
            if family == "lognormal" and lower <= 0:
                remedy = "raise the lower bound, or give a normal prior"
                yield self.problem(f"{path}.bounds", lower, "a lower bound above 0 (lognormal prior)", remedy)


CONFIG_RULES: tuple[Rule, ...] = (
    FollowsSchema("config"),
    OnlyFiniteNumbers(),
    ModelInstalled(),
    ParameterNamesKnown(),
    ParameterBoundsOrdered(),
    ValueInsideBounds(),
    OneValuePerPhysicalParameter(),
    TieNamesFreeParameter(),
    ScalingParametersFollowScaling(),
    FixedScalingHasValues(),
    FramesOrdered(),
    LognormalPriorPositive(),
)


def lint_config(document: Any) -> list[Problem]:
    """Return every problem of a configuration (plain data, as read from YAML or JSON)."""
    return run(CONFIG_RULES, document)
