"""The reference pages of the packages: every public name with its signature and docstring.

The docstrings of this project give the meaning of an argument where NumPy style has its type (the type is in the
signature), so they are read here and not by a general tool.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
import textwrap
from functools import cached_property
from importlib import import_module
from typing import Any

PACKAGES = {
    "heterodyne_spec": "model, formats, conformance",
    "heterodyne_data": "measurements and results as files",
    "heterodyne_report": "pages, pictures, tables, the terminal",
    "heterodyne_physics_meshgrid": "c2 on the full grid of frames",
    "heterodyne_physics_elementwise": "c2 at given pairs of frames",
    "heterodyne_nlsq": "point estimates",
    "heterodyne_cmc": "posteriors",
    "heterodyne_cli": "the command",
}
"""Modules whose ``__all__`` is public, and what each is for."""

_SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}\n", re.MULTILINE)
_LISTS = ("Parameters", "Raises", "Attributes")


def python_page(module_name: str) -> str:
    """Return the page of one package: what it is, then functions, classes, errors and constants."""
    module = import_module(module_name)
    public = {name: getattr(module, name) for name in module.__all__ if name != "__version__"}
    kinds = {name: _kind(value) for name, value in public.items()}
    parts = [f"# {module_name}", docstring(module.__doc__ or "")]
    for kind in ("Functions", "Classes", "Errors", "Constants"):
        chosen = [name for name in public if kinds[name] == kind]
        if chosen and kind == "Constants":
            parts += ["## Constants", *(f"### {n}\n\n`{n} = {public[n]!r}`\n\n{_said(module, n)}" for n in chosen)]
        elif chosen:
            entry = _function if kind == "Functions" else _class
            parts += [f"## {kind}", *(entry(name, public[name]) for name in chosen)]
    if len(public) == 0:
        parts.append("No public names beside `__version__`: the package serves the [commands](../commands.md).")
    return "\n\n".join(parts) + "\n"


def _kind(value: Any) -> str:
    if inspect.isclass(value):
        return "Errors" if issubclass(value, Exception) else "Classes"
    return "Functions" if callable(value) else "Constants"


def _said(module: Any, name: str) -> str:
    """Return the text below the constant `name`, in the module that defines it."""
    for other in [m for k, m in sys.modules.items() if k.startswith(module.__name__) and hasattr(m, name)]:
        if text := Source(other).said.get(name):
            return docstring(text)
    return "See the specification of the model, or the source of the package."


def _signature(name: str, value: Any) -> str:
    """Return the signature as it stands in the source, over several lines where it is long."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(value)))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    given = tree.args
    given.args = [a for a in given.args if a.arg not in ("self", "cls")]
    arguments = _plain(ast.unparse(given))
    returns = f" -> {_plain(ast.unparse(tree.returns))}" if tree.returns else ""
    line = f"{name}({arguments}){returns}"
    if len(line) > 100:
        inner = re.sub(r", (?=\*(?:,|\w)|\w+:)", ",\n    ", arguments)
        line = f"{name}(\n    {inner},\n){returns}"
    return f"```python\n{line}\n```"


def _plain(annotation: str) -> str:
    """Return annotations without the quotes of forward references (those of shapes stay), defaults set apart."""
    return re.sub(r"(?<=[\w\])])=(?=\S)", " = ", re.sub(r"(?<=[ :>])'(\w+)'(?=[ ,\[]|$)", r"\1", annotation))


def _function(name: str, value: Any, level: int = 3, owner: str = "") -> str:
    shown = f"{owner}.{name}" if owner else name
    return f"{'#' * level} {shown}\n\n{_signature(name, value)}\n\n{docstring(_text(value))}"


def _text(value: Any) -> str:
    if not value.__doc__:
        raise ValueError(f"{value!r} is public and has no docstring")
    return inspect.cleandoc(value.__doc__)


