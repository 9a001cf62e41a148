"""Entry point of ``heterodyne-nlsq``."""

from __future__ import annotations

import sys

from heterodyne_report import run_entry_point


def main() -> int:
    """Run ``heterodyne-nlsq`` and return its exit code."""
    return run_entry_point("heterodyne_nlsq.command")


if __name__ == "__main__":
    sys.exit(main())
