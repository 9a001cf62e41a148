"""The model specification as an object: parameters, pointwise functions, conventions."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_spec.documents import canonical_json, parse_json, sha256
from heterodyne_spec.errors import ModelVersionError
from heterodyne_spec.expression import Expression, evaluate, evaluate_with_slopes, names, parse
from heterodyne_spec.messages import did_you_mean
from heterodyne_spec.models import model_text

DEFAULT_MODEL = "two-component"
"""Identifier of the model that is meant where none is named."""


@dataclass(frozen=True)
class Prior:
    """Prior density; for ``lognormal``, location and scale refer to the natural logarithm."""

    family: str
    location: float
    scale: float
    truncated: bool


@dataclass(frozen=True)
class Parameter:
    """One parameter with its unit, registry values and meaning; `vary` is False for a gauge."""

    name: str
    unit: str
    default: float
    bounds: tuple[float, float]
    prior: Prior
    transform: str
    group: str
    meaning: str
    source: str
    vary: bool = True


@dataclass(frozen=True)
class Function:
    """One pointwise function of age, with its syntax tree."""

    name: str
    unit: str
    expression: str
    tree: Expression
    meaning: str
    source: str


@dataclass(frozen=True)
class ModelSpec:
    """A model: parameters in canonical order, per-angle scaling parameters, pointwise functions.

    `document` is the whole specification as plain data, `sha256` the hash of its canonical JSON.
    """

    id: str
    version: str
    title: str
    parameters: tuple[Parameter, ...]
    scaling: tuple[Parameter, ...]
    functions: tuple[Function, ...]
    document: Mapping[str, Any]
    sha256: str

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters in canonical order."""
        return tuple(p.name for p in self.parameters)

    @property
    def defaults(self) -> npt.NDArray[np.float64]:
        """Registry defaults, (n_par,)."""
        return np.array([p.default for p in self.parameters])

    @property
    def bounds(self) -> npt.NDArray[np.float64]:
        """Registry bounds, (n_par, 2)."""
        return np.array([p.bounds for p in self.parameters])

    @property
    def function_of_group(self) -> dict[str, str]:
        """The groups of parameters, and the function of age whose parameters they are; the angle's is none."""
        groups = {p.name: p.group for p in self.parameters}
        return {groups[name]: f.name for f in self.functions for name in names(f.tree) if name in groups}

    def function(self, name: str) -> Function:
        """Return the pointwise function called `name`."""
        return next(f for f in self.functions if f.name == name)

    def parameter(self, name: str) -> Parameter:
        """Return the parameter (or per-angle scaling parameter) called `name`.

        Raises
        ------
        KeyError : if there is none; with a suggestion.
        """
        for candidate in (*self.parameters, *self.scaling):
            if candidate.name == name:
                return candidate
        known = (*self.names, *(p.name for p in self.scaling))
        raise KeyError(f"model {self.id} has no parameter '{name}'; {did_you_mean(name, known)}")

    def evaluate(self, function: str, values: Mapping[str, float], t: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the pointwise function (``"J_r"``, ``"v"``, ...) at ages `t` in s, in NumPy.

        `values` maps every parameter name to a number. The shape is that of `t`.
        """
        return np.broadcast_to(evaluate(self.function(function).tree, {**values, "t": t}), np.shape(t)).copy()

    def functions_with_slopes(
        self, vector: npt.ArrayLike, t: npt.ArrayLike
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return all pointwise functions at ages `t` (n_age,) in s, and their derivatives by the parameters, in NumPy.

        `vector` (n_par,) holds the parameters in canonical order. Values (n_function, n_age) and derivatives
        (n_function, n_age, n_par).
        """
        ages = np.asarray(t, float)
        values = {**dict(zip(self.names, np.asarray(vector, float), strict=True)), "t": ages}
        value = np.zeros((len(self.functions), ages.size))
        slopes = np.zeros((len(self.functions), ages.size, len(self.parameters)))
        with np.errstate(all="ignore"):
            for k, function in enumerate(self.functions):
                value[k], by = evaluate_with_slopes(function.tree, values, ("t",))
                for name, slope in by.items():
                    slopes[k, :, self.names.index(name)] = slope
        return value, slopes


def build_model(document: Mapping[str, Any]) -> ModelSpec:
    """Return the ModelSpec of a valid specification document (see `heterodyne_spec.lint.lint_model`)."""

    def parameter(item: Mapping[str, Any]) -> Parameter:
        lower, upper = item["bounds"]
        return Parameter(**{**item, "bounds": (lower, upper), "prior": Prior(**item["prior"])})

    return ModelSpec(
        id=document["id"],
        version=document["model_version"],
        title=document["title"],
        parameters=tuple(parameter(p) for p in document["parameters"]),
        scaling=tuple(parameter(p) for p in document["scaling"]),
        functions=tuple(Function(**f, tree=parse(f["expression"])) for f in document["functions"]),
        document=document,
        sha256=sha256(canonical_json(document)),
    )


@functools.cache
def load_model(name: str = DEFAULT_MODEL) -> ModelSpec:
    """Return an installed model by its identifier: a shipped one, or one that another distribution brings.

    Raises
    ------
    ConfigError : if there is no model of that name.
    """
    return build_model(parse_json(model_text(name), f"{name}.json"))


def check_model_versions(implemented: Mapping[str, str], name: str = DEFAULT_MODEL) -> str:
    """Return the one version of a model that all distributions implement.

    Parameters
    ----------
    implemented : distribution name -> model version of its generated code. The model of this
        distribution is added.

    Raises
    ------
    ModelVersionError : if they differ; states which distribution to upgrade.
    """
    versions = {"heterodyne-spec": load_model(name).version, **implemented}
    newest = max(versions.values(), key=lambda text: tuple(int(part) for part in text.split(".")))
    old = [name for name, version in versions.items() if version != newest]
    if old:
        stated = ", ".join(f"{name} has {version}" for name, version in versions.items())
        raise ModelVersionError(
            f"installed packages implement different versions of the model ({stated}): "
            f"upgrade {', '.join(old)} to model {newest}, e.g. pip install --upgrade {' '.join(old)}"
        )
    return newest
