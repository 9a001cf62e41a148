"""The configuration as an object: read, validated and completed with the schema's defaults."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heterodyne_spec.documents import read_document
from heterodyne_spec.errors import ConfigError
from heterodyne_spec.lint.config_rules import lint_config
from heterodyne_spec.lint.schema import load_schema
from heterodyne_spec.model import ModelSpec, Parameter, Prior


@dataclass(frozen=True)
class DataConfig:
    """Data selection: q in 1/Å, phi and its ranges in degrees, frames 1-based and inclusive, dt in s.

    `bins` selects the source of the bins' q and phi; `frame_weights` has one number per frame of the window. `several`
    holds what ``data.q`` asks for in joint fits, a list or "all"; `q` is then None.
    """

    q: float | None
    q_tolerance: float
    phi: str | list[Any]
    frames: list[int] | None
    dt: float | None
    bins: str | None
    mask_frames: list[int]
    frame_weights: list[float] | None
    exclude_diagonals: int
    several: list[float] | str | None = None


@dataclass(frozen=True)
class ParameterConfig:
    """Settings of one parameter; None where the configuration does not set one."""

    value: float | list[float] | None = None
    vary: bool | None = None
    bounds: tuple[float, float] | None = None
    prior: Prior | None = None
    tie: str | None = None


@dataclass(frozen=True)
class ModelConfig:
    """The model's identifier, the parameters whose settings differ from the registry, and what joint fits share."""

    name: str
    parameters: Mapping[str, ParameterConfig]
    share: list[str] | None = None

    def status(self, spec: ModelSpec) -> tuple[str, ...]:
        """Return the status of every parameter of `spec`: ``free``, ``fixed`` or ``tied``.

        Parameters that the configuration does not mention are free, unless the specification fixes them (a gauge).
        """

        def one(parameter: Parameter) -> str:
            entry = self._entry(parameter)
            asked = parameter.vary if entry.vary is None else entry.vary
            return "tied" if entry.tie else "free" if asked else "fixed"

        return tuple(map(one, spec.parameters))

    def ties(self, spec: ModelSpec) -> tuple[str | None, ...]:
        """Return the parameter to which each parameter of `spec` is tied, or None."""
        return tuple(self._entry(p).tie for p in spec.parameters)

    def value(self, parameter: Parameter) -> float:
        """Return the value of a parameter: the configuration's, else the registry's default."""
        given = self._entry(parameter).value
        return parameter.default if given is None or isinstance(given, list) else float(given)

    def bounds(self, parameter: Parameter) -> tuple[float, float]:
        """Return the bounds of a parameter: the configuration's, else the registry's."""
        return self._entry(parameter).bounds or parameter.bounds

    def prior(self, parameter: Parameter) -> Prior:
        """Return the prior of a parameter: the configuration's, else the registry's."""
        return self._entry(parameter).prior or parameter.prior

    def _entry(self, parameter: Parameter) -> ParameterConfig:
        return self.parameters.get(parameter.name) or ParameterConfig()


@dataclass(frozen=True)
class NLSQConfig:
    """Settings of the least-squares fit."""

    start: str
    representative: str
    weighting: str
    loss: str
    max_iterations: int
    seed: int


@dataclass(frozen=True)
class CMCConfig:
    """Settings of Consensus Monte Carlo."""

    shards: str | int
    chains: int
    warmup: int
    samples: int
    sampler: str
    consensus: str
    weighting: str
    log_likelihood: bool
    engine: str
    workers: str | int
    memory: str | float
    dask: Mapping[str, Any]
    seed: int


@dataclass(frozen=True)
class OutputConfig:
    """Which files are written, and where."""

    directory: str
    plots: bool
    report: bool


@dataclass(frozen=True)
class Config:
    """A validated configuration; every key has a value.

    `document` is the user's configuration as plain data; results store it.
    """

    data: DataConfig
    model: ModelConfig
    scaling: str | Mapping[str, int]
    nlsq: NLSQConfig
    cmc: CMCConfig
    output: OutputConfig
    document: Mapping[str, Any]


def _with_defaults(section: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return `given` completed with the defaults that the schema states for `section`."""
    properties = load_schema("config")["properties"][section]["properties"]
    values = {key: _completed(given.get(key, schema["default"]), schema) for key, schema in properties.items()}
    return {key: _whole(value, properties[key]) for key, value in values.items()}


def _completed(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return a copy of `value`, mappings completed with the defaults of missing keys."""
    if isinstance(value, Mapping) and "properties" in schema:
        defaults = {key: entry["default"] for key, entry in schema["properties"].items()}
        return copy.deepcopy({**defaults, **value})
    return copy.deepcopy(value)


def _whole(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return `value` with 1e3 and 2.0 as int where the schema requires integers (JSON Schema accepts them)."""
    branches = [schema, *schema.get("oneOf", ())]
    if isinstance(value, float) and any(branch.get("type") == "integer" for branch in branches):
        return int(value)
    if isinstance(value, list):
        items: Any = next((branch["items"] for branch in branches if "items" in branch), {})
        return [_whole(item, items) for item in value]
    if isinstance(value, dict):
        known: Any = next((branch["properties"] for branch in branches if "properties" in branch), {})
        return {key: _whole(item, known.get(key, {})) for key, item in value.items()}
    return value


def _section(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    # In YAML, a section whose keys are all commented out is null.
    return _with_defaults(name, document.get(name) or {})


def _data(document: Mapping[str, Any]) -> DataConfig:
    section = _section(document, "data")
    if isinstance(section["q"], str | list):
        section["q"], section["several"] = None, section["q"]
    return DataConfig(**section)


def _parameter(entry: Mapping[str, Any]) -> ParameterConfig:
    bounds, prior = entry.get("bounds"), entry.get("prior")
    return ParameterConfig(
        value=entry.get("value"),
        vary=entry.get("vary"),
        bounds=None if bounds is None else (float(bounds[0]), float(bounds[1])),
        prior=None if prior is None else Prior(**prior),
        tie=entry.get("tie"),
    )


def build_config(document: Mapping[str, Any], source: str = "configuration") -> Config:
    """Return the Config of plain data.

    Raises
    ------
    ConfigError : with every problem in the document.
    """
    # Without settings there is nothing to validate, and no validator to import.
    problems = [] if document == {} else lint_config(document)
    if problems:
        raise ConfigError(source, problems)
    scaling = load_schema("config")["properties"]["scaling"]
    model = _section(document, "model")
    model["parameters"] = {name: _parameter(entry) for name, entry in (model["parameters"] or {}).items()}
    return Config(
        data=_data(document),
        model=ModelConfig(**model),
        scaling=_whole(document.get("scaling", scaling["default"]), scaling),
        nlsq=NLSQConfig(**_section(document, "nlsq")),
        cmc=CMCConfig(**_section(document, "cmc")),
        output=OutputConfig(**_section(document, "output")),
        document=copy.deepcopy(dict(document)),
    )


def load_config(source: Config | Mapping[str, Any] | str | Path | None = None) -> Config:
    """Return the Config from a YAML or JSON file or a mapping; the defaults if `source` is None.

    Raises
    ------
    ConfigError : if the file cannot be read, or with every problem in the document.
    """
    if isinstance(source, Config):
        return source
    if source is None:
        return build_config({})
    if isinstance(source, Mapping):
        return build_config(source)
    document = read_document(source)
    return build_config({} if document is None else document, str(source))
