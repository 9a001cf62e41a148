"""Rules for a model specification."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from heterodyne_spec.errors import Problem
from heterodyne_spec.expression import ExpressionError, names, parse
from heterodyne_spec.lint.rule import Rule, interval_or_none, items_at, mapping_at, number_or_none, run
from heterodyne_spec.lint.schema import FollowsSchema, OnlyFiniteNumbers
from heterodyne_spec.messages import did_you_mean


def _all_parameters(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for section in ("parameters", "scaling"):
        for item in items_at(document, section):
            yield f"{section}.{item.get('name', '?')}", item


def _names(document: Any, *sections: str) -> list[str]:
    return [str(item.get("name")) for section in sections for item in items_at(document, section)]


class UniqueNames(Rule):
    """No two parameters, variables or functions share a name."""

    def check(self, document: Any) -> Iterator[Problem]:
        counts = Counter(_names(document, "variables", "parameters", "scaling", "functions"))
        for name, count in counts.items():
            if count > 1:
                yield self.problem(name, f"the name '{name}' {count} times", "a unique name", "rename one")


class OrderedBounds(Rule):
    """The lower bound of a parameter is below its upper bound."""

    def check(self, document: Any) -> Iterator[Problem]:
        for path, item in _all_parameters(document):
            bounds = interval_or_none(item.get("bounds"))
            if bounds and not bounds[0] < bounds[1]:
                yield self.problem(f"{path}.bounds", list(bounds), "lower < upper", "swap or change them")


class DefaultInsideBounds(Rule):
    """The default of a parameter is inside its bounds."""

    def check(self, document: Any) -> Iterator[Problem]:
        for path, item in _all_parameters(document):
            bounds, default = interval_or_none(item.get("bounds")), number_or_none(item.get("default"))
            if bounds and default is not None and not bounds[0] <= default <= bounds[1]:
                yield self.problem(f"{path}.default", default, f"within {list(bounds)}", "change default or bounds")


class PositiveWhereLogarithmic(Rule):
    """A parameter with a lognormal prior or a logarithmic transform is bounded above zero."""

    def check(self, document: Any) -> Iterator[Problem]:
        for path, item in _all_parameters(document):
            bounds = interval_or_none(item.get("bounds"))
            logarithmic = mapping_at(item, "prior").get("family") == "lognormal" or item.get("transform") == "log-logit"
            if bounds and logarithmic and bounds[0] <= 0:
                remedy = "raise it, or use a normal prior with transform logit"
                yield self.problem(f"{path}.bounds[0]", bounds[0], "a lower bound above 0", remedy)


class ExpressionFollowsGrammar(Rule):
    """Every expression follows the grammar of `heterodyne_spec.expression`."""

    def check(self, document: Any) -> Iterator[Problem]:
        for item in items_at(document, "functions"):
            try:
                parse(str(item.get("expression", "0")))
            except ExpressionError as error:
                path = f"functions.{item.get('name', '?')}.expression"
                yield self.problem(path, error, "an expression of the grammar", "correct it at that character")


class ExpressionNamesKnown(Rule):
    """Every name in an expression is a parameter or a variable of the model."""

    def check(self, document: Any) -> Iterator[Problem]:
        known = _names(document, "variables", "parameters")
        for item in items_at(document, "functions"):
            try:
                used = dict.fromkeys(names(parse(str(item.get("expression", "0")))))
            except ExpressionError:
                continue
            for name in used:
                if name not in known:
                    path = f"functions.{item.get('name', '?')}.expression"
                    yield self.problem(path, f"'{name}'", "a parameter or variable", did_you_mean(name, known))


class EveryParameterUsed(Rule):
    """Every parameter outside the angle group occurs in an expression."""

    def check(self, document: Any) -> Iterator[Problem]:
        used: set[str] = set()
        for item in items_at(document, "functions"):
            try:
                used.update(names(parse(str(item.get("expression", "0")))))
            except ExpressionError:
                return
        for item in items_at(document, "parameters"):
            name = str(item.get("name"))
            if item.get("group") != "angle" and name not in used:
                yield self.problem(
                    f"parameters.{name}", "no expression that uses it", "at least one use", "use it or remove it"
                )


class CorrelationFunctionsKnown(Rule):
    """The model declares all functions of the correlation form."""

    def check(self, document: Any) -> Iterator[Problem]:
        known = _names(document, "functions")
        wanted = mapping_at(document, "correlation").get("functions")
        for index, name in enumerate(wanted if isinstance(wanted, list) else []):
            if name not in known:
                path = f"correlation.functions[{index}]"
                yield self.problem(path, f"'{name}'", "a declared function", did_you_mean(str(name), known))


class AmbiguityNamesKnown(Rule):
    """Ambiguities refer to parameters of the model."""

    def check(self, document: Any) -> Iterator[Problem]:
        known = _names(document, "parameters")
        for index, item in enumerate(items_at(document, "ambiguities")):
            parameters = item.get("parameters")
            for name in parameters if isinstance(parameters, list) else []:
                if name not in known:
                    path = f"ambiguities[{index}].parameters"
                    yield self.problem(path, f"'{name}'", "a parameter", did_you_mean(str(name), known))


class SourceNamesLiterature(Rule):
    """Every source begins with the key of an entry under literature."""

    def check(self, document: Any) -> Iterator[Problem]:
        keys = [str(item.get("key")) for item in items_at(document, "literature")]
        for section in ("parameters", "scaling", "functions"):
            for item in items_at(document, section):
                source = str(item.get("source"))
                if not any(source.startswith(key) for key in keys):
                    path = f"{section}.{item.get('name', '?')}.source"
                    yield self.problem(path, f"'{source}'", f"one of {', '.join(keys)} first", "cite an entry")


MODEL_RULES: tuple[Rule, ...] = (
    FollowsSchema("model"),
    OnlyFiniteNumbers(),
    UniqueNames(),
    OrderedBounds(),
    DefaultInsideBounds(),
    PositiveWhereLogarithmic(),
    ExpressionFollowsGrammar(),
    ExpressionNamesKnown(),
    EveryParameterUsed(),
    CorrelationFunctionsKnown(),
    AmbiguityNamesKnown(),
    SourceNamesLiterature(),
)


def lint_model(document: Any) -> list[Problem]:
    """Return every problem of a model specification (plain data, as read from YAML or JSON)."""
    return run(MODEL_RULES, document)
