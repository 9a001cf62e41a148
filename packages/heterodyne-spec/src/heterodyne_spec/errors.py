"""Errors that state what is wrong, where, and what to do.

A `Problem` is one finding. An error carries all findings of a check, so that a file can be corrected in one go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from heterodyne_spec.messages import one_line, shortened

LONGEST_LINE = 2400
"""Maximum length of an error message: a damaged file may contain megabytes of nonsense."""
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
