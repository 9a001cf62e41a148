"""Check built wheels: each one's range for every other package of the project admits the version built beside it."""

from __future__ import annotations

import sys
import zipfile
from email.parser import Parser
from pathlib import Path

from packaging.requirements import Requirement


def metadata(wheel: Path) -> tuple[str, str, list[Requirement]]:
    """Return name, version and requirements of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(entry for entry in archive.namelist() if entry.endswith(".dist-info/METADATA"))
        fields = Parser().parsestr(archive.read(name).decode())
    return fields["Name"], fields["Version"], [Requirement(text) for text in fields.get_all("Requires-Dist") or []]


def main(paths: list[str]) -> int:
    """Print every range and return 1 when one does not admit what was built."""
    wheels = [metadata(Path(path)) for path in paths]
    built = {name: version for name, version, _ in wheels}
    failures = 0
    for name, version, requirements in wheels:
        for requirement in (r for r in requirements if r.name in built):
            fits = requirement.specifier.contains(built[requirement.name])
            failures += not fits
            word = "admits" if fits else "DOES NOT ADMIT"
            print(f"{name} {version}: {requirement} {word} {requirement.name} {built[requirement.name]}")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
