"""The questions on the maps: is there contrast, do they decay, and those of the model."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from heterodyne_data import Signal
from heterodyne_data.setup import reduced_chi_square
from heterodyne_nlsq.evidence.chance import PRESENT, probability
from heterodyne_nlsq.evidence.comparison import Full
from heterodyne_nlsq.evidence.rising import change_with_lag
from heterodyne_nlsq.maps import residual_noise
from heterodyne_nlsq.models import CONTRAST, DYNAMICS, knowledge_of
from heterodyne_nlsq.stated import NOT_SAID, RISES
from heterodyne_report import format_number
from heterodyne_report import format_p_value as quoted

_DECAYS = ("c2 decays with lag", "a baseline without decay describes c2 equally well")
"""Sentences for maps with and without dynamics."""


def asked_of(model: str) -> tuple[str, ...]:
    """Return the questions that nested fits answer."""
    return (DYNAMICS, *knowledge_of(model).questions)


def _words(question: str, model: str) -> tuple[str, str]:
    """Return the sentences for a feature that is present and for one that is absent."""
    if question == DYNAMICS:
        return _DECAYS
    known = knowledge_of(model).questions[question]
    return known.seen, known.unseen


def answers(full: Full, rises: Mapping[str, float], least: Collection[str] = ()) -> dict[str, Signal]:
    """Return the answer to every question.

    Parameters
    ----------
    rises : of chi-square without each feature that is asked for; those named in `least` are at least as large.
    """
    data, found, model = full.setup.data, {}, full.setup.spec.id
    for question in asked_of(model):
        p_value = probability(question, rises[question], data.n_t, data.n_phi, model)
        relation = "over" if question in least else "="
        found[question] = _answer(_words(question, model), rises[question], p_value, relation)
    found = knowledge_of(model).reconciled(found)
    if not found[DYNAMICS].present:
        change = change_with_lag(data, max(full.setup.config.data.exclude_diagonals, 1))
        unclear = change.fall < PRESENT or _described_badly(full)
        flat = NOT_SAID if unclear else found[DYNAMICS].words
        if change.rise < PRESENT:
            flat = f"{RISES} by more than the noise ({quoted(change.rise)} for that), whereas a correlation decreases"
        found[DYNAMICS] = replace(found[DYNAMICS], words=flat)
        # No other feature can be present.
        for question in knowledge_of(model).questions:
            words = NOT_SAID if unclear else f"{_words(question, model)[1]}: c2 does not decay"
            found[question] = Signal(False, found[question].statistic, 1.0, words)
    return {CONTRAST: _contrast(full, found[DYNAMICS]), **found}


def _described_badly(full: Full) -> bool:
    """Return whether the noise that a fit was compared with contains what the model does not describe.

    Its residuals have structure, or are not white: what maps without dynamics have is, but for what is taken for noise.
    """
    if full.calibration.structured.any():
        return True
    squares = np.asarray(full.evaluator.squares(full.vector, full.evaluator.problem))
    noise = residual_noise(full.setup.data, full.model)
    return reduced_chi_square(squares, full.evaluator.weights, noise, full.vector.size) > _NOT_WHITE


_NOT_WHITE = 1.5
"""Reduced chi-square above which residuals are not white."""


def _answer(words: tuple[str, str], rise: float, p_value: float, relation: str) -> Signal:
    present = p_value < PRESENT
    said = f"{words[not present]} (Δχ² {relation} {format_number(rise, 3)}, {quoted(p_value)})"
    return Signal(present, rise, p_value, said)


def _contrast(full: Full, dynamics: Signal) -> Signal:
    """Return whether there is contrast: c2 decays, or is so far above 1 that no normalisation explains it."""
    if dynamics.present:
        contrast, _ = full.setup.scaling.per_angle(full.vector[len(full.setup.free.free) :])
        words = f"c2 decays with lag; fitted contrast {format_number(float(np.mean(contrast)), 2)}"
        return Signal(True, dynamics.statistic, dynamics.p_value, words)
    level, scale = _level(full), full.setup.spec.parameter("offset").prior.scale
    p_value = math.erfc((level - 1) / scale / math.sqrt(2)) / 2
    present = p_value < PRESENT
    unclear = dynamics.words == NOT_SAID
    where = "on average" if unclear or dynamics.words.startswith(RISES) else "at all lags"
    words = (
        f"c2 is {format_number(level, 4)} {where}: static speckle, or maps without normalisation"
        if present
        else f"c2 is {format_number(level, 4)} {where}{'' if unclear else ', as expected without contrast'}"
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
