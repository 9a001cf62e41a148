"""Detection of the program to which a configuration belongs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from heterodyne_cli.migration.ledger import Ledger
from heterodyne_cli.migration.programs import (
    ANY,
    HETERODYNE,
    HETERODYNE_ANALYSIS,
    HOMODYNE,
    XPCSJAX,
    XPCSJAX_HOMODYNE,
    Program,
)
from heterodyne_spec import ConfigError, Problem, load_schema, mapping_at

GROUPS = ("reference", "sample", "velocity", "fraction", "angle", "scaling")
_SECTIONS = {
    "experimental_data",
    "analyzer_parameters",
    "temporal",
    "scattering",
    "initial_parameters",
    "parameter_space",
}
_TWO_COMPONENT = {"two_component", "two-component", "heterodyne"}
_OTHER_MODELS = {"static", "static_isotropic", "static_anisotropic", "isotropic", "anisotropic", "laminar_flow"}
_SHEAR = {"gamma_dot_0", "gamma_dot_t0", "gamma0", "gamma_dot_offset", "gamma_dot_t_offset", "gamma_offset"}


def recognise(document: Any, source: str) -> Program:
    """Return the program whose configuration `document` is.

    Raises
    ------
    ConfigError : if the program is unknown or ambiguous, or if it is this program.
    """
    if not isinstance(document, Mapping):
        raise _refused(
            source, "no mapping", "a configuration of heterodyne, homodyne or xpcsjax", "give the right file"
        )
    if not _SECTIONS & set(document):
        raise _unknown(document, source)
    names = _parameter_names(document)
    marks = {program.name: program for program in _marks(document, names)}
    if len(marks) > 1:
        found = f"settings of {' and of '.join(marks)}"
        raise _refused(source, found, "a file of one program", "remove the sections of the other")
    return next(iter(marks.values()), ANY)


def _marks(document: Mapping[str, Any], names: set[str]) -> Iterator[Program]:
    """Yield the program indicated by each characteristic setting of the file."""
    mode = str(document.get("analysis_mode") or mapping_at(document, "metadata").get("analysis_mode") or "").lower()
    xpcsjax, json_generation = _mentions(document, "xpcsjax"), "optimization_config" in document
    if names & {"v_beta", "phi0_het"}:
        yield XPCSJAX
    if mapping_at(document, "parameters").keys() & set(GROUPS):
        yield HETERODYNE
    if mode in _TWO_COMPONENT and not json_generation and "analysis_mode" in document:
        yield XPCSJAX
    elif names & {"D0_ref", "D0_sample", "v0"} and not names & {"v_beta", "phi0_het"}:
        first_generation = json_generation or "D0" in names
        yield HETERODYNE_ANALYSIS if first_generation else XPCSJAX if xpcsjax else HETERODYNE
    if mode in _OTHER_MODELS or names & _SHEAR or (names >= {"D0", "alpha"} and "v0" not in names):
        yield XPCSJAX_HOMODYNE if xpcsjax else HOMODYNE


def _parameter_names(document: Mapping[str, Any]) -> set[str]:
    """Return the parameter names that occur anywhere in the file."""
    listed = mapping_at(document, "initial_parameters").get("parameter_names")
    bounds = mapping_at(document, "parameter_space").get("bounds")
    names = {str(name) for name in listed} if isinstance(listed, list) else set()
    names |= {str(one.get("name")) for one in bounds if isinstance(one, Mapping)} if isinstance(bounds, list) else set()
    names |= {str(name) for name in mapping_at(document, "parameter_bounds")}
    return names | {str(name) for group in GROUPS for name in mapping_at(document, "parameters", group)}


def _mentions(document: Mapping[str, Any], word: str) -> bool:
    return any(word in f"{path} {value}" for path, value in Ledger(document).settings.items())


def _unknown(document: Mapping[str, Any], source: str) -> ConfigError:
    ours = load_schema("config")["properties"]
    if document and all(key in ours for key in document):
        found = "a configuration of this program"
        return _refused(source, found, "one of heterodyne, homodyne or xpcsjax", "use it without import")
    found = f"the sections {', '.join(map(str, document)) or '(none)'}"
    expected = "experimental_data, analyzer_parameters, ... as in files of heterodyne, homodyne and xpcsjax"
    return _refused(source, found, expected, "give the right file")


def _refused(source: str, found: str, expected: str, remedy: str) -> ConfigError:
    return ConfigError(source, [Problem("", found, expected, remedy, "ForeignConfig")])
