"""The table of fitted parameters: its columns, one entry each, for the terminal and for a report."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from heterodyne_data import FittedParameter, NLSQResult
from heterodyne_nlsq.stated import NOT_DETERMINED, unstated_parameters
from heterodyne_report import Column, format_number, format_plus_minus, format_value_and_sd


def uncertainty(row: FittedParameter) -> str:
    """Return the standard deviation of a parameter, or why there is none."""
    if row.status != "free" or not math.isfinite(row.sd):
        return standing(row)
    return f"± {format_value_and_sd(row.value, row.sd)[1]}"


def standing(row: FittedParameter) -> str:
    """Return in words how a parameter got its value, ``""`` where the data determine it."""
    if row.status != "free":
        return f"tied to {row.tie}" if row.tie else "held"
    if row.standing == "chosen":
        against = f", against {row.against}" if row.against else ""
        return f"chosen among values that fit equally well{against}"
    return "" if row.determined else NOT_DETERMINED


class TableRow(NamedTuple):
    """A parameter, why it is not stated ("" where it is), and by how much its standard deviation exceeds the one that
    assumes uncorrelated pairs, as text.
    """

    of: FittedParameter
    why: str
    ratio: str

    @property
    def unit(self) -> str:
        """The unit, "" of a number."""
        return "" if self.of.unit == "1" else self.of.unit

    @property
    def bound(self) -> str:
        """The bound at which it is, in words."""
        return f"at its {self.of.at_bound} bound" if self.of.at_bound else ""

    @property
    def chosen(self) -> bool:
        """Whether it was chosen among values that fit equally well: a remark, in place of an uncertainty."""
        return self.of.standing == "chosen" and uncertainty(self.of) == standing(self.of)

    @property
    def known(self) -> bool:
        """Whether it has a standard deviation."""
        return self.of.status == "free" and math.isfinite(self.of.sd)


def rows_of(result: NLSQResult) -> list[TableRow]:
    """Return the rows of the table of a result."""
    why, ratios = unstated_parameters(result), _ratios(result)
    return [TableRow(row, why.get(row.name, ""), ratios.get(row.name, "")) for row in result.table]


def _ratios(result: NLSQResult) -> dict[str, str]:
    """Return by how much the stated standard deviation is larger than the one that assumes uncorrelated pairs."""
    stated, independent = (np.sqrt(np.diag(c)) for c in (result.covariance, result.covariance_iid))
    open_ = result.identifiability.not_determined
    return {
        name: f"{one / other:.2g} ×"
        for name, one, other in zip(result.varying, stated, independent, strict=True)
        if other > 0 and math.isfinite(one) and name not in open_
    }


def _uncertainty(row: TableRow) -> str:
    return "" if row.why or row.chosen else uncertainty(row.of)


def _value_and_sd(row: TableRow) -> str:
    if row.why:
        return ""
    return format_plus_minus(row.of.value, row.of.sd) if row.known else format_number(row.of.value, 5)


def _remark(row: TableRow) -> str:
    return _with_bound(row, uncertainty(row.of) if row.chosen else "")


def _remark_in_page(row: TableRow) -> str:
    return _with_bound(row, "" if row.known else uncertainty(row.of))


def _with_bound(row: TableRow, remark: str) -> str:
    return f"not stated: {row.why}" if row.why else "; ".join(word for word in (remark, row.bound) if word)


COLUMNS: tuple[Column[TableRow], ...] = (
    Column("parameter", lambda row: row.of.name, lambda row: row.of.name, number=False),
    Column("value", lambda row: "" if row.why else format_value_and_sd(row.of.value, row.of.sd)[0]),
    Column("uncertainty", _uncertainty, number=False),
    Column("value ± sd", page=_value_and_sd),
    Column("unit", lambda row: row.unit, lambda row: row.unit, number=False),
    Column("", _remark, number=False),
    Column("sd ratio", page=lambda row: "" if row.why else row.ratio),
    Column("remark", page=_remark_in_page, number=False),
)
