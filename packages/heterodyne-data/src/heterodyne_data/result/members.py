"""Folders of the measurements of a joint result, each named by its number."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path


def member_folders(path: str | Path, kind: str) -> set[str]:
    """Return the folders of the measurements of the joint document of this kind at `path`, none if there is none."""
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        return {str(one["folder"]) for one in document["members"]} if document["kind"] == kind else set()
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def remove_member(folder: Path, names: Iterable[str]) -> None:
    """Remove the named files of a measurement that is none of the present ones; others stay, and their folders."""
    files = [folder / name for name in names]
    for file in files:
        file.unlink(missing_ok=True)
    for place in sorted({file.parent for file in files} | {folder}, key=lambda one: -len(one.parts)):
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()
