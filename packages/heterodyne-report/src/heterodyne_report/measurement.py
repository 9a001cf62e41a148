"""A measurement in a notebook: heterodyne-data finds this module by the group ``heterodyne.presentation``."""

from __future__ import annotations

from heterodyne_data import TwoTimeData
from heterodyne_report.page import bullet_list, collapsible, facts, inset


def html(data: TwoTimeData) -> str:
    """Return size, q, azimuths, ages and notes of a measurement as HTML."""
    notes = [collapsible("Findings in the data", bullet_list(data.notes), expanded=True)] if data.notes else []
    return inset("Two-time maps", facts(data.facts), *notes)
