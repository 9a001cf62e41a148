"""Hostile files: every reader of the project against thousands of damaged and malicious inputs.

    python tests/fuzz --seed 1 --inputs 20000          # a table; ends with 1 when something does not hold
    python tests/fuzz --seed 1 --only 1234 --keep DIR  # one input again, its file kept in DIR

Input k of a seed is the same on every machine with the same versions of h5py and NumPy.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
# Compilation and threads have no place in a test of readers.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

from pool import MOST_MEMORY, outcomes
from worker import Outcome


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the parsed arguments."""
    parser = argparse.ArgumentParser(prog="nox -s fuzz --", description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--seed", type=int, default=0, help="of the session (0)")
    parser.add_argument("--inputs", type=int, default=20_000, help="how many (20000)")
    parser.add_argument("--seconds", type=float, help="end after so many")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="processes side by side")
    parser.add_argument("--only", type=int, metavar="K", help="input K alone")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="with --only: where to leave its files")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a session; return 1 when something does not hold."""
    args = arguments(argv)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    ks: Iterator[int] = iter(range(args.inputs)) if args.only is None else iter([args.only])
    if args.keep is not None and args.only is not None:
        keep(args.seed, args.only, args.keep)
    found = []
    for one in outcomes(args.seed, ks, 1 if args.only is not None else args.workers, args.seconds):
        found.append(one)
        if one.defect:
            print(f"input {one.k}: {one.done}\n    {one.place}: {one.defect}", flush=True)
        elif args.only is not None:
            print(f"input {one.k} ({one.kind}): {one.done}\n    {'accepted' if one.accepted else 'refused'}")
    print(table(found))
    defects = [one for one in found if one.defect or one.memory > MOST_MEMORY]
    for (place, kind), alike in sorted(distinct(defects).items(), key=lambda item: -len(item[1])):
        print(f"{len(alike):5d} x {kind}, {place}: {alike[0].defect[:160]}")
        print(f"        again: python tests/fuzz --seed {args.seed} --only {alike[0].k} --keep DIR")
    return 1 if defects else 0


def keep(seed: int, k: int, folder: Path) -> None:
    """Leave the files of an input in a folder."""
    from making import Box, Maker

    box = Box(folder.resolve())
    shutil.rmtree(box.root, ignore_errors=True)
    for place in (box.inside, box.out, box.outside, box.work):
        place.mkdir(parents=True)
    made = Maker(seed).make(k, box)
    print(f"{made.path}\n    {made.seed}: {made.done}")


def distinct(defects: Sequence[Outcome]) -> dict[tuple[str, str], list[Outcome]]:
    """Return defects by the place where they show and the kind of file."""
    groups: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for one in defects:
        groups[(f"{one.place} {one.defect.partition(':')[0]}", one.kind)].append(one)
    return groups


def table(found: Sequence[Outcome]) -> str:
    """Return counts per kind: inputs, accepted, refused, defects, slowest (s), largest memory (MB)."""
    lines = [f"{'kind':24}{'inputs':>8}{'accepted':>10}{'refused':>9}{'defects':>9}{'slowest':>10}{'memory':>9}"]
    kinds = [*Counter(one.kind for one in found), "all"]
    for kind in kinds:
        these = [one for one in found if kind in (one.kind, "all")]
        accepted, defects = sum(one.accepted for one in these), sum(bool(one.defect) for one in these)
        refused = sum(not one.accepted and not one.defect for one in these)
        slowest, largest = max(one.seconds for one in these), max(one.memory for one in these) / 1e6
        lines.append(f"{kind:24}{len(these):8d}{accepted:10d}{refused:9d}{defects:9d}{slowest:8.1f} s{largest:6.0f} MB")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
