"""Draw the pictures of the documentation into docs/pictures/, before every build of the site.

    python scripts/pictures.py            the pictures of the pages; runs the tutorial and takes those that it makes
    python scripts/pictures.py RESULT     the one of the README, from the fit in the folder RESULT (committed)
    python scripts/pictures.py EQUAL NOISE    the one of weights from the noise, from two fits (committed)

The committed ones are made from ``make demo``: ``python scripts/pictures.py demo-results``, and from it and a fit with
``nlsq.weighting: noise``.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from snippets import Runner

from heterodyne_data import NLSQResult
from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid
from heterodyne_spec import load_model

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "pictures"
README_PICTURE = ROOT / "docs" / "images" / "example_fit.png"
WEIGHTS_PICTURE = ROOT / "docs" / "images" / "example_weights.png"
TUTORIAL = ROOT / "docs" / "tutorials" / "first-fit.md"
TRUTH = ROOT / "examples" / "startup_flow_truth.json"
SHOWN = (4.9, 90.0)
"""Azimuths of the fit that are shown, in degrees: nearly along the flow, and across it."""

FROM_TUTORIAL = {
    "look.png": "tutorial-look.png",
    "first/plots/maps.png": "tutorial-maps.png",
    "first/plots/curves.png": "tutorial-curves.png",
    "held/plots/functions.png": "tutorial-functions.png",
}
"""Pictures that the tutorial's commands make, and their names here."""


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
    spec = load_model()
    axes.plot(t, spec.evaluate("v", result.parameters, t), label="fit")
    axes.plot(t, spec.evaluate("v", truth(), t), "k--", linewidth=1, label="put into the simulation")
    axes.set_yscale("log")
    axes.set_xlabel("age t / s", fontsize=8)
    axes.set_title("velocity v(t) / Å/s", fontsize=9)
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=8)
    return figure


def example_weights(equal: NLSQResult, noise: NLSQResult) -> Figure:
    """Return the functions of age of two fits, relative to what was put into the simulation."""
    figure, spec = Figure(figsize=(8.4, 4.4), layout="constrained"), load_model()
    titles = {"v": "v", "J_r": "J, reference", "J_s": "J, sample", "x": "x"}
    for axes, (function, title) in zip(figure.subplots(2, 2, sharex=True).flat, titles.items(), strict=True):
        for result, colour, label in (
            (equal, "#9a9a9a", "equal weights"),
            (noise, "#0072b2", "weights from the noise"),
        ):
            assert result.bands is not None
            t = result.bands.t
            true = spec.evaluate(function, truth(), t)
            middle, sd = (np.asarray(part[function]) / true for part in (result.bands.values, result.bands.sd))
            axes.fill_between(
                t, middle - sd, middle + sd, color=colour, alpha=0.4, linewidth=0, label=f"{label}, ± 1 sd"
            )
            axes.plot(t, middle, color=colour, linewidth=1)
        axes.axhline(1.0, color="k", linestyle="--", linewidth=0.8)
        axes.set_xscale("log")
        axes.set_xlim(0.5, t[-1])
        axes.set_ylim(*((0.98, 1.02) if function == "v" else (0.95, 1.05) if function == "x" else (0.5, 1.5)))
        axes.set_title(f"{title}(t), fit over truth", fontsize=9)
        axes.tick_params(labelsize=7)
    for axes in figure.axes[2:]:
        axes.set_xlabel("age t / s", fontsize=8)
    figure.axes[0].legend(fontsize=7)
    return figure


def truth() -> dict[str, float]:
    """Return the parameters from which the example was simulated."""
    return dict(json.loads(TRUTH.read_text(encoding="utf-8"))["parameters"])


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


