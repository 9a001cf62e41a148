"""A point of the model: the values of the sliders or of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterodyne_data import NLSQResult
from heterodyne_spec import Parameter

type FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Values:
    """A point of the model: parameters by name, contrast and offset per azimuth (n_phi,)."""

    parameters: Mapping[str, float]
    contrast: FloatArray
    offset: FloatArray

    @classmethod
    def of(cls, result: NLSQResult) -> Values:
        """Return the values of a fit."""
        return cls(result.parameters, result.contrast, result.offset)


def label_of(parameter: Parameter) -> str:
    """Return name and unit of a parameter."""
    return parameter.name if parameter.unit == "1" else f"{parameter.name} / {parameter.unit}"
