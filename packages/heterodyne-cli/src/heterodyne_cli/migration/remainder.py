"""Why a setting that no rule has taken is left, by the section in which it stands."""

from __future__ import annotations

import re

from heterodyne_cli.migration.ledger import Ledger
from heterodyne_cli.migration.programs import Program

_COMMENT = re.compile(
    r"(?:^|\.)_|\.(?:units?|unit|description|physical_meaning|parameter_units|parameter_descriptions)(?:[.\[]|$)"
)
_PHYSICS = ("initial_parameters", "parameter_space", "parameter_bounds", "parameters")

# The first that fits is taken.
_REASONS = (
    ("experimental_data.cache", "no cache is written"),
    ("experimental_data.use_caching", "no cache is written"),
    ("experimental_data.phi_angles", "azimuths are read from the measurement"),
    ("experimental_data", "the measurement is named on the command line: heterodyne --config ... --data FILE"),
    ("data_file", "the measurement is named on the command line: heterodyne --config ... --data FILE"),
    ("analyzer_parameters.geometry", "this model has no gap"),
    ("analyzer_parameters.frame_step", "every frame is used here, too"),
    ("analyzer_parameters.computational", "this program sees to memory and cores itself"),
    ("analyzer_parameters", "this program has no such setting"),
    ("metadata", "says what the file is; no setting"),
    ("analysis_mode", "says what the file is; no setting"),
    ("analysis_settings", "says what the file is; no setting"),
    ("initial_parameters", "this model has no such parameter, or says it otherwise"),
    ("parameter_space", "this model has no such parameter, or says it otherwise"),
    ("parameter_bounds", "this model has no such parameter, or says it otherwise"),
    ("parameters", "this model has no such parameter, or says it otherwise"),
    ("phi_filtering", "azimuths are checked by the fit: it says what they cannot determine"),
    ("optimization.cmc", "of the other program's sampler"),
    ("optimization.mcmc", "of the other program's sampler"),
    ("optimization.vi", "of the other program's sampler"),
    ("optimization.hybrid", "of the other program's sampler"),
    ("optimization.method", "is said on the command line: --method nlsq or cmc"),
    ("optimization", "of the other program's solver"),
    ("optimization_config", "of the other program's solver"),
    ("noise_estimation", "noise is measured in the maps"),
    ("performance", "this program sees to memory and cores itself"),
    ("output", "what is written is fixed here: results, maps, plots, report"),
    ("plotting", "what is written is fixed here: results, maps, plots, report"),
)


def leave_remainder(ledger: Ledger, program: Program) -> None:
    """Leave everything that is still open, each with the reason that goes with its section."""
    for path in ledger.open_paths():
        ledger.leave(path, _reason(path, program))


def _reason(path: str, program: Program) -> str:
    if _COMMENT.search(path):
        return "labels and comments"
    if program.other_model and path.startswith(_PHYSICS):
        return program.other_model
    return next((reason for prefix, reason in _REASONS if path.startswith(prefix)), "this program has no such setting")
