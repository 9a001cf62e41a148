"""What a reader takes for granted: is there contrast, do the maps decay, are there two components, a flow, ageing."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np

from heterodyne_data import Signal
from heterodyne_nlsq.evidence.chance import PRESENT, probability
from heterodyne_nlsq.evidence.comparison import Full
from heterodyne_nlsq.evidence.rising import rise_by_chance
from heterodyne_nlsq.stated import RISES
from heterodyne_report import format_number
from heterodyne_report import format_p_value as quoted

_SEEN = {
    "dynamics": ("c2 decays with lag", "a baseline without any decay describes c2 as well"),
    "two_components": ("two components are seen", "one component describes the maps as well"),
    "flow": ("a flow is seen", "the maps are described as well without a flow"),
    "ageing": ("the sample changes with age", "constant coefficients describe the maps as well"),
}
"""Words where a feature is present, and where it is not."""


QUESTIONS = tuple(_SEEN)
"""Those that nested fits answer."""


def answers(full: Full, rises: Mapping[str, float], least: Collection[str] = ()) -> dict[str, Signal]:
    """Return the answer to every question.

    Parameters
    ----------
    rises : of chi-square without each of `QUESTIONS`; those named in `least` are at least as large.
    """
    data, found = full.setup.data, {}
    for question in QUESTIONS:
        p_value = probability(question, rises[question], data.n_t, data.n_phi)
        found[question] = _answer(question, rises[question], p_value, "over" if question in least else "=")
    # A beat needs two components.
    if found["flow"].present and not found["two_components"].present:
        found["two_components"] = Signal(
            True,
            found["flow"].statistic,
            found["flow"].p_value,
            "two components beat with each other: a flow is seen",
        )
    if not found["dynamics"].present:
        # No other feature can be present.
        for question in ("two_components", "flow", "ageing"):
            words = f"{_SEEN[question][1]}: c2 does not decay"
            found[question] = Signal(False, found[question].statistic, 1.0, words)
        if (chance := rise_by_chance(data, max(full.setup.config.data.exclude_diagonals, 1))) < PRESENT:
            flat = found["dynamics"]
            words = f"{RISES} by more than the noise ({quoted(chance)} for that), whereas a correlation decreases"
            found["dynamics"] = Signal(False, flat.statistic, flat.p_value, words)
    return {"contrast": _contrast(full, found["dynamics"]), **found}


def _answer(question: str, rise: float, p_value: float, relation: str) -> Signal:
    present = p_value < PRESENT
    words = f"{_SEEN[question][not present]} (Δχ² {relation} {format_number(rise, 3)}, {quoted(p_value)})"
    return Signal(present, rise, p_value, words)


def _contrast(full: Full, dynamics: Signal) -> Signal:
    """Return whether there is contrast: c2 decays, or is so far above 1 that no normalisation explains it."""
    if dynamics.present:
        contrast, _ = full.setup.scaling.per_angle(full.vector[len(full.setup.free.free) :])
        words = f"c2 decays with lag; fitted contrast {format_number(float(np.mean(contrast)), 2)}"
        return Signal(True, dynamics.statistic, dynamics.p_value, words)
    level, scale = _level(full), full.setup.spec.parameter("offset").prior.scale
    p_value = math.erfc((level - 1) / scale / math.sqrt(2)) / 2
    present = p_value < PRESENT
    where = "on average" if dynamics.words.startswith(RISES) else "at all lags"
    words = (
        f"c2 is {format_number(level, 4)} {where}: static speckle, or maps without normalisation"
        if present
        else f"c2 is {format_number(level, 4)} {where}, as expected without contrast"
    )
    return Signal(present, max((level - 1) / scale, 0.0) ** 2, p_value, words)


def _level(full: Full) -> float:
    """Return the mean of c2 over all pairs that count."""
    data, total, count = full.setup.data, 0.0, 0.0
    near = max(full.setup.config.data.exclude_diagonals, 1)
    for a in range(data.n_phi):
        weight = data.weight[a] * data.valid[a]
        apart = np.triu(np.outer(weight, weight), near) * np.isfinite(data.c2[a])
        total += float(np.sum(apart * np.where(apart > 0, data.c2[a], 0.0)))
        count += float(apart.sum())
    return total / max(count, 1e-300)
