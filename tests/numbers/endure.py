"""``python tests/numbers/endure.py [PART ...]``: many fits, unusual sizes, the same again, 8000 frames."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from endurance import Report, large, many_fits, unusual_sizes
from reproducing import reproducible

PARTS = ("sizes", "reproducible", "fits", "large")


def main() -> int:
    """Run the parts asked for and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"{', '.join(PARTS)}; all when left out")
    parser.add_argument("--fits", type=int, default=300, help="fits in one process (default 300)")
    parser.add_argument("--frames", type=int, default=8000, help="of the large measurement (default 8000)")
    args = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        todo = {
            "sizes": lambda: unusual_sizes(report, folder),
            "reproducible": lambda: reproducible(report, folder),
            "fits": lambda: many_fits(report, args.fits),
            "large": lambda: large(report, folder, args.frames),
        }
        if unknown := set(args.parts) - set(todo):
            parser.error(f"no part {', '.join(sorted(unknown))}")
        for part in args.parts or PARTS:
            todo[part]()
    print(f"{len(report.defects)} defects", *report.defects, sep="\n")
    return 1 if report.defects else 0


if __name__ == "__main__":
    sys.exit(main())
