"""Posteriors for heterodyne XPCS: consensus Monte Carlo over NUTS, on pairs of frames.

`fit_cmc_jax` is the sampling, and `CMCResult` its result; `fit_joint_cmc_jax` and `JointPosterior` those of several
measurements of one sample. The other names are used by the command ``heterodyne``.

Public are the names in ``__all__``; other modules may change without notice. A module about a model of another
distribution has the interface described in ``heterodyne_cmc/models.py``.

Dimensions in the signatures: ``n_t`` frames, ``n_phi`` azimuths, ``n_pair`` pairs of one azimuth in one shard,
``n_par`` parameters of the model, ``n_free`` free ones, ``n_coef`` coefficients of contrast (offset has as many),
``n_dim`` sampled values, ``n_joint`` these and the coefficients.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

from heterodyne_cmc._version import __version__

if _TYPE_CHECKING:
    from heterodyne_cmc.engine.cluster import job_script
    from heterodyne_cmc.fit import clear_shards, fit_cmc_jax, kept_so_far, plan_of_sampling
    from heterodyne_cmc.joint.fit import fit_joint_cmc_jax, plan_of_joint_sampling
    from heterodyne_cmc.joint.page import write_joint_page
    from heterodyne_cmc.joint.result import JointPosterior
    from heterodyne_cmc.joint.table import summary_of_joint_posterior
    from heterodyne_cmc.page import report_of_posterior
    from heterodyne_cmc.plots import courses_of_posterior
    from heterodyne_cmc.progress import SamplingProgress
    from heterodyne_cmc.result import CMCResult
    from heterodyne_cmc.support import unsupported_options
    from heterodyne_cmc.table import summary_of_posterior
    from heterodyne_cmc.verdict import CONTRACTION_LEAST

_MODULES = {
    "engine.cluster": ("job_script",),
    "fit": (
        "clear_shards",
        "fit_cmc_jax",
        "kept_so_far",
        "plan_of_sampling",
    ),
    "joint.fit": ("fit_joint_cmc_jax", "plan_of_joint_sampling"),
    "joint.page": ("write_joint_page",),
    "joint.result": ("JointPosterior",),
    "joint.table": ("summary_of_joint_posterior",),
    "page": ("report_of_posterior",),
    "plots": ("courses_of_posterior",),
    "progress": ("SamplingProgress",),
    "result": ("CMCResult",),
    "support": ("unsupported_options",),
    "table": ("summary_of_posterior",),
    "verdict": ("CONTRACTION_LEAST",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "CONTRACTION_LEAST",
    "CMCResult",
    "JointPosterior",
    "SamplingProgress",
    "__version__",
    "clear_shards",
    "courses_of_posterior",
    "fit_cmc_jax",
    "fit_joint_cmc_jax",
    "job_script",
    "kept_so_far",
    "plan_of_joint_sampling",
    "plan_of_sampling",
    "report_of_posterior",
    "summary_of_joint_posterior",
    "summary_of_posterior",
    "unsupported_options",
    "write_joint_page",
]


def __getattr__(name: str) -> object:
    # Loaded lazily because JAX takes a second to import, which checks of a configuration should not wait for.
    if name in _MODULE_OF:
        return getattr(_import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
