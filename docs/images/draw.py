"""Draw the pictures of the documentation.

    heterodyne-nlsq --config examples/startup_flow.yaml --data examples/startup_flow_apsu.h5 --output RESULT
    python docs/images/draw.py RESULT

RESULT is the folder of a fit of the example measurement. Run it in the top folder of a checkout.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid
from heterodyne_spec import NLSQResult, load_model

HERE = Path(__file__).parent
TRUTH = HERE.parents[1] / "examples" / "startup_flow_truth.json"
SHOWN = (4.9, 90.0)
"""Azimuths of the fit that are shown, in degrees: nearly along the flow, and across it."""


def map_panel(axes: Axes, values: np.ndarray, t: np.ndarray, title: str, colours: str, low: float, high: float) -> None:
    """Draw one two-time map with its colour bar."""
    extent = (t[0], t[-1], t[0], t[-1])
    image = axes.imshow(values, origin="lower", extent=extent, cmap=colours, vmin=low, vmax=high)
    axes.set_title(title, fontsize=9)
    axes.figure.colorbar(image, ax=axes, shrink=0.85).ax.tick_params(labelsize=7)


def example_fit(result: NLSQResult) -> Figure:
    """Return data, model and residual at two azimuths, and the velocity."""
    assert result.maps is not None
    c2, model = result.maps
    t = result.data.t
    figure = Figure(figsize=(10.0, 5.0), layout="constrained")
    grid = figure.add_gridspec(2, 4, width_ratios=[1, 1, 1, 1.15])
    for row, phi in enumerate(SHOWN):
        k = int(np.argmin(np.abs(result.data.phi - phi)))
        residual = np.where(np.eye(len(t), dtype=bool), np.nan, c2[k] - model[k])
        low, high = np.percentile(model[k], [0.5, 99.5])
        panels = [("data", c2[k], "viridis", low, high), ("model", model[k], "viridis", low, high)]
        panels.append(("residual", residual, "RdBu_r", -0.02, 0.02))
        for column, (title, values, colours, lower, upper) in enumerate(panels):
            axes = figure.add_subplot(grid[row, column])
            map_panel(axes, values, t, f"{title}, φ = {result.data.phi[k]:g}°", colours, lower, upper)
            axes.tick_params(labelsize=7)
            if column == 0:
                axes.set_ylabel("t₁ / s", fontsize=8)
            if row == 1:
                axes.set_xlabel("t₂ / s", fontsize=8)
    axes = figure.add_subplot(grid[:, 3])
    spec, truth = load_model(), json.loads(TRUTH.read_text(encoding="utf-8"))["parameters"]
    axes.plot(t, spec.evaluate("v", result.parameters, t), label="fit")
    axes.plot(t, spec.evaluate("v", truth, t), "k--", linewidth=1, label="put into the simulation")
    axes.set_yscale("log")
    axes.set_xlabel("age t / s", fontsize=8)
    axes.set_title("velocity v(t) / Å/s", fontsize=9)
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=8)
    return figure


def beating() -> Figure:
    """Return model maps at one azimuth of three samples: reference alone, both fields along the flow, and across it."""
    common = {"D0_ref": 900.0, "D0_sample": 4000.0, "v0": 300.0}
    t = 0.1 * np.arange(1, 201)
    cases = (
        ("reference alone (x = 0)", {"f0": 0.0, "f3": 0.0}, 0.0),
        ("both fields, q along the flow", {"f0": 0.0, "f3": 0.5}, 0.0),
        ("both fields, q across the flow", {"f0": 0.0, "f3": 0.5}, 90.0),
    )
    figure = Figure(figsize=(8.4, 2.7), layout="constrained")
    for axes, (title, changes, phi) in zip(figure.subplots(1, 3), cases, strict=True):
        c2 = c2_meshgrid(HeterodyneModel(**{**common, **changes}), t, 0.0054, phi, 0.2, 1.0)
        map_panel(axes, np.asarray(c2), t, title, "viridis", 1.0, 1.2)
        axes.set_xlabel("t₂ / s", fontsize=8)
        axes.tick_params(labelsize=7)
    return figure


def main() -> None:
    """Write the pictures beside this program."""
    jax.config.update("jax_enable_x64", True)
    for name, figure in (("example_fit", example_fit(NLSQResult.load(sys.argv[1]))), ("beating", beating())):
        figure.savefig(HERE / f"{name}.png", dpi=90, metadata={"Software": None})


if __name__ == "__main__":
    main()
