"""c2 of the heterodyne XPCS model on the full time grid: all pairs of frames at once, O(N²) memory.

Public are the names in ``__all__`` here and in `heterodyne_physics_meshgrid.factored` (exact sums over pairs). Other
modules may change without notice.

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
from heterodyne_physics_meshgrid.devices import check_devices
from heterodyne_physics_meshgrid.models import Physics, physics_of
from heterodyne_physics_meshgrid.speckle import FieldLaws, field_laws, gaussian_histories, speckle_map
from heterodyne_physics_meshgrid.time_integral import create_time_integral_matrix, cumulative_trapezoid

__all__ = [
    "MODEL_ID",
    "MODEL_SHA256",
    "MODEL_VERSION",
    "FieldLaws",
    "HeterodyneModel",
    "Physics",
    "__version__",
    "bracket",
    "c2_meshgrid",
    "check_devices",
    "create_time_integral_matrix",
    "cumulative_trapezoid",
    "field_laws",
    "gaussian_histories",
    "physics_of",
    "speckle_map",
]


def __dir__() -> list[str]:
    return sorted(__all__)
