"""A commented template of the configuration, with every key at its default."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from heterodyne_spec.documents import dump_yaml
from heterodyne_spec.lint.schema import load_schema
from heterodyne_spec.model import ModelSpec, Parameter, load_model

KEY_WIDTH = 28
COMMENT_WIDTH = 88

_HEAD = """\
# Configuration of a fit. Every key is optional and shown with its default.
# To change a parameter, remove the '#' before its name and edit the line.
"""


def config_template(spec: ModelSpec | None = None) -> str:
    """Return a commented configuration in YAML, which is valid with and without the ``#key:`` lines uncommented.

    Parameters
    ----------
    spec : the model whose parameters are listed; the shipped model if None.
    """
    spec = load_model() if spec is None else spec
    properties = load_schema("config")["properties"]
    lines = [line for name, schema in properties.items() for line in _section(name, schema, spec)]
    return "\n".join([_HEAD.rstrip(), *lines]) + "\n"


def _section(name: str, schema: dict[str, Any], spec: ModelSpec) -> Iterator[str]:
    yield ""
    if "properties" not in schema:
        yield from _entry(name, schema, "")
        return
    yield f"{name}:".ljust(KEY_WIDTH) + f"# {schema['description']}"
    for key, inner in schema["properties"].items():
        if (name, key) == ("model", "parameters"):
            yield from _parameters(inner, spec)
        elif "properties" in inner:
            yield f"  {key}:".ljust(KEY_WIDTH) + f"# {inner['description']}"
            for deeper, innermost in inner["properties"].items():
                yield from _entry(deeper, innermost, "    ")
        else:
            yield from _entry(key, inner, "  ")


def _entry(key: str, schema: dict[str, Any], indent: str) -> Iterator[str]:
    """Yield ``key: default  # choices: description``, the comment wrapped in its own column."""
    choices = ["null" if choice is None else choice for choice in schema.get("enum", ())]
    comment = f"{' | '.join(choices)}: {schema['description']}" if len(choices) > 1 else schema["description"]
    first, *rest = textwrap.wrap(comment, COMMENT_WIDTH)
    yield f"{indent}{key}: {_inline(schema['default'])}".ljust(KEY_WIDTH) + f"# {first}"
    for line in rest:
        yield " " * KEY_WIDTH + f"# {line}"


def _parameters(schema: dict[str, Any], spec: ModelSpec) -> Iterator[str]:
    yield "  parameters:".ljust(KEY_WIDTH) + f"# {schema['description']}; each takes:"
    for key, inner in load_schema("config")["$defs"]["parameter"]["properties"].items():
        yield f"    # {key}: {inner['description']}"
    for parameter in (*spec.parameters, *spec.scaling):
        unit = "" if parameter.unit == "1" else f" ({parameter.unit})"
        yield f"    # {parameter.meaning}{unit}"
        yield f"    #{parameter.name}: {_setting(parameter)}"


def _setting(parameter: Parameter) -> str:
    # The key scaling determines whether contrast and offset are free.
    vary = {} if parameter.group == "scaling" else {"vary": parameter.vary}
    setting = {"value": parameter.default, **vary, "bounds": list(parameter.bounds)}
    return f"{{{', '.join(f'{key}: {_inline(value)}' for key, value in setting.items())}}}"


def _inline(value: Any) -> str:
    """Return `value` as YAML on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return dump_yaml(value).partition("\n")[0]
