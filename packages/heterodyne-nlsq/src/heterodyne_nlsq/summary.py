"""The result in words and aligned columns, for the terminal."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence

from heterodyne_spec import FittedParameter, NLSQResult
from heterodyne_spec.console import Mood
from heterodyne_spec.quoting import rounded

type Paint = Callable[[str, Mood], str]
"""Gives a text the colour of a mood, where there are colours."""


def verdict(result: NLSQResult) -> str:
    """Return the outcome in one sentence."""
    data = result.data
    what = f"{len(data.phi)} angle{'s' if len(data.phi) > 1 else ''} x {data.n_frames} frames at q = {data.q:.5g} 1/Å"
    return f"{what}: {result.message} after {result.n_evaluations} evaluations, cost {result.cost:.6g}"


def uncertainty(row: FittedParameter) -> str:
    """Return the standard deviation of a parameter, or why there is none."""
    if row.status != "free":
        return f"tied to {row.tie}" if row.tie else "held"
    if not row.determined:
        return "not determined"
    return f"± {row.sd:.2g}"


def columns(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return `rows` as aligned columns; those numbered in `right` are flush right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [c.rjust(w) if k in right else c.ljust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def parameter_rows(result: NLSQResult) -> list[list[str]]:
    """Return name, value, uncertainty, unit and remark of every parameter, a header first."""
    rows = [["parameter", "value", "uncertainty", "unit", ""]]
    for row in result.table:
        remark = f"at its {row.at_bound} bound" if row.at_bound else ""
        rows.append(
            [row.name, rounded(row.value, row.sd), uncertainty(row), "" if row.unit == "1" else row.unit, remark]
        )
    return rows


def scaling_rows(result: NLSQResult) -> list[list[str]]:
    """Return phi, contrast, offset and noise of every angle, a header first."""
    s = result.scaling
    rows = [["phi / degree", "contrast", "offset", "noise"]]
    for k, phi in enumerate(result.data.phi):
        contrast, offset = rounded(s.contrast[k], s.contrast_sd[k]), rounded(s.offset[k], s.offset_sd[k])
        rows.append([f"{phi:g}", contrast, offset, f"{result.noise_sd[k]:.2g}"])
    return rows


def derived_rows(result: NLSQResult) -> list[list[str]]:
    """Return name, value, uncertainty and unit of every derived quantity, a header first."""
    rows = [["derived", "value", "uncertainty", "unit"]]
    for d in result.derived:
        rows.append([d.name, rounded(d.value, d.sd), f"± {d.sd:.2g}", "" if d.unit == "1" else d.unit])
    return rows


def minima_rows(result: NLSQResult) -> list[list[str]]:
    """Return the parameters of the reported minimum and of the others that the data hardly tell from it."""
    rows = [["parameter", "reported", *(f"another {k + 1}" for k in range(len(result.alternatives)))]]
    for row in result.table:
        others = (f"{alternative.parameters[row.name]:.5g}" for alternative in result.alternatives)
        rows.append([row.name, f"{row.value:.5g}", *others])
    above = (f"{alternative.delta_chi2:.3g}" for alternative in result.alternatives)
    return [*rows, ["chi-square above", "0", *above]]


def minima_statements(result: NLSQResult) -> list[str]:
    """Return what tells every other minimum from the reported one."""
    return [f"chi-square {a.delta_chi2:+.3g}: {a.statement}" for a in result.alternatives]


def details(result: NLSQResult) -> str:
    """Return where the time went and what computed, as text."""
    times = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in result.timings.items())
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    return f"time: {times}\nmethod: {result.method}, {result.n_pairs} pairs\nversions: {versions}"


def summary(result: NLSQResult, paint: Paint = lambda text, mood: text, width: int = 100) -> str:
    """Return the whole summary as text, in colours by `paint`."""
    parts = [
        paint(verdict(result), "good" if result.success else "bad"),
        "",
        columns(parameter_rows(result), right=(1,)),
        "",
        columns(scaling_rows(result), (1, 2, 3)),
    ]
    if result.derived:
        parts += ["", columns(derived_rows(result), (1,))]
    if result.noise is not None:
        parts += ["", textwrap.fill(f"noise: {result.noise.statement}", width, subsequent_indent="  ")]
    if math.isfinite(result.reduced_chi2):
        parts += ["", f"reduced chi-square {result.reduced_chi2:.3g} (noise from neighbouring residuals; 1 when white)"]
    parts += ["", f"start: {result.start}"]
    for title, sentences in (
        ("Conventions:", result.conventions),
        ("Other minima that the data hardly tell from this one:", minima_statements(result)),
        ("Before you use these numbers:", result.warnings),
    ):
        if sentences:
            parts += ["", paint(title, "caution" if sentences is result.warnings else "head")]
            parts += [textwrap.fill(s, width, initial_indent="  - ", subsequent_indent="    ") for s in sentences]
    return "\n".join(parts)
