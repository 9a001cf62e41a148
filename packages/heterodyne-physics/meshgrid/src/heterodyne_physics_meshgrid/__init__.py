"""c2 of the heterodyne XPCS model on the full time grid: all pairs of frames at once, O(N²) memory.

Dimensions in the signatures: ``n_t`` frames, ``n_phi`` azimuths, ``n_par`` parameters.
"""

from heterodyne_physics_meshgrid._generated.two_component import (
    MODEL_ID,
    MODEL_SHA256,
    MODEL_VERSION,
    HeterodyneModel,
)
from heterodyne_physics_meshgrid._version import __version__
from heterodyne_physics_meshgrid.correlation import bracket, c2_meshgrid
from heterodyne_physics_meshgrid.time_integral import create_time_integral_matrix

__all__ = [
    "MODEL_ID",
    "MODEL_SHA256",
    "MODEL_VERSION",
    "HeterodyneModel",
    "__version__",
    "bracket",
    "c2_meshgrid",
    "create_time_integral_matrix",
]


def __dir__() -> list[str]:
    return sorted(__all__)
