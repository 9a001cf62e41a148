"""``--method cmc``: a point estimate first, where none is given, then the posterior from it."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from heterodyne_cmc import CMCResult, fit_cmc_jax
from heterodyne_nlsq.command import read_and_fit, requested_config
from heterodyne_nlsq.summary import columns
from heterodyne_spec import NLSQResult, TwoTimeData, load_data
from heterodyne_spec.terminal import DONE, NOT_CONVERGED


def posterior_command(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Sample the posterior as asked for on the command line, print and write it, and return the exit code."""
    say: Callable[[str], None] = (lambda text: None) if args.quiet else print
    config = requested_config(args)
    directory = args.output or Path(config.output.directory)
    data: TwoTimeData
    start: NLSQResult
    if args.nlsq_result is None:
        say("no --nlsq-result given: fitting the point estimate first")
        data, start = read_and_fit(args, config, command)
        say(f"written: {start.save(directory)}")
    else:
        data, start = load_data(args.data, config=config), NLSQResult.load(args.nlsq_result)
    result = fit_cmc_jax(data, config, start, progress=None if args.quiet else _report_shard)
    result = replace(result, command=shlex.join(command))
    say("\n" + summary(result))
    say(f"\nwritten: {result.save(directory)}")
    return DONE if result.success else NOT_CONVERGED


def _report_shard(done: int, total: int, divergences: int, seconds_left: float) -> None:
    text = f"shard {done} of {total} done, {divergences} divergences so far, about {seconds_left:.0f} s left"
    print(text, file=sys.stderr, flush=True)


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
