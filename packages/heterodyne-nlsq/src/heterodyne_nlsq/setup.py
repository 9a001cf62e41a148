"""The prepared request: model, parameters and data of a fit."""

from __future__ import annotations

from dataclasses import dataclass

from heterodyne_data import TwoTimeData
from heterodyne_nlsq.free import FreeParameters
from heterodyne_nlsq.scaling import Scaling
from heterodyne_spec import Config, ModelSpec


@dataclass(frozen=True)
class Setup:
    """The request of a fit."""

    config: Config
    spec: ModelSpec
    data: TwoTimeData
    free: FreeParameters
    scaling: Scaling
