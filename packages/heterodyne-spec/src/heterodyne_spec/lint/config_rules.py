"""Rules for a configuration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from heterodyne_spec.errors import Problem
from heterodyne_spec.lint.rule import Rule, interval_or_none, mapping_at, number_or_none, run
from heterodyne_spec.lint.schema import FollowsSchema, OnlyFiniteNumbers
from heterodyne_spec.messages import did_you_mean
from heterodyne_spec.model import DEFAULT_MODEL, ModelSpec, Parameter, load_model
from heterodyne_spec.models import model_names


def _model(document: Any) -> ModelSpec:
    """Return the configured model; if it does not exist, another rule reports it."""
    name = mapping_at(document, "model").get("name")
    return load_model(name if name in model_names() else DEFAULT_MODEL)


def _parameters(document: Any) -> Iterator[tuple[str, dict[str, Any], Parameter]]:
    """Yield path, entry and registry parameter of every known name under model.parameters."""
    model = _model(document)
    known = {p.name: p for p in (*model.parameters, *model.scaling)}
    for name in mapping_at(document, "model", "parameters"):
        if name in known:
            yield f"model.parameters.{name}", mapping_at(document, "model", "parameters", name), known[name]


class ModelInstalled(Rule):
    """The model is one that is installed."""

    def check(self, document: Any) -> Iterator[Problem]:
        name, known = mapping_at(document, "model").get("name"), model_names()
        if isinstance(name, str) and name not in known:
            yield self.problem("model.name", f'"{name}"', f"one of {', '.join(known)}", did_you_mean(name, known))


class ParameterNamesKnown(Rule):
    """Entries under model.parameters name parameters of the model."""

    def check(self, document: Any) -> Iterator[Problem]:
        model = _model(document)
        known = (*model.names, *(p.name for p in model.scaling))
        for name in mapping_at(document, "model", "parameters"):
            if name not in known:
                path = f"model.parameters.{name}"
                yield self.problem(path, f"unknown parameter '{name}'", "a parameter", did_you_mean(str(name), known))


class ParameterBoundsOrdered(Rule):
    """Bounds are given as lower < upper."""

    def check(self, document: Any) -> Iterator[Problem]:
        for path, entry, _ in _parameters(document):
            bounds = interval_or_none(entry.get("bounds"))
            if bounds and not bounds[0] < bounds[1]:
                remedy = "give lower < upper, or vary: false to fix the value"
                yield self.problem(f"{path}.bounds", list(bounds), "lower < upper", remedy)


class ValueInsideBounds(Rule):
    """A value is inside the bounds of its parameter, those of the configuration or the registry."""

    def check(self, document: Any) -> Iterator[Problem]:
        for path, entry, parameter in _parameters(document):
            lower, upper = interval_or_none(entry.get("bounds")) or parameter.bounds
            given = entry.get("value", parameter.default if "bounds" in entry else None)
            for value in given if isinstance(given, list) else [given]:
                checked = number_or_none(value)
                if checked is not None and lower < upper and not lower <= checked <= upper:
                    remedy = "give a value inside, or change the bounds"
                    yield self.problem(f"{path}.value", checked, f"within [{lower:g}, {upper:g}]", remedy)


class OneValuePerPhysicalParameter(Rule):
    """Only contrast and offset accept a list of values (one per angle)."""

    def check(self, document: Any) -> Iterator[Problem]:
        for path, entry, parameter in _parameters(document):
            if isinstance(entry.get("value"), list) and parameter.group != "scaling":
                yield self.problem(f"{path}.value", "a list", "one number", "give one number")


class TieNamesFreeParameter(Rule):
    """A tie names another physical parameter that is not tied itself; a tied parameter has no own settings."""

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
                yield self.problem(
                    where, f"'{target}'", "another parameter", "name another parameter or remove the tie"
                )
            elif target not in known:
                yield self.problem(where, f"'{target}'", "a parameter", did_you_mean(target, known))
            elif "tie" in mapping_at(document, "model", "parameters", target):
                remedy = "tie both to the same free parameter"
                yield self.problem(where, f"'{target}', itself tied", "a parameter that is not tied", remedy)
            for key in ("value", "vary", "bounds"):
                if key in entry:
                    yield self.problem(f"{path}.{key}", f"'{key}' beside a tie", "only the tie", f"remove {key}")


class ScalingParametersFollowScaling(Rule):
    """The key scaling, not vary, determines whether contrast and offset are free."""

    def check(self, document: Any) -> Iterator[Problem]:
        for path, entry, parameter in _parameters(document):
            if parameter.group == "scaling" and "vary" in entry:
                remedy = "use scaling: fixed to fix contrast and offset at their values"
                yield self.problem(f"{path}.vary", entry["vary"], "no vary", remedy)


class FixedScalingHasValues(Rule):
    """Fixed contrast and offset have values, the same number of each."""

    def check(self, document: Any) -> Iterator[Problem]:
        names = [p.name for p in _model(document).scaling]
        values = [mapping_at(document, "model", "parameters", name).get("value") for name in names]
        if isinstance(document, dict) and document.get("scaling") == "fixed":
            for name in (name for name, value in zip(names, values, strict=True) if value is None):
                remedy = "add value, or choose another scaling"
                yield self.problem(f"model.parameters.{name}.value", "no value", "the fixed value", remedy)
        numbers = [len(value) for value in values if isinstance(value, list)]
        if len(set(numbers)) > 1:
            found, expected = f"{numbers[1]} values", f"{numbers[0]} as for {names[0]}, one per angle"
            yield self.problem(
                f"model.parameters.{names[1]}.value", found, expected, "give one number or one per angle"
            )


class FramesOrdered(Rule):
    """The first frame of a window comes before the last."""

    def check(self, document: Any) -> Iterator[Problem]:
        given = mapping_at(document, "data").get("frames")
        frames = interval_or_none(given)
        if frames and not frames[0] < frames[1]:
            yield self.problem("data.frames", given, "first < last", "swap or change them")


class LognormalPriorPositive(Rule):
    """A lognormal prior requires bounds above zero."""

    def check(self, document: Any) -> Iterator[Problem]:
        for path, entry, parameter in _parameters(document):
            lower = (interval_or_none(entry.get("bounds")) or parameter.bounds)[0]
            family = mapping_at(entry, "prior").get("family") or parameter.prior.family
            if family == "lognormal" and lower <= 0:
                remedy = "raise the lower bound, or use a normal prior"
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
