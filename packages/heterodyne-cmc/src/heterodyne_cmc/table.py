"""The table of a posterior: its columns, one entry each, for the terminal and for a report."""

from __future__ import annotations

import math

from heterodyne_cmc.posterior import Posterior, SummaryRow
from heterodyne_report import Column, align_columns, format_number, format_plus_minus, format_value, table_cells


def _name(row: SummaryRow) -> str:
    return row.name if row.phi is None else f"{row.name} at {row.phi:g}°"


def percent(contraction: float) -> str:
    """Return a contraction as text; 0 for a posterior that is wider than its prior by chance."""
    return f"{100 * max(contraction, 0.0):.0f} %"


COLUMNS: tuple[Column[SummaryRow], ...] = (
    Column(
        "parameter", _name, lambda row: f"{_name(row)} (tied)" if row.status == "tied" else _name(row), number=False
    ),
    Column("mean", lambda row: format_number(row.mean, 5)),
    Column("sd", lambda row: format_number(row.sd, 2)),
    Column("mean ± sd", page=lambda row: format_plus_minus(row.mean, row.sd)),
    Column("95 % from", lambda row: format_number(row.lower_95, 5), lambda row: format_value(row.lower_95, row.sd)),
    Column("to", lambda row: format_number(row.upper_95, 5), lambda row: format_value(row.upper_95, row.sd)),
    Column("unit", page=lambda row: "" if row.unit == "1" else row.unit, number=False),
    Column("contraction", page=lambda row: "" if math.isnan(row.contraction) else percent(row.contraction)),
    Column("ESS", lambda row: f"{row.ess_bulk:.0f}"),
    Column("R-hat", lambda row: f"{row.r_hat:.3f}", lambda row: "" if math.isnan(row.r_hat) else f"{row.r_hat:.3f}"),
    Column(
        "ESS",
        page=lambda row: "" if math.isnan(row.ess_bulk) else f"{min(row.ess_bulk, row.ess_tail):.0f}",
    ),
)


def summary_of_posterior(result: Posterior) -> str:
    """Return the table of a posterior and its warnings as text for the terminal."""
    found = table_cells(COLUMNS, result.summary)
    words = [f"  - {warning}" for warning in result.warnings]
    return "\n".join([result.message, "", align_columns(found.rows, right=found.numbers), "", *words])
