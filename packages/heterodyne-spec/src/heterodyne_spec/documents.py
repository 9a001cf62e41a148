"""Documents: strict reading of YAML and JSON, portable writing of YAML, canonical JSON and its hash.

PyYAML follows YAML 1.1, in which ``1e4`` is a string and ``yes`` a boolean, and silently keeps the last of two equal
keys. A configuration read that way fails far from the cause of the error. This loader resolves plain scalars by the
YAML 1.2 core schema (https://yaml.org/spec/1.2.2/#103-core-schema) and refuses duplicate keys, stating the line.

Why not ruamel.yaml 0.19, which reads YAML 1.2: it accepts aliases, numbers as keys, dates, and ``1_000`` as a number,
all of which had to be refused as well, and takes 32 ms instead of 22 ms for the model.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from heterodyne_spec.errors import ConfigError, Problem

MAX_DOCUMENT_BYTES, MAX_YAML_BYTES = 32 * 1024 * 1024, 256 * 1024
"""Maximum size of JSON and of YAML files; reading YAML takes about a hundred times as long, seconds at this size."""
MAX_DEPTH = 100
"""Maximum nesting of lists and mappings (our documents have fewer than ten levels), because checks may recurse."""


class _CoreLoader(yaml.SafeLoader):
    """SafeLoader with the resolvers of YAML 1.2's core schema."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        # Aliases can expand a few bytes to gigabytes or to cycles; none of our documents needs them.
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.constructor.ConstructorError(None, None, "aliases are not accepted", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[Hashable, yaml.Mark] = {}
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                message = f"key {key!r} is not a string"
                raise yaml.constructor.ConstructorError(None, None, message, key_node.start_mark)
            if key in seen:
                message = f"duplicate key '{key}' (first in line {seen[key].line + 1})"
                raise yaml.constructor.ConstructorError(None, None, message, key_node.start_mark)
            seen[key] = key_node.start_mark
        return super().construct_mapping(node, deep)


def _construct_int(loader: _CoreLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node)).lower()
    return int(text, 8) if text.startswith("0o") else int(text, 16) if text.startswith("0x") else int(text)


def _construct_float(loader: _CoreLoader, node: yaml.ScalarNode) -> float:
    return float(str(loader.construct_scalar(node)).lower().replace(".inf", "inf").replace(".nan", "nan"))


class _PlainDumper(yaml.SafeDumper):
    """SafeDumper that quotes every string which YAML 1.1 or 1.2 would read as another type."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        # Readers fold the additional line ends of YAML 1.1; only double quotes escape them.
        style = '"' if set(data) & set("\x85\u2028\u2029") else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)


_PlainDumper.add_representer(str, _PlainDumper.represent_str)


# Replace the resolvers of YAML 1.1 by those below.
_CoreLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("tag:yaml.org,2002:int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        "-+0123456789.",
    ),
    ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
):
    _CoreLoader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))
    _PlainDumper.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))
_CoreLoader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_CoreLoader.add_constructor("tag:yaml.org,2002:float", _construct_float)


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"duplicate key '{key}' in one object")
        result[key] = value
    return result


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")


def _refuse_depth(document: Any) -> None:
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [item for value in level for item in _inside(value)]
    if level:
        raise ValueError(f"nesting deeper than {MAX_DEPTH}")


def _inside(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _problem(source: str, where: str, found: str, expected: str, remedy: str) -> ConfigError:
    return ConfigError(source, [Problem(where, found, expected, remedy, "Syntax")])


def parse_yaml(text: str, source: str = "text") -> Any:
    """Return the document in `text` as dicts, lists, str, int, float, bool and None.

    Raises
    ------
    ConfigError : on a syntax error, a duplicate key, a tag or an alias; states the line.
    """
    try:
        document = yaml.load(text, Loader=_CoreLoader)
        _refuse_depth(document)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        found = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise _problem(source, where, found, "valid YAML 1.2", "correct this line") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        found = "nesting too deep" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise _problem(source, "", found, "valid YAML 1.2", "correct the file") from None
    return document


def parse_json(text: str, source: str = "text") -> Any:
    """Return the JSON document in `text`; duplicate keys and NaN are refused.

    Raises
    ------
    ConfigError : on a syntax error or a duplicate key.
    """
    try:
        document = json.loads(text, object_pairs_hook=_refuse_duplicates, parse_constant=_refuse_constant)
        _refuse_depth(document)
    except (ValueError, RecursionError) as error:
        found = "nesting too deep" if isinstance(error, RecursionError) else str(error)
        raise _problem(source, "", found, "valid JSON", "correct the file") from None
    return document


def dump_yaml(document: Any, inline: bool = False) -> str:
    """Return plain data as YAML that `parse_yaml` reads back to the same document, keys in their order.

    Strings like ``1``, ``1e4`` or ``yes`` are quoted, so that YAML 1.1 readers find the same document. With `inline`,
    lists and mappings of scalars are written on one line.
    """
    style = None if inline else False
    return yaml.dump(
        document, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=sys.maxsize, default_flow_style=style
    )


def read_document(path: str | Path) -> Any:
    """Return the document of a .json, .yaml or .yml file.

    Raises
    ------
    ConfigError : if the file is missing, unreadable, too large or malformed.
    """
    path = Path(path)
    source = str(path)
    try:
        most = MAX_DOCUMENT_BYTES if path.suffix == ".json" else MAX_YAML_BYTES
        if (size := path.stat().st_size) > most:
            remedy = "give the right file" + ("" if path.suffix == ".json" else ", or convert it to JSON")
            raise _problem(source, "", f"{size} bytes", f"at most {most}", remedy)
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _problem(source, "", "no such file", "a YAML or JSON file", "check the path") from None
    except UnicodeDecodeError:
        raise _problem(source, "", "bytes that are not UTF-8", "a text file", "give the right file") from None
    except OSError as error:
        raise _problem(source, "", error.strerror or str(error), "a readable file", "check the path") from None
    return parse_json(text, source) if path.suffix == ".json" else parse_yaml(text, source)


def canonical_json(document: Any) -> str:
    """Return the canonical JSON of `document`, the unique byte sequence whose SHA-256 identifies it.

    Keys are sorted; UTF-8, two-space indentation, one line feed at the end; floats in Python's shortest form that reads
    back to the same binary64. `document` consists of dicts with string keys, lists,
    numbers, strings, booleans and None.

    Raises
    ------
    ValueError : for NaN or infinity, which JSON cannot hold.
    """
    return json.dumps(document, sort_keys=True, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def sha256(text: str) -> str:
    """Return the hexadecimal SHA-256 of `text` in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()
