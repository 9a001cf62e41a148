"""The sections of a posterior in a report."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from heterodyne_cmc.plots import (
    courses,
    draw_function,
    map_panels,
    pairs_figure,
    pictures_of,
)
from heterodyne_cmc.predictive import predictive_maps
from heterodyne_cmc.result import CMCResult
from heterodyne_cmc.table import COLUMNS, percent
from heterodyne_cmc.verdict import CONTRACTION_LEAST
from heterodyne_report.course import Course, said
from heterodyne_report.page import (
    Markup,
    Picture,
    Report,
    Section,
    function_alt,
    functions_table,
    items,
    joined,
    origin,
    paragraph,
    pictures,
    png_picture,
    svg_picture,
    table,
    write_report,
)
from heterodyne_report.panels import map_picture, page_width
from heterodyne_report.tables import cells
from heterodyne_report.words import words_of

_PAIRS_WIDE = 1300
"""Pixels across the picture of pairs."""


def write_page(result: CMCResult, path: Path) -> Path:
    """Write the report of a posterior to `path`, completely or not at all."""
    return write_report(path, result.data, report(result))


def report(result: CMCResult) -> Report:
    """Return what a report says of a posterior."""
    good = result.success and result.calibration.kind == "calibrated"
    return Report("Posterior", in_a_sentence(result), good, list(_sections(result)), model=result.model["id"])


def in_a_sentence(result: CMCResult) -> str:
    """Return what the functions of age are and whether the chains can be trusted, in plain words."""
    course = said(courses(result))
    found = result.diagnostics
    if not result.success:
        return f"The posterior cannot be trusted ({result.message}); it says that {course}."
    numbers = f"R-hat {found.r_hat:.3f}, effective sample size {min(found.ess_bulk, found.ess_tail):.0f} or more"
    independent = (
        ""
        if result.calibration.kind == "calibrated"
        else (", but the noise of all pairs was taken as independent, so that the intervals are too small")
    )
    return f"{course[0].upper()}{course[1:]}; the chains converged ({numbers}){independent}."


def _sections(result: CMCResult) -> Iterator[Section]:
    if result.warnings:
        yield Section("Before you use these numbers", items(result.warnings))
    yield Section(words_of(result.model["id"]).title, _functions(result))
    yield Section("Parameters", _parameters(result))
    yield Section("What is not determined", _open(result))
    yield Section("Pairs of parameters", _pairs(result))
    yield Section("Data and posterior", _maps(result))
    yield Section("How the chains went", _chains(result))
    yield origin(
        result.data,
        model=result.model,
        command=result.command,
        seed=result.seed,
        versions=result.versions,
        timings=result.timings,
        config=result.config,
    )


def _functions(result: CMCResult) -> Markup:
    found = courses(result)
    words = "Lines: the posterior median. Bands: 68 % and 95 % of the posterior at every age."
    shown = pictures([_function(course) for course in found], caption=words, width=24)
    return joined([shown, functions_table(found)])


def _function(course: Course) -> Picture:
    def draw() -> Figure:
        figure = Figure(figsize=(4.3, 3.0), layout="constrained")
        axes = figure.subplots()
        draw_function(axes, course)
        axes.legend(loc="upper right", fontsize=8)
        return figure

    return svg_picture(draw, function_alt(course))


def _parameters(result: CMCResult) -> Markup:
    found = cells(COLUMNS, result.summary, page=True)
    columns, *rows = found.rows
    note = (
        "Contraction: how much of the prior's variance the data took away, 100 % where they say all and 0 % where the "
        "prior does. R-hat: 1 where all chains agree. ESS: draws that the autocorrelated ones are worth, in the middle "
        "or in the tails, whichever is fewer."
    )
    shown = table(columns, rows, caption=f"Posterior of {len(rows)} values", words=found.words)
    held = ", ".join(f"{name} = {value:g}" for name, value in result.fixed.items())
    said_of = [paragraph(f"Noise: {result.calibration.statement}.", mood="note"), shown, paragraph(note, mood="note")]
    return joined([*said_of, paragraph(f"Held: {held}.", mood="note")] if held else said_of)


def _open(result: CMCResult) -> Markup:
    loose = [row for row in result.summary if row.status == "free" and row.contraction < CONTRACTION_LEAST]
    if not loose:
        return paragraph("Every sampled value is known better from the data than from its prior.")
    words = [f"{row.name}: the data took away {percent(row.contraction)} of the prior's variance" for row in loose]
    words[-1] += "; what is stated of these is their priors'"
    return items(words)


def _pairs(result: CMCResult) -> Markup:
    figure = pairs_figure(result)
    dpi = int(_PAIRS_WIDE / float(figure.get_size_inches()[0]))
    names = ", ".join(row.name for row in result.summary if row.phi is None and row.status == "free")
    alt = f"Posterior of every pair of {names}, and of each by itself with its prior and the point estimate."
    words = (
        "On the diagonal: every parameter by itself (filled), its prior (dashed) and the point estimate (line). Below: "
        "every pair, with regions that hold 68 % and 95 % of the draws; a narrow slanted one means that only a "
        "combination is well known."
    )
    return pictures([png_picture(figure, alt, dpi)], caption=words, width=60, least=48)


def _maps(result: CMCResult) -> Markup:
    n_phi = len(result.data.phi)
    found = predictive_maps(result, page_width(result.data.n_frames, 3 * n_phi))
    means = f" Every entry is the mean of {found.width} × {found.width} frames." if found.width > 1 else ""
    words = (
        "The measurement, what the posterior expects, and their difference in standard deviations of an entry. "
        f"A pattern in the difference is what the model does not describe.{means}"
    )
    shown = [
        pictures([map_picture(panel) for panel in map_panels(result, found, a)], caption=f"φ = {phi:g}°.", width=17)
        for a, phi in enumerate(result.data.phi)
    ]
    return joined([paragraph(words, mood="note"), *shown])


def _chains(result: CMCResult) -> Markup:
    found = result.diagnostics
    pairs = f"{result.n_pairs} pairs in {result.n_shards} shard{'s' if result.n_shards > 1 else ''}"
    steps = f"{found.divergences} divergent steps; BFMI {found.bfmi:.2f} or more (trouble below 0.3)"
    facts = [f"{result.message}.", f"{pairs}; {steps}." if result.sampler == "nuts" else f"{pairs}, no chains."]
    if result.n_shards > 1:
        facts.append(f"Agreement of the shards: chi-square {found.chi2:.0f} of {found.dof:.0f}, p = {found.p:.2g}.")
    parts = [items(facts), _shards(result)]
    parts += [
        pictures([_figure(p.figure(result), p.alt)], caption=p.caption, width=60, least=36)
        for p in pictures_of(result)
        if p.caption
    ]
    return joined(parts)


def _shards(result: CMCResult) -> Markup:
    columns = ("shard", "pairs", "divergences", "R-hat", "ESS", "k-hat", "BFMI", "acceptance", "tree depth", "time / s")
    rows = [
        [
            str(shard.shard + 1),
            str(shard.n_pairs),
            str(shard.divergences[-1]),
            f"{shard.r_hat:.3f}",
            f"{min(shard.ess_bulk, shard.ess_tail):.0f}",
            _or_nothing(shard.k_hat),
            _or_nothing(shard.bfmi),
            _or_nothing(shard.acceptance),
            str(shard.tree_depth),
            f"{shard.seconds:.0f}",
        ]
        for shard in result.diagnostics.shards
    ]
    return table(columns, rows, caption="Shards, the worst value of each")


def _or_nothing(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"


def _figure(figure: Figure, alt: str) -> Picture:
    return png_picture(figure, alt, 100)
