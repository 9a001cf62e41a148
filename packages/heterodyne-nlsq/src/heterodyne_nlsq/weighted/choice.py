"""The choice between equal weights and those that know the noise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from heterodyne_data import Weighting
from heterodyne_nlsq.covariance import covariance, covariance_root, curvature
from heterodyne_nlsq.evaluators import Evaluator
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.uncertainty.calibration import Calibration
from heterodyne_nlsq.weighted.estimate import Estimate, Reweighted, reweighted
from heterodyne_report import format_number

type FloatArray = npt.NDArray[np.float64]

WORTH = 1.1
"""Ratio of standard deviations, median over the determined parameters, from which `auto` takes the weights."""

DOUBT = 1e-3
"""Probability of the difference of both estimates below which one of their assumptions is wrong."""


def weighed(
    setup: Setup, evaluator: Evaluator, calibration: Calibration, equal: Estimate
) -> tuple[Reweighted | None, Weighting]:
    """Return the estimate with the weights that the configuration asks for, None if they are equal, and the reason."""
    asked = setup.config.nlsq.weighting
    if asked == "equal":
        return None, Weighting("equal", "equal weights of all pairs, as asked for")
    if reason := _reason_against(setup, calibration, always=asked == "noise"):
        return None, Weighting("equal", f"equal weights of all pairs: {reason}")
    n_free = equal.prior.size
    sd = _sd(equal.matrix, equal.score, equal.prior)
    known = (sd > 0) & (sd < equal.prior)
    found = reweighted(setup, evaluator, calibration, equal, known)
    if found is None:
        return None, Weighting("equal", "equal weights of all pairs: no others promise smaller standard deviations")
    gain = sd[known] / np.maximum(_sd(found.matrix, found.score, equal.prior)[known], 1e-300)
    promised = f"{format_number(float(np.median(gain)), 3)} times (median; {gain.min():.2f} to {gain.max():.2f})"
    agreement = f"both estimates differ with p = {format_number(found.p_value, 2)}"
    if asked == "auto" and (np.median(gain) < WORTH or found.p_value < DOUBT):
        why = f"weights from the noise would make standard deviations smaller by {promised}"
        return None, Weighting("equal", f"equal weights of all pairs: {why}, and {agreement}")
    words = (
        f"weights from the covariance of the noise (ridge {found.ridge:g} times the contrast): standard deviations are "
        f"smaller than with equal weights by {promised}; {agreement}"
    )
    names = setup.free.free_names
    values = dict(zip(names, equal.vector[:n_free].tolist(), strict=True))
    spread = dict(zip(names, np.where(sd > 0, sd, np.nan).tolist(), strict=True))
    scaling = (tuple(part.tolist()) for part in setup.scaling.per_angle(equal.vector[n_free:]))
    return found, Weighting("noise", words, found.ridge, found.p_value, values, spread, *scaling)


def doubts(weighting: Weighting) -> Iterator[str]:
    """Yield what is wrong if both estimates differ by more than chance."""
    if weighting.p_value is not None and weighting.p_value < DOUBT:
        yield (
            "the estimates with weights from the noise and with equal weights differ by more than chance "
            f"(p = {format_number(weighting.p_value, 2)}): the model or the noise is not as assumed; prefer "
            "nlsq.weighting: equal"
        )


def _sd(matrix: FloatArray, score: FloatArray, prior: FloatArray) -> FloatArray:
    """Return the standard deviations of the free parameters, (n_free,)."""
    root = covariance_root(curvature(matrix, prior), matrix, score, prior)
    return np.sqrt(np.maximum(np.diag(covariance(root))[: prior.size], 0.0))


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
    if np.any(calibration.excess > calibration.limit):
        return "the residuals have structure that noise does not explain"
    return ""
