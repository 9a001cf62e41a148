"""Posteriors for heterodyne XPCS: consensus Monte Carlo over NUTS, on pairs of frames.

Dimensions in the signatures: ``n_t`` frames, ``n_phi`` azimuths, ``n_pair`` pairs of one azimuth in one shard,
``n_par`` parameters of the model, ``n_free`` free ones, ``n_coef`` coefficients of contrast (offset has as many),
``n_dim`` sampled values, ``n_joint`` these and the coefficients.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

from heterodyne_cmc._version import __version__

if _TYPE_CHECKING:
    from heterodyne_cmc.fit import clear_shards, fit_cmc_jax, kept_so_far, plan_of_sampling
    from heterodyne_cmc.progress import SamplingProgress
    from heterodyne_cmc.result import CMCResult

__all__ = [
    "CMCResult",
    "SamplingProgress",
    "__version__",
    "clear_shards",
    "fit_cmc_jax",
    "kept_so_far",
    "plan_of_sampling",
]

_MODULES = {
    "CMCResult": "result",
    "SamplingProgress": "progress",
    "clear_shards": "fit",
    "kept_so_far": "fit",
    "fit_cmc_jax": "fit",
    "plan_of_sampling": "fit",
}


def __getattr__(name: str) -> object:
    # Loaded lazily because JAX takes a second to import, which checks of a configuration should not wait for.
    if name in _MODULES:
        return getattr(_import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
