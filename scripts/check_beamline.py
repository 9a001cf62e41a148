"""Check the environment it runs in: size of the installed packages, and that some are absent.

python check_beamline.py LIMIT_MB ABSENT...
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
import sysconfig
from pathlib import Path


def size_mb(folder: Path) -> float:
    """Return the disk space of all files below `folder` in MB (10^6 bytes), as allocated."""
    return sum(p.lstat().st_blocks * 512 for p in folder.rglob("*") if p.is_file() and not p.is_symlink()) / 1e6


def main(limit: float, absent: list[str]) -> int:
    """Print what was found and return 1 when it is not as it should be."""
    purelib = Path(sysconfig.get_paths()["purelib"])
    size = size_mb(purelib)
    installed = {name.lower() for d in importlib.metadata.distributions() if (name := d.metadata["Name"])}
    found = [name for name in absent if name.lower() in installed]
    sizes = sorted(((size_mb(p), p.name) for p in purelib.iterdir() if p.is_dir()), reverse=True)[:6]
    print(f"installed: {size:.0f} MB in {len(installed)} distributions, at most {limit:.0f} MB allowed")
    print("largest: " + ", ".join(f"{name} {mb:.0f} MB" for mb, name in sizes))
    if found:
        print(f"must be absent: {', '.join(found)}", file=sys.stderr)
    if size > limit:
        print(f"{size:.0f} MB installed, {limit:.0f} MB allowed", file=sys.stderr)
    return int(bool(found) or size > limit)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
