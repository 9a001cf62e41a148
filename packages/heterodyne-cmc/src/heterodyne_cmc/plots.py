"""Plots of a posterior: pairs of parameters, functions of age, maps, chains and shards."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import ndtr

from heterodyne_cmc.diagnostics import bfmi, split_r_hat
from heterodyne_cmc.parameters import parameter_space
from heterodyne_cmc.posterior import Posterior
from heterodyne_cmc.predictive import PredictiveMaps, predictive_maps, predictive_rows
from heterodyne_report import (
    LINE_STYLES,
    SERIES_COLOURS,
    MapPanel,
    TimeCourse,
    colour_limits,
    curve_starts,
    draw_course,
    draw_lag_curves,
    draw_map,
    fixed_functions,
    function_panels,
    lag_panels,
    narrow_limits,
    new_figure,
    set_vertical_range,
    words_of,
    write_figure,
)
from heterodyne_spec import Prior, load_config, load_model

type FloatArray = npt.NDArray[np.float64]

_BINS = 30
_REGIONS = (0.95, 0.68)
"""Shares of the draws inside the contours."""
_RANK_BINS = 20
_SHARDS_SHOWN = 9
"""Panels of the picture of energies: those of the shards with the smallest BFMI."""
_Z_REACH = 4.0
"""Limit of the colour scale of residuals, in standard deviations of an entry."""
_POSTERIOR, _NLSQ, _PRIOR = SERIES_COLOURS[0], SERIES_COLOURS[1], SERIES_COLOURS[-1]


def _free(result: Posterior) -> tuple[str, ...]:
    """Return the names of the sampled parameters, without tied ones."""
    names = [row.name for row in result.summary if row.phi is None and row.status == "free"]
    return tuple(name for name in names if name in result.draws)


def _label(name: str, model: str) -> str:
    unit = next(p.unit for p in load_model(model).parameters if p.name == name)
    return name if unit == "1" else f"{name} / {unit}"


def _prior_density(prior: Prior, bounds: FloatArray, at: FloatArray) -> FloatArray:
    """Return the density of a prior cut at its bounds, at values (n,) of the parameter."""
    log = prior.family == "lognormal"

    ends = np.log(np.maximum(bounds, 1e-300)) if log else bounds
    within = np.diff(ndtr((ends - prior.location) / prior.scale))
    positive = np.where(at > 0, at, 1.0)
    z = ((np.log(positive) if log else at) - prior.location) / prior.scale
    density = np.exp(-0.5 * z**2) / (prior.scale * math.sqrt(2 * math.pi) * (positive if log else 1.0))
    inside = (at >= bounds[0]) & (at <= bounds[1]) & ((at > 0) | (not log))
    return np.where(inside, density / within, 0.0)


def pairs_figure(result: Posterior) -> Figure:
    """Return a figure of every pair of sampled parameters with regions of 68 and 95 %, and of every parameter with its
    prior and the point estimate from which the chains started."""
    space = parameter_space(load_model(result.model["id"]), load_config(result.config), None)
    names = [name for name in _free(result) if name in space.free_names]
    estimate = _point_estimate(result)
    n = len(names)
    size = min(max(1.6 * n, 4.0), 18.0)
    figure = new_figure(size, size)
    grid = figure.subplots(n, n, squeeze=False, sharex="col")
    for row, below in enumerate(names):
        for column, beside in enumerate(names):
            axes = grid[row, column]
            if column > row:
                axes.remove()
                continue
            axes.tick_params(labelsize=6)
            if column == row:
                k = space.free_names.index(below)
                _marginal(axes, result.draws[below].ravel(), space.priors[k], space.bounds[k], estimate.get(below))
            else:
                x, y = result.draws[beside].ravel(), result.draws[below].ravel()
                _joint(axes, x, y)
                if beside in estimate:
                    axes.plot(estimate[beside][0], estimate[below][0], "+", color=_NLSQ, markersize=6)
            if row == n - 1:
                axes.set_xlabel(_label(beside, result.model["id"]), fontsize=7)
                axes.tick_params(axis="x", rotation=45)
            if column == 0 and row > 0:
                axes.set_ylabel(_label(below, result.model["id"]), fontsize=7)
            elif column > 0 or row == 0:
                axes.set_yticklabels([])
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", fontsize=8)
    return figure


def _point_estimate(result: Posterior) -> dict[str, tuple[float, float]]:
    """Return value and standard deviation of the point estimate by name; nothing without one."""
    given = result.start.get("nlsq")
    if given is None:
        return {}
    values, sd = result.start["values"], given["sd"]
    return {name: (values[name], math.nan if sd[name] is None else sd[name]) for name in values}


def _marginal(
    axes: Axes, draws: FloatArray, prior: Prior, bounds: FloatArray, estimate: tuple[float, float] | None
) -> None:
    low, high = np.quantile(draws, (0.001, 0.999))
    reach = (low - 0.15 * (high - low), high + 0.15 * (high - low)) if high > low else (low - 1.0, high + 1.0)
    axes.hist(draws, bins=_BINS, range=reach, density=True, color=_POSTERIOR, alpha=0.5, label="posterior")
    at = np.linspace(*reach, 200)
    if estimate is not None:
        value, sd = estimate
        axes.axvline(value, color=_NLSQ, linewidth=0.8)
        if sd > 0:
            density = np.exp(-0.5 * ((at - value) / sd) ** 2) / (sd * math.sqrt(2 * math.pi))
            axes.plot(at, density, color=_NLSQ, linewidth=1, label="point estimate")
    axes.plot(at, _prior_density(prior, bounds, at), "--", color=_PRIOR, linewidth=1, label="prior")
    axes.set_xlim(*reach)
    axes.set_yticks([])


def _joint(axes: Axes, x: FloatArray, y: FloatArray) -> None:
    """Draw the smallest regions that hold the shares `_REGIONS` of the draws."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        axes.plot(x[:1], y[:1], ".", color=_POSTERIOR)
        return
    counts, edges_x, edges_y = np.histogram2d(x, y, bins=_BINS)
    smooth = np.ones(3) / 3
    for axis in (0, 1):
        counts = np.apply_along_axis(np.convolve, axis, counts, smooth, mode="same")
    ordered = np.sort(counts.ravel())[::-1]
    held = np.cumsum(ordered) / counts.sum()
    levels = [float(ordered[np.searchsorted(held, share)]) for share in _REGIONS]
    centre_x, centre_y = (0.5 * (edges[1:] + edges[:-1]) for edges in (edges_x, edges_y))
    shades = [*sorted(set(levels)), float(counts.max()) * 1.001]
    if len(shades) > 1 and shades[-2] < shades[-1]:
        axes.contourf(centre_x, centre_y, counts.T, levels=shades, colors=["#9ecae1", "#3182bd"][-(len(shades) - 1) :])


