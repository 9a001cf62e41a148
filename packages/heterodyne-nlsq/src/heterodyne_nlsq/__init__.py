"""Point estimates for heterodyne XPCS: joint least squares over all azimuths of a measurement."""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

from heterodyne_nlsq._version import __version__

if _TYPE_CHECKING:
    from heterodyne_nlsq.compilation import keep_compiled_functions
    from heterodyne_nlsq.cost import cost_function
    from heterodyne_nlsq.fit import fit_nlsq_jax

__all__ = ["__version__", "cost_function", "fit_nlsq_jax", "keep_compiled_functions"]

_MODULES = {"cost_function": "cost", "fit_nlsq_jax": "fit", "keep_compiled_functions": "compilation"}


def __getattr__(name: str) -> object:
    # Loaded lazily because JAX takes a second to import, which help and error messages should not wait for.
    if name in _MODULES:
        return getattr(_import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
