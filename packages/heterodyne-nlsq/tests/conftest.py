"""Measurements made from the model with white noise: there the independent-noise statistics are exact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

from heterodyne_data import TwoTimeData
from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid

TRUTH = {
    "D0_ref": 1500.0,
    "alpha_ref": 0.3,
    "D_offset_ref": 200.0,
    "D0_sample": 9000.0,
    "alpha_sample": -0.3,
    "D_offset_sample": 500.0,
    "v0": 700.0,
    "beta": -0.4,
    "v_offset": 15.0,
    "f0": 0.3,
    "f1": -0.15,
    "f2": 0.0,
    "f3": 0.35,
    "phi0": -2.0,
}
Q, DT, PHI = 0.0054, 0.1, (-40.0, 10.0, 80.0)


def make(
    n_t: int = 120,
    noise: float = 2e-3,
    seed: int = 0,
    phi: tuple[float, ...] = PHI,
    contrast: Any = 0.2,
    offset: Any = 1.0,
    start_frame: int = 1,
    dt: float = DT,
    **changes: float,
) -> TwoTimeData:
    """Return maps of the true parameters (some changed) with symmetric white noise."""
    t = (start_frame + np.arange(n_t)) * dt
    with jax.enable_x64(True):
        model = HeterodyneModel(**{**TRUTH, **changes})
        n_phi = len(phi)
        c2 = np.array(
            c2_meshgrid(model, t, Q, np.array(phi), np.broadcast_to(contrast, n_phi), np.broadcast_to(offset, n_phi))
        )
    upper = np.triu(np.random.default_rng(seed).normal(0, noise, c2.shape))
    c2 += upper + np.swapaxes(np.triu(upper, 1), 1, 2)
    return TwoTimeData(c2=c2, t=t, q=Q, phi=phi, dt=dt)


@pytest.fixture
def measure() -> Callable[..., TwoTimeData]:
    return make


def values(off: float = 1.0, **special: Any) -> dict[str, Any]:
    """Return configuration entries that start at the truth times `off`; `special` entries replace some."""
    return {**{name: {"value": value * off} for name, value in TRUTH.items()}, **special}


def at(parameters: dict[str, Any], nlsq: dict[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    """Return a configuration whose fit starts at the values of `parameters`, and nowhere else."""
    return {"model": {"parameters": parameters}, "nlsq": {"start": "values", **(nlsq or {})}, **sections}


def held(*names: str, **values_: float) -> dict[str, Any]:
    """Return entries that hold the parameters `names` at the truth, or at `values_`."""
    fixed = {**{name: TRUTH[name] for name in names}, **values_}
    return {name: {"value": value, "vary": False} for name, value in fixed.items()}


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave pictures empty where words are tested: drawing them takes most of the time that a report takes."""
    from matplotlib.figure import Figure

    save = Figure.savefig

    def empty(figure: Figure, target: Any, **given: Any) -> None:
        save(Figure(figsize=(1, 1)), target, **given)

    monkeypatch.setattr(Figure, "savefig", empty)
