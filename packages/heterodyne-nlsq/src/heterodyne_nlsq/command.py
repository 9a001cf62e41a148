"""The command ``heterodyne-nlsq``: fits one measurement."""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from heterodyne_data import NLSQResult, TwoTimeData
from heterodyne_nlsq._version import __version__
from heterodyne_nlsq.compilation import keep_compiled_functions
from heterodyne_nlsq.durations import forecast, remember
from heterodyne_nlsq.progress import FitProgress
from heterodyne_nlsq.stated import stated
from heterodyne_report import (
    Console,
    Stage,
    add_fit_arguments,
    print_plan,
    read_measurement,
    requested_config,
    requested_data,
    requested_output,
)
from heterodyne_spec import (
    DONE,
    FAILED,
    MEASUREMENTS,
    NOT_CONVERGED,
    CommandParser,
    Config,
    check_written,
    prepare_streams,
)

EXAMPLES = (
    "heterodyne-nlsq --data measurement.h5 --q 0.0054 --output results",
    "heterodyne-nlsq --data measurement.h5 --config config.yaml --set data.frames=[1,200] --dry-run",
)


SUBCOMMANDS = (
    *("config", "inspect", "watch", "batch", "view", "plot", "report", "compare", "merge"),
    *("simulate", "validate", "completion"),
)
"""Subcommands that only the command ``heterodyne`` of heterodyne-cli has."""

_ITS_OPTIONS = ("--method", "--nlsq-result", "--preview-job")


def fit_measurement(
    data: TwoTimeData,
    config: Config,
    console: Console,
    *,
    cache: bool,
    command: Sequence[str],
    directory: Path | None,
    tell: Callable[[NLSQResult], None] = lambda result: None,
) -> tuple[NLSQResult, list[Path]]:
    """Fit a measurement with a progress display; return the result and the written files.

    Parameters
    ----------
    cache : whether compiled functions and the durations of the stages are stored.
    command : the command line, stored in the result.
    directory : folder for result, plots and report, as configured; nothing is written if None.
    tell : called with the result when it is written, before plots and report, which take seconds.
    """
    drawn = directory is not None and (config.output.plots or config.output.report)
    expected = forecast(data, config, remembered=cache, pictures=drawn)
    with console.progress() as shown:
        progress = FitProgress(shown, expected)
        progress.stage(Stage.LOADING)
        # Imported here because JAX takes a second; earlier errors are reported immediately.
        from heterodyne_nlsq.fit import fit_nlsq_jax

        if cache:
            keep_compiled_functions()
        progress.hear_compiler()
        result = replace(fit_nlsq_jax(data, config, progress=progress), command=shlex.join(command))
        written = []
        if directory is not None:
            from heterodyne_nlsq.output import save_fit, write_drawings

            if not drawn:
                progress.stage(Stage.WRITING)
            path = save_fit(result, directory)
            written = [path, path.with_suffix(".h5")]
        spent = progress.finish()
    tell(result)
    if drawn and directory is not None:
        with console.progress() as shown:
            progress = FitProgress(shown, expected.of(Stage.PICTURES))
            progress.stage(Stage.PICTURES)
            written += write_drawings(result, directory, config.output)
            spent |= progress.finish()
    if cache:
        remember(data, config, spent)
    return result, written


def result_event(result: NLSQResult) -> dict[str, Any]:
    """Return the event for programs that describes a fit."""
    keys = ("value", "sd", "unit", "status", "standing", "against")
    table = {row.name: {key: getattr(row, key) for key in keys} for row in result.table}
    return {
        "method": "nlsq",
        "success": result.success,
        "message": result.message,
        "verdict": result.verdict,
        "sentence": result.sentence,
        "signal": {question: vars(answer) for question, answer in result.signal.items()},
        "headline": [vars(quantity) for quantity in stated(result, result.headline)],
        "q": result.data.q,
        "parameters": table,
        "not_determined": list(result.identifiability.not_determined),
        "contrast": result.scaling.contrast,
        "contrast_sd": result.scaling.contrast_sd,
        "offset": result.scaling.offset,
        "offset_sd": result.scaling.offset_sd,
        "reduced_chi2": result.reduced_chi2,
        "cost": result.cost,
        "timings": result.timings,
        "warnings": list(result.warnings),
    }


