"""c2 of the heterodyne XPCS model at given pairs of frames: O(n_t + n_pair) memory.

Public are the names in ``__all__``; other modules may change without notice.

Dimensions in the signatures: ``n_t`` frames, ``n_pair`` pairs, ``n_par`` parameters.
"""

from heterodyne_physics_elementwise._generated.two_component import (
    MODEL_ID,
    MODEL_SHA256,
    MODEL_VERSION,
    HeterodyneModel,
)
from heterodyne_physics_elementwise._version import __version__
from heterodyne_physics_elementwise.correlation import c2_pairs
from heterodyne_physics_elementwise.grid import ShardGrid, integral_between, precompute_shard_grid, trapezoid_cumsum
from heterodyne_physics_elementwise.models import Physics, physics_of

__all__ = [
    "MODEL_ID",
    "MODEL_SHA256",
    "MODEL_VERSION",
    "HeterodyneModel",
    "Physics",
    "ShardGrid",
    "__version__",
    "c2_pairs",
    "integral_between",
    "physics_of",
    "precompute_shard_grid",
    "trapezoid_cumsum",
]


def __dir__() -> list[str]:
    return sorted(__all__)
