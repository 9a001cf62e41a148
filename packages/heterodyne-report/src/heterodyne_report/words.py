"""Names of the functions of age of a model, for sentences and labels.

A module about a model (`heterodyne_report.two_component`, or ``report`` of a plug-in: see `heterodyne_spec.models`) has
``SUBJECTS``, ``LABELS``, ``FRACTIONS`` and ``TITLE``. Without one, names and meanings of the specification are used.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heterodyne_spec import knowledge, load_model


@dataclass(frozen=True)
class Words:
    """Names of functions in a sentence (`subjects`, in the order of a report) and at an axis (`labels`), and those that
    are `fractions`, for which absolute changes matter; `title` is that of their section.
    """

    subjects: Mapping[str, str]
    labels: Mapping[str, str]
    fractions: Sequence[str]
    title: str


@functools.cache
def words_of(model: str) -> Words:
    """Return the words of a model by its identifier."""
    module: Any = knowledge("heterodyne_report", model)
    if module is not None:
        return Words(module.SUBJECTS, module.LABELS, module.FRACTIONS, module.TITLE)
    functions = load_model(model).functions
    subjects = {f.name: f"the {f.meaning.partition(',')[0].partition(';')[0]}" for f in functions}
    labels, fractions = {f.name: f.name for f in functions}, [f.name for f in functions if f.unit == "1"]
    return Words(subjects, labels, fractions, "Functions of age")