def terms() -> Figure:
    """Return the three terms of c2 against lag, from an age of 2 s on, and their sum."""
    dt, first, q, phi = 0.1, 19, 0.0054, 4.9
    p, spec = truth(), load_model()
    t = dt * np.arange(1, 401)
    values = {name: spec.evaluate(name, p, t) for name in ("J_r", "J_s", "v", "x")}

    def integral(name: str) -> np.ndarray:
        f = values[name]
        return np.concatenate([[0.0], np.cumsum(dt * (f[:-1] + f[1:]) / 2)])[first:] - np.sum(
            dt * (f[:first] + f[1 : first + 1]) / 2
        )

    x = values["x"]
    n = x**2 + (1 - x) ** 2
    reference = (1 - x[first]) * (1 - x[first:]) * np.exp(-0.5 * q**2 * integral("J_r"))
    sample = x[first] * x[first:] * np.exp(-0.5 * q**2 * integral("J_s"))
    beat = np.cos(q * np.cos(np.deg2rad(phi + p["phi0"])) * integral("v"))
    parts = {
        "reference with itself": reference**2,
        "sample with itself": sample**2,
        "one with the other": 2 * reference * sample * beat,
    }
    figure = Figure(figsize=(7.0, 3.0), layout="constrained")
    axes = figure.subplots()
    lag = t[first:] - t[first]
    scaled = {name: part / (n[first] * n[first:]) for name, part in parts.items()}
    for name, part in scaled.items():
        axes.plot(lag, part, linewidth=1.2, label=name)
    axes.plot(lag, sum(scaled.values()), "k", linewidth=1.6, label="sum: (c₂ − offset) / contrast")
    axes.set_xlim(0, 15)
    axes.set_xlabel("lag t₂ − t₁ / s, from t₁ = 2 s")
    axes.legend(fontsize=8)
    return figure


def halving() -> Figure:
    """Return which pairs of 64 frames meet across which border, and the leaves."""
    n, leaf = 64, 8
    figure = Figure(figsize=(4.2, 4.2), layout="constrained")
    axes = figure.subplots()
    shades = {32: "#c6d3ee", 16: "#8ea9dd", 8: "#5579c4"}
    for size, shade in shades.items():
        for k in range(n // (2 * size)):
            low = 2 * k * size
            axes.add_patch(Rectangle((low + size, low), size, size, facecolor=shade, edgecolor="white", linewidth=1.5))
    for low in range(0, n, leaf):
        corners = [(low, low), (low + leaf, low), (low + leaf, low + leaf)]
        axes.add_patch(Polygon(corners, facecolor="#1f3a77", edgecolor="white", linewidth=1.0))
    axes.plot([0, n], [0, n], color="0.4", linewidth=0.8)
    axes.set(xlim=(0, n), ylim=(n, 0), aspect="equal", xlabel="frame j", ylabel="frame i")
    axes.set_xticks(range(0, n + 1, 8))
    axes.set_yticks(range(0, n + 1, 8))
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a picture without the name and version of what drew it, so that equal pictures are equal files."""
    figure.savefig(path, dpi=90, metadata={"Software": None})


def tutorial_pictures(folder: Path) -> None:
    """Run the tutorial and copy the pictures that its commands make."""
    with tempfile.TemporaryDirectory() as place:
        here = Path(place)
        shutil.copytree(ROOT / "examples", here / "page" / "examples")
        # Reports of the tutorial are not shown, their drawings are not needed.
        with Runner(here / "cache", drawn=("png",)) as runner:
            failed = runner.run(TUTORIAL, here / "page")
        if failed is not None:
            raise SystemExit(f"the tutorial does not run:\n{failed}")
        for made, name in FROM_TUTORIAL.items():
            shutil.copyfile(here / "page" / made, folder / name)


def main() -> None:
    """Write the pictures."""
    jax.config.update("jax_enable_x64", True)
    if len(sys.argv) > 2:
        save(example_weights(*map(NLSQResult.load, sys.argv[1:3])), WEIGHTS_PICTURE)
        return
    if len(sys.argv) > 1:
        save(example_fit(NLSQResult.load(sys.argv[1])), README_PICTURE)
        return
    FOLDER.mkdir(exist_ok=True)
    for figure in (beating, terms, halving):
        save(figure(), FOLDER / f"{figure.__name__}.png")
    tutorial_pictures(FOLDER)


if __name__ == "__main__":
    main()
