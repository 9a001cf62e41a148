"""The prepared request: model, parameters and data of a fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heterodyne_data import TwoTimeData
from heterodyne_data.setup import FreeParameters, Scaling
from heterodyne_spec import Config, ModelSpec

if TYPE_CHECKING:
    from heterodyne_physics_meshgrid import Physics


@dataclass(frozen=True)
class Setup:
    """The request of a fit."""

    config: Config
    spec: ModelSpec
    data: TwoTimeData
    free: FreeParameters
    scaling: Scaling

    @property
    def physics(self) -> Physics:
        """The model on the grid of frames."""
        from heterodyne_physics_meshgrid import physics_of

        return physics_of(self.spec.id)
