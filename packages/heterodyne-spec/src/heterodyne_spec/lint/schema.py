"""Validation against JSON Schemas, with messages that state location and remedy."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

from heterodyne_spec.errors import Problem
from heterodyne_spec.lint.rule import Rule, number_or_none
from heterodyne_spec.messages import did_you_mean, one_line

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

MOST_UNKNOWN = 100
"""Maximum number of unknown keys that are compared with the known ones: an unrelated file may have thousands."""

_TYPE_WORDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "a string",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}


@functools.cache
def load_schema(name: str) -> Any:
    """Return the shipped JSON Schema (2020-12) called `name`: model, config, data or result."""
    text = resources.files("heterodyne_spec").joinpath("schemas", f"{name}.schema.json").read_text(encoding="utf-8")
    return json.loads(text)


@functools.cache
def _validator(name: str) -> Draft202012Validator:
    # Imported here because it takes a sixth of the time of a command that has nothing to validate.
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    # The model's schema is the only one that others refer to (for priors).
    shared = Resource.from_contents(load_schema("model"))
    registry: Registry[Any] = Registry().with_resource(str(shared.id()), shared)
    return Draft202012Validator(load_schema(name), registry=registry)


def dotted(path: Any) -> str:
    """Return ``a.b[2].c`` for the parts of a path."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def short_json(value: Any) -> str:
    """Return `value` in at most 60 printable characters."""
    text = one_line(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= 60 else text[:57] + "..."


def _expected(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    match error.validator:
        case "type":
            kinds = wanted if isinstance(wanted, list) else [wanted]
            return " or ".join(_TYPE_WORDS[kind] for kind in kinds)
        case "enum":
            return "one of " + ", ".join(str(option) for option in wanted)
        case "const":
            return short_json(wanted)
        case "minimum":
            return f"at least {wanted}"
        case "maximum":
            return f"at most {wanted}"
        case "exclusiveMinimum":
            return f"more than {wanted}"
        case "minItems":
            return f"at least {wanted} items"
        case "maxItems":
            return f"at most {wanted} items"
        case "minLength":
            return "a non-empty string"
        case "pattern":
            return f"a string matching {wanted}"
        case "oneOf":
            return str(_schema_of(error).get("description", "one of the documented forms"))
        case _:
            return error.message


def _schema_of(error: ValidationError) -> Mapping[str, Any]:
    """Return the violated schema; a schema that is just true or false has no keys."""
    return error.schema if isinstance(error.schema, Mapping) else {}


class FollowsSchema(Rule):
    """The document follows its JSON Schema; the closest known key is suggested for an unknown one."""

    def __init__(self, name: str):
        self.name = name

    def check(self, document: Any) -> Iterator[Problem]:
        for error in _validator(self.name).iter_errors(document):
            yield from self._problems(error)

    def _problems(self, error: ValidationError) -> Iterator[Problem]:
        path = dotted(error.absolute_path)
        instance: Any = error.instance
        wanted: Any = error.validator_value
        if error.validator == "additionalProperties":
            known = list(_schema_of(error).get("properties", ()))
            unknown = [k for k in instance if k not in known]
            for key in unknown[:MOST_UNKNOWN]:
                where = f"{path}.{key}" if path else str(key)
                yield self.problem(where, f"unknown key '{key}'", "a known key", did_you_mean(str(key), known))
            if (more := len(unknown) - MOST_UNKNOWN) > 0:
                yield self.problem(path, f"{more} more unknown keys", "known keys", "give the right file")
        elif error.validator == "required":
            for key in (k for k in wanted if k not in instance):
                yield self.problem(path, f"no key '{key}'", f"the key '{key}'", "add it")
        elif error.validator == "oneOf" and (inner := _inside_branch(error)) is not None:
            yield from self._problems(inner)
        else:
            yield self.problem(path, short_json(instance), _expected(error), "correct the value")


def _inside_branch(error: ValidationError) -> ValidationError | None:
    """Return the finding inside the intended branch of a oneOf, if the type determines the branch."""
    from jsonschema.exceptions import best_match

    meant = [e for e in error.context or () if e.validator not in ("type", "enum", "const")]
    deeper = [e for e in meant if e.absolute_path != error.absolute_path] or meant
    return best_match(iter(deeper)) if deeper and isinstance(error.instance, dict) else None


class OnlyFiniteNumbers(Rule):
    """Every number in the document is finite."""

    def check(self, document: Any) -> Iterator[Problem]:
        """Yield a problem for every number that is not finite."""
        yield from self._walk(document, ())

    def _walk(self, value: Any, path: tuple[Any, ...]) -> Iterator[Problem]:
        if (checked := number_or_none(value)) is not None and not math.isfinite(checked):
            yield self.problem(dotted(path), short_json(value), "a finite number", "correct the value")
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from self._walk(item, (*path, key))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self._walk(item, (*path, index))