def _class(name: str, cls: type) -> str:
    """Return the entry of a class; of a dataclass that adds methods to another, what that has stands here too."""
    layers = [layer for layer in cls.__mro__ if layer is cls or dataclasses.is_dataclass(layer)]
    sources = [Source(layer) for layer in layers]
    said = {key: text for source in sources for key, text in source.said.items()}
    annotations = {key: text for source in sources for key, text in source.annotations.items()}
    parts = [f"### {name}", *(docstring(_text(layer)) for layer in layers)]
    fields = [f.name for f in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else []
    fields += [name for name in said if name not in fields]
    if fields:
        meanings = {f: " ".join(said.get(f, "").split()) for f in fields}
        rows = [(f"`{f}`", f"`{annotations.get(f, '')}`", meanings[f]) for f in fields]
        head = ("field", "type", "meaning") if any(meanings.values()) else ("field", "type")
        parts.append(_table(head, [row[: len(head)] for row in rows]))
    for member, value in (item for layer in reversed(layers) for item in vars(layer).items()):
        if member.startswith("_") or member in fields:
            continue
        if isinstance(value, property | cached_property):
            getter = value.fget if isinstance(value, property) else value.func
            parts.append(f"#### {name}.{member}\n\n{docstring(_text(getter))}")
        elif isinstance(value, classmethod | staticmethod) or inspect.isfunction(value):
            parts.append(_function(member, getattr(cls, member), 4, name))
    return "\n\n".join(parts)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


class Source:
    """Annotations and the texts below assignments, in the source of a class or module."""

    def __init__(self, of: Any):
        tree = ast.parse(textwrap.dedent(inspect.getsource(of)))
        body = tree.body[0].body if inspect.isclass(of) else tree.body  # type: ignore[attr-defined]
        self.annotations: dict[str, str] = {}
        self.said: dict[str, str] = {}
        for node, after in zip(body, [*body[1:], None], strict=True):
            names = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
            for target in (n.id for n in names if isinstance(n, ast.Name)):
                if isinstance(node, ast.AnnAssign):
                    self.annotations[target] = _plain(ast.unparse(node.annotation))
                if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                    self.said[target] = inspect.cleandoc(str(after.value.value))


def docstring(text: str) -> str:
    """Return a docstring as Markdown: arguments and errors as lists, examples and tables as blocks."""
    text = inspect.cleandoc(text).replace("``", "`")
    pieces = _SECTION.split(text)
    parts = [_prose(pieces[0])]
    for title, body in zip(pieces[1::2], pieces[2::2], strict=True):
        shown = _entries(body) if title in _LISTS else _prose(body)
        parts.append(f"**{title}**\n\n{shown}")
    return "\n\n".join(part for part in parts if part)


def _entries(body: str) -> str:
    """Return the entries of a section as a list: each begins at the margin, the rest is indented; then what follows."""
    listed, _, rest = body.strip().partition("\n\n")
    entries = re.split(r"\n(?=\S)", listed)
    return "\n".join(f"* {_entry(entry)}" for entry in entries) + (f"\n\n{_prose(rest)}" if rest else "")


def _entry(text: str) -> str:
    head, _, rest = text.partition("\n")
    name, colon, meaning = head.partition(" : ")
    rest = " ".join(rest.split())
    if colon:
        return f"`{name}`: {meaning} {rest}".rstrip()
    return f"`{head}`: {rest}" if rest else head


def _prose(text: str) -> str:
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(_paragraph(p) for p in paragraphs)


def _paragraph(text: str) -> str:
    lines = text.splitlines()
    if text.startswith(">>>"):
        return f"```pycon\n{text}\n```"
    if len(lines) > 1 and sum(bool(re.search(r"\S {2,}\S", line)) for line in lines) > len(lines) / 2:
        return f"```text\n{text}\n```"
    if all(line.startswith("    ") for line in lines):
        return f"```text\n{textwrap.dedent(text)}\n```"
    return text
