"""Bookkeeping of an import, which ensures that no setting of the old file is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from heterodyne_cli.migration.report import Differs, Left, Translated
from heterodyne_spec import ConfigError, Problem


class Ledger:
    """The settings of an old file, each of which is finally translated or left out.

    Parameters
    ----------
    document : the old file as plain data. Settings are identified by their path, ``a.b[2].c``; named entries of a list
        by their name: ``bounds[v0].min``. Null and empty values are ignored.
    """

    def __init__(self, document: Mapping[str, Any]):
        self.settings = dict(leaves(document, ""))
        self.translated: list[Translated] = []
        self.differs: list[Differs] = []
        self._left: dict[tuple[str, str], Left] = {}
        self._open = dict.fromkeys(self.settings)

    @property
    def left(self) -> list[Left]:
        """Settings without an equivalent in this program."""
        return list(self._left.values())

    def get(self, path: str) -> Any:
        """Return the value at `path`, None if there is none."""
        return self.settings.get(path)

    def first(self, *paths: str) -> str | None:
        """Return the first of these paths that exists in the file."""
        return next((path for path in paths if path in self.settings), None)

    def under(self, prefix: str) -> list[str]:
        """Return the open paths that equal `prefix` or are below it."""
        return [path for path in self._open if path == prefix or path.startswith((f"{prefix}.", f"{prefix}["))]

    def open_paths(self) -> list[str]:
        """Return the paths that have not been handled yet."""
        return list(self._open)

    def is_open(self, path: str) -> bool:
        """Return whether `path` has not been handled yet."""
        return path in self._open

    def translate(self, old: str, new: str, value: Any) -> None:
        """Record that the setting at `old` was translated to `new`."""
        self._open.pop(old, None)
        self.translated.append(Translated(old, new, value))

    def leave(self, old: str, reason: str) -> None:
        """Record that the setting at `old` is left out."""
        self._open.pop(old, None)
        # One list, or one fixed value, may apply to several settings.
        self._left.setdefault((old, reason), Left(old, self.settings[old], reason))

    def leave_all(self, paths: Sequence[str], reason: str) -> None:
        """Record that all these settings are left out."""
        for path in paths:
            self.leave(path, reason)

    def take(self, path: str) -> None:
        """Record that the setting at `path` was used to interpret others (such as the order of a list)."""
        self._open.pop(path, None)

    def differ(self, subject: str, sentence: str) -> None:
        """Record a difference in meaning, once."""
        if Differs(subject, sentence) not in self.differs:
            self.differs.append(Differs(subject, sentence))

    def withdraw(self, new: str, reason: str) -> None:
        """Withdraw the translation to `new` and leave the old setting out."""
        for one in [one for one in self.translated if one.new == new]:
            self.translated.remove(one)
            self.leave(one.old, reason)

    def expand(self, path: str, names: Sequence[str]) -> bool:
        """Split a list with one value per name into settings ``path[name]``; return False if it is not such a list."""
        values = self.get(path)
        if not isinstance(values, list) or len(values) != len(names):
            return False
        self.settings.pop(path)
        self._open.pop(path, None)
        for name, value in zip(names, values, strict=True):
            if value is not None:
                self.settings[f"{path}[{name}]"] = value
                self._open[f"{path}[{name}]"] = None
        return True

    def document(self) -> dict[str, Any]:
        """Return the new configuration, which contains only translated settings."""
        document: dict[str, Any] = {}
        for one in self.translated:
            place, parts = document, one.new.split(".")
            for part in parts[:-1]:
                place = place.setdefault(part, {})
            place[parts[-1]] = one.value
        return document


def leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield path and value of every setting; lists are split only if they contain mappings."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        for name, item in zip(_names(value, path), value, strict=True):
            # The name is already part of the path.
            yield from leaves({key: inner for key, inner in item.items() if key != "name"}, f"{path}[{name}]")
    elif value is not None and value != "" and value != []:
        yield path, value


def _names(entries: Sequence[Mapping[str, Any]], path: str) -> list[str]:
    names = [str(entry.get("name", number)) for number, entry in enumerate(entries)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ConfigError("", [Problem(path, f"'{twice[0]}' twice", "unique names", "remove one", "DuplicateName")])
    return names
