"""Entry point of ``heterodyne``."""

from __future__ import annotations

import sys

from heterodyne_report import run_entry_point


def main() -> int:
    """Run ``heterodyne`` and return its exit code."""
    return run_entry_point("heterodyne_cli.command")


if __name__ == "__main__":
    sys.exit(main())
