"""One request, made ready: what is fitted, over which parameters, against which data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heterodyne_data import TwoTimeData
from heterodyne_data.setup.free import FreeParameters
from heterodyne_data.setup.scaling import Scaling
from heterodyne_spec import Config, ModelSpec

if TYPE_CHECKING:
    from heterodyne_physics_meshgrid.models import Physics


@dataclass(frozen=True)
class Setup:
    """A fit as asked for."""

    config: Config
    spec: ModelSpec
    data: TwoTimeData
    free: FreeParameters
    scaling: Scaling

    @property
    def physics(self) -> Physics:
        """The model on the grid of frames."""
        from heterodyne_physics_meshgrid.models import physics_of

        return physics_of(self.spec.id)
