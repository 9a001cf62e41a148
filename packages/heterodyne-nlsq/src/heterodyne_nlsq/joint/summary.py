"""A joint fit as text for the terminal."""

from __future__ import annotations

import textwrap

from heterodyne_data import JointResult
from heterodyne_nlsq.joint.tables import common_rows, compared_rows, findings, own_rows, quoted_rows
from heterodyne_nlsq.summary import CAUTIONS, VERDICT_MOODS, Paint
from heterodyne_nlsq.verdict import NO_SIGNAL, VERDICT_TITLES
from heterodyne_report import align_columns, wrap_text


def summary(result: JointResult, paint: Paint = lambda text, mood: text, width: int = 100) -> str:
    """Return the whole summary as text, in colours by `paint`."""
    said = wrap_text(f"{VERDICT_TITLES[result.verdict]}. {result.sentence}", width)
    parts = [paint(result.message, "good" if result.success else "bad"), "", paint(said, VERDICT_MOODS[result.verdict])]
    if result.verdict == NO_SIGNAL:
        return "\n".join(parts)
    parts += ["", *(textwrap.fill(f"{words}.", width, subsequent_indent="  ") for words in findings(result))]
    for rows, right in ((quoted_rows(result), (1,)), (compared_rows(result), ()), (common_rows(result), (1,))):
        if rows[1:]:
            parts += ["", align_columns(rows, right)]
    if (own := own_rows(result))[1:]:
        parts += ["", align_columns(own)]
    if result.warnings:
        parts += ["", paint(CAUTIONS, "caution")]
        parts += [textwrap.fill(w, width, initial_indent="  - ", subsequent_indent="    ") for w in result.warnings]
    return "\n".join(parts)
