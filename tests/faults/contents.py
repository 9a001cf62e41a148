"""What a folder of results holds: whether each file is whole, and what two runs of the same must have in common."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

from heterodyne_data import RESULT_JSON_NAME, NLSQResult
from heterodyne_spec import HeterodyneError, load_config

type Contents = dict[str, Any]

_VOLATILE = {"timings", "command", "time", "seconds", "result", "created_at", "sampling_time"}
"""Keys that differ between two runs of the same: times, and the folder of the workspace."""


def _json(path: Path) -> Any:
    return _steady(json.loads(path.read_text(encoding="utf-8")))


def _steady(value: Any) -> Any:
    if isinstance(value, Mapping):
        # A file is named by its path in the record.
        return {str(k).rpartition("/")[2]: _steady(v) for k, v in value.items() if k not in {*_VOLATILE, "signature"}}
    if isinstance(value, list):
        return [_steady(item) for item in value]
    return value.rpartition("/")[2] if isinstance(value, str) and value.startswith("/") else value


def _hdf5(path: Path) -> Any:
    found: dict[str, Any] = {}

    def take(name: str, node: Any) -> None:
        # The document holds times, too.
        if isinstance(node, h5py.Dataset) and name not in ("document", "seconds", "time", "result", "file"):
            found[name] = np.asarray(node[()]).tobytes() if node.dtype != object else node[()].tolist()

    with h5py.File(path) as file:
        file.visititems(take)
    return found


def _png(path: Path) -> Any:
    with Image.open(path) as image:
        image.load()
        return image.size


def _html(path: Path) -> Any:
    if not path.read_text(encoding="utf-8").rstrip().endswith("</html>"):
        raise ValueError("no end")
    return None


def _csv(path: Path) -> Any:
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    if any(None in row or None in row.values() for row in rows):
        raise ValueError("a row without all columns")
    return sorted(row["message"] for row in rows)


def _npz(path: Path) -> Any:
    with np.load(path) as file:
        return {name: file[name].tobytes() for name in file if name != "record"}


def _yaml(path: Path) -> Any:
    load_config(path)
    return path.read_text(encoding="utf-8")


READERS: Mapping[str, Callable[[Path], Any]] = {
    ".json": _json,
    ".h5": _hdf5,
    ".nc": _hdf5,
    ".png": _png,
    ".html": _html,
    ".csv": _csv,
    ".npz": _npz,
    ".yaml": _yaml,
}


def visible(folder: Path) -> list[Path]:
    """Return the files of a folder that are not hidden."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))


def hidden(folder: Path) -> list[Path]:
    """Return the hidden files of a folder."""
    return sorted(p for p in folder.rglob(".*") if p.is_file())


def read(folder: Path) -> tuple[Contents, list[str]]:
    """Return what the files of a folder hold, and which are not whole."""
    found, problems = {}, []
    for path in visible(folder):
        name = str(path.relative_to(folder))
        try:
            found[name] = READERS[path.suffix](path)
        except (OSError, ValueError, KeyError, EOFError, SyntaxError, HeterodyneError) as error:
            problems.append(f"{name} is not whole: {type(error).__name__}: {str(error)[:100]}")
    return found, problems


def costs(folder: Path) -> dict[str, float]:
    """Return the costs of all point estimates of a folder, by their places."""
    found = [path for path in visible(folder) if path.name == RESULT_JSON_NAME]
    return {str(path.parent.relative_to(folder)): NLSQResult.load(path, maps=False).cost for path in found}


def mixed(folder: Path) -> list[str]:
    """Return where files of different runs stand together and nothing says so."""
    problems = []
    for path in visible(folder):
        if path.name != RESULT_JSON_NAME:
            continue
        document = json.loads(path.read_text(encoding="utf-8"))
        arrays, page = path.with_suffix(".h5"), path.with_name("report.html")
        if arrays.is_file():
            with h5py.File(arrays) as file:
                alike = np.array_equal(file["covariance"][()], np.array(document["covariance"]))
            if not alike and _loads(path):
                problems.append(f"{path.parent.name}: arrays of another run beside the summary, and nothing says so")
        sha = document["data"]["provenance"].get("sha256", "")
        if page.is_file() and sha not in (named := re.findall(r"\b[0-9a-f]{64}\b", page.read_text(encoding="utf-8"))):
            problems.append(f"{path.parent.name}: a report of {named[:1]}, a result of {sha}")
    return problems


def _loads(path: Path) -> bool:
    try:
        return NLSQResult.load(path).maps is not None
    except HeterodyneError:
        return False