def courses_of_posterior(result: Posterior) -> tuple[TimeCourse, ...]:
    """Return the functions of age of a posterior, in the order of a report."""
    model, found = result.model["id"], result.bands
    units, held = {f.name: f.unit for f in load_model(model).functions}, fixed_functions(result.fixed, model)
    return tuple(
        TimeCourse(name, units[name], found.t, found.quantiles[name], name in held, model)
        for name in words_of(model).subjects
    )


def draw_function(axes: Axes, course: TimeCourse) -> None:
    """Draw the median of a function of age with its central intervals of 68 and 95 %."""
    draw_course(axes, course, "median, 68 and 95 %")
    set_vertical_range(axes, narrow_limits([course]))


def bands_figure(result: Posterior) -> Figure:
    """Return the functions of age: median, and central intervals of 68 and 95 % at every age."""
    found = courses_of_posterior(result)
    figure, panels = function_panels(len(found))
    for axes, course in zip(panels, found, strict=True):
        draw_function(axes, course)
    for axes in panels[:-2]:
        axes.set_xlabel("")
    panels[0].legend(loc="upper right", fontsize=8)
    return figure


def map_panels(result: Posterior, found: PredictiveMaps, angle: int) -> tuple[MapPanel, MapPanel, MapPanel]:
    """Return data, posterior mean and their difference in standard deviations of an entry, of an angle."""
    t, n = result.data.t, len(found.data[angle])
    reach = (float(t[0]), float(t[n * found.width - 1]))
    means = f", means of {found.width}×{found.width} frames" if found.width > 1 else ""
    low, high = colour_limits(found.mean[angle])
    z = (found.data[angle] - found.mean[angle]) / found.sd[angle]
    at = f", φ = {result.data.phi[angle]:g}°"
    return (
        MapPanel(f"data{means}{at}", found.data[angle], reach, "viridis", low, high),
        MapPanel(f"mean of {found.n_draws} draws{at}", found.mean[angle], reach, "viridis", low, high),
        MapPanel(f"difference / sd of an entry{at}", z, reach, "RdBu_r", -_Z_REACH, _Z_REACH),
    )


