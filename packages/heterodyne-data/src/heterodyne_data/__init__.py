"""Measurements and results as files: two-time correlation maps of several beamlines, and point estimates.

What a fit reads and what it leaves, without JAX; the formats are those of heterodyne-spec.
"""

from heterodyne_data._version import __version__
from heterodyne_data.describing import describe_data
from heterodyne_data.given import select_data
from heterodyne_data.loading import load_data
from heterodyne_data.result import (
    AgeResolved,
    Alternative,
    Bands,
    Derived,
    Direction,
    FittedData,
    FittedParameter,
    FittedScaling,
    Identifiability,
    MapNoise,
    NestedTest,
    NLSQResult,
    Signal,
)
from heterodyne_data.saving import save_data
from heterodyne_data.two_time import TwoTimeData, pair_valid

__all__ = [
    "AgeResolved",
    "Alternative",
    "Bands",
    "Derived",
    "Direction",
    "FittedData",
    "FittedParameter",
    "FittedScaling",
    "Identifiability",
    "MapNoise",
    "NLSQResult",
    "NestedTest",
    "Signal",
    "TwoTimeData",
    "__version__",
    "describe_data",
    "load_data",
    "pair_valid",
    "save_data",
    "select_data",
]
