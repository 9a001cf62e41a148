"""The choice between equal weights and those that know the noise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from heterodyne_data import Weighting
from heterodyne_nlsq.covariance import covariance, covariance_root, curvature
from heterodyne_nlsq.evaluators import Evaluator
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.stated import ESTIMATES_DIFFER, differing_estimates
from heterodyne_nlsq.uncertainty.calibration import Calibration
from heterodyne_nlsq.weighted.azimuths import own_over_shared
from heterodyne_nlsq.weighted.estimate import Estimate, Promise, Reweighted, reweighted
from heterodyne_report import format_number

type FloatArray = npt.NDArray[np.float64]

WORTH = 1.1
"""Ratio of standard deviations, median over the determined parameters, from which `auto` takes the weights."""

LITTLE_SHARED = 2.0
"""Noise of frames that is not shared over that which is, from which the ratio is below `WORTH`: measured with 0.08 to 3
photons per pixel and frame, it is 1.07 or less above 2, and 1.09 to 1.22 between 0.7 and 1.5."""

_SOME = 32
"""Frames whose shared noise is compared with their own."""

_LEAST = 1e-9
"""Contrast that can be divided by."""

_EQUAL = "equal weights of all pairs"

COULD_GAIN = (
    f"{_EQUAL}, the default; frames share much of their noise, so that nlsq.weighting: auto may give standard "
    "deviations 1.2 to 1.7 times smaller"
)


def weighed(
    setup: Setup,
    evaluator: Evaluator,
    calibration: Calibration,
    equal: Estimate,
    model: npt.NDArray[np.floating],
) -> tuple[Reweighted | None, Weighting]:
    """Return the estimate with the weights that the configuration asks for, None if they are equal, and the reason.

    `model` (n_phi, n_t, n_t) are the fitted maps.
    """
    asked, given = setup.config.nlsq.weighting, "weighting" in (setup.config.document.get("nlsq") or {})
    if asked == "equal" and given:
        return None, Weighting("equal", f"{_EQUAL}, as asked for")
    if reason := _reason_against(setup, calibration, always=asked == "noise"):
        return None, Weighting("equal", f"{_EQUAL}: {reason}")
    little = _own_over_shared(setup, calibration, equal, model) > LITTLE_SHARED
    if asked == "equal":
        return None, Weighting("equal", f"{_EQUAL}, the default" if little else COULD_GAIN)
    n_free = equal.prior.size
    sd = _sd(equal.matrix, equal.score, equal.prior)
    known = (sd > 0) & (sd < equal.prior)
    promise, automatic = Promise(setup, calibration, equal, known), asked == "auto"
    if automatic and little:
        why = "photon and detector noise of single frames outweighs what they share, and other weights gain little"
        return None, Weighting("equal", f"{_EQUAL}: {why}")
    if np.isinf(promise.ridge):
        return None, Weighting("equal", f"{_EQUAL}: no others promise smaller standard deviations")
    if automatic and promise.gain < WORTH:
        times = format_number(promise.gain, 3)
        why = f"weights from the noise promise standard deviations smaller by {times} times only (median)"
        return None, Weighting("equal", f"{_EQUAL}: {why}")
    found = reweighted(setup, evaluator, equal, promise)
    gain = sd[known] / np.maximum(_sd(found.matrix, found.score, equal.prior)[known], 1e-300)
    promised = _times(gain)
    agreement = f"both estimates differ with p = {format_number(found.p_value, 2)}"
    # What is asked for is not done where it is worse: with some 20 frames the weights know too little of the noise.
    if np.median(gain) < (WORTH if automatic else 1.0) or (automatic and found.p_value < ESTIMATES_DIFFER):
        why = f"weights from the noise would make standard deviations {promised}"
        statement = f"{_EQUAL}: {why}, and {agreement}"
        return None, Weighting("equal", statement, p_value=found.p_value)
    words = (
        f"weights from the covariance of the noise (ridge {found.ridge:g} times the contrast): compared with equal "
        f"weights, standard deviations are {promised}; {agreement}"
    )
    names = setup.free.free_names
    values = dict(zip(names, equal.vector[:n_free].tolist(), strict=True))
    spread = dict(zip(names, np.where(sd > 0, sd, np.nan).tolist(), strict=True))
    scaling = (tuple(part.tolist()) for part in setup.scaling.per_angle(equal.vector[n_free:]))
    return found, Weighting("noise", words, found.ridge, found.p_value, values, spread, *scaling)


def _times(gain: FloatArray) -> str:
    """Return by how much standard deviations become smaller or larger, from their ratios (n,)."""
    middle = float(np.median(gain))
    ratio, word = (gain, "smaller") if middle >= 1 else (1 / gain, "larger")
    times = format_number(float(np.median(ratio)), 3)
    return f"{word} by {times} times (median; {ratio.min():.2f} to {ratio.max():.2f})"


def doubts(weighting: Weighting) -> Iterator[str]:
    """Yield what is wrong if both estimates differ by more than chance."""
    if differ := differing_estimates(weighting):
        yield f"{differ}; prefer nlsq.weighting: equal" if weighting.kind == "noise" else differ


def _sd(matrix: FloatArray, score: FloatArray, prior: FloatArray) -> FloatArray:
    """Return the standard deviations of the free parameters, (n_free,)."""
    root = covariance_root(curvature(matrix, prior), matrix, score, prior)
    return np.sqrt(np.maximum(np.diag(covariance(root))[: prior.size], 0.0))


def _own_over_shared(setup: Setup, calibration: Calibration, equal: Estimate, model: npt.NDArray[np.floating]) -> float:
    """Return the noise of frames that is not shared over that which is, of the azimuth where it is smallest."""
    contrast, offset = setup.scaling.per_angle(equal.vector[len(setup.free.free) :])
    found = []
    for a, noise in enumerate(calibration.parts):
        used = np.flatnonzero(setup.data.valid[a] & (setup.data.weight[a] > 0))
        some = used[:: max(used.size // _SOME, 1)]
        correlation = (model[a][np.ix_(some, used)] - offset[a]) / max(contrast[a], _LEAST)
        found.append(own_over_shared(noise, correlation, float(contrast[a])))
    return min(found)


def _reason_against(setup: Setup, calibration: Calibration, always: bool) -> str:
    """Return why the weights are not used, "" if they may be; `always`: also where they may not help."""
    if setup.config.nlsq.loss != "linear":
        return f"the loss {setup.config.nlsq.loss} has no others"
    if not setup.free.free:
        return "no parameter is free"
    if not any(part.speckle > 0 for part in calibration.parts):
        return "no noise is shared between pairs"
    if always:
        return ""
    if calibration.structured.any():
        return "the residuals have structure that noise does not explain"
    return ""
