"""Errors that state what is wrong, where, and what to do.

A `Problem` is one finding. An error carries all findings of a check, so that a file can be corrected in one go.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST_LINE, LONGEST_PART = 2400, 240
"""Maximum length of an error message, and of a quoted part: a damaged file may contain megabytes of nonsense."""
MOST_PROBLEMS = 12
"""Maximum number of problems in an error message; ``problems`` has all of them."""


@dataclass(frozen=True)
class Problem:
    """One finding of a check.

    Parameters
    ----------
    path : location inside the document or file (``model.parameters.D0_ref``).
    found : what was found there.
    expected : what was expected.
    remedy : how to fix it.
    rule : machine-readable kind: the class name of the violated rule.
    """

    path: str
    found: str
    expected: str
    remedy: str
    rule: str = ""

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        found, remedy = shortened(self.found), shortened(self.remedy)
        return one_line(f"{shortened(where)}found {found}, expected {self.expected}; {remedy}")

    @property
    def sentence(self) -> str:
        """The finding and its rule as one line of a list (findings of the data reader are complete sentences)."""
        return f"{self if self.remedy else one_line(shortened(self.found, LONGEST_LINE))} [{self.rule}]"


class HeterodyneError(Exception):
    """Base class of errors that a user can cause and fix; the message is always a single line."""

    def __str__(self) -> str:
        return shortened(one_line(super().__str__()), LONGEST_LINE)


class DataError(HeterodyneError):
    """A measurement cannot be read or used."""


class BusyError(DataError):
    """A measurement is open for writing in another program."""


class ContradictionError(DataError):
    """A measurement contradicts itself although it is complete, so that waiting for more data does not help."""


class MissingPackageError(HeterodyneError):
    """A required optional package is not installed."""


class ModelVersionError(HeterodyneError):
    """Installed packages implement different versions of the model."""


class ProblemsError(HeterodyneError):
    """A document violates rules; `problems` lists every finding."""

    def __init__(self, source: str, problems: Iterable[Problem]):
        self.source = source
        self.problems = tuple(problems)
        more = len(self.problems) - MOST_PROBLEMS
        told = [str(problem) for problem in self.problems[:MOST_PROBLEMS]]
        super().__init__(f"{source}: " + " | ".join([*told, f"and {more} more problems"] if more > 0 else told))


class ConfigError(ProblemsError):
    """A configuration is invalid."""


class ModelError(ProblemsError):
    """A model specification is invalid."""


class ResultError(ProblemsError):
    """A result file is damaged or invalid."""


def one_line(text: str) -> str:
    """Return `text` with unprintable characters (line ends, control codes) escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shortened(text: str, longest: int = LONGEST_PART) -> str:
    """Return `text`, its middle cut out if it exceeds `longest`; the end is kept because it has the remedy."""
    if len(text) <= longest:
        return text
    return f"{text[: longest * 2 // 3]} ... {text[-longest // 4 :]}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``did you mean 'x'?`` with the closest known name, or the list of known names."""
    options = list(known)
    close = difflib.get_close_matches(name, options, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(options)}"
