"""The heterodyne XPCS model and its formats: the specification common to all programs of this project.

Public are the names in ``__all__``; other modules may change without notice.
"""

from heterodyne_spec._version import __version__
from heterodyne_spec.config import (
    CMCConfig,
    Config,
    DataConfig,
    ModelConfig,
    OutputConfig,
    ParameterConfig,
    build_config,
    load_config,
)
from heterodyne_spec.conformance import check_results, load_vectors
from heterodyne_spec.documents import canonical_json, dump_yaml, parse_json, parse_yaml, read_document, sha256
from heterodyne_spec.errors import (
    BusyError,
    ConfigError,
    ContradictionError,
    DataError,
    HeterodyneError,
    MissingPackageError,
    ModelError,
    ModelVersionError,
    Problem,
    ProblemsError,
    ResultError,
)
from heterodyne_spec.files import OutputError, check_written, text_writer, write_atomically, write_text, write_together
from heterodyne_spec.laws import Law, clipped_exp, find_laws, laws_of
from heterodyne_spec.lint.config_rules import lint_config
from heterodyne_spec.lint.result_rules import lint_result
from heterodyne_spec.lint.rule import mapping_at, number_or_none
from heterodyne_spec.lint.schema import OnlyFiniteNumbers, load_schema, short_json
from heterodyne_spec.messages import (
    MAX_LISTED,
    count_noun,
    did_you_mean,
    list_numbers,
    list_phi,
    list_q,
    merge_findings,
    one_line,
    shortened,
)
from heterodyne_spec.model import DEFAULT_MODEL, ModelSpec, Parameter, Prior, check_model_versions, load_model
from heterodyne_spec.models import knowledge, model_names
from heterodyne_spec.plugins import entry_points
from heterodyne_spec.tables import Table, prior_text, text_table
from heterodyne_spec.template import config_template
from heterodyne_spec.terminal import (
    DONE,
    FAILED,
    INTERRUPTED,
    NOT_CONVERGED,
    CommandParser,
    error_text,
    prepare_streams,
    print_error,
    run_command,
    silence_stream,
)
from heterodyne_spec.validation import KINDS, MEASUREMENTS, Verdict, description_facts, validate

__all__ = [
    "DEFAULT_MODEL",
    "DONE",
    "FAILED",
    "INTERRUPTED",
    "KINDS",
    "MAX_LISTED",
    "MEASUREMENTS",
    "NOT_CONVERGED",
    "BusyError",
    "CMCConfig",
    "CommandParser",
    "Config",
    "ConfigError",
    "ContradictionError",
    "DataConfig",
    "DataError",
    "HeterodyneError",
    "Law",
    "MissingPackageError",
    "ModelConfig",
    "ModelError",
    "ModelSpec",
    "ModelVersionError",
    "OnlyFiniteNumbers",
    "OutputConfig",
    "OutputError",
    "Parameter",
    "ParameterConfig",
    "Prior",
    "Problem",
    "ProblemsError",
    "ResultError",
    "Table",
    "Verdict",
    "__version__",
    "build_config",
    "canonical_json",
    "check_model_versions",
    "check_results",
    "check_written",
    "clipped_exp",
    "config_template",
    "count_noun",
    "description_facts",
    "did_you_mean",
    "dump_yaml",
    "entry_points",
    "error_text",
    "find_laws",
    "knowledge",
    "laws_of",
    "lint_config",
    "lint_result",
    "list_numbers",
    "list_phi",
    "list_q",
    "load_config",
    "load_model",
    "load_schema",
    "load_vectors",
    "mapping_at",
    "merge_findings",
    "model_names",
    "number_or_none",
    "one_line",
    "parse_json",
    "parse_yaml",
    "prepare_streams",
    "print_error",
    "prior_text",
    "read_document",
    "run_command",
    "sha256",
    "short_json",
    "shortened",
    "silence_stream",
    "text_table",
    "text_writer",
    "validate",
    "write_atomically",
    "write_text",
    "write_together",
]


def __dir__() -> list[str]:
    return sorted(__all__)
