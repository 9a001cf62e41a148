"""``--method cmc``: a point estimate first, where none is given, then the posterior from it."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from heterodyne_cmc import CMCResult, clear_shards, fit_cmc_jax
from heterodyne_nlsq.command import read_and_fit, requested_config
from heterodyne_nlsq.summary import columns
from heterodyne_spec import Config, NLSQResult, TwoTimeData, load_data
from heterodyne_spec.terminal import DONE, INTERRUPTED, NOT_CONVERGED, StatusLine

_PAUSE = 20.0
"""Seconds between two lines of progress in a log."""


def posterior_command(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Sample the posterior as asked for on the command line, print and write it, and return the exit code.

    Finished shards wait in the output folder until the result is written: a run that ends early goes on from them.
    """
    config = requested_config(args)
    if args.preview_job:
        return _preview(config)
    directory = args.output or Path(config.output.directory)
    try:
        return _sample(args, command, config, directory)
    except KeyboardInterrupt:
        print(
            f"interrupted; what is finished is kept in {directory}: run the same command again to go on",
            file=sys.stderr,
        )
        return INTERRUPTED


def _preview(config: Config) -> int:
    # Dask takes a second to import, and may not be installed.
    from heterodyne_cmc.engine.cluster import job_script

    print(job_script(config.cmc.dask), end="")
    return DONE


def _sample(args: argparse.Namespace, command: Sequence[str], config: Config, directory: Path) -> int:
    say: Callable[[str], None] = (lambda text: None) if args.quiet else print
    data: TwoTimeData
    start: NLSQResult
    if args.nlsq_result is None:
        say("no --nlsq-result given: fitting the point estimate first")
        data, start = read_and_fit(args, config, command)
        say(f"written: {start.save(directory)}")
    else:
        data, start = load_data(args.data, config=config), NLSQResult.load(args.nlsq_result)
    line = StatusLine(sys.stderr, pause=_PAUSE)
    try:
        report = None if args.quiet else lambda *found: line.show(_progress(*found))
        result = fit_cmc_jax(data, config, start, directory=directory, progress=report, say=say)
    finally:
        line.close()
    result = replace(result, command=shlex.join(command))
    say("\n" + summary(result))
    written = [result.save(directory)]
    clear_shards(directory, result.n_shards)
    if config.output.plots:
        written += result.plot(directory)
    say("\n" + "\n".join(f"written: {path}" for path in written))
    return DONE if result.success else NOT_CONVERGED


def _progress(done: float, total: int, divergences: int, seconds_left: float) -> str:
    """Return in one line how far the sampling is."""
    if done >= total:
        return f"{total} of {total} shards done, {divergences} divergences; combining them"
    minutes, seconds = divmod(round(seconds_left), 60)
    left = f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
    part = f"{done:.0f}" if float(done).is_integer() else f"{done:.2f}"
    return f"sampling: {part} of {total} shards done, {divergences} divergences so far, about {left} left"


def summary(result: CMCResult) -> str:
    """Return the posterior's table and what the user should know, as text."""
    header = ["parameter", "mean", "sd", "95 % from", "to", "ESS", "R-hat"]
    rows = [
        [
            row.name if row.phi is None else f"{row.name} at {row.phi:g}°",
            f"{row.mean:.5g}",
            f"{row.sd:.2g}",
            f"{row.lower_95:.5g}",
            f"{row.upper_95:.5g}",
            f"{row.ess_bulk:.0f}",
            f"{row.r_hat:.3f}",
        ]
        for row in result.summary
    ]
    words = [f"  - {warning}" for warning in result.warnings]
    return "\n".join([result.message, "", columns([header, *rows], right=range(1, 7)), "", *words])
