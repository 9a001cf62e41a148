"""The sections of a point estimate in a report."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from heterodyne_nlsq.noise import STRUCTURE
from heterodyne_nlsq.plots import courses, curve_ages, draw_curves, draw_function, map_panels
from heterodyne_nlsq.summary import minima_rows, minima_statements, uncertainty, verdict
from heterodyne_spec import NLSQResult, load_config
from heterodyne_spec.course import Course, said
from heterodyne_spec.page import (
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
from heterodyne_spec.panels import map_picture, page_width
from heterodyne_spec.quoting import plus_minus, with_unit


def write_page(result: NLSQResult, path: Path) -> Path:
    """Write the report of a fit to `path`, completely or not at all."""
    return write_report(path, result.data, report(result))


def report(result: NLSQResult) -> Report:
    """Return what a report says of a point estimate."""
    good = result.success and not _structured(result)
    return Report("Point estimate", in_a_sentence(result), good, list(_sections(result)))


def in_a_sentence(result: NLSQResult) -> str:
    """Return what v, J_r, J_s and x are and how good the fit is, in plain words."""
    course = said(courses(result))
    angles = _structured(result)
    left = f"the residuals at φ = {angles}° show structure that noise does not explain" if angles else ""
    if not result.success:
        also = f", and {left}" if left else ""
        return f"The fit did not converge{also}: its numbers are only where it stopped, where {course}."
    return f"{course[0].upper()}{course[1:]}; the fit converged{_residuals(result) if not left else f', but {left}'}."


def _structured(result: NLSQResult) -> str:
    """Return the angles whose residuals have structure, as text."""
    if result.noise is None:
        return ""
    return ", ".join(f"{phi:g}" for phi in result.data.phi[result.noise.excess > STRUCTURE])


def _residuals(result: NLSQResult) -> str:
    # Results of versions that did not look at the noise do not know.
    return "" if result.noise is None else " and the residuals show nothing but noise"


def _sections(result: NLSQResult) -> Iterator[Section]:
    if cautions := _cautions(result):
        yield Section("Before you use these numbers", items(cautions))
    yield Section("Velocity, transport and mixing", _functions(result))
    yield Section("Data, model and residual", _maps(result))
    if result.maps is not None:
        yield Section("c₂ against lag", _curves(result))
    yield Section("Parameters", _parameters(result))
    yield Section("What is not determined", _open(result))
    if result.alternatives:
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
    words = [warning for warning in result.warnings if warning not in left_open]
    if names := ", ".join(result.identifiability.not_determined):
        words.append(f"{names} are not determined by themselves: quote the functions of age, not these")
    return words


def _functions(result: NLSQResult) -> Markup:
    found = courses(result)
    words = "Lines: the fit, with bands of 68 % and 95 %."
    if result.age_resolved is not None:
        words += " Grey points with bars: what every age shows by itself, without the laws of the model."
    shown = pictures([_function(result, course) for course in found], caption=words, width=24)
    parts = [shown, functions_table(found)]
    return joined([*parts, _derived(result)] if result.derived else parts)


def _function(result: NLSQResult, course: Course) -> Picture:
    def draw() -> Figure:
        figure = Figure(figsize=(4.3, 3.0), layout="constrained")
        axes = figure.subplots()
        draw_function(axes, result, course)
        axes.legend(fontsize=8)
        return figure

    return svg_picture(draw, function_alt(course))


def _derived(result: NLSQResult) -> Markup:
    rows = [[d.name, with_unit(plus_minus(d.value, d.sd), d.unit), d.meaning] for d in result.derived]
    return table(("", "value", "what it is"), rows, caption="What follows from them", words=(2,))


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
        f"Patches may be noise that frames share: the number below tells whether there is more than that.{means}"
    )
    return joined([paragraph(words, mood="note"), *shown])


def _caption(result: NLSQResult, angle: int) -> str:
    scaling = result.scaling
    contrast = plus_minus(scaling.contrast[angle], scaling.contrast_sd[angle])
    words = f"φ = {result.data.phi[angle]:g}°: contrast {contrast}, noise of one entry {result.noise_sd[angle]:.2g}"
    if result.noise is None:
        return f"{words}."
    most = f"{result.noise.excess[angle]:.2g} times what speckle and photons explain"
    return f"{words}; at any time scale, noise is at most {most}."


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
    ratio = _ratios(result)
    rows = []
    for row in result.table:
        value = plus_minus(row.value, row.sd) if row.status == "free" and row.determined else f"{row.value:.5g}"
        remark = "" if row.status == "free" and row.determined else uncertainty(row)
        bound = f"at its {row.at_bound} bound" if row.at_bound else ""
        said_of = "; ".join(word for word in (remark, bound) if word)
        rows.append([row.name, value, "" if row.unit == "1" else row.unit, ratio.get(row.name, ""), said_of])
    columns = ("parameter", "value ± sd", "unit", "sd / independent", "remark")
    parts = [table(columns, rows, caption="Parameters, one standard deviation", words=(2, 4)), _scaling(result)]
    if result.noise is not None:
        parts.insert(0, paragraph(f"Noise: {result.noise.statement}.", mood="note"))
    note = (
        "sd / independent: the stated standard deviation over the one that takes the noise of all pairs as "
        "independent, as many programs state it."
    )
    return joined([*parts, paragraph(note, mood="note")])


def _ratios(result: NLSQResult) -> dict[str, str]:
    """Return by how much the stated standard deviation is larger than that of independent noise."""
    stated, independent = (np.sqrt(np.diag(c)) for c in (result.covariance, result.covariance_iid))
    open_ = result.identifiability.not_determined
    return {
        name: f"{one / other:.2g} ×"
        for name, one, other in zip(result.varying, stated, independent, strict=True)
        if other > 0 and math.isfinite(one) and name not in open_
    }


def _scaling(result: NLSQResult) -> Markup:
    s = result.scaling
    rows = [
        [
            f"{phi:g}",
            plus_minus(s.contrast[k], s.contrast_sd[k]),
            plus_minus(s.offset[k], s.offset_sd[k]),
            f"{result.noise_sd[k]:.2g}",
        ]
        for k, phi in enumerate(result.data.phi)
    ]
    columns = ("φ / degree", "contrast", "offset", "noise of one entry")
    return table(columns, rows, caption=f"Scaling: {s.mode}")


def _open(result: NLSQResult) -> Markup:
    known = result.identifiability
    if not known.directions and not known.not_determined:
        return paragraph("Nothing: the data determine every free parameter.")
    names = ", ".join(known.not_determined)
    words = [paragraph(f"By themselves, these are not determined: {names}.")] if names else []
    return joined([*words, items([direction.statement for direction in known.directions])])


def _minima(result: NLSQResult) -> Markup:
    words = "The data hardly tell these from the reported one:"
    columns, *rows = minima_rows(result)
    compared = table(columns, rows, caption="Parameters of every minimum")
    return joined([paragraph(words), items(minima_statements(result)), compared])


def _fit(result: NLSQResult) -> Markup:
    steps = [f"{verdict(result)}.", f"The descent began at {result.start}.", *result.conventions]
    if math.isfinite(result.reduced_chi2):
        steps.append(f"Reduced chi-square {result.reduced_chi2:.3g}: 1 where what is left is white noise.")
    return items(steps)
