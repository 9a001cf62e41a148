"""The heterodyne XPCS model and its formats: the contract between all programs of this project."""

from heterodyne_spec._version import __version__
from heterodyne_spec.config import Config, ModelConfig, ParameterConfig, load_config
from heterodyne_spec.conformance import check_results, load_vectors
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
from heterodyne_spec.template import config_template

__all__ = [
    "Config",
    "ConfigError",
    "DataError",
    "HeterodyneError",
    "ModelConfig",
    "ModelError",
    "ModelSpec",
    "ModelVersionError",
    "OutputError",
    "Parameter",
    "ParameterConfig",
    "Problem",
    "ResultError",
    "__version__",
    "check_model_versions",
    "check_results",
    "config_template",
    "load_config",
    "load_model",
    "load_vectors",
]
