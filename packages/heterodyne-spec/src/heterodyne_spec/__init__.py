"""The heterodyne XPCS model and its formats, without JAX: the contract between all programs of this project."""

from heterodyne_spec._version import __version__
from heterodyne_spec.config import Config, ModelConfig, ParameterConfig, load_config
from heterodyne_spec.conformance import check_results, load_vectors
from heterodyne_spec.data import TwoTimeData, describe_data, load_data, pair_valid, save_data, select_data
from heterodyne_spec.errors import (
    ConfigError,
    DataError,
    HeterodyneError,
    ModelError,
    ModelVersionError,
    Problem,
    ResultError,
)
from heterodyne_spec.files import OutputError
from heterodyne_spec.model import ModelSpec, Parameter, check_model_versions, load_model
from heterodyne_spec.result import (
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
from heterodyne_spec.template import config_template

__all__ = [
    "AgeResolved",
    "Alternative",
    "Bands",
    "Config",
    "ConfigError",
    "DataError",
    "Derived",
    "Direction",
    "FittedData",
    "FittedParameter",
    "FittedScaling",
    "HeterodyneError",
    "Identifiability",
    "MapNoise",
    "ModelConfig",
    "ModelError",
    "ModelSpec",
    "ModelVersionError",
    "NLSQResult",
    "NestedTest",
    "OutputError",
    "Parameter",
    "ParameterConfig",
    "Problem",
    "ResultError",
    "Signal",
    "TwoTimeData",
    "__version__",
    "check_model_versions",
    "check_results",
    "config_template",
    "describe_data",
    "load_config",
    "load_data",
    "load_model",
    "load_vectors",
    "pair_valid",
    "save_data",
    "select_data",
]
