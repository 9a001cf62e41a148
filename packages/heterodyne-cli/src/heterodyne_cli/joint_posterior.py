"""``--joint --method cmc``: the posterior of several measurements, preceded by their joint fit if none is given."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from heterodyne_cmc import (
    JointPosterior,
    SamplingProgress,
    clear_shards,
    fit_joint_cmc_jax,
    kept_so_far,
    plan_of_joint_sampling,
    summary_of_joint_posterior,
    write_joint_page,
)
from heterodyne_data import JointResult
from heterodyne_nlsq import fit_command
from heterodyne_report import Console, Stage, print_plan, requested_config, requested_output
from heterodyne_spec import DONE, INTERRUPTED, NOT_CONVERGED, Config, ConfigError, Problem, check_written, print_error

REPORT_NAME = "joint_posterior.html"


def joint_posterior_command(args: argparse.Namespace, command: Sequence[str], console: Console) -> int:
    """Sample the posterior of several measurements, print and write it, and return the exit code.

    Finished shards are stored in the output folder until the result is written, so that an interrupted run can be
    resumed.
    """
    if not args.data:
        raise ConfigError("command line", [Problem("--data", "nothing", "measurements", "give --data FILE ...")])
    config = requested_config(args)
    directory = requested_output(args, config)
    if args.share and args.nlsq_result is not None:
        remedy = "leave it out: what is common is that of the joint fit"
        raise ConfigError("command line", [Problem("--share", "--nlsq-result beside it", "one of them", remedy)])
    if args.dry_run:
        return _plan(args, command, config, directory, console)
    if args.nlsq_result is None:
        console.say("no --nlsq-result given: fitting the measurements together first")
        fit_command(args, command, console)
    try:
        return _sample(args, command, config, directory, console)
    except KeyboardInterrupt:
        if kept := kept_so_far(directory):
            print_error(f"interrupted; kept in {directory}: {kept}; rerun the same command to resume")
        elif args.nlsq_result is None:
            again = f"--nlsq-result {shlex.quote(str(directory))}"
            print_error(f"interrupted; the joint fit is in {directory}: add {again} to sample from there")
        else:
            print_error("interrupted before any shard was finished; rerun the same command to start again")
        return INTERRUPTED


def _plan(args: argparse.Namespace, command: Sequence[str], config: Config, directory: Path, console: Console) -> int:
    given = args.nlsq_result
    if given is None:
        fit_command(args, command, console)
    start = None if given is None else JointResult.load(given, maps=False)
    steps = [] if given is None else [f"would start from {given}"]
    steps += plan_of_joint_sampling(args.data, config, start, _several(args))
    report = [directory / REPORT_NAME] if config.output.report else []
    return print_plan(console, steps, [directory / "joint_posterior.json", *report])


def _several(args: argparse.Namespace) -> Any:
    """Return the q that every file contributes, None for those of the configuration, which has a single one, too."""
    return None if isinstance(args.q, float) else args.q


def _sample(args: argparse.Namespace, command: Sequence[str], config: Config, directory: Path, console: Console) -> int:
    joint = JointResult.load(directory if args.nlsq_result is None else args.nlsq_result)
    q = _several(args)
    with console.progress() as shown:
        report = SamplingProgress(shown)
        result = fit_joint_cmc_jax(args.data, config, joint, q=q, directory=directory, progress=report, say=console.say)
    result = replace(result, command=shlex.join(command))
    console.say("\n" + summary_of_joint_posterior(result))
    console.tell("joint result", **joint_posterior_event(result))
    written = [result.save(directory)]
    clear_shards(directory, len(result.members) if result.method == "consensus" else 1)
    if config.output.report:
        with console.stage(Stage.PICTURES):
            written.append(write_joint_page(result, directory / REPORT_NAME))
    check_written(written)
    console.say(f"\nwritten: {', '.join(str(path) for path in written)}; every measurement in 01, 02, ...")
    console.tell("written", files=written)
    return DONE if result.success else NOT_CONVERGED


def joint_posterior_event(result: JointPosterior) -> dict[str, Any]:
    """Return the event for programs that describes the posterior of several measurements."""
    diagnostics = result.members[0].posterior.diagnostics
    return {
        "method": "cmc",
        "success": result.success,
        "message": result.message,
        "consensus": result.method,
        "shared": list(result.shared),
        "members": [member.label for member in result.members],
        "common": [vars(row) for row in result.common],
        "parameters": {m.label: [vars(row) for row in m.posterior.summary] for m in result.members},
        "r_hat": diagnostics.r_hat,
        "ess_bulk": diagnostics.ess_bulk,
        "divergences": diagnostics.divergences,
        "timings": dict(result.timings),
        "warnings": list(result.warnings),
    }
