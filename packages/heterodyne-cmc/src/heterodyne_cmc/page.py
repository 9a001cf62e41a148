"""The sections of a posterior in a report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from heterodyne_cmc.plots import (
    courses_of_posterior,
    draw_function,
    map_panels,
    pairs_figure,
    pictures_of,
)
from heterodyne_cmc.posterior import Posterior
from heterodyne_cmc.predictive import predictive_maps
from heterodyne_cmc.table import COLUMNS, percent
from heterodyne_cmc.verdict import CONTRACTION_LEAST
from heterodyne_report import TimeCourse, describe_courses, map_picture, page_width, table_cells, words_of
from heterodyne_report.page import (
    Markup,
    Picture,
    Report,
    Section,
    bullet_list,
    function_alt,
    functions_table,
    join_markup,
    paragraph,
    pictures,
    png_picture,
    provenance_section,
    result_inset,
    svg_picture,
    table,
    write_report,
)

_PAIRS_WIDE = 1300
"""Pixels across the picture of pairs."""


def write_page(result: Posterior, path: Path) -> Path:
    """Write the report of a posterior to `path`, completely or not at all."""
    return write_report(path, result.data, report_of_posterior(result))


def report_of_posterior(result: Posterior) -> Report:
    """Return the content of the report of a posterior."""
    return _report(result, list(_sections(result)))


def html(result: Posterior) -> str:
    """Return verdict, functions of age, warnings and table as HTML for the output of a notebook cell."""
    folded = [Section("Warnings", bullet_list(result.warnings))] if result.warnings else []
    above = functions_table(courses_of_posterior(result))
    return result_inset(_report(result), result.data, [*folded, Section("Parameters", _parameters(result))], above)


def _report(result: Posterior, sections: Sequence[Section] = ()) -> Report:
    good = result.success and result.calibration.kind == "calibrated"
    return Report("Posterior", in_a_sentence(result), good, sections, model=result.model["id"])


def in_a_sentence(result: Posterior) -> str:
    """Return what the functions of age are and whether the chains can be trusted, in plain words."""
    course = describe_courses(courses_of_posterior(result))
    found = result.diagnostics
    if not result.success:
        return f"The posterior is not reliable ({result.message}); it gives {course}."
    numbers = f"R-hat {found.r_hat:.3f}, effective sample size {min(found.ess_bulk, found.ess_tail):.0f} or more"
    independent = (
        ""
        if result.calibration.kind == "calibrated"
        else (", but the noise of all pairs was assumed to be independent, so that the intervals are too small")
    )
    return f"{course[0].upper()}{course[1:]}; the chains converged ({numbers}){independent}."


def _sections(result: Posterior) -> Iterator[Section]:
    if result.warnings:
        yield Section("Warnings", bullet_list(result.warnings))
    yield Section(words_of(result.model["id"]).title, _functions(result))
    yield Section("Parameters", _parameters(result))
    yield Section("Undetermined parameters", _open(result))
    yield Section("Pairs of parameters", _pairs(result))
    yield Section("Data and posterior", _maps(result))
    yield Section("Convergence of the chains", _chains(result))
    yield provenance_section(
        result.data,
        model=result.model,
        command=result.command,
        seed=result.seed,
        versions=result.versions,
        timings=result.timings,
        config=result.config,
    )


def _functions(result: Posterior) -> Markup:
    found = courses_of_posterior(result)
    words = "Lines: posterior median. Bands: central 68 % and 95 % intervals at every age."
    shown = pictures([_function(course) for course in found], caption=words, width=24)
    return join_markup([shown, functions_table(found)])


def _function(course: TimeCourse) -> Picture:
    def draw() -> Figure:
        figure = Figure(figsize=(4.3, 3.0), layout="constrained")
        axes = figure.subplots()
        draw_function(axes, course)
        axes.legend(loc="upper right", fontsize=8)
        return figure

    return svg_picture(draw, function_alt(course))


def _parameters(result: Posterior) -> Markup:
    found = table_cells(COLUMNS, result.summary, page=True)
    columns, *rows = found.rows
    note = (
        "Contraction: reduction of the prior variance by the data, 100 % if the data determine the value and 0 % if "
        "only the prior does. R-hat: 1 if all chains agree. ESS: effective number of independent draws, in the bulk or "
        "in the tails, whichever is smaller."
    )
    shown = table(columns, rows, caption=f"Posterior of {len(rows)} values", words=found.words)
    held = ", ".join(f"{name} = {value:g}" for name, value in result.fixed.items())
    said_of = [paragraph(f"Noise: {result.calibration.statement}.", mood="note"), shown, paragraph(note, mood="note")]
    return join_markup([*said_of, paragraph(f"Held: {held}.", mood="note")] if held else said_of)


def _open(result: Posterior) -> Markup:
    loose = [row for row in result.summary if row.status == "free" and row.contraction < CONTRACTION_LEAST]
    if not loose:
        return paragraph("The data determine every sampled value better than its prior does.")
    words = [f"{row.name}: the data reduce the prior variance by {percent(row.contraction)}" for row in loose]
    words[-1] += "; the stated intervals are essentially those of the priors"
    return bullet_list(words)


def _pairs(result: Posterior) -> Markup:
    figure = pairs_figure(result)
    dpi = int(_PAIRS_WIDE / float(figure.get_size_inches()[0]))
    names = ", ".join(row.name for row in result.summary if row.phi is None and row.status == "free")
    alt = f"Posterior of every pair of {names}, and of each parameter with its prior and point estimate."
    words = (
        "On the diagonal: the posterior of each parameter (filled), its prior (dashed) and the point estimate (line). "
        "Below: each pair, with regions that contain 68 % and 95 % of the draws; a narrow diagonal region means that "
        "only a combination is well determined."
    )
    return pictures([png_picture(figure, alt, dpi)], caption=words, width=60, least=48)


def _maps(result: Posterior) -> Markup:
    n_phi = len(result.data.phi)
    found = predictive_maps(result, page_width(result.data.n_frames, 3 * n_phi))
    means = f" Every entry is the mean of {found.width} × {found.width} frames." if found.width > 1 else ""
    words = (
        "Measurement, posterior mean of the model, and their difference in standard deviations of an entry. "
        f"Patterns in the difference are not described by the model.{means}"
    )
    shown = [
        pictures([map_picture(panel) for panel in map_panels(result, found, a)], caption=f"φ = {phi:g}°.", width=17)
        for a, phi in enumerate(result.data.phi)
    ]
    return join_markup([paragraph(words, mood="note"), *shown])


def _chains(result: Posterior) -> Markup:
    found = result.diagnostics
    pairs = f"{result.n_pairs} pairs in {result.n_shards} shard{'s' if result.n_shards > 1 else ''}"
    steps = f"{found.divergences} divergent steps; BFMI {found.bfmi:.2f} or more (should exceed 0.3)"
    facts = [f"{result.message}.", f"{pairs}; {steps}." if result.sampler == "nuts" else f"{pairs}, no chains."]
    if result.n_shards > 1:
        facts.append(f"Agreement of the shards: chi-square {found.chi2:.0f} of {found.dof:.0f}, p = {found.p:.2g}.")
    parts = [bullet_list(facts), _shards(result)]
    parts += [
        pictures([_figure(p.figure(result), p.alt)], caption=p.caption, width=60, least=36)
        for p in pictures_of(result)
        if p.caption
    ]
    return join_markup(parts)


def _shards(result: Posterior) -> Markup:
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
