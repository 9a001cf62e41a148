"""The sections of a point estimate in a report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from heterodyne_data import Derived, NLSQResult
from heterodyne_nlsq.courses import courses_of_fit
from heterodyne_nlsq.models import of_result
from heterodyne_nlsq.plots import curve_ages, draw_curves, draw_function, map_panels
from heterodyne_nlsq.stated import (
    NOT_DETERMINED,
    stated,
    telling,
    unstated_functions,
    unstated_parameters,
    without_error,
)
from heterodyne_nlsq.summary import (
    CAUTIONS,
    EQUIVALENT,
    ending,
    evidence_rows,
    minima_rows,
    minima_statements,
    nested_rows,
    scale_factor,
)
from heterodyne_nlsq.table import COLUMNS, rows_of
from heterodyne_nlsq.verdict import NO_SIGNAL, VERDICT_TITLES, is_good, verdict_and_sentence
from heterodyne_report import (
    TimeCourse,
    format_number,
    format_plus_minus,
    map_picture,
    page_width,
    table_cells,
    with_unit,
    words_of,
)
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
    provenance_section,
    result_inset,
    svg_picture,
    table,
    write_report,
)
from heterodyne_spec import load_config

_HEADLINE = "At the reference age, one standard deviation"
"""Caption of the numbers that can be quoted."""


def write_page(result: NLSQResult, path: Path) -> Path:
    """Write the report of a fit to `path` atomically."""
    return write_report(path, result.data, report_of_fit(result))


def report_of_fit(result: NLSQResult) -> Report:
    """Return the report of a point estimate."""
    return _report(result, list(_sections(result)))


def html(result: NLSQResult) -> str:
    """Return verdict, headline numbers, warnings and parameters as HTML for the output of a notebook cell."""
    headline = stated(result, result.headline)
    cautions = _cautions(result)
    folded = [Section(CAUTIONS.rstrip(":"), bullet_list(cautions))] if cautions else []
    above = _quantities(result, headline, _HEADLINE) if headline else ""
    return result_inset(_report(result), result.data, [*folded, Section("Parameters", _parameters(result))], above)


def _report(result: NLSQResult, sections: Sequence[Section] = ()) -> Report:
    verdict, sentence = verdict_and_sentence(result)
    word, model = VERDICT_TITLES.get(verdict, ""), of_result(result).model
    return Report("Point estimate", sentence, is_good(result), sections, word, model)


def _sections(result: NLSQResult) -> Iterator[Section]:
    if headline := stated(result, result.headline):
        yield Section("In short", _quantities(result, headline, _HEADLINE))
    if cautions := _cautions(result):
        yield Section(CAUTIONS.rstrip(":"), bullet_list(cautions))
    if result.signal:
        yield Section("Evidence", _evidence(result))
    if found := [course for course in courses_of_fit(result) if course.name not in unstated_functions(result)]:
        yield Section(words_of(of_result(result).model).title, _functions(result, found))
    yield Section("Data, model and residual", _maps(result))
    if result.maps is not None:
        yield Section("c₂ against lag", _curves(result))
    yield Section("Parameters", _parameters(result))
    if result.verdict != NO_SIGNAL:
        yield Section("Undetermined parameters", _open(result))
    if minima_statements(result):
        yield Section("Other minima", _minima(result))
    yield Section("How the fit was done", _fit(result))
    yield provenance_section(
        result.data,
        model=result.model,
        command=result.command,
        seed=load_config(result.config).nlsq.seed,
        versions=result.versions,
        timings=result.timings,
        config=result.config,
    )


def _cautions(result: NLSQResult) -> list[str]:
    """Return the warnings; those on undetermined parameters in one line, because they have their own section."""
    left_open = {direction.statement for direction in result.identifiability.directions}
    return [*(word for word in telling(result, result.warnings) if word not in left_open), *_not_determined(result)]


def _not_determined(result: NLSQResult) -> list[str]:
    """Return a sentence for each function of age on parameters that are not determined on their own."""
    why, spec = unstated_parameters(result), of_result(result).spec
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
            "Needed: the data reject the model in which these parameters are fixed as in the fit, or set to zero. "
            "Δχ²: difference of the calibrated chi-square between both models, with the degrees of freedom."
        )
        parts.append(paragraph(note, mood="note"))
    return join_markup(parts)


def _functions(result: NLSQResult, found: list[TimeCourse]) -> Markup:
    words = "Lines: the fit, with 68 % and 95 % bands."
    if result.age_resolved is not None:
        words += " Grey points with bars: age slices, fitted independently, without the laws of the model."
    shown = pictures([_function(result, course) for course in found], caption=words, width=24)
    parts = [shown, functions_table(found)]
    if why := [f"{name} ({reason})" for name, reason in unstated_functions(result).items()]:
        parts.append(paragraph(f"Not stated: {', '.join(why)}.", mood="note"))
    derived = stated(result, result.derived)
    return join_markup([*parts, _quantities(result, derived, "Derived quantities")] if derived else parts)


def _function(result: NLSQResult, course: TimeCourse) -> Picture:
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
        value, why = with_unit(format_plus_minus(d.value, d.sd), d.unit), without_error(result, d)
        rows.append([d.name, why if why == NOT_DETERMINED else f"{value}, {why}" if why else value, d.meaning])
    return table(("", "value", "what it is"), rows, caption=caption, words=(2,))


def _maps(result: NLSQResult) -> Markup:
    if result.maps is None:
        return paragraph("The maps are missing: they are in the HDF5 file that belongs to this result.")
    n_phi = len(result.data.phi)
    width = page_width(result.data.n_frames, 3 * n_phi)
    shown = [
        pictures([map_picture(panel) for panel in map_panels(result, k, width)], caption=_caption(result, k), width=17)
        for k in range(n_phi)
    ]
    means = f" Every entry is the mean of {width} × {width} frames." if width > 1 else ""
    words = (
        "Each map compares two ages t₁ and t₂. Stripes and rings in a residual are not described by the model. "
        "Patches may be speckle noise, which is correlated between neighbouring frames: the residual noise below each "
        f"row is compared with the expected noise.{means}"
    )
    return join_markup([paragraph(words, mood="note"), *shown])


def _caption(result: NLSQResult, angle: int) -> str:
    scaling = result.scaling
    contrast, offset = (
        scale_factor(values[angle], sd[angle])
        for values, sd in ((scaling.contrast, scaling.contrast_sd), (scaling.offset, scaling.offset_sd))
    )
    noise = f"noise of one entry {format_number(result.noise_sd[angle], 2)}"
    words = f"φ = {result.data.phi[angle]:g}°: contrast {contrast}; offset {offset}; {noise}"
    if result.noise is None or not math.isfinite(result.noise.excess[angle]):
        return f"{words}."
    factor = max(result.noise.excess[angle], 1.0)
    return f"{words}; residuals are within a factor of {factor:.1f} of the expected speckle and photon noise."


def _curves(result: NLSQResult) -> Markup:
    def picture(angle: int) -> Picture:
        def draw() -> Figure:
            figure = Figure(figsize=(4.3, 3.0), layout="constrained")
            draw_curves(figure.subplots(), result, angle)
            return figure

        ages = ", ".join(f"{age:.3g}" for age in curve_ages(result.data.t))
        phi = result.data.phi[angle]
        return svg_picture(draw, f"c₂ against lag at φ = {phi:g}°, from ages of {ages} s: data and model.")

    words = "Points: data, averaged around every lag. Lines: the fit. Colours and markers: age at which a curve starts."
    return pictures([picture(k) for k in range(len(result.data.phi))], caption=words, width=24)


def _parameters(result: NLSQResult) -> Markup:
    if result.verdict == NO_SIGNAL:
        words = "The fitted parameters describe noise and are omitted here; they are in nlsq_result.json."
        return join_markup([paragraph(words), _scaling(result)])
    found = table_cells(COLUMNS, rows_of(result), page=True)
    columns, *rows = found.rows
    shown = table(columns, rows, caption="Parameters, one standard deviation", words=found.words)
    parts = [shown, _scaling(result)]
    if result.noise is not None:
        parts.insert(0, paragraph(f"Noise: {result.noise.statement}.", mood="note"))
    note = "sd ratio: ratio to the uncertainty that assumes uncorrelated pairs."
    return join_markup([*parts, paragraph(note, mood="note")])


def _scaling(result: NLSQResult) -> Markup:
    s = result.scaling
    rows = [
        [
            f"{phi:g}",
            scale_factor(s.contrast[k], s.contrast_sd[k]),
            scale_factor(s.offset[k], s.offset_sd[k]),
            format_number(result.noise_sd[k], 2),
        ]
        for k, phi in enumerate(result.data.phi)
    ]
    columns = ("φ / degree", "contrast", "offset", "noise of one entry")
    return table(columns, rows, caption=f"Scaling: {s.mode}")


def _open(result: NLSQResult) -> Markup:
    known = result.identifiability
    if not known.directions and not known.not_determined:
        return paragraph("None: the data determine every free parameter.")
    words = [paragraph(f"{sentence}.") for sentence in _not_determined(result)]
    moves = telling(result, [direction.statement for direction in known.directions])
    return join_markup([*words, bullet_list(moves)] if moves else words)


def _minima(result: NLSQResult) -> Markup:
    columns, *rows = minima_rows(result)
    compared = table(columns, rows, caption="Parameters of every minimum")
    return join_markup([paragraph(EQUIVALENT), bullet_list(minima_statements(result)), compared])


def _fit(result: NLSQResult) -> Markup:
    steps = [f"{ending(result)}.", f"Starting values: {result.start}.", *result.conventions]
    if math.isfinite(result.reduced_chi2):
        steps.append(f"Reduced chi-square {result.reduced_chi2:.3g}; it is 1 if the residuals are white noise.")
    return bullet_list(steps)
