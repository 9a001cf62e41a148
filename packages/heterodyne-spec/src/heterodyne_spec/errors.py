"""Errors that say what is wrong, where, and what to do.

A `Problem` is one finding; an error carries all the findings of one check, so
that a file is corrected once and not line by line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST_LINE, LONGEST_PART = 2400, 240
"""Characters of an error, and of what one of its parts quotes: files can hold megabytes of nonsense."""
MOST_PROBLEMS = 12
"""Problems that the line of an error tells; ``problems`` has all."""


@dataclass(frozen=True)
class Problem:
    """One finding of a check.

    Parameters
    ----------
    path : where, as a path inside the document or file (``model.parameters.D0_ref``).
    found : what stands there.
    expected : what should.
    remedy : what to do about it.
    rule : machine-readable kind, the class name of the rule that found it.
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
        """The finding with its rule, a line of a list; what the data reader finds is a whole sentence already."""
        return f"{self if self.remedy else one_line(shortened(self.found, LONGEST_LINE))} [{self.rule}]"


class HeterodyneError(Exception):
    """Base of every error that a user can cause and mend; its text is one clear line, whatever a file holds."""

    def __str__(self) -> str:
        return shortened(one_line(super().__str__()), LONGEST_LINE)


class DataError(HeterodyneError):
    """A measurement cannot be read or used."""


class BusyError(DataError):
    """A measurement is open for writing in another program."""


class ContradictionError(DataError):
    """A measurement is complete, and its parts contradict each other: waiting for more of it does not help."""


class MissingPackageError(HeterodyneError):
    """What was asked for takes a package that is not installed."""


class ModelVersionError(HeterodyneError):
    """Installed packages implement different versions of the model."""


class ProblemsError(HeterodyneError):
    """A document breaks rules; `problems` holds every finding."""

    def __init__(self, source: str, problems: Iterable[Problem]):
        self.source = source
        self.problems = tuple(problems)
        more = len(self.problems) - MOST_PROBLEMS
        told = [str(problem) for problem in self.problems[:MOST_PROBLEMS]]
        super().__init__(f"{source}: " + " | ".join([*told, f"and {more} more problems"] if more > 0 else told))


class ConfigError(ProblemsError):
    """A configuration breaks rules."""


class ModelError(ProblemsError):
    """A model specification breaks rules."""


class ResultError(ProblemsError):
    """A result file is damaged or breaks rules."""


def one_line(text: str) -> str:
    """Return `text` with what a terminal would not print as it is (line ends, control codes) escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shortened(text: str, longest: int = LONGEST_PART) -> str:
    """Return `text` with its middle left out where it is longer than `longest`; the end says what to do."""
    if len(text) <= longest:
        return text
    return f"{text[: longest * 2 // 3]} ... {text[-longest // 4 :]}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``did you mean 'x'?`` for the closest known name, or the list of known names."""
    options = list(known)
    close = difflib.get_close_matches(name, options, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(options)}"
