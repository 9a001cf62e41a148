"""Linters: one class per rule; every problem is reported with path, found, expected and remedy."""

from heterodyne_spec.lint.config_rules import CONFIG_RULES, lint_config
from heterodyne_spec.lint.model_rules import MODEL_RULES, lint_model
from heterodyne_spec.lint.result_rules import RESULT_RULES, lint_result
from heterodyne_spec.lint.rule import Rule

__all__ = ["CONFIG_RULES", "MODEL_RULES", "RESULT_RULES", "Rule", "lint_config", "lint_model", "lint_result"]
