"""The first lines of ``heterodyne-nlsq``."""

from __future__ import annotations

import sys

from heterodyne_report.entry import begin


def main() -> int:
    """Run ``heterodyne-nlsq`` and return its exit code."""
    return begin("heterodyne_nlsq.command")


if __name__ == "__main__":
    sys.exit(main())
