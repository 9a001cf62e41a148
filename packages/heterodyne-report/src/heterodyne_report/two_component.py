"""What the functions of age of the two-component model are called."""

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
"""At the axis of a picture."""

FRACTIONS = ("x",)
"""Those whose scale is 1, whatever their value: a change of a tenth counts, not one by a tenth."""

TITLE = "Velocity, transport and mixing"
"""Of the section of a report on them."""
