"""Text of messages and notes: short lists, escaping, abbreviation, suggestions."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

MAX_LISTED = 12
"""Maximum number of items in a list."""
LONGEST_PART = 240
"""Maximum length of a quoted part of a message."""


def count_noun(number: int, noun: str) -> str:
    """Return a number with its noun in the singular or plural: ``1 map``, ``2 maps``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def list_numbers(numbers: Iterable[int]) -> str:
    """Return ascending numbers with runs as ranges: ``3, 7-9``."""
    runs: list[list[int]] = []
    for number in map(int, numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    words = [f"{a}" if a == b else f"{a}-{b}" for a, b in runs]
    return ", ".join(words[:MAX_LISTED]) + (
        f", ... ({len(words) - MAX_LISTED} more)" if len(words) > MAX_LISTED else ""
    )


def list_q(values: Iterable[float]) -> str:
    """Return the distinct q to four digits, ascending."""
    return ", ".join(dict.fromkeys(f"{q:.4g}" for q in sorted(values)))


def list_phi(values: Iterable[float]) -> str:
    """Return distinct angles, ascending."""
    return ", ".join(dict.fromkeys(f"{phi:.6g}" for phi in sorted(values)))


def merge_findings(findings: Sequence[tuple[float, str]], n_phi: int) -> list[str]:
    """Merge equal findings (angle, text) at several angles into one note."""
    angles: dict[str, list[float]] = {}
    for angle, words in findings:
        angles.setdefault(words, []).append(angle)
    return [
        f"all angles: {words}" if len(found) == n_phi > 1 else f"phi = {list_phi(found)}: {words}"
        for words, found in angles.items()
    ]


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
