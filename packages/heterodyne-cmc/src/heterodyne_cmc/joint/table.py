"""The tables of a joint posterior, for the terminal and the report."""

from __future__ import annotations

import textwrap

from heterodyne_cmc.joint.result import JointPosterior
from heterodyne_cmc.table import COLUMNS
from heterodyne_report import align_columns, format_plus_minus, table_cells


def own_rows(result: JointPosterior) -> list[list[str]]:
    """Return what every measurement has of its own, a column each, a header first."""
    rows = [["own", *(member.label for member in result.members)]]
    every = [
        {(row.name, row.phi): row for row in member.posterior.summary if row.name not in result.shared}
        for member in result.members
    ]
    for name, phi in dict.fromkeys(key for known in every for key in known):
        cells = [known.get((name, phi)) for known in every]
        label = name if phi is None else f"{name} at {phi:g}°"
        rows.append([label, *("" if cell is None else format_plus_minus(cell.mean, cell.sd) for cell in cells)])
    return rows


def summary_of_joint_posterior(result: JointPosterior) -> str:
    """Return the tables of a joint posterior and its warnings as text for the terminal."""
    found = table_cells(COLUMNS, result.common)
    parts = [result.message, "", align_columns(found.rows, right=found.numbers), "", align_columns(own_rows(result))]
    words = [
        textwrap.fill(warning, 100, initial_indent="  - ", subsequent_indent="    ") for warning in result.warnings
    ]
    return "\n".join([*parts, *(["", *words] if words else [])])
