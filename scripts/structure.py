"""Print the size of every package: lines, modules, median and largest module; and count circles of imports.

Lines are those of ``src`` as they stand, comments and docstrings included, without tests and generated modules.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SMALL = 50
"""Lines up to which a module is called small."""


def modules(package: Path) -> dict[str, int]:
    """Return the lines of every module of a package, by its path below ``src``, except generated ones."""
    source = package / "src"
    return {
        str(path.relative_to(source)): len(path.read_text(encoding="utf-8").splitlines())
        for path in sorted(source.rglob("*.py"))
        if "_generated" not in path.parts
    }


def main() -> int:
    """Print a table in Markdown."""
    print("| distribution | lines | modules | small | median | largest |")
    print("|---|---:|---:|---:|---:|---|")
    every: dict[str, int] = {}
    for project in sorted(ROOT.glob("packages/**/pyproject.toml"), key=lambda path: _order(path.parent)):
        found = modules(project.parent)
        every |= found
        print(_row(f"heterodyne-{'physics-' if 'physics' in str(project) else ''}{_name(project.parent)}", found))
    print(_row("all", every))
    return 0


def _name(package: Path) -> str:
    return package.name.removeprefix("heterodyne-")


def _order(package: Path) -> int:
    order = ("spec", "data", "report", "meshgrid", "elementwise", "nlsq", "cmc", "cli")
    return order.index(_name(package))


def _row(name: str, found: dict[str, int]) -> str:
    # Re-exporting `__init__` and version modules are no modules of a concept.
    own = {path: n for path, n in found.items() if Path(path).name not in ("__init__.py", "_version.py")}
    largest = max(own, key=lambda path: own[path])
    small = sum(n <= SMALL for n in own.values())
    median = statistics.median(own.values())
    return f"| {name} | {sum(found.values())} | {len(own)} | {small} | {median:.0f} | `{largest}`: {own[largest]} |"


if __name__ == "__main__":
    sys.exit(main())
