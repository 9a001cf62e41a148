"""Import of a configuration of another program, with a report on every setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from heterodyne_cli.migration.fitting import translate_fitting
from heterodyne_cli.migration.ledger import Ledger
from heterodyne_cli.migration.measurement import translate_measurement
from heterodyne_cli.migration.parameters import explain_freed, translate_parameters
from heterodyne_cli.migration.recognise import recognise
from heterodyne_cli.migration.remainder import leave_remainder
from heterodyne_cli.migration.report import Imported
from heterodyne_spec import ConfigError, Problem, lint_config, read_document


def import_config(path: str | Path) -> Imported:
    """Translate a configuration file of heterodyne, homodyne or xpcsjax to this program.

    Parameters
    ----------
    path : YAML or JSON file.

    Returns
    -------
    Imported
        Its `config_document` is valid; every setting of the file is in `translated` or in `left`.

    Raises
    ------
    ConfigError
        The file cannot be read, has a duplicate key, or belongs to none of these programs.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "old.yaml"
    >>> _ = path.write_text("analyzer_parameters: {dt: 0.1, scattering: {wavevector_q: 0.0054}}")
    >>> dict(import_config(path).config_document)
    {'data': {'dt': 0.1, 'q': 0.0054}}
    """
    document = read_document(path)
    try:
        return import_document(document, str(path))
    except ConfigError as error:
        raise error if error.source else ConfigError(str(path), error.problems) from None


def import_document(document: Any, source: str = "configuration") -> Imported:
    """Translate plain data, as `import_config` does for a file; `source` is its name in errors."""
    program = recognise(document, source)
    ledger = Ledger(document)
    later = translate_measurement(ledger, program)
    held: list[str] = []
    if program.other_model is None:
        held = translate_parameters(ledger, program, later)
        for subject, sentence in program.differs:
            ledger.differ(subject, sentence)
    translate_fitting(ledger)
    _withdraw_invalid(ledger, source)
    explain_freed(ledger, held)
    leave_remainder(ledger, program)
    return Imported(
        program.name, ledger.document(), tuple(ledger.translated), tuple(ledger.differs), tuple(ledger.left)
    )


def _withdraw_invalid(ledger: Ledger, source: str) -> None:
    """Withdraw translated settings that this program does not accept, with its error as the reason."""
    while problems := lint_config(ledger.document()):
        before = len(ledger.translated)
        for problem in problems:
            new = _new_setting(ledger, problem.path)
            ledger.withdraw(new, f"not accepted here: {problem}")
            # Without its value, the parameter must not be fixed, since it would be fixed at the default.
            if new.endswith(".value"):
                ledger.withdraw(new.removesuffix("value") + "vary", f"not accepted here: {problem}")
        if len(ledger.translated) == before:
            _withdraw_beside(ledger, problems)
        if len(ledger.translated) == before:
            raise ConfigError(source, problems)


def _withdraw_beside(ledger: Ledger, problems: Sequence[Problem]) -> None:
    """Withdraw settings that are invalid without an untranslated one, such as bounds that exclude the default."""
    for problem in problems:
        section = problem.path.rpartition(".")[0]
        for new in dict.fromkeys(one.new for one in ledger.translated if one.new.startswith(f"{section}.")):
            ledger.withdraw(new, f"not accepted here: {problem}")


def _new_setting(ledger: Ledger, path: str) -> str:
    """Return the translated setting that contains `path` of the new document."""
    known: Mapping[str, None] = dict.fromkeys(one.new for one in ledger.translated)
    return next((new for new in known if path == new or path.startswith((f"{new}.", f"{new}["))), path)
