"""Point estimates for heterodyne XPCS: joint least squares over all azimuths of a measurement."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from heterodyne_nlsq._version import __version__

if TYPE_CHECKING:
    from heterodyne_nlsq.compilation import keep_compiled_functions
    from heterodyne_nlsq.fit import fit_nlsq_jax

__all__ = ["__version__", "fit_nlsq_jax", "keep_compiled_functions"]

_MODULES = {"fit_nlsq_jax": "fit", "keep_compiled_functions": "compilation"}


def __getattr__(name: str) -> Any:
    # JAX takes a second to import: a command that only prints its help or an error does not wait for it.
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