def plan_of_fit(config: Config, data: TwoTimeData) -> Iterator[str]:
    """Yield the steps of a fit; raises the same errors as the fit."""
    from heterodyne_nlsq.fit import prepare

    free = prepare(data, config).free
    held = [name for name, status in zip(free.names, free.status, strict=True) if status == "fixed"]
    tied = [f"{name} to {tie}" for name, tie in zip(free.names, free.tie, strict=True) if tie]
    yield f"would fit {', '.join(free.free_names) or 'contrast and offset only'}"
    yield from (f"{word}: {', '.join(names)}" for word, names in (("fixed", held), ("tied", tied)) if names)
    yield f"start: {config.nlsq.start}; scaling: {config.scaling}; loss: {config.nlsq.loss}"


def outputs_of_fit(directory: Path, config: Config) -> list[Path]:
    """Return the files and folders written by a fit."""
    names = ["nlsq_result.json", "nlsq_result.h5"]
    names += ["plots"] * config.output.plots + ["report.html"] * config.output.report
    return [directory / name for name in names]


def fit_command(args: argparse.Namespace, command: Sequence[str], console: Console) -> int:
    """Run the fit of a command line, print and write its result, and return the exit code."""
    if args.joint:
        from heterodyne_nlsq.joint.command import joint_command

        return joint_command(args, command, console)
    path, config = requested_data(args), requested_config(args)
    directory = requested_output(args, config)
    data = read_measurement(path, config, console)
    if args.dry_run:
        return print_plan(console, list(plan_of_fit(config, data)), outputs_of_fit(directory, config))

    def tell(result: NLSQResult) -> None:
        from heterodyne_nlsq.summary import details, summary

        console.say(f"\n{summary(result, console.paint)}")
        console.detail(f"\n{details(result)}")
        console.tell("result", **result_event(result))

    result, written = fit_measurement(
        data, config, console, cache=not args.no_cache, command=command, directory=directory, tell=tell
    )
    check_written(written)
    console.say(f"\nwritten: {', '.join(str(path) for path in written)}")
    console.tell("written", files=written)
    return DONE if result.success else NOT_CONVERGED


def parser() -> CommandParser:
    """Return the parser of ``heterodyne-nlsq``."""
    result = CommandParser(
        prog="heterodyne-nlsq",
        description="Fit the heterodyne XPCS model to two-time correlation maps, all angles of one q together.\n\n"
        f"For other tasks ({', '.join(SUBCOMMANDS)})\ninstall the command heterodyne: pip install heterodyne-cli",
        examples=EXAMPLES,
    )
    result.add_argument("--version", action="version", version=f"heterodyne-nlsq {__version__}")
    add_fit_arguments(result)
    return result


def parsed(argv: Sequence[str]) -> argparse.Namespace:
    """Return the parsed arguments; options of the command ``heterodyne`` are refused with installation advice."""
    whole = parser()
    # Check for a subcommand first, because its options may have values that this command does not accept.
    if argv and argv[0] in SUBCOMMANDS:
        _refer(whole, argv[0], argv)
    args, unknown = whole.parse_known_args(argv)
    # Words after a file are parsed as files.
    for word in (*map(str, args.data or ()), *(one.partition("=")[0] for one in unknown)):
        if word in (*SUBCOMMANDS, *_ITS_OPTIONS):
            _refer(whole, word, argv)
    whole.check_options(unknown)
    if unknown:
        files = [word for word in unknown if Path(word).suffix.lower() in MEASUREMENTS]
        meant = f"; a measurement is given as --data {shlex.quote(files[0])}" if files else ""
        whole.error(f"unrecognized arguments: {shlex.join(unknown)}{meant}")
    return args


def _refer(whole: argparse.ArgumentParser, word: str, argv: Sequence[str]) -> NoReturn:
    kind = "a subcommand" if word in SUBCOMMANDS else "an option"
    there = importlib.util.find_spec("heterodyne_cli") is not None
    first = "" if there else "pip install heterodyne-cli (it includes no sampler), then "
    remedy = f"{first}run: heterodyne {shlex.join(argv)}"
    whole.exit(FAILED, f"error: {word} is {kind} of heterodyne, not of heterodyne-nlsq; {remedy}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``heterodyne-nlsq`` and return its exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    prepare_streams()
    args = parsed(argv)
    console = Console.of(args)
    return console.run(lambda: fit_command(args, ["heterodyne-nlsq", *argv], console))


if __name__ == "__main__":
    sys.exit(main())
