"""Validation of files: the kind of a document or measurement, and all its problems.

Documents are checked here. Files of arrays are checked by heterodyne-data through an entry point, so that this
distribution does not need HDF5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heterodyne_spec.config import Config, build_config
from heterodyne_spec.documents import read_document
from heterodyne_spec.errors import MissingPackageError, Problem, ProblemsError
from heterodyne_spec.lint.config_rules import lint_config
from heterodyne_spec.lint.model_rules import lint_model
from heterodyne_spec.lint.result_rules import lint_result
from heterodyne_spec.lint.rule import run
from heterodyne_spec.lint.schema import FollowsSchema, OnlyFiniteNumbers
from heterodyne_spec.messages import count_noun, list_phi, list_q
from heterodyne_spec.model import load_model
from heterodyne_spec.plugins import entry_points

KINDS = ("model", "config", "data", "result")
"""Kinds of files that can be validated."""
MEASUREMENTS = (".h5", ".hdf", ".hdf5", ".nxs", ".npz", ".npy")
"""Suffixes of files with maps; every other file is read as YAML or JSON."""

ARRAY_CHECK = "heterodyne.array_check"
"""Entry-point group of the check of a file of arrays: a function of path, kind and configuration."""

_DOCUMENTS = (".json", ".yaml", ".yml")


@dataclass(frozen=True)
class Verdict:
    """Kind of a file as a title, its problems, and a short summary (`facts`) if there are none."""

    title: str
    facts: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def validate(path: str | Path, kind: str | None = None, config: Config | None = None) -> Verdict:
    """Validate a file.

    Parameters
    ----------
    path : a configuration, a model, a result, a description of data (YAML or JSON), or a file of maps.
    kind : one of `KINDS`; detected from the file's suffix and keys if None.
    config : its section ``data`` states how a measurement is read; the defaults if None.

    Raises
    ------
    MissingPackageError : for a file of arrays, if heterodyne-data is not installed.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if (ending in MEASUREMENTS and kind in (None, "data")) or (kind == "data" and ending not in _DOCUMENTS):
        return _array_check(path)(path, kind, config)
    try:
        document = read_document(path)
    except ProblemsError as error:
        return Verdict("document", problems=error.problems)
    return check_document(document, kind or kind_of(document, path.name))


def _array_check(path: Path) -> Callable[[Path, str | None, Config | None], Verdict]:
    found = next(iter(entry_points(group=ARRAY_CHECK)), None)
    if found is None:
        remedy = "install it with: pip install heterodyne-data"
        raise MissingPackageError(f"{path}: checking a file of arrays requires heterodyne-data; {remedy}")
    check: Callable[[Path, str | None, Config | None], Verdict] = found.load()
    return check


def kind_of(document: Any, name: str = "") -> str:
    """Return the kind of a document (one of `KINDS`), detected from its keys or the name of its file."""
    keys = document if isinstance(document, Mapping) else {}
    if keys.get("kind") == "nlsq_result" or name == "nlsq_result.json":
        return "result"
    if isinstance(keys.get("parameters"), list) and "functions" in keys:
        return "model"
    return "data" if "layout" in keys and "maps" in keys else "config"


def check_document(document: Any, kind: str) -> Verdict:
    """Validate plain data of a known kind."""
    title, lint, facts = _CHECKS[kind]
    problems = tuple(lint(document))
    return Verdict(title, () if problems else tuple(facts(document)), problems)


def _lint_config(document: Any) -> list[Problem]:
    # An empty file is a valid configuration: every key has a default.
    return [] if document is None else lint_config(document)


def _lint_description(document: Any) -> list[Problem]:
    return run((FollowsSchema("data"), OnlyFiniteNumbers()), document)


def _model_facts(document: Any) -> Iterable[str]:
    yield f"{document['id']}, version {document['model_version']}"
    yield f"{len(document['parameters'])} parameters, {len(document['functions'])} functions"


def _config_facts(document: Any) -> Iterable[str]:
    config = build_config(document or {})
    yield f"model: {config.model.name}; scaling: {config.scaling}"
    entries = config.model.parameters
    spec = load_model(config.model.name)
    held = [name for name, status in zip(spec.names, config.model.status(spec), strict=True) if status == "fixed"]
    yield f"parameters given: {', '.join(entries) or 'none'}" + (f"; fixed: {', '.join(held)}" if held else "")
    several = config.data.several
    q = "from the data" if config.data.q is None else f"{config.data.q:g} 1/Å"
    q = q if several is None else several if isinstance(several, str) else f"{', '.join(f'{v:g}' for v in several)} 1/Å"
    yield f"q: {q}; phi: {config.data.phi}"


def description_facts(document: Any) -> Iterable[str]:
    """Yield a short summary of a described measurement (schema ``data``)."""
    maps, n_t = document["maps"], document["n_frames"]
    dt = "none in the file, give data.dt" if document["dt"] is None else f"{document['dt']:g} s"
    yield f"layout {document['layout']}: {count_noun(len(maps), 'map')} of {n_t} x {n_t} frames"
    age = document.get("start_age")
    yield f"dt: {dt}; first frame: {document['start_frame']}" + ("" if age is None else f", age {age:g} s")
    yield f"q: {list_q(m['q'] for m in maps if m['q'] is not None)} 1/Å"
    angles = [m["phi"] for m in maps if m["phi"] is not None]
    yield f"phi: {list_phi(angles)} degrees"
    baseline, elements = document["baseline_reference"], document["populated_elements"]
    told = "not clear from the first map" if baseline is None else baseline
    yield "first map: empty" if elements is None else f"stored elements: {elements}; baseline: {told}"
    yield from document["notes"]


def _result_facts(document: Any) -> Iterable[str]:
    model = document["model"]
    yield f"{'converged' if document['success'] else 'not converged'}: {document['message']}"
    yield f"model: {model['id']}, version {model['version']}; free parameters: {', '.join(document['varying'])}"
    if left_open := document["identifiability"]["not_determined"]:
        yield f"not determined by the data: {', '.join(left_open)}"


type _Check = tuple[str, Callable[[Any], list[Problem]], Callable[[Any], Iterable[str]]]

_CHECKS: Mapping[str, _Check] = {
    "model": ("model", lint_model, _model_facts),
    "config": ("configuration", _lint_config, _config_facts),
    "data": ("description of data", _lint_description, description_facts),
    "result": ("result", lint_result, _result_facts),
}
