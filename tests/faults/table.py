"""What came out, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """A fault that was done: the exit code, and what did not hold of what is promised."""

    number: int
    command: str
    kind: str
    said: str
    old: bool
    code: int
    problems: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        there = ", earlier results there" if self.old else ""
        what = f"#{self.number} {self.command}: {self.kind} ({self.said}{there})"
        head = f"{what}: exit code {self.code}, {self.seconds:.0f} s"
        return "\n".join([head, *(f"    BROKEN: {problem}" for problem in self.problems)])


def print_table(seed: int, outcomes: Sequence[Outcome]) -> int:
    """Print faults by kind and by command, and return the exit code: 1 when anything broke."""
    for title, key in (("fault", "kind"), ("command", "command")):
        print(f"\n{title:<24}{'number':>8}{'broken':>8}   exit codes")
        for name in sorted({getattr(one, key) for one in outcomes}):
            group = [one for one in outcomes if getattr(one, key) == name]
            codes = Counter(one.code for one in group)
            said = ", ".join(f"{count} x {code}" for code, count in sorted(codes.items()))
            print(f"{name:<24}{len(group):>8}{sum(bool(one.problems) for one in group):>8}   {said}")
    broken = [one for one in outcomes if one.problems]
    print(f"\nseed {seed}: {len(outcomes)} faults, {len(broken)} broke a promise")
    for one in sorted(broken, key=lambda one: one.number):
        print(one)
    return 1 if broken else 0
