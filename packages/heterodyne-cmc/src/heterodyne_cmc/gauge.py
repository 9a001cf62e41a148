"""The origin of an exponential, where it is free: drawn afterwards.

``A exp(b (t - t0)) + C`` is the same function at every t0, if A follows: t0 is a gauge. In a chain it would leave a
bent valley that says nothing. So the sampling holds t0 where it starts, and the prior and bounds of A count there.
Afterwards t0 is drawn from its own prior, cut where A would leave its bounds, and A goes with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_spec import ModelSpec
from heterodyne_spec.laws import find_laws
from heterodyne_spec.model import Prior

type FloatArray = npt.NDArray[np.float64]
type Bounds = tuple[float, float]


class Gauge(NamedTuple):
    """Positions of A, b and t0 among all parameters, the bounds of A and t0, and the prior of t0."""

    amplitude: int
    rate: int
    origin: int
    of_amplitude: Bounds
    of_origin: Bounds
    prior: Prior


def find_gauges(
    spec: ModelSpec,
    status: Sequence[str],
    tie: Sequence[str | None],
    bounds: Sequence[Bounds],
    priors: Sequence[Prior],
) -> Iterator[Gauge]:
    """Yield the free origins of laws whose amplitude is free; what is tied to another is no gauge.

    Parameters
    ----------
    status, tie, bounds, priors : of all parameters of the model.
    """
    names = list(spec.names)
    for law in find_laws(spec):
        if law.origin is None or law.amplitude in tie or law.origin in tie:
            continue
        (a, b, _), t0 = law.positions(names), names.index(law.origin)
        if status[a] == status[t0] == "free":
            yield Gauge(a, b, t0, bounds[a], bounds[t0], priors[t0])


def drawn(full: FloatArray, gauges: Sequence[Gauge], seed: int) -> FloatArray:
    """Return draws (..., n_par) of all parameters, held where the sampling held them, with the gauges drawn."""
    from scipy.stats import truncnorm

    result = full.copy()
    for gauge in gauges:
        amplitude, rate, held = (full[..., k] for k in gauge[:3])
        with np.errstate(divide="ignore", invalid="ignore"):
            # A exp(b (t0 - held)) on its bounds; nowhere, where A or b is 0.
            ends = [held + np.log(bound / amplitude) / rate for bound in gauge.of_amplitude]
        low, high = (
            np.nan_to_num(end, nan=far, posinf=np.inf, neginf=-np.inf)
            for end, far in zip((np.minimum(*ends), np.maximum(*ends)), (-np.inf, np.inf), strict=True)
        )
        low, high = np.maximum(low, gauge.of_origin[0]), np.minimum(high, gauge.of_origin[1])
        high = np.maximum(high, low)
        level = np.random.default_rng([seed, 8, gauge.origin]).random(amplitude.shape)
        ends = [(end - gauge.prior.location) / gauge.prior.scale for end in (low, high)]
        origin = np.clip(gauge.prior.location + gauge.prior.scale * truncnorm.ppf(level, *ends), low, high)
        result[..., gauge.origin] = origin
        result[..., gauge.amplitude] = np.clip(amplitude * np.exp(rate * (origin - held)), *gauge.of_amplitude)
    return result
