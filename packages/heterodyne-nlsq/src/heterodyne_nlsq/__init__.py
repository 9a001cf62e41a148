"""Point estimates for heterodyne XPCS: joint least squares over all azimuths of a measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heterodyne_nlsq._version import __version__

if TYPE_CHECKING:
    from heterodyne_nlsq.fit import fit_nlsq_jax

__all__ = ["__version__", "fit_nlsq_jax"]


def __getattr__(name: str) -> Any:
    # JAX takes a second to import: a command that only prints its help or an error does not wait for it.
    if name == "fit_nlsq_jax":
        from heterodyne_nlsq.fit import fit_nlsq_jax

        return fit_nlsq_jax
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
