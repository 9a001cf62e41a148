"""Write the reference pages of the documentation from specification, docstrings and commands: docs/reference/*.md.

    python scripts/reference_pages.py [FOLDER]

They are generated before every build of the site and not committed.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reference_commands import commands_page
from reference_files import result_files_page
from reference_python import PACKAGES, python_page

from heterodyne_spec import config_template, expression, load_model, load_schema
from heterodyne_spec.tables import as_markdown

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
NOTE = "*This page is generated from {source}; it belongs to the version of the code that it was built with.*"


def table(columns: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    """Return a Markdown table; bars inside cells are escaped."""
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def values(schema: Mapping[str, Any]) -> str:
    """Return in words what a key takes."""
    if "enum" in schema:
        return ", ".join(f"`{'null' if option is None else option}`" for option in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "oneOf" in schema:
        return " or ".join(dict.fromkeys(values(option) for option in schema["oneOf"]))
    if "$ref" in schema:
        return "mapping"
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    words = [word for kind in kinds if (word := _KINDS[kind])]
    if "items" in schema:
        exactly = "two " if schema.get("minItems") == schema.get("maxItems") == 2 else ""
        words = [f"list of {exactly}{_plural(values(schema['items']))}"]
    limits = [f"{sign} {schema[key]:g}" for key, sign in _LIMITS.items() if key in schema]
    return " or ".join(words) + (f", {', '.join(limits)}" if limits else "")


def _plural(words: str) -> str:
    return re.sub(r"\b(list|mapping|text|number)\b", r"\1s", words, count=1)


_KINDS = {
    "object": "mapping",
    "array": "list",
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "`true` or `false`",
    "null": "`null`",
}
_LIMITS = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}


def keys(properties: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield key, default, what it takes and its meaning."""
    for key, schema in properties.items():
        default = f"`{json.dumps(schema['default'])}`" if "default" in schema else ""
        yield f"`{key}`", default.replace('"', ""), values(schema), schema.get("description", "")


def configuration_page() -> str:
    """Return the page on every key of a configuration."""
    schema = load_schema("config")
    columns = ("key", "default", "takes", "meaning")
    sections = {name: s for name, s in schema["properties"].items() if "properties" in s}
    single = {name: s for name, s in schema["properties"].items() if "properties" not in s}
    parts = [
        "# Configuration",
        NOTE.format(source="the configuration's JSON Schema"),
        "A configuration is a YAML or JSON file, or the same as a Python dict. Every key is optional; a key that "
        "stands in none of these tables is an error that names the nearest known one.",
    ]
    for name, section in sections.items():
        parts += [f"## {name}", section["description"], table(columns, keys(section["properties"]))]
        for key, inner in section["properties"].items():
            if "properties" in inner:
                parts += [f"### {name}.{key}", inner["description"], table(columns, keys(inner["properties"]))]
        if name == "model":
            parts += ["### model.parameters.NAME", table(columns, keys(schema["$defs"]["parameter"]["properties"]))]
    parts += ["## At the top", table(columns, keys(single))]
    parts += ["## Everything at its default", f"`heterodyne config` prints this.\n\n```yaml\n{config_template()}```"]
    return "\n\n".join(parts) + "\n"


def grammar_page() -> str:
    """Return the page on the grammar of the pointwise functions, from the module that implements it."""
    text = inspect.cleandoc(expression.__doc__ or "").replace("``", "`")
    title, _, rest = text.partition("\n")
    # reST's literal block becomes a fenced one.
    fenced = re.sub(
        r"^::\n\n((?:    .*\n|\n)+?)(?=\S)",
        lambda m: "```text\n" + inspect.cleandoc(m[1]) + "\n```\n\n",
        rest.strip() + "\n",
        flags=re.M,
    )
    functions = table(("name", "arguments"), ((f"`{n}`", str(count)) for n, count in expression.FUNCTIONS.items()))
    examples = "\n".join(f"{f.name}(t) = {f.expression}" for f in load_model().functions)
    parts = ["# Grammar of the functions", NOTE.format(source="`heterodyne_spec.expression`"), title, fenced.strip()]
    parts += ["## Functions", functions, "## In the shipped model", f"```text\n{examples}\n```"]
    return "\n\n".join(parts) + "\n"


def model_page() -> str:
    """Return the page with the tables of the model."""
    head, _, rest = as_markdown(load_model()).partition("\n")
    return f"{head}\n\n{NOTE.format(source='the specification')}\n{rest}"


def pages() -> dict[str, str]:
    """Return the text of every page by its path below the folder."""
    found = {
        "model": model_page(),
        "configuration": configuration_page(),
        "grammar": grammar_page(),
        "commands": commands_page(NOTE.format(source="the commands' own `--help`")),
        "result-files": result_files_page(NOTE.format(source="the JSON Schema of results")),
    }
    return found | {f"python/{module}": python_page(module) for module in PACKAGES}


def main() -> int:
    """Write all pages."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    found = pages()
    for name, text in found.items():
        path = folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    print(f"{len(found)} pages written to {folder.name}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
