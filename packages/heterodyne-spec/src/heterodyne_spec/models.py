"""Installed models, and the model-specific modules of the packages.

A shipped model consists of ``model/NAME.json`` here and a module of the same name in the packages that need one
(``two_component`` for ``two-component``). A model in another distribution is an entry point of the group
``heterodyne.models``: its name is that of the model, its value a package that contains ``NAME.json`` and the modules
``physics_meshgrid``, ``physics_elementwise``, ``report``, ``nlsq`` and ``cmc``, named after the packages that import
them. The physics modules are required; if one of the others is missing, that package uses the specification alone.
"""

from __future__ import annotations

from importlib import import_module, resources
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from types import ModuleType

from heterodyne_spec.errors import ConfigError, Problem
from heterodyne_spec.messages import did_you_mean
from heterodyne_spec.plugins import entry_points

GROUP = "heterodyne.models"
"""Group of the entry points by which other distributions provide models."""

_FOLDER = resources.files("heterodyne_spec").joinpath("model")

SHIPPED = tuple(sorted(file.name.removesuffix(".json") for file in _FOLDER.iterdir() if file.name.endswith(".json")))
"""Identifiers of the models shipped with this distribution."""


def model_names() -> tuple[str, ...]:
    """Return the identifiers of all installed models, the shipped ones first."""
    return (*SHIPPED, *sorted({point.name for point in entry_points(group=GROUP)} - set(SHIPPED)))


def module_name(model: str) -> str:
    """Return the name of the modules that are specific to a model."""
    return model.replace("-", "_")


def model_text(model: str) -> str:
    """Return the canonical JSON of a model.

    Raises
    ------
    ConfigError : if there is no model of that name.
    """
    if model in SHIPPED:
        return _FOLDER.joinpath(f"{model}.json").read_text(encoding="utf-8")
    if (point := _plug_in(model)) is not None:
        return resources.files(point.value).joinpath(f"{model}.json").read_text(encoding="utf-8")
    names = model_names()
    raise ConfigError(model, [Problem("model.name", f"'{model}'", "a shipped model", did_you_mean(model, names))])


def knowledge(package: str, model: str) -> ModuleType | None:
    """Return the module of `package` that is specific to a model; None if there is none."""
    point = None if model in SHIPPED else _plug_in(model)
    inside = module_name(model) if point is None else package.removeprefix("heterodyne_")
    name = f"{package if point is None else point.value}.{inside}"
    return import_module(name) if find_spec(name) is not None else None


def _plug_in(model: str) -> EntryPoint | None:
    return next(iter(entry_points(group=GROUP, name=model)), None)
