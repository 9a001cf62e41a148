"""Exact sums over all pairs of frames without N×N model maps.

For i < j every model map is a sum of four products of a factor at i and a factor at j (a semiseparable matrix of
rank 4), for any parameters. Time is bisected recursively: the factors of two adjacent blocks of frames are relative to
the border between the blocks, so that none exceeds 1. Sums of the model and its derivatives with the data, with
themselves and with 1 are then small matrix products; only the data themselves are of size N².
"""

from heterodyne_physics_meshgrid.factored.halving import LEAF, padded_size
from heterodyne_physics_meshgrid.factored.maps import BASELINE, HalvedMaps, halve_maps
from heterodyne_physics_meshgrid.factored.products import InnerProducts, inner_products
from heterodyne_physics_meshgrid.factored.values import ModelSums, model_sums

__all__ = [
    "BASELINE",
    "LEAF",
    "HalvedMaps",
    "InnerProducts",
    "ModelSums",
    "halve_maps",
    "inner_products",
    "model_sums",
    "padded_size",
]
