"""``--method cmc``: the posterior, preceded by a point estimate if none is given."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from heterodyne_cli.results import Saved, write_page
from heterodyne_cmc import (
    CMCResult,
    SamplingProgress,
    clear_shards,
    fit_cmc_jax,
    kept_so_far,
    plan_of_sampling,
    summary_of_posterior,
)
from heterodyne_data import NLSQResult, TwoTimeData
from heterodyne_nlsq import fit_measurement, outputs_of_fit, result_event, save_fit
from heterodyne_report import (
    Console,
    Stage,
    print_plan,
    read_measurement,
    requested_config,
    requested_data,
    requested_output,
)
from heterodyne_spec import DONE, INTERRUPTED, NOT_CONVERGED, Config, check_written, print_error


def posterior_command(args: argparse.Namespace, command: Sequence[str], console: Console) -> int:
    """Sample the posterior, print and write it, and return the exit code.

    Finished shards and chains are stored in the output folder until the result is written, so that an interrupted run
    can be resumed.
    """
    config = requested_config(args)
    if args.preview_job:
        return _preview(config)
    directory, data = requested_output(args, config), read_measurement(requested_data(args), config, console)
    if args.dry_run:
        return _plan(args, config, data, directory, console)
    try:
        return _sample(args, command, config, data, directory, console)
    except KeyboardInterrupt:
        if kept := kept_so_far(directory):
            print_error(f"interrupted; kept in {directory}: {kept}; rerun the same command to resume")
        else:
            print_error("interrupted before any shard was finished; rerun the same command to start again")
        return INTERRUPTED


def _preview(config: Config) -> int:
    # Imported here because Dask takes a second and is optional.
    from heterodyne_cmc import job_script

    print(job_script(config.cmc.dask), end="")
    return DONE


def _plan(args: argparse.Namespace, config: Config, data: TwoTimeData, directory: Path, console: Console) -> int:
    given = args.nlsq_result
    first = f"would start from {given}" if given is not None else "would fit a point estimate first"
    sampling = plan_of_sampling(data, config, None if given is None else NLSQResult.load(given))
    return print_plan(console, [first, *sampling], list(_files(directory, config, given is None)))


def _files(directory: Path, config: Config, fitted: bool) -> Iterator[Path]:
    if fitted:
        yield from outputs_of_fit(directory, replace(config, output=replace(config.output, plots=False, report=False)))
    yield directory / "cmc_result.nc"
    if config.output.plots:
        yield directory / "plots"
    if config.output.report:
        yield directory / "report.html"


def _sample(
    args: argparse.Namespace,
    command: Sequence[str],
    config: Config,
    data: TwoTimeData,
    directory: Path,
    console: Console,
) -> int:
    if args.nlsq_result is None:
        console.say("no --nlsq-result given: fitting the point estimate first")
        start, _ = fit_measurement(data, config, console, cache=not args.no_cache, command=command, directory=None)
        console.tell("result", **result_event(start))
        written = [save_fit(start, directory)]
        console.say(f"written: {written[0]}")
    else:
        written = []
        start = NLSQResult.load(args.nlsq_result)
    with console.progress() as shown:
        report = SamplingProgress(shown)
        result = fit_cmc_jax(data, config, start, directory=directory, progress=report, say=console.say)
    result = replace(result, command=shlex.join(command))
    console.say("\n" + summary_of_posterior(result))
    console.detail(f"time: {', '.join(f'{stage} {seconds:.1f} s' for stage, seconds in result.timings.items())}")
    written.append(result.save(directory))
    clear_shards(directory, result.n_shards)
    with console.stage(Stage.PICTURES):
        if config.output.plots:
            written += result.plot(directory)
        if config.output.report:
            written.append(write_page(Saved(directory, start, result), directory / "report.html"))
    check_written(written)
    console.say("\n" + "\n".join(f"written: {path}" for path in written))
    console.tell("result", **posterior_event(result))
    console.tell("written", files=written)
    return DONE if result.success else NOT_CONVERGED


def posterior_event(result: CMCResult) -> dict[str, Any]:
    """Return the event for programs that describes a posterior."""
    return {
        "method": "cmc",
        "success": result.success,
        "message": result.message,
        "consensus": result.method,
        "shards": result.n_shards,
        "parameters": [vars(row) for row in result.summary],
        "r_hat": result.diagnostics.r_hat,
        "ess_bulk": result.diagnostics.ess_bulk,
        "divergences": result.diagnostics.divergences,
        "timings": result.timings,
        "warnings": list(result.warnings),
    }
