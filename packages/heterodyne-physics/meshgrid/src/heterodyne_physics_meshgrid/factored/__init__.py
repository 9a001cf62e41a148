"""Exact sums over all pairs of frames without N×N model maps.

For i < j every model map is a sum of four products of a factor at i and a factor at j (a semiseparable matrix of
rank 4), whatever the parameters. Sums of model against data, model against model and their derivatives then come
from small matrix products over blocks of frames; only the data themselves are of size N².
"""

from heterodyne_physics_meshgrid.factored.blocks import BASELINE, BLOCK, BlockedMaps, block_maps
from heterodyne_physics_meshgrid.factored.products import InnerProducts, inner_products

__all__ = ["BASELINE", "BLOCK", "BlockedMaps", "InnerProducts", "block_maps", "inner_products"]
