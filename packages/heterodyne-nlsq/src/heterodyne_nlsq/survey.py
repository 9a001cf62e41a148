"""Survey of a measurement before a fit: levels, noise and dead frames of every azimuth, from part of its maps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_data import TwoTimeData, check_data, hot_frames, load_data, pair_valid
from heterodyne_data.setup import noise_sd
from heterodyne_report import square_means
from heterodyne_spec import Config, load_config

MOST_ENTRIES = 8_000_000
"""Maximum total number of map entries read: less than a second from a local disk."""
_FEWEST_FRAMES = 64
_BLOCK = 8
"""Side of the squares whose means show whether the noise of neighbouring entries is correlated."""
_LONG_LAGS = 0.9
"""Share of the longest lag from which entries are taken as the level at long lags."""
_SHARED, _OWN = 3.0, 1.5
"""Noise of the means of squares relative to uncorrelated entries: the noise is strongly correlated above the first, and
uncorrelated below the second."""


@dataclass(frozen=True)
class AngleSurvey:
    """One azimuth.

    `phi` in degrees. `short`, `long`: mean of c2 (baseline 1) at a lag of one frame and at the longest lags; their
    difference is the contrast where the sample has lost all correlation by then, and less where not. `diagonal`: mean
    of the stored diagonal above c2 extrapolated to it, about one over the photons per pixel and frame where it was
    kept. `noise`: sd of the white noise of one entry. `shared`: noise of means over squares of 8 frames, in units of
    what independent entries would give (NaN for fewer than 3 squares). `dead`: frames without values, 1-based;
    `hot`: outlier frames; `missing`: pairs of other frames without values.
    """

    phi: float
    short: float
    long: float
    diagonal: float
    noise: float
    shared: float
    dead: tuple[int, ...]
    hot: tuple[int, ...]
    missing: int

    @property
    def contrast(self) -> float:
        """Estimate of the contrast: c2 at the shortest lag less that at the longest ones."""
        return self.short - self.long

    @property
    def regime(self) -> str:
        """Whether the noise is correlated between pairs: speckle, photons, or in between."""
        if math.isnan(self.shared):
            return "unknown"
        return "shared" if self.shared > _SHARED else "independent" if self.shared < _OWN else "in between"


@dataclass(frozen=True)
class Survey:
    """A file: its `description` (schema data), and what the maps of one q show in `data`, a window of their frames.

    `refused`: which q a fit refuses, and why, where no q was asked for and it takes others; `frames` is the window,
    1-based and inclusive; `stated`: whether there is a time between frames.
    """

    description: dict[str, Any]
    refused: tuple[str, ...]
    data: TwoTimeData
    frames: tuple[int, int]
    stated: bool
    angles: tuple[AngleSurvey, ...]


def survey_maps(
    path: str | Path,
    description: dict[str, Any],
    q: float | None = None,
    most_entries: int = MOST_ENTRIES,
    config: Config | Mapping[str, Any] | str | Path | None = None,
) -> Survey:
    """Survey the maps of a file.

    Parameters
    ----------
    path : file that `load_data` reads.
    description : result of `describe_data` for it.
    q : wavevector in 1/Å of the maps to inspect; the smallest of the file if None.
    most_entries : maximum total number of entries read. For larger maps, the first frames are used.
    config : ``bins``, ``dt`` and ``q_tolerance`` of its section ``data`` are used.

    Raises
    ------
    DataError : if the maps cannot be read or fitted.
    """
    stated = load_config(config)
    settings = replace(stated, data=replace(stated.data, q=q))
    checked = check_data(path, settings)
    known = [one for one in description["maps"] if one["q"] is not None and one["phi"] is not None]
    chosen = min(one["q"] for one in known if one["q"] > 0) if q is None else q
    # If q is the last axis of an array, reading one map requires reading all.
    together = description["storage_mode"] == "one_array_q_last"
    tolerance = settings.data.q_tolerance
    count = len(known) if together else sum(math.isclose(one["q"], chosen, rel_tol=tolerance) for one in known)
    n_t = int(description["n_frames"])
    n_read = min(n_t, max(_FEWEST_FRAMES, math.isqrt(most_entries // max(count, 1))))
    timed = description["dt"] is not None
    data = load_data(
        path,
        q=chosen,
        frames=(1, n_read),
        q_tolerance=tolerance,
        dt=settings.data.dt if timed else 1.0,
        bins=settings.data.bins,
        hashed=False,
    )
    angles = tuple(survey_angle(data, k) for k in range(data.n_phi))
    return Survey(description, checked.refused, data, (1, n_read), timed, angles)


def survey_angle(data: TwoTimeData, k: int) -> AngleSurvey:
    """Return the survey of azimuth number `k`."""
    c2, n_t = data.c2[k], data.n_t
    usable = pair_valid(data)[k]
    lag = np.abs(np.subtract.outer(np.arange(n_t), np.arange(n_t)))
    short, second, third = (_mean(c2, usable & (lag == k)) for k in (1, 2, 3))
    live = data.valid[k]
    above = _mean(np.diag(c2), live & np.isfinite(np.diag(c2))) - short
    # What c2 loses within one frame, decaying or turning, is no noise.
    lost = max(2 * short - 3 * second + third, 0.0) if math.isfinite(third) else 0.0
    blocks = square_means(np.where(usable & (lag > 0), c2, np.nan), _BLOCK)
    own, of_blocks = noise_sd(c2, usable), noise_sd(blocks, np.isfinite(blocks))
    return AngleSurvey(
        phi=float(data.phi[k]),
        short=short,
        long=_mean(c2, usable & (lag >= _LONG_LAGS * (n_t - 1))),
        diagonal=max(above - lost, 0.0) if above > 0 else above,
        noise=own,
        shared=_BLOCK * of_blocks / own if own > 0 and of_blocks > 0 else math.nan,
        dead=tuple((np.flatnonzero(~live) + 1).tolist()),
        hot=tuple((np.flatnonzero(hot_frames(c2, live)) + 1).tolist()),
        missing=int(np.count_nonzero(~usable & live[:, None] & live & (lag > 0))) // 2,
    )


def _mean(values: npt.NDArray[np.floating], chosen: npt.NDArray[np.bool_]) -> float:
    return float(np.mean(values[chosen], dtype=float)) if chosen.any() else math.nan
