"""What must hold of configurations and models that were accepted, of this program and of others."""

from __future__ import annotations

import dataclasses
import functools
import json

import numpy as np
import seeds
from common import Made
from making import Box, Maker
from refusal import Broken, check_finite, check_words, holds

from heterodyne_cli.migration import config_text, import_config, report_text
from heterodyne_cli.migration.importing import import_document
from heterodyne_cli.migration.ledger import leaves
from heterodyne_cli.migration.report import Imported
from heterodyne_spec import (
    ConfigError,
    HeterodyneError,
    Verdict,
    canonical_json,
    dump_yaml,
    lint_config,
    load_config,
    parse_json,
    parse_yaml,
    read_document,
    validate,
)
from heterodyne_spec.model import build_model


def judge_config(made: Made, box: Box, maker: Maker) -> None:
    """Read a configuration; what is accepted must be found again when it is written."""
    verdict = checked(made, "config")
    try:
        config = load_config(made.path)
    except ConfigError:
        holds(verdict.problems, "refused by load_config, accepted by validate")
        raise
    holds(not verdict.problems, f"accepted by load_config, refused by validate: {verdict.problems[:1]}")
    check_finite(dataclasses.asdict(config), "configuration")
    for text, parse in ((dump_yaml(config.document), parse_yaml), (json.dumps(config.document), parse_json)):
        holds(load_config(parse(text)) == config, f"what is written and read again differs ({parse.__name__})")
    if made.same:
        holds(config == load_config(seeds.configs()[made.seed]), "not what the sound file says")


def checked(made: Made, kind: str) -> Verdict:
    """Return the verdict of ``validate``, whose problems must be lines that can be printed."""
    verdict = validate(made.path, kind)
    check_words([problem.sentence for problem in verdict.problems])
    check_words(verdict.facts)
    holds(all(len(problem.sentence) < 2000 for problem in verdict.problems), "a problem of over 2000 characters")
    return verdict


class _Refused(HeterodyneError):
    """A document of which there is a verdict only."""


def judge_model(made: Made, box: Box, maker: Maker) -> None:
    """Check a model; one without problems can be built, hashed and computed with."""
    verdict = checked(made, "model")
    if verdict.problems:
        raise _Refused(f"{made.path}: {verdict.problems[0]}")
    document = read_document(made.path)
    model = build_model(document)
    holds(
        parse_json(canonical_json(document)) == json.loads(json.dumps(document)), "canonical JSON says something else"
    )
    values, t = {p.name: p.default for p in model.parameters}, np.linspace(0.1, 10, 7)
    with np.errstate(all="ignore"):
        for function in model.functions:
            holds(model.evaluate(function.name, values, t).shape == (7,), f"{function.name} has another shape")
    if made.same:
        holds(document == seeds.models()[made.seed], "not what the sound file says")


def judge_foreign(made: Made, box: Box, maker: Maker) -> None:
    """Translate a configuration of another program; nothing of it may be lost."""
    imported = import_config(made.path)
    document = dict(imported.config_document)
    holds(not lint_config(document), "translated to a configuration that is not valid")
    text = config_text(imported, made.path.name)
    holds((parse_yaml(text) or {}) == document, "the configuration written is not the one translated")
    report = report_text(imported, made.path.name)
    check_words(report.splitlines())
    check_finite(document, "translated configuration")
    check_accounted(made, imported)
    if made.same:
        holds(document == _sound(made.seed), "not what the sound file gives")


@functools.cache
def _sound(name: str) -> dict[str, object]:
    return dict(import_document(parse_yaml(seeds.foreign()[name])).config_document)


def check_accounted(made: Made, imported: Imported) -> None:
    """Check that every setting is said to be translated or left; lists that name or switch others aside."""
    said = {one.old for one in (*imported.translated, *imported.left)}
    for path, value in leaves(read_document(made.path), ""):
        parts = any(one.startswith(f"{path}[") for one in said)
        if isinstance(value, list) and not any(value):
            continue
        if path not in said and not parts and not path.endswith((".parameter_names", ".enabled")):
            raise Broken(f"a setting is neither translated nor left: {path[:100]!r}")
