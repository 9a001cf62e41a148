"""Names of the functions of age of the two-component model."""

from __future__ import annotations

from collections.abc import Mapping

SUBJECTS: Mapping[str, str] = {
    "v": "the velocity",
    "J_r": "J of the reference",
    "J_s": "J of the sample",
    "x": "the sample's field fraction",
}
"""In a sentence, in the order of a report."""

LABELS: Mapping[str, str] = {
    "J_r": "J of the reference",
    "J_s": "J of the sample",
    "v": "velocity v",
    "x": "sample's field fraction x",
}
"""On the axes of figures."""

FRACTIONS = ("x",)
"""Functions between 0 and 1, for which absolute instead of relative changes matter."""

TITLE = "Velocity, transport and mixing"
"""Title of their section in a report."""
