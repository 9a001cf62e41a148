"""Entry point of ``heterodyne``."""

from __future__ import annotations

import sys

from heterodyne_report.entry import begin


def main() -> int:
    """Run ``heterodyne`` and return its exit code."""
    return begin("heterodyne_cli.command")


if __name__ == "__main__":
    sys.exit(main())
