"""``python tests/numbers [--seed N] [--minutes M]``: random numbers and configurations; a table, 1 when one fails."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

from densities import examine_densities  # noqa: E402
from fits import Tally, hostile_fits, random_configurations  # noqa: E402
from functions import Findings, examine  # noqa: E402
from measurements import hostile, sound  # noqa: E402

NO_END = 1_000_000


def main() -> int:
    """Run all parts, each for its share of the time, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers")
    parser.add_argument("--minutes", type=float, default=30.0, help="in all, about (default 30)")
    parser.add_argument(
        "--examples", type=int, default=NO_END, help="of configurations, at most, of fits and of posteriors"
    )
    parser.add_argument("--folder", type=Path, help="where measurements and configurations are kept (default: nowhere)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = args.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        # A configuration of another shape compiles anew; of one that was there before, it does not.
        jax.config.update("jax_compilation_cache_dir", str(folder / "compiled"))
        return report(*examined(args.seed, 60 * args.minutes, args.examples, folder))


def examined(seed: int, seconds: float, examples: int, folder: Path) -> tuple[Findings, list[Tally]]:
    """Return what functions and fits show in about so many seconds."""

    def until(share: float) -> float:
        return time.monotonic() + share * seconds

    findings = examine(seed, NO_END, 256, until(0.2))
    examine_densities(seed, 2000, findings)
    measurements = sound(folder)
    tallies = [
        random_configurations(measurements, folder, first_seed=seed, examples=examples, until=until(0.35)),
        random_configurations(measurements, folder, first_seed=seed, examples=examples, until=until(0.2), cmc=True),
        hostile_fits(hostile(folder), folder, until(0.25)),
    ]
    return findings, tallies


def report(findings: Findings, tallies: list[Tally]) -> int:
    """Print the table and return the exit code."""
    print("| function | values | not finite |\n|---|---|---|")
    for name, count in sorted(findings.asked.items()):
        print(f"| {name} | {count} | {sum(d.startswith(name) for d in findings.defects)} |")
    print("\n| random | fits | exit codes | defects |\n|---|---|---|---|")
    for tally in tallies:
        codes = ", ".join(f"{code}: {count}" for code, count in sorted(tally.endings.items()))
        print(f"| {tally.title} | {tally.count} | {codes} | {len(tally.defects)} |")
    for tally in tallies:
        print("".join(f"\n{count} {tally.title} refused: {reason}" for reason, count in tally.reasons.most_common()))
    defects = [*findings.defects, *(defect for tally in tallies for defect in tally.defects)]
    print("\n".join(["", *defects, f"{len(defects)} defects"]))
    return 1 if defects else 0


if __name__ == "__main__":
    sys.exit(main())
