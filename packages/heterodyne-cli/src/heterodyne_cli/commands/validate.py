"""``heterodyne validate``: all problems of any file of the specification."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from heterodyne_cli.subcommand import Subcommand
from heterodyne_report import Console, add_setting_arguments, requested_config
from heterodyne_spec import (
    DONE,
    FAILED,
    KINDS,
    Config,
    MissingPackageError,
    ResultError,
    Verdict,
    load_config,
    load_model,
    one_line,
    validate,
)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, nargs="+", help="configuration, model, result, or file of maps")
    parser.add_argument("--kind", choices=KINDS, help="kind of the files (default: detected from each file)")
    # The settings that messages about a measurement suggest can be tried here.
    add_setting_arguments(parser, q_help="wavevector in 1/Å of the maps to check (default: all)")


def _run(args: argparse.Namespace, console: Console, command: Sequence[str]) -> int:
    # None: the default check of a measurement.
    config = requested_config(args) if args.config or args.set or args.q or args.dt else None
    return max(_check(path, args.kind, config, console) for path in args.file)


def _check(path: Path, kind: str | None, config: Config | None, console: Console) -> int:
    verdict = _posterior(path) if kind is None and path.suffix == ".nc" else validate(path, kind, config)
    if verdict.title == "configuration" and not verdict.problems:
        verdict = replace(verdict, facts=(*verdict.facts, *_without_posterior(path)))
    if config is not None and verdict.title != "measurement":
        console.say(f"{path}: --config, --set, --q and --dt are ignored; they apply only to measurements")
    problems = [problem.sentence for problem in verdict.problems]
    console.tell("validated", file=path, kind=verdict.title, facts=list(verdict.facts), problems=problems)
    for problem in problems:
        console.say(f"{path}: {problem}")
    if problems:
        count = len(problems)
        said = f"{path}: {count} problem{'s' if count > 1 else ''}, not a valid {verdict.title}"
        console.say(console.paint(said, "bad"))
        return FAILED
    console.say(console.paint(f"{path}: valid {verdict.title}", "good"))
    for fact in verdict.facts:
        console.say(f"  {one_line(fact)}")
    return DONE


def _without_posterior(path: Path) -> Iterator[str]:
    """Yield settings of a configuration that ``--method cmc`` does not support, if heterodyne-cmc is installed."""
    if importlib.util.find_spec("heterodyne_cmc") is None:
        return
    from heterodyne_cmc import unsupported_options

    config = load_config(path)
    yield from (
        f"valid for a fit, but not for --method cmc: {p}"
        for p in unsupported_options(config, load_model(config.model.name))
    )


def _posterior(path: Path) -> Verdict:
    if importlib.util.find_spec("heterodyne_cmc") is None:
        raise MissingPackageError(
            f"{path}: reading a posterior requires heterodyne-cmc: pip install 'heterodyne-cli[cmc]'"
        )
    from heterodyne_cmc import CMCResult

    try:
        result = CMCResult.load(path)
    except ResultError as error:
        return Verdict("posterior", problems=error.problems)
    n_chain, n_draw, _ = result.contrast.shape
    made = f"{n_chain} chains of {n_draw} draws, {result.n_shards} shards, consensus: {result.method}"
    return Verdict("posterior", (result.message, made, f"parameters: {', '.join(result.draws)}"))


COMMAND = Subcommand(
    "validate",
    "validate files and list all problems",
    (
        "heterodyne validate config.yaml",
        "heterodyne validate measurement.h5 results/nlsq_result.json",
        "heterodyne validate combined.hdf --set data.bins=pixels",
    ),
    _arguments,
    _run,
)
