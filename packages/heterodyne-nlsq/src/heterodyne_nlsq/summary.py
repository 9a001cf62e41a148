"""The result as text and tables, for the terminal."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence

from heterodyne_data import Derived, NLSQResult
from heterodyne_nlsq.models import of_result, questions_of
from heterodyne_nlsq.stated import (
    NOT_DETERMINED,
    answer_to,
    stated,
    symbol_in,
    telling,
    unstated_functions,
    unstated_parameters,
    without_error,
)
from heterodyne_nlsq.table import COLUMNS, rows_of
from heterodyne_nlsq.verdict import CAUTION, NO_SIGNAL, USABLE, VERDICT_TITLES
from heterodyne_report import (
    Mood,
    align_columns,
    format_number,
    format_p_value,
    format_plus_minus,
    format_value_and_sd,
    table_cells,
    wrap_text,
)

type Paint = Callable[[str, Mood], str]
"""Colours a text according to its mood, if colours are available."""

VERDICT_MOODS: Mapping[str, Mood] = {USABLE: "good", CAUTION: "caution", NO_SIGNAL: "bad"}
"""Moods of the verdicts, which determine their colours in the terminal."""

EQUIVALENT = "Other minima, statistically indistinguishable from the best:"
CAUTIONS = "Before you use these numbers:"


def ending(result: NLSQResult) -> str:
    """Return a sentence on the fitted data and whether the fit converged."""
    data = result.data
    what = f"{len(data.phi)} angle{'s' if len(data.phi) > 1 else ''} x {data.n_frames} frames at q = {data.q:.5g} 1/Å"
    return f"{what}: {result.message} after {result.n_evaluations} evaluations, cost {result.cost:.6g}"


def scaling_rows(result: NLSQResult) -> list[list[str]]:
    """Return phi, contrast and offset with their standard deviations, and noise of every angle, a header first."""
    s = result.scaling
    rows = [["phi / degree", "contrast", "offset", "noise"]]
    for k, phi in enumerate(result.data.phi):
        contrast, offset = (
            scale_factor(values[k], sd[k]) for values, sd in ((s.contrast, s.contrast_sd), (s.offset, s.offset_sd))
        )
        rows.append([f"{phi:g}", contrast, offset, format_number(result.noise_sd[k], 2)])
    return rows


def scale_factor(value: float, sd: float) -> str:
    """Return a contrast or an offset with its standard deviation; one without was held."""
    return format_plus_minus(value, sd) if math.isfinite(sd) and sd > 0 else f"{format_number(value, 5)}, held"


def evidence_rows(result: NLSQResult) -> list[list[str]]:
    """Return question, answer, p-value and words of every test for a feature of the maps, a header first."""
    titles = questions_of(of_result(result).model)
    answers = [
        [titles[question], answer_to(result, question), format_p_value(found.p_value), found.words]
        for question in titles
        if (found := result.signal.get(question)) is not None
    ]
    return [["do the maps show", "", "p-value", ""], *answers]


def nested_rows(result: NLSQResult) -> list[list[str]]:
    """Return parameters, answer, chi-square, p-value and words of every nested test, a header first."""
    rows = [["parameters", "needed", "Δχ²", "p-value", ""]]
    for test in result.nested:
        size = f"{format_number(test.delta_chi2, 3)} for {test.freedom}"
        restriction = ", ".join(test.restriction)
        rows.append([restriction, "yes" if test.needed else "no", size, format_p_value(test.p_value), test.words])
    return rows


def quantity_rows(result: NLSQResult, quantities: Sequence[Derived], title: str) -> list[list[str]]:
    """Return name, value, uncertainty, unit and meaning of a result's quantities, a header that begins with `title`
    first; what the data do not determine has no value.
    """
    rows = [[title, "value", "uncertainty", "unit", ""]]
    for d in stated(result, quantities):
        (value, sd), why = format_value_and_sd(d.value, d.sd), without_error(result, d)
        shown = ["", why] if why == NOT_DETERMINED else [value, why or f"± {sd}"]
        rows.append([d.name, *shown, "" if d.unit == "1" else d.unit, d.meaning])
    return rows


def minima_rows(result: NLSQResult) -> list[list[str]]:
    """Return the parameters of the reported minimum and of the others that fit as well."""
    rows = [["parameter", "reported", *(f"another {k + 1}" for k in range(len(result.alternatives)))]]
    why = unstated_parameters(result)
    for row in result.table:
        if row.name in why:
            continue
        others = (format_number(alternative.parameters[row.name], 5) for alternative in result.alternatives)
        rows.append([row.name, format_number(row.value, 5), *others])
    above = (f"{alternative.delta_chi2:.3g}" for alternative in result.alternatives)
    return [*rows, ["chi-square above", "0", *above]]


def minima_statements(result: NLSQResult) -> list[str]:
    """Return how every other minimum differs from the reported one."""
    why = unstated_functions(result)
    told = [
        (a, "; ".join(part for part in a.statement.split("; ") if symbol_in(result, part) not in why))
        for a in result.alternatives
    ]
    return [f"chi-square {a.delta_chi2:+.3g}: {words}" for a, words in told if words]


def details(result: NLSQResult) -> str:
    """Return nested tests, times and versions, as text."""
    times = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in result.timings.items())
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    made = f"time: {times}\nmethod: {result.method}, {result.n_pairs} pairs\nversions: {versions}"
    return f"{align_columns(nested_rows(result))}\n\n{made}" if result.nested else made


def summary(result: NLSQResult, paint: Paint = lambda text, mood: text, width: int = 100) -> str:
    """Return the whole summary as text, in colours by `paint`."""
    # Where all that was fitted is noise, none is shown.
    parameters = table_cells(COLUMNS, [] if result.verdict == NO_SIGNAL else rows_of(result))
    parts = [paint(ending(result), "good" if result.success else "bad")]
    if result.verdict:
        parts += [
            "",
            paint(
                wrap_text(f"{VERDICT_TITLES[result.verdict]}. {result.sentence}", width), VERDICT_MOODS[result.verdict]
            ),
        ]
    for rows, right in (
        (quantity_rows(result, result.headline, "in short"), (1,)),
        (evidence_rows(result), ()),
        (parameters.rows, parameters.numbers),
        (scaling_rows(result), (1, 2, 3)),
        ([row[:-1] for row in quantity_rows(result, result.derived, "derived")], (1,)),
    ):
        if rows[1:]:
            parts += ["", align_columns(_wrapped(rows, width), right)]
    if result.verdict == NO_SIGNAL:
        parts += ["", "The fitted parameters describe noise and are omitted here; they are in the result file."]
    if result.noise is not None:
        parts += ["", textwrap.fill(f"noise: {result.noise.statement}", width, subsequent_indent="  ")]
    if math.isfinite(result.reduced_chi2):
        parts += ["", f"reduced chi-square {result.reduced_chi2:.3g} (noise from neighbouring residuals; 1 if white)"]
    parts += ["", f"starting values: {result.start}"]
    for title, sentences in (
        ("Conventions:", result.conventions),
        (EQUIVALENT, minima_statements(result)),
        (CAUTIONS, telling(result, result.warnings)),
    ):
        if sentences:
            parts += ["", paint(title, "caution" if title == CAUTIONS else "head")]
            parts += [textwrap.fill(s, width, initial_indent="  - ", subsequent_indent="    ") for s in sentences]
    return "\n".join(parts)


def _wrapped(rows: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """Return rows with their last cells wrapped to a line length of `width`."""
    before = sum(max(len(row[k]) for row in rows) + 2 for k in range(len(rows[0]) - 1))
    wrapped = []
    for *front, last in rows:
        first, *more = textwrap.wrap(last, max(width - before, 24)) or [""]
        wrapped += [[*front, first], *([*("" for _ in front), words] for words in more)]
    return wrapped
