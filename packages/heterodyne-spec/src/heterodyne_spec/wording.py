"""Short lists of numbers for messages and notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LONGEST = 12


def several(number: int, noun: str) -> str:
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
    return ", ".join(words[:LONGEST]) + (f", ... ({len(words) - LONGEST} more)" if len(words) > LONGEST else "")


def list_q(values: Iterable[float]) -> str:
    """Return the distinct q to four digits, ascending."""
    return ", ".join(dict.fromkeys(f"{q:.4g}" for q in sorted(values)))


def list_phi(values: Iterable[float]) -> str:
    """Return distinct angles, ascending."""
    return ", ".join(dict.fromkeys(f"{phi:.6g}" for phi in sorted(values)))


def same_words(findings: Sequence[tuple[float, str]], n_phi: int) -> list[str]:
    """Merge equal findings (angle, text) at several angles into one note."""
    angles: dict[str, list[float]] = {}
    for angle, words in findings:
        angles.setdefault(words, []).append(angle)
    return [
        f"all angles: {words}" if len(found) == n_phi > 1 else f"phi = {list_phi(found)}: {words}"
        for words, found in angles.items()
    ]
