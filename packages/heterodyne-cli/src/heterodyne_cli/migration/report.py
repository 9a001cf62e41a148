"""Report of an import: translated settings, differences in meaning, and omitted settings with reasons."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from heterodyne_spec import Prior, Table, dump_yaml, one_line, prior_text, short_json, text_table

WIDTH = 110


@dataclass(frozen=True)
class Translated:
    """A setting of the old file and its translation; `value` is in the units and signs of this program."""

    old: str
    new: str
    value: Any


@dataclass(frozen=True)
class Differs:
    """A difference in meaning between the programs, as a sentence."""

    subject: str
    sentence: str


@dataclass(frozen=True)
class Left:
    """A setting of the old file that was left out, with the reason."""

    old: str
    value: Any
    reason: str


@dataclass(frozen=True)
class Imported:
    """The translation of a configuration of another program.

    `config_document` is a valid configuration of this program, as plain data, with exactly the settings in
    `translated`. Every setting of the old file is in `translated` or in `left`.
    """

    program: str
    config_document: Mapping[str, Any]
    translated: tuple[Translated, ...]
    differs: tuple[Differs, ...]
    left: tuple[Left, ...]


def report_text(imported: Imported, source: str) -> str:
    """Return the three lists for the terminal; `source` is the name of the old file."""
    head = f"{source}: configuration of {imported.program}\n"
    return "\n".join([head, _translated(imported), *_differs(imported), *_left(imported)])


def config_text(imported: Imported, source: str) -> str:
    """Return the new configuration as YAML, with a header on its source and differences in meaning."""
    head = [f"Imported from {source}, a configuration of {imported.program}."]
    head += [f"{one.subject}: {one.sentence}" for one in imported.differs]
    if imported.left:
        head.append(f"Left out: {len(imported.left)} settings; heterodyne config import lists them.")
    comments = [f"# {line}" for text in head for line in textwrap.wrap(text, WIDTH, subsequent_indent="  ")]
    return "\n".join(comments) + "\n" + dump_yaml(dict(imported.config_document), inline=True)


def _translated(imported: Imported) -> str:
    """Return a table of the new settings with their sources."""
    sources: dict[str, list[str]] = {}
    for one in imported.translated:
        sources.setdefault(one.new, []).append(one_line(one.old))
    values = {one.new: one.value for one in imported.translated}
    rows = tuple((new, _value(values[new]), ", ".join(old)) for new, old in sources.items())
    return text_table(Table("Translated", ("here", "value", "there"), rows)) if rows else "Nothing was translated.\n"


def _value(value: Any) -> str:
    return prior_text(Prior(**value)) if isinstance(value, dict) and "family" in value else short_json(value)


def _differs(imported: Imported) -> Iterator[str]:
    if imported.differs:
        yield "Differs in meaning\n"
    for one in imported.differs:
        yield _wrapped(f"{one.subject}: {one.sentence}")
    if imported.differs:
        yield ""


def _left(imported: Imported) -> Iterator[str]:
    """Yield the omitted settings, grouped by reason."""
    if imported.left:
        yield "Left out\n"
    for reason in dict.fromkeys(one.reason for one in imported.left):
        yield _wrapped(f"{reason}:")
        told = ", ".join(
            f"{one_line(one.old)} = {short_json(one.value)}" for one in imported.left if one.reason == reason
        )
        yield _wrapped(told, "    ") + "\n"


def _wrapped(text: str, indent: str = "  ") -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_on_hyphens=False,
        break_long_words=False,
    )
