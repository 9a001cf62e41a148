"""Point estimates for heterodyne XPCS: joint least squares over all azimuths of a measurement.

`fit_nlsq_jax` is the fit; the other names are used by the command ``heterodyne``, and by programs that present results.

Public are the names in ``__all__`` and, for modules about a model of another distribution, `heterodyne_nlsq.models` and
`heterodyne_nlsq.age_resolved`. Other modules may change without notice.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

from heterodyne_nlsq._version import __version__

if _TYPE_CHECKING:
    from heterodyne_nlsq.command import fit_command, fit_measurement, outputs_of_fit, result_event
    from heterodyne_nlsq.compilation import keep_compiled_functions
    from heterodyne_nlsq.cost import cost_function
    from heterodyne_nlsq.courses import courses_of_fit
    from heterodyne_nlsq.fit import fit_nlsq_jax
    from heterodyne_nlsq.joint.fit import fit_joint_jax
    from heterodyne_nlsq.models import questions_of
    from heterodyne_nlsq.output import drawings_of_fit, save_fit, write_drawings
    from heterodyne_nlsq.page import report_of_fit
    from heterodyne_nlsq.plots import write_plots
    from heterodyne_nlsq.simulation import Experiment, simulate
    from heterodyne_nlsq.stated import NOTHING_SEEN, answer_to, unstated_functions, unstated_parameters
    from heterodyne_nlsq.summary import VERDICT_MOODS, evidence_rows
    from heterodyne_nlsq.survey import AngleSurvey, Survey, survey_maps
    from heterodyne_nlsq.two_component import NO_FLOW, ONE_COMPONENT
    from heterodyne_nlsq.verdict import CAUTION, NO_SIGNAL, USABLE, VERDICT_TITLES, structured_angles

_MODULES = {
    "command": (
        "fit_command",
        "fit_measurement",
        "outputs_of_fit",
        "result_event",
    ),
    "compilation": ("keep_compiled_functions",),
    "cost": ("cost_function",),
    "courses": ("courses_of_fit",),
    "fit": ("fit_nlsq_jax",),
    "joint.fit": ("fit_joint_jax",),
    "models": ("questions_of",),
    "output": (
        "drawings_of_fit",
        "save_fit",
        "write_drawings",
    ),
    "page": ("report_of_fit",),
    "plots": ("write_plots",),
    "simulation": (
        "Experiment",
        "simulate",
    ),
    "stated": (
        "NOTHING_SEEN",
        "answer_to",
        "unstated_functions",
        "unstated_parameters",
    ),
    "summary": ("VERDICT_MOODS", "evidence_rows"),
    "survey": (
        "AngleSurvey",
        "Survey",
        "survey_maps",
    ),
    "two_component": (
        "NO_FLOW",
        "ONE_COMPONENT",
    ),
    "verdict": (
        "CAUTION",
        "NO_SIGNAL",
        "USABLE",
        "VERDICT_TITLES",
        "structured_angles",
    ),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "CAUTION",
    "NOTHING_SEEN",
    "NO_FLOW",
    "NO_SIGNAL",
    "ONE_COMPONENT",
    "USABLE",
    "VERDICT_MOODS",
    "VERDICT_TITLES",
    "AngleSurvey",
    "Experiment",
    "Survey",
    "__version__",
    "answer_to",
    "cost_function",
    "courses_of_fit",
    "drawings_of_fit",
    "evidence_rows",
    "fit_command",
    "fit_joint_jax",
    "fit_measurement",
    "fit_nlsq_jax",
    "keep_compiled_functions",
    "outputs_of_fit",
    "questions_of",
    "report_of_fit",
    "result_event",
    "save_fit",
    "simulate",
    "structured_angles",
    "survey_maps",
    "unstated_functions",
    "unstated_parameters",
    "write_drawings",
    "write_plots",
]


def __getattr__(name: str) -> object:
    # Loaded lazily because JAX takes a second to import, which help and error messages should not wait for.
    if name in _MODULE_OF:
        return getattr(_import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
