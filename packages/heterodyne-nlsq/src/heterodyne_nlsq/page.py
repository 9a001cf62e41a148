"""The sections of a point estimate in a report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from heterodyne_data import Derived, NLSQResult
from heterodyne_nlsq.courses import courses
from heterodyne_nlsq.models import of_result
from heterodyne_nlsq.plots import curve_ages, draw_curves, draw_function, map_panels
from heterodyne_nlsq.stated import (
    NOT_DETERMINED,
    reasons,
    reasons_of_parameters,
    stated,
    telling,
    without_error,
)
from heterodyne_nlsq.summary import (
    EQUIVALENT,
    ending,
    evidence_rows,
    minima_rows,
    minima_statements,
    nested_rows,
    scale_factor,
)
from heterodyne_nlsq.table import COLUMNS, rows_of
from heterodyne_nlsq.verdict import NO_SIGNAL, TITLES, is_good, verdict_and_sentence
from heterodyne_report.course import Course
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
    svg_picture,
    table,
    write_report,
)
from heterodyne_report.panels import map_picture, page_width
from heterodyne_report.quoting import plain, plus_minus, with_unit
from heterodyne_report.tables import cells
from heterodyne_report.words import words_of
from heterodyne_spec import load_config


def write_page(result: NLSQResult, path: Path) -> Path:
    """Write the report of a fit to `path`, completely or not at all."""
    return write_report(path, result.data, report(result))


def report(result: NLSQResult) -> Report:
    """Return what a report says of a point estimate."""
    verdict, sentence = verdict_and_sentence(result)
    word, model = TITLES.get(verdict, ""), of_result(result).model
    return Report("Point estimate", sentence, is_good(result), list(_sections(result)), word, model)


def _sections(result: NLSQResult) -> Iterator[Section]:
    if headline := stated(result, result.headline):
        yield Section("In short", _quantities(result, headline, "At the reference age, one standard deviation"))
    if cautions := _cautions(result):
        yield Section("Before you use these numbers", items(cautions))
    if result.signal:
        yield Section("Evidence", _evidence(result))
    if found := [course for course in courses(result) if course.name not in reasons(result)]:
        yield Section(words_of(of_result(result).model).title, _functions(result, found))
    yield Section("Data, model and residual", _maps(result))
    if result.maps is not None:
        yield Section("c₂ against lag", _curves(result))
    yield Section("Parameters", _parameters(result))
    if result.verdict != NO_SIGNAL:
        yield Section("What is not determined", _open(result))
    if minima_statements(result):
        yield Section("Other minima", _minima(result))
    yield Section("How the fit was done", _fit(result))
    yield origin(
        result.data,
        model=result.model,
        command=result.command,
        seed=load_config(result.config).nlsq.seed,
        versions=result.versions,
        timings=result.timings,
        config=result.config,
    )


def _cautions(result: NLSQResult) -> list[str]:
    """Return the warnings; those on what is not determined in one line, for they have a section of their own."""
    left_open = {direction.statement for direction in result.identifiability.directions}
    return [*(word for word in telling(result, result.warnings) if word not in left_open), *_not_determined(result)]


def _not_determined(result: NLSQResult) -> list[str]:
    """Return in a sentence for each function of age which of its parameters are not determined on their own."""
    why, spec = reasons_of_parameters(result), of_result(result).spec
    functions = {p.name: spec.function_of_group.get(p.group, "") for p in spec.parameters}
    open_ = [name for name in result.identifiability.not_determined if name not in why]
    words = []
    for function in dict.fromkeys(functions.get(name, "") for name in open_):
        names = [name for name in open_ if functions.get(name, "") == function]
        be = "is not determined on its own" if len(names) == 1 else "are not determined on their own"
        words.append(f"{', '.join(names)} {be}" + (f"; quote {function}(t) instead" if function else ""))
    return words


def _evidence(result: NLSQResult) -> Markup:
    columns, *rows = evidence_rows(result)
    parts = [table(columns, rows, caption="Features of the maps", words=(1, 3))]
    if result.nested:
        columns, *rows = nested_rows(result)
        parts.append(table(columns, rows, caption="Tests between nested models", words=(1, 4)))
        note = (
            "Needed: the data reject the model in which these parameters keep the value at which the fit held them, or "
            "in which they are left out. Δχ²: calibrated chi-square between both models, for the degrees of freedom."
        )
        parts.append(paragraph(note, mood="note"))
    return joined(parts)


def _functions(result: NLSQResult, found: list[Course]) -> Markup:
    words = "Lines: the fit, with bands of 68 % and 95 %."
    if result.age_resolved is not None:
        words += " Grey points with bars: age slices, fitted independently, without the laws of the model."
    shown = pictures([_function(result, course) for course in found], caption=words, width=24)
    parts = [shown, functions_table(found)]
    if why := [f"{name} ({reason})" for name, reason in reasons(result).items()]:
        parts.append(paragraph(f"Not stated: {', '.join(why)}.", mood="note"))
    derived = stated(result, result.derived)
    return joined([*parts, _quantities(result, derived, "Derived quantities")] if derived else parts)


def _function(result: NLSQResult, course: Course) -> Picture:
    def draw() -> Figure:
        figure = Figure(figsize=(4.3, 3.0), layout="constrained")
        axes = figure.subplots()
        draw_function(axes, result, course)
        axes.legend(loc="upper right", fontsize=8)
        return figure

    return svg_picture(draw, function_alt(course))


def _quantities(result: NLSQResult, quantities: Sequence[Derived], caption: str) -> Markup:
    rows = []
    for d in quantities:
        value, why = with_unit(plus_minus(d.value, d.sd), d.unit), without_error(result, d)
        rows.append([d.name, why if why == NOT_DETERMINED else f"{value}, {why}" if why else value, d.meaning])
    return table(("", "value", "what it is"), rows, caption=caption, words=(2,))


def _maps(result: NLSQResult) -> Markup:
    if result.maps is None:
        return paragraph("The maps are not there: they are in the HDF5 file that belongs beside this result.")
    n_phi = len(result.data.phi)
    width = page_width(result.data.n_frames, 3 * n_phi)
    shown = [
        pictures([map_picture(panel) for panel in map_panels(result, k, width)], caption=_caption(result, k), width=17)
        for k in range(n_phi)
    ]
    means = f" Every entry is the mean of {width} × {width} frames." if width > 1 else ""
    words = (
        "Each map compares two ages t₁ and t₂. Stripes and rings in a residual are what the model does not describe. "
        "Patches may be speckle noise, which neighbouring frames share: the residual noise given below each row is "
        f"compared with the expected one.{means}"
    )
    return joined([paragraph(words, mood="note"), *shown])


def _caption(result: NLSQResult, angle: int) -> str:
    scaling = result.scaling
    contrast, offset = (
        scale_factor(values[angle], sd[angle])
        for values, sd in ((scaling.contrast, scaling.contrast_sd), (scaling.offset, scaling.offset_sd))
    )
    noise = f"noise of one entry {plain(result.noise_sd[angle], 2)}"
    words = f"φ = {result.data.phi[angle]:g}°: contrast {contrast}; offset {offset}; {noise}"
    if result.noise is None or not math.isfinite(result.noise.excess[angle]):
        return f"{words}."
    return f"{words}; residual noise ≤ {result.noise.excess[angle]:.1f} × the expected speckle and photon noise."


def _curves(result: NLSQResult) -> Markup:
    def picture(angle: int) -> Picture:
        def draw() -> Figure:
            figure = Figure(figsize=(4.3, 3.0), layout="constrained")
            draw_curves(figure.subplots(), result, angle)
            return figure

        ages = ", ".join(f"{age:.3g}" for age in curve_ages(result.data.t))
        phi = result.data.phi[angle]
        return svg_picture(draw, f"c₂ against lag at φ = {phi:g}°, from ages of {ages} s: data and model.")

    words = "Points: data, means around every lag. Lines: the fit. Colours and marks: the age at which a curve begins."
    return pictures([picture(k) for k in range(len(result.data.phi))], caption=words, width=24)


def _parameters(result: NLSQResult) -> Markup:
    if result.verdict == NO_SIGNAL:
        words = "The fitted parameters describe noise and are left out here; nlsq_result.json has them."
        return joined([paragraph(words), _scaling(result)])
    found = cells(COLUMNS, rows_of(result), page=True)
    columns, *rows = found.rows
    shown = table(columns, rows, caption="Parameters, one standard deviation", words=found.words)
    parts = [shown, _scaling(result)]
    if result.noise is not None:
        parts.insert(0, paragraph(f"Noise: {result.noise.statement}.", mood="note"))
    note = "sd ratio: ratio to the uncertainty that assumes uncorrelated pairs."
    return joined([*parts, paragraph(note, mood="note")])


def _scaling(result: NLSQResult) -> Markup:
    s = result.scaling
    rows = [
        [
            f"{phi:g}",
            scale_factor(s.contrast[k], s.contrast_sd[k]),
            scale_factor(s.offset[k], s.offset_sd[k]),
            plain(result.noise_sd[k], 2),
        ]
        for k, phi in enumerate(result.data.phi)
    ]
    columns = ("φ / degree", "contrast", "offset", "noise of one entry")
    return table(columns, rows, caption=f"Scaling: {s.mode}")


def _open(result: NLSQResult) -> Markup:
    known = result.identifiability
    if not known.directions and not known.not_determined:
        return paragraph("Nothing: the data determine every free parameter.")
    words = [paragraph(f"{sentence}.") for sentence in _not_determined(result)]
    moves = telling(result, [direction.statement for direction in known.directions])
    return joined([*words, items(moves)] if moves else words)


def _minima(result: NLSQResult) -> Markup:
    columns, *rows = minima_rows(result)
    compared = table(columns, rows, caption="Parameters of every minimum")
    return joined([paragraph(EQUIVALENT), items(minima_statements(result)), compared])


def _fit(result: NLSQResult) -> Markup:
    steps = [f"{ending(result)}.", f"Starting values: {result.start}.", *result.conventions]
    if math.isfinite(result.reduced_chi2):
        steps.append(f"Reduced chi-square {result.reduced_chi2:.3g}; it is 1 when the residuals are white noise.")
    return items(steps)
