"""Which models there are, and where the packages keep what they know of each.

A shipped model is ``model/NAME.json`` here and, in every package that has to know it, a module of its name
(``two_component`` for ``two-component``). A model of another distribution is an entry point of the group
``heterodyne.models``: its name is the model's, its value a package that holds ``NAME.json`` and the modules
``physics_meshgrid``, ``physics_elementwise``, ``report``, ``nlsq`` and ``cmc``, named after the packages that look for
them. The physics are needed; without the others a package does what it can with the specification alone.
"""

from __future__ import annotations

from importlib import import_module, resources
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from types import ModuleType

from heterodyne_spec.errors import ConfigError, Problem, did_you_mean

GROUP = "heterodyne.models"
"""Group of the entry points by which other distributions bring models."""

_FOLDER = resources.files("heterodyne_spec").joinpath("model")

SHIPPED = tuple(sorted(file.name.removesuffix(".json") for file in _FOLDER.iterdir() if file.name.endswith(".json")))
"""Identifiers of the models that this distribution ships."""


def model_names() -> tuple[str, ...]:
    """Return the identifiers of all models that are installed, the shipped ones first."""
    return (*SHIPPED, *sorted({point.name for point in entry_points(group=GROUP)} - set(SHIPPED)))


def module_name(model: str) -> str:
    """Return what a module about a model is called."""
    return model.replace("-", "_")


def model_text(model: str) -> str:
    """Return the canonical JSON of a model.

    Raises
    ------
    ConfigError : when there is no model of that name.
    """
    if model in SHIPPED:
        return _FOLDER.joinpath(f"{model}.json").read_text(encoding="utf-8")
    if (point := _plug_in(model)) is not None:
        return resources.files(point.value).joinpath(f"{model}.json").read_text(encoding="utf-8")
    names = model_names()
    raise ConfigError(model, [Problem("model.name", f"'{model}'", "a shipped model", did_you_mean(model, names))])


def knowledge(package: str, model: str) -> ModuleType | None:
    """Return the module in which `package` keeps what it knows of a model; None where it knows nothing of its own."""
    point = None if model in SHIPPED else _plug_in(model)
    inside = module_name(model) if point is None else package.removeprefix("heterodyne_")
    name = f"{package if point is None else point.value}.{inside}"
    return import_module(name) if find_spec(name) is not None else None


def _plug_in(model: str) -> EntryPoint | None:
    return next((point for point in entry_points(group=GROUP) if point.name == model), None)
