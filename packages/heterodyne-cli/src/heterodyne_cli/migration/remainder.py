"""Reasons for settings that no rule has translated, by section."""

from __future__ import annotations

import re

from heterodyne_cli.migration.ledger import Ledger
from heterodyne_cli.migration.programs import Program

_COMMENT = re.compile(
    r"(?:^|\.)_|\.(?:units?|unit|description|physical_meaning|parameter_units|parameter_descriptions)(?:[.\[]|$)"
)
_PHYSICS = ("initial_parameters", "parameter_space", "parameter_bounds", "parameters")

# The first matching prefix applies.
_REASONS = (
    ("experimental_data.cache", "no cache is written"),
    ("experimental_data.use_caching", "no cache is written"),
    ("experimental_data.phi_angles", "azimuths are read from the measurement"),
    ("experimental_data", "the measurement is given on the command line: heterodyne --config ... --data FILE"),
    ("data_file", "the measurement is given on the command line: heterodyne --config ... --data FILE"),
    ("analyzer_parameters.geometry", "this model has no gap"),
    ("analyzer_parameters.frame_step", "every frame is used here"),
    ("analyzer_parameters.computational", "this program manages memory and cores itself"),
    ("analyzer_parameters", "this program has no such setting"),
    ("metadata", "describes the file; not a setting"),
    ("analysis_mode", "describes the file; not a setting"),
    ("analysis_settings", "describes the file; not a setting"),
    ("initial_parameters", "this model has no such parameter, or sets it in another way"),
    ("parameter_space", "this model has no such parameter, or sets it in another way"),
    ("parameter_bounds", "this model has no such parameter, or sets it in another way"),
    ("parameters", "this model has no such parameter, or sets it in another way"),
    ("phi_filtering", "the fit reports which parameters the azimuths cannot determine"),
    ("optimization.cmc", "setting of the other program's sampler"),
    ("optimization.mcmc", "setting of the other program's sampler"),
    ("optimization.vi", "setting of the other program's sampler"),
    ("optimization.hybrid", "setting of the other program's sampler"),
    ("optimization.method", "is given on the command line: --method nlsq or cmc"),
    ("optimization", "setting of the other program's solver"),
    ("optimization_config", "setting of the other program's solver"),
    ("noise_estimation", "noise is measured in the maps"),
    ("performance", "this program manages memory and cores itself"),
    ("output", "output is not configurable here: results, maps, plots, report"),
    ("plotting", "output is not configurable here: results, maps, plots, report"),
)


def leave_remainder(ledger: Ledger, program: Program) -> None:
    """Leave out all remaining settings, with the reason for their section."""
    for path in ledger.open_paths():
        ledger.leave(path, _reason(path, program))


def _reason(path: str, program: Program) -> str:
    if _COMMENT.search(path):
        return "labels and comments"
    if program.other_model and path.startswith(_PHYSICS):
        return program.other_model
    return next((reason for prefix, reason in _REASONS if path.startswith(prefix)), "this program has no such setting")