def predictive_figure(result: Posterior) -> Figure:
    """Return data, posterior mean and their difference in standard deviations of an entry, per angle; t1, t2 in s."""
    found, n_phi = predictive_maps(result), len(result.data.phi)
    figure = new_figure(10.5, 2.7 * n_phi + 0.4, square=True)
    grid = figure.subplots(n_phi, 3, squeeze=False, sharex=True, sharey=True)
    for a, row in enumerate(grid):
        for axes, panel in zip(row, map_panels(result, found, a), strict=True):
            figure.colorbar(draw_map(axes, panel), ax=axes, shrink=0.85)
        row[0].set_ylabel("t₁ / s")
    for axes in grid[-1]:
        axes.set_xlabel("t₂ / s")
    return figure


def curves_figure(result: Posterior) -> Figure:
    """Return c2 against lag from several ages, data as points and posterior mean as lines, one panel per angle."""
    starts = curve_starts(result.data.n_frames)
    expected = predictive_rows(result, starts)
    figure, panels = lag_panels(len(result.data.phi))
    for a, axes in enumerate(panels):
        draw_lag_curves(axes, result.data.t, result.observed[a][starts], expected[a], float(result.data.phi[a]))
    return figure


def ranks_figure(result: Posterior) -> Figure:
    """Return rank histograms of each chain, parameter by parameter, of the shard with the worst mixing.

    Chains that sample the same density have flat histograms (Vehtari et al. 2021).
    """
    names = (*_free(result), "noise_sd")
    worst = int(np.argmax([shard.r_hat for shard in result.diagnostics.shards]))
    columns = min(len(names), 4)
    rows = -(-len(names) // columns)
    figure = new_figure(2.8 * columns, 1.9 * rows + 0.5)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        draws = result.sub_draws[name][worst]
        rank = draws.ravel().argsort().argsort().reshape(draws.shape)
        flat = draws.size / draws.shape[0] / _RANK_BINS
        for k, chain in enumerate(rank):
            look: dict[str, Any] = {
                "color": SERIES_COLOURS[k % len(SERIES_COLOURS)],
                "linestyle": LINE_STYLES[k % len(LINE_STYLES)],
            }
            axes.hist(chain, bins=_RANK_BINS, range=(0, draws.size), histtype="step", linewidth=1, **look)
        axes.axhline(flat, color=SERIES_COLOURS[-1], linewidth=0.8, linestyle="--")
        axes.set_ylim(0, None)
        axes.set_xticks([])
        axes.tick_params(labelsize=6)
        axes.set_title(f"{name}, R-hat {float(split_r_hat(draws)):.3f}", fontsize=8)
    for unused in panels[len(names) :]:
        unused.remove()
    figure.suptitle(f"ranks of the draws of every chain, shard {worst + 1} of {result.n_shards}", fontsize=9)
    return figure


def energy_figure(result: Posterior) -> Figure:
    """Return the energies of the chains against their changes from step to step, of the worst shards.

    If the changes are much narrower, the chains do not explore the whole posterior (Betancourt 2016).
    """
    energy = np.asarray(result.sample_stats["energy"], float)
    value = [float(bfmi(chains).min()) for chains in energy]
    # Of shards with weighted draws there is none.
    worst = np.argsort(value)[: min(_SHARDS_SHOWN, np.count_nonzero(np.isfinite(value)))]
    columns = min(len(worst), 3)
    rows = -(-len(worst) // columns)
    figure = new_figure(3.6 * columns, 2.4 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, shard in zip(panels, worst, strict=False):
        chains = energy[shard]
        marginal = (chains - chains.mean(axis=1, keepdims=True)).ravel()
        _densities(axes, {"energy": marginal, "change of a step": np.diff(chains, axis=1).ravel()})
        axes.set_title(f"shard {shard + 1}, BFMI {value[shard]:.2f}", fontsize=8)
        axes.set_yticks([])
    for unused in panels[len(worst) :]:
        unused.remove()
    panels[0].legend(loc="upper right", fontsize=7)
    return figure


def _densities(axes: Axes, values: Mapping[str, FloatArray]) -> None:
    reach = max(float(np.abs(part).max()) for part in values.values()) or 1.0
    for (name, part), colour in zip(values.items(), SERIES_COLOURS, strict=False):
        axes.hist(part, bins=2 * _BINS, range=(-reach, reach), density=True, alpha=0.5, color=colour, label=name)


def shards_figure(result: Posterior) -> Figure:
    """Return mean and standard deviation of every shard's parameters against those of the consensus.

    Each shard has a part of the data and is wider than the consensus, for K shards by about the square root of K.
    """
    names = _free(result)
    found = result.diagnostics
    figure = new_figure(8.0, 0.55 * len(names) + 1.4)
    axes = figure.subplots()
    offsets = np.linspace(0.3, -0.3, result.n_shards) if result.n_shards > 1 else np.zeros(1)
    for row, name in enumerate(names):
        centre, width = float(result.draws[name].mean()), float(result.draws[name].std()) or 1.0
        for shard, draws in enumerate(result.sub_draws[name]):
            at, bar = (float(draws.mean()) - centre) / width, float(draws.std()) / width
            axes.errorbar(at, row + offsets[shard], xerr=bar, fmt=".", color=_POSTERIOR, linewidth=0.8, markersize=4)
    axes.axvspan(-1, 1, color=SERIES_COLOURS[-1], alpha=0.25, linewidth=0, zorder=0)
    axes.axvline(0, color=SERIES_COLOURS[-1], linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("mean ± sd of each shard, from the posterior mean in posterior sd")
    several = f"{result.n_shards} shards, chi-square {found.chi2:.0f} of {found.dof:.0f}, p = {found.p:.2g}"
    axes.set_title(several if result.n_shards > 1 else "one shard", fontsize=9)
    return figure


class PictureKind(NamedTuple):
    """A picture: the `name` of its PNG file, what it `shows` and what draws its `figure`; whether it is one
    `of_chains`, which weighted draws lack. One that has an `alt` and a `caption` is shown in a report where the
    sampling is looked at.
    """

    name: str
    shows: str
    figure: Callable[[Posterior], Figure]
    alt: str = ""
    caption: str = ""
    of_chains: bool = False


PICTURES = (
    PictureKind("posterior_pairs", "every pair of sampled parameters, with prior and point estimate", pairs_figure),
    PictureKind("posterior_bands", "functions of age: median, 68 and 95 %", bands_figure),
    PictureKind("posterior_predictive", "data, posterior mean, and their difference", predictive_figure),
    PictureKind(
        "posterior_ranks",
        "whether the chains agree",
        ranks_figure,
        "Histograms of the ranks of every chain's draws, one panel a parameter.",
        "Ranks of the draws of each chain among all draws: flat if the chains sample the same density.",
    ),
    PictureKind(
        "posterior_energy",
        "whether the chains explore the whole posterior",
        energy_figure,
        "Histograms of the energy and of its change from step to step, for the worst shards.",
        "Energy, and its change from step to step: similar if the chains explore the whole posterior.",
        of_chains=True,
    ),
    PictureKind(
        "posterior_shards",
        "shards against the whole",
        shards_figure,
        "Mean and standard deviation of every parameter in each shard, compared to the consensus.",
        "Each shard compared to the posterior of all pairs: bars should scatter around 0 and be wider than the band.",
    ),
)
"""The pictures of a posterior, one entry each."""


def pictures_of(result: Posterior) -> list[PictureKind]:
    """Return the pictures that a posterior has."""
    return [picture for picture in PICTURES if result.sampler == "nuts" or not picture.of_chains]


def write_plots(result: Posterior, directory: Path) -> list[Path]:
    """Write every plot into ``plots`` of `directory`, each completely or not at all, and return the paths."""
    title = f"heterodyne posterior of {result.data.provenance.get('file', 'a measurement')}"
    folder = directory / "plots"
    return [write_figure(p.figure(result), folder / f"{p.name}.png", title) for p in pictures_of(result)]
