"""The command ``heterodyne-nlsq``: one measurement in, one fit out."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from heterodyne_nlsq._version import __version__
from heterodyne_nlsq.compilation import keep_compiled_functions
from heterodyne_nlsq.request import add_arguments, requested_config, requested_data, requested_output
from heterodyne_nlsq.stated import stated
from heterodyne_spec import Config, NLSQResult, TwoTimeData, load_data
from heterodyne_spec.console import Console, Progress
from heterodyne_spec.files import check_there
from heterodyne_spec.terminal import DONE, NOT_CONVERGED, Parser, ready_streams

EXAMPLES = (
    "heterodyne-nlsq --data measurement.h5 --q 0.0054 --output results",
    "heterodyne-nlsq --data measurement.h5 --config config.yaml --set data.frames=[1,200] --dry-run",
)


class FitProgress:
    """Iteration, cost, time, and the longest that a fit can still take."""

    def __init__(self, shown: Progress, limit: int):
        self._shown, self._limit, self._begin, self._first, self._count = shown, limit, time.monotonic(), 0.0, 0

    def __call__(self, iteration: int, cost: float) -> None:
        self._count += 1
        now = time.monotonic()
        # The first iteration ends after all that is compiled: it tells nothing of those that follow.
        self._first = now if self._count == 1 else self._first
        pace = (now - self._first) / (self._count - 1) if self._count > 1 else math.nan
        most = pace * max(self._limit - self._count, 0)
        text = f"fitting: iteration {self._count}, cost {cost:.6g}, {now - self._begin:.0f} s"
        self._shown.show(
            text if self._count == 1 else f"{text}, at most {most:.0f} s more",
            iteration=self._count,
            cost=cost,
            seconds=round(now - self._begin, 3),
            seconds_left_at_most=round(most, 3),
        )


def read_measurement(path: Path, config: Config, console: Console) -> TwoTimeData:
    """Read the measurement at `path`, and say what was found."""
    data = load_data(path, config=config)
    console.say(f"{path}: {data.n_phi} angles x {data.n_t} frames, q = {data.q:.5g} 1/Å, dt = {data.dt:g} s")
    for note in data.notes:
        console.say(f"  {note}")
    console.tell("measurement", file=path, q=data.q, phi=data.phi, frames=data.n_t, dt=data.dt, notes=list(data.notes))
    return data


def fit_measurement(
    data: TwoTimeData, config: Config, console: Console, *, cache: bool, command: Sequence[str]
) -> NLSQResult:
    """Fit a measurement and show how far the fit is."""
    # JAX takes a second to import: errors before it come at once.
    from heterodyne_nlsq.fit import fit_nlsq_jax
    from heterodyne_nlsq.start.race import most_evaluations

    if cache:
        keep_compiled_functions()
    with console.progress() as shown:
        result = fit_nlsq_jax(data, config, progress=FitProgress(shown, most_evaluations(config.nlsq)))
    return replace(result, command=shlex.join(command))


def result_event(result: NLSQResult) -> dict[str, Any]:
    """Return what a machine is told of a fit."""
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
    """Yield what a fit would do; refuses what the fit would refuse."""
    from heterodyne_nlsq.fit import prepare

    free = prepare(data, config).free
    held = [name for name, status in zip(free.names, free.status, strict=True) if status == "fixed"]
    tied = [f"{name} to {tie}" for name, tie in zip(free.names, free.tie, strict=True) if tie]
    yield f"would fit {', '.join(free.free_names) or 'contrast and offset only'}"
    yield from (f"{word}: {', '.join(names)}" for word, names in (("held", held), ("tied", tied)) if names)
    yield f"start: {config.nlsq.start}; scaling: {config.scaling}; loss: {config.nlsq.loss}"


def outputs_of_fit(directory: Path, config: Config) -> list[Path]:
    """Return the files and folders that a fit writes."""
    names = ["nlsq_result.json", "nlsq_result.h5"]
    names += ["plots"] * config.output.plots + ["report.html"] * config.output.report
    return [directory / name for name in names]


def say_plan(console: Console, plan: Sequence[str], files: Sequence[Path]) -> int:
    """Say what would be done, and what would be replaced."""
    console.say("\n".join(plan))
    console.say("would write: " + ", ".join(str(path) for path in files))
    if there := [str(path) for path in files if path.exists()]:
        console.say("would replace: " + ", ".join(there))
    console.tell("plan", steps=list(plan), files=list(files))
    return DONE


def fit_command(args: argparse.Namespace, command: Sequence[str], console: Console) -> int:
    """Run a fit as asked for on the command line, print and write its result, and return the exit code."""
    path, config = requested_data(args), requested_config(args)
    directory = requested_output(args, config)
    data = read_measurement(path, config, console)
    if args.dry_run:
        return say_plan(console, list(plan_of_fit(config, data)), outputs_of_fit(directory, config))
    result = fit_measurement(data, config, console, cache=not args.no_cache, command=command)
    from heterodyne_nlsq.output import write_outputs
    from heterodyne_nlsq.summary import details, summary

    written = write_outputs(result, directory, config.output)
    console.say(f"\n{summary(result, console.paint)}")
    console.detail(f"\n{details(result)}")
    check_there(written)
    console.say(f"\nwritten: {', '.join(str(path) for path in written)}")
    console.tell("result", **result_event(result))
    console.tell("written", files=written)
    return DONE if result.success else NOT_CONVERGED


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``heterodyne-nlsq``."""
    result = Parser(
        prog="heterodyne-nlsq",
        description="Fit the heterodyne XPCS model to two-time correlation maps, all angles of one q together.",
        examples=EXAMPLES,
    )
    result.add_argument("--version", action="version", version=f"heterodyne-nlsq {__version__}")
    add_arguments(result)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``heterodyne-nlsq`` and return its exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    ready_streams()
    args = parser().parse_args(argv)
    console = Console.of(args)
    return console.run(lambda: fit_command(args, ["heterodyne-nlsq", *argv], console))


if __name__ == "__main__":
    sys.exit(main())
