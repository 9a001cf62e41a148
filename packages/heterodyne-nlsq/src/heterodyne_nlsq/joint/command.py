"""The joint fit of a command line."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from heterodyne_data import JOINT_NAME, JointResult, joint_measurements
from heterodyne_nlsq.compilation import keep_compiled_functions
from heterodyne_nlsq.progress import FitProgress
from heterodyne_report import Console, Stage, print_plan, requested_config, requested_output
from heterodyne_spec import DONE, NOT_CONVERGED, Config, ConfigError, Problem, check_written

REPORT_NAME = "joint_report.html"
"""Not that of a single fit, which may be in the same folder."""


def joint_command(args: argparse.Namespace, command: Sequence[str], console: Console) -> int:
    """Run the joint fit of a command line, print and write its result, and return the exit code."""
    if not args.data:
        raise ConfigError("command line", [Problem("--data", "nothing", "measurements", "give --data FILE ...")])
    config, q = requested_config(args), args.q if not isinstance(args.q, float) else None
    directory = requested_output(args, config)
    if args.dry_run:
        return print_plan(console, _plan(args.data, config, q, args.share), _files(directory, config))
    with console.progress() as shown:
        progress = FitProgress(shown)
        progress.stage(Stage.LOADING)
        # Imported here because JAX takes a second; earlier errors are reported immediately.
        from heterodyne_nlsq.joint.fit import fit_joint_jax

        if not args.no_cache:
            keep_compiled_functions()
        result = fit_joint_jax(args.data, config, q=q, share=args.share, progress=progress)
        result = replace(result, command=shlex.join(command))
        progress.stage(Stage.WRITING)
        written = [result.save(directory)]
        progress.finish()
    from heterodyne_nlsq.joint.summary import summary
    from heterodyne_nlsq.joint.tables import notes_of

    notes = notes_of([(member.label, member.joint.data.notes) for member in result.members])
    told = "\n".join([*(f"  {note}" for note in notes), *([""] if notes else []), summary(result, console.paint)])
    console.say(f"\n{told}")
    console.tell("joint result", **_event(result))
    if config.output.report:
        from heterodyne_nlsq.joint.page import write_page

        with console.stage(Stage.PICTURES):
            written.append(write_page(result, directory / REPORT_NAME))
    check_written(written)
    console.say(f"\nwritten: {', '.join(str(path) for path in written)}; every measurement in 01, 02, ...")
    if (earlier := directory / _POSTERIOR).exists():
        console.say(f"{earlier} is of an earlier joint fit: sample again (--method cmc), or remove it")
    console.tell("written", files=written)
    return DONE if result.success else NOT_CONVERGED


_POSTERIOR = "joint_posterior.json"
"""File of a posterior sampled from an earlier joint fit, of heterodyne-cmc, which need not be installed."""


def _plan(data: Sequence[Path], config: Config, q: Any, share: Sequence[str] | None) -> list[str]:
    """Return the steps of a joint fit; raises the same errors as the fit."""
    from heterodyne_nlsq.fit import prepare
    from heterodyne_nlsq.joint.fit import check_settings, shared_parameters
    from heterodyne_nlsq.joint.tables import notes_of

    check_settings(config)
    found = joint_measurements(data, config, q)
    setups = [prepare(one.data, one.config) for one in found]
    common = shared_parameters(setups, config.model.share if share is None else share)
    return [
        *notes_of([(one.label, one.data.notes) for one in found]),
        f"would fit {len(found)} measurements together: {'; '.join(one.label for one in found)}",
        f"common: {', '.join(common) or 'nothing'}",
    ]


def _files(directory: Path, config: Config) -> list[Path]:
    return [directory / JOINT_NAME, *([directory / REPORT_NAME] if config.output.report else [])]


def _event(result: JointResult) -> dict[str, Any]:
    """Return the event for programs that describes a joint fit."""
    return {
        "success": result.success,
        "message": result.message,
        "verdict": result.verdict,
        "sentence": result.sentence,
        "shared": list(result.shared),
        "members": [member.label for member in result.members],
        "notes": {member.label: list(member.joint.data.notes) for member in result.members},
        "headline": [vars(one) for one in result.headline],
        "parameters": [vars(row) for row in result.parameters],
        "agreement": None if result.agreement is None else vars(result.agreement),
        "exponents": [vars(one) for one in result.exponents],
        "scatter": None if result.scatter is None else vars(result.scatter),
        "timings": dict(result.timings),
        "warnings": list(result.warnings),
    }
