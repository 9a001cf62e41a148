"""Translation of configurations of other programs."""

from heterodyne_cli.migration.importing import import_config, import_document
from heterodyne_cli.migration.report import Differs, Imported, Left, Translated, config_text, report_text

__all__ = [
    "Differs",
    "Imported",
    "Left",
    "Translated",
    "config_text",
    "import_config",
    "import_document",
    "report_text",
]
