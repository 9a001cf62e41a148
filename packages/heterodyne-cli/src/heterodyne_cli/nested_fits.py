"""Test between nested fits of the same data: one fixes parameters that are free in the other.

Twice the difference of cost over the residual variance would be chi-square if the noise of the pairs of frames were
uncorrelated. It is not, so the cost is a composite likelihood, and the difference is a weighted sum of chi-squares. Its
weights are the eigenvalues of (covariance for uncorrelated pairs)⁻¹ (calibrated covariance), both restricted to the
freed parameters. Divided by the mean weight, it has the first moment of chi-square: Rotnitzky & Jewell (1990),
Biometrika 77, 485; Varin, Reid & Firth (2011), Statistica Sinica 21, 5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from heterodyne_data import FittedParameter, NLSQResult
from heterodyne_report import format_number, format_p_value
from heterodyne_spec import ConfigError, load_config

type FloatArray = npt.NDArray[np.float64]

REJECTED = 0.01
"""p-value below which the restricted fit is rejected (1 % of true restrictions)."""

METHOD = (
    "Test: composite likelihood ratio adjusted by its first moment (Varin, Reid & Firth 2011; Rotnitzky & Jewell "
    "1990): 2 (cost difference) / (residual variance), divided by the mean eigenvalue of (covariance for uncorrelated "
    "pairs)⁻¹ (calibrated covariance) of the freed parameters, compared with chi-square. The score "
    "test in the sentence of a fit estimates the same quantity from the local gradient; its Δχ² may be several times "
    "smaller or larger."
)

_SAME = 1e-9
"""Relative difference up to which two fixed values are equal."""


@dataclass(frozen=True)
class NestedFits:
    """A test between a fit and one with more free parameters, identified by their labels.

    `delta_chi2` is the adjusted difference, NaN if there is no test, and `inflation` the divisor of the unadjusted
    one. `words` states the conclusion.
    """

    restricted: str
    full: str
    freed: tuple[str, ...]
    delta_chi2: float
    p_value: float
    inflation: float
    preferred: str
    words: str


def nested_fits(fits: Mapping[str, NLSQResult]) -> list[NestedFits]:
    """Return the tests between all nested fits of the same data; `fits` is keyed by label."""
    pairs = [pair for one, other in combinations(fits, 2) for pair in ((one, other), (other, one))]
    found = (
        _test(small, large, freed, fits)
        for small, large in pairs
        if of_same_pairs(fits[small], fits[large]) and (freed := freed_parameters(fits[small], fits[large]))
    )
    return list(found)


def of_same_pairs(one: NLSQResult, other: NLSQResult) -> bool:
    """Return whether two fits have the same data and cost function, so that their costs are comparable."""
    known = one.data.provenance.get("sha256")
    if known is None or known != other.data.provenance.get("sha256"):
        return False
    try:
        alike = _facts(one) == _facts(other)
    except ConfigError:
        # A configuration of another version cannot be interpreted here.
        return False
    return alike and np.array_equal(one.data.phi, other.data.phi)


def _facts(fit: NLSQResult) -> tuple[object, ...]:
    """Return what the cost depends on, apart from the parameters."""
    data, config = fit.data, load_config(fit.config)
    weighing = (config.data.mask_frames, config.data.frame_weights, config.data.exclude_diagonals, config.nlsq.loss)
    return (data.q, data.n_frames, data.start_frame, data.dt, fit.n_pairs, fit.scaling.mode, fit.model, weighing)


def freed_parameters(restricted: NLSQResult, full: NLSQResult) -> tuple[str, ...]:
    """Return the parameters that are free in `full` but not in `restricted`; empty if they are not nested."""
    rows, others = ({row.name: row for row in fit.table} for fit in (restricted, full))
    freed = tuple(name for name in full.varying if name not in restricted.varying)
    rest = [name for name in rows if name not in freed]
    alike = set(restricted.varying) <= set(full.varying) and all(_alike(rows[name], others[name]) for name in rest)
    inside = all(others[name].lower <= rows[name].value <= others[name].upper for name in freed)
    return freed if alike and inside else ()


def _alike(one: FittedParameter, other: FittedParameter) -> bool:
    """Return whether two fits treat a parameter in the same way."""
    held = one.status == "fixed"
    same = math.isclose(one.value, other.value, rel_tol=_SAME, abs_tol=1e-300)
    return (one.status, one.tie) == (other.status, other.tie) and (same or not held)


def restriction(restricted: NLSQResult, full: NLSQResult, freed: Sequence[str]) -> FloatArray:
    """Return the combinations (n_freed, n_varying) of free parameters of `full` that `restricted` fixes.

    For a fixed parameter it is the parameter itself, for a tied one the difference from its target.
    """
    ties = {row.name: row.tie for row in restricted.table}
    rows = np.zeros((len(freed), len(full.varying)))
    for row, name in zip(rows, freed, strict=True):
        row[full.varying.index(name)] = 1.0
        if (leader := ties[name]) in full.varying:
            row[full.varying.index(leader)] = -1.0
    return rows


def _test(small: str, large: str, freed: tuple[str, ...], fits: Mapping[str, NLSQResult]) -> NestedFits:
    from scipy.special import chdtrc

    restricted, full = fits[small], fits[large]
    named = ", ".join(freed)
    begin = f"{small} fixes {named}, free in {large} (same data)"
    raw, inflation = _ratio(restricted, full), _inflation(restricted, full, freed)
    if math.isnan(raw) or not inflation > 0:
        why = "frame weights or a non-linear loss" if math.isnan(raw) else "a covariance that lacks these directions"
        return NestedFits(
            small, large, freed, math.nan, math.nan, math.nan, "", f"{begin}: no test possible with {why}"
        )
    if raw < 0:
        words = (
            f"{begin}, but {large} fits worse (cost {format_number(full.cost, 6)} instead of "
            f"{format_number(restricted.cost, 6)}): it "
            f"is not at the global minimum; repeat it starting from the values of {small}"
        )
        return NestedFits(small, large, freed, raw / inflation, math.nan, inflation, small, words)
    size = raw / inflation
    p_value = float(chdtrc(len(freed), size))
    degrees = f"{len(freed)} degree{'s' if len(freed) > 1 else ''} of freedom"
    need, preferred = ("need", large) if p_value < REJECTED else ("do not need", small)
    vary = "it" if len(freed) == 1 else "them"
    words = (
        f"{begin}: calibrated Δχ² = {format_number(size, 3)} for {degrees}, {format_p_value(p_value)}; "
        f"the data {need} {vary} to "
        f"be free: {preferred} is preferred{_limits(restricted, full, freed)}"
    )
    return NestedFits(small, large, freed, size, p_value, inflation, preferred, words)


def _ratio(restricted: NLSQResult, full: NLSQResult) -> float:
    """Return twice the cost difference divided by the residual variance of `full`; NaN if no variance is stored."""
    config = load_config(full.config)
    degrees = full.n_pairs - len(full.varying)
    if config.nlsq.loss != "linear" or config.data.frame_weights or degrees <= 0 or full.cost <= 0:
        return math.nan
    return 2 * (restricted.cost - full.cost) / (2 * full.cost / degrees)


def _inflation(restricted: NLSQResult, full: NLSQResult, freed: Sequence[str]) -> float:
    """Return the mean weight of the chi-squares; NaN if the covariances do not determine it."""
    rows = restriction(restricted, full, freed)
    independent, calibrated = (rows @ found @ rows.T for found in (full.covariance_iid, full.covariance))
    try:
        return float(np.trace(np.linalg.solve(independent, calibrated))) / len(freed)
    except np.linalg.LinAlgError:
        return math.nan


def _limits(restricted: NLSQResult, full: NLSQResult, freed: Sequence[str]) -> str:
    """Return why a p-value is approximate, ``""`` if it is not."""
    if _switches_off(restricted) and not _switches_off(full):
        return " (approximate: the restriction removes flow or a component, see the evidence in the larger fit)"
    if set(freed) & set(full.identifiability.not_determined):
        return " (approximate: not all of them are determined)"
    return ""


def _switches_off(fit: NLSQResult) -> bool:
    """Return whether a fit has no velocity or only one component, so that other parameters have no effect."""
    if fit.bands is None:
        return False
    v, x = fit.bands.values.get("v", np.ones(1)), fit.bands.values.get("x", np.full(1, 0.5))
    return bool(np.all(v == 0) or np.all(x == 0) or np.all(x == 1))
