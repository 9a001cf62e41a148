"""The result of a least-squares fit: what it consists of, its document, its files."""

from heterodyne_data.result.document import to_document
from heterodyne_data.result.nlsq import HDF5_NAME, JSON_NAME, NLSQResult, is_result_file, read_result_document
from heterodyne_data.result.parts import (
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
    Signal,
)

__all__ = [
    "HDF5_NAME",
    "JSON_NAME",
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
    "is_result_file",
    "read_result_document",
    "to_document",
]
