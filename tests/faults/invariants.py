"""What must hold after every fault, and after the run that follows it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import contents
from commands import Command
from injections import Reference, Struck
from processes import Ended
from workspace import Workspace

_OF_FITS = ("loading JAX: ", "compiling: ", "starting values: ", "short fit ", "fit ", "uncertainties: ")
_PROGRESS = (
    *_OF_FITS,
    *("reading ", "pictures: ", "writing: ", "preparing the sampling: ", "sampling: "),
    *("fitting: ", "examining: ", "simulating: ", "watching "),
)
"""How lines of progress begin, which a long run has on stderr."""
_DRAWN = (".png", ".html")
"""Files that are made from results: a new result takes away those of the one before."""
_BROKEN_OFF = ("interrupted", "watch ended")
_WORSE = 1e-4
"""Part of its cost by which a fit from other starts may be worse: that is how far a descent goes."""


def said(ended: Ended) -> list[str]:
    """Return the lines on stderr that are no progress."""
    return [line for line in ended.err.splitlines() if line.strip() and not line.startswith(_PROGRESS)]


def of_ending(struck: Struck, reference: Reference) -> list[str]:
    """Exit code, lines, and processes that were left behind."""
    problems = []
    for ended in (struck.ended, *struck.others):
        if ended.hung:
            problems.append("hangs")
        if ended.alive:
            problems.append(f"left behind: {'; '.join(ended.alive)}")
        codes = struck.codes | ({1} if struck.others else set())
        if ended.code not in codes:
            problems.append(f"exit code {ended.code}, not one of {sorted(codes)}: {' | '.join(said(ended))[:300]}")
        if struck.lines is not None:
            problems += _of_lines(ended, reference)
    return problems


def _of_lines(ended: Ended, reference: Reference) -> list[str]:
    lines = said(ended)
    if ended.code == 1 and (len(lines) != 1 or not lines[0].startswith("error: ")) and "failed" not in ended.out:
        return [f"exit code 1 with {len(lines)} lines: {' | '.join(lines)[:300]}"]
    # A series says it among the lines of its fits.
    if ended.code == 130 and (len(lines) > 1 or not any(word in ended.out + ended.err for word in _BROKEN_OFF)):
        return [f"exit code 130 with {len(lines)} lines: {' | '.join(lines)[:300]}"]
    if ended.code == reference.code and len(lines) > 1:
        return [f"exit code {ended.code} with {len(lines)} lines: {' | '.join(lines)[:300]}"]
    if any("unexpected" in line for line in lines):
        return [f"not foreseen: {lines[0][:300]}"]
    return []


def of_files(
    where: Workspace,
    inputs: Mapping[str, str],
    before: Mapping[str, str],
    struck: Struck,
    reference: Reference,
    command: Command,
    output_kept: bool,
) -> list[str]:
    """Complete files or none, nothing mixed, nothing half written, inputs as they were."""
    found, problems = contents.read(where.output)
    problems += contents.mixed(where.output)
    if where.hashes() != inputs:
        problems.append("inputs have changed")
    if output_kept:
        there = [name for name in before if name not in found and not Path(name).name.startswith(".")]
        problems += [f"{name} is gone" for name in there if not name.endswith(_DRAWN)]
    if struck.graceful and (left := contents.hidden(where.output)):
        problems.append(f"left behind: {', '.join(path.name for path in left)}")
    ended_well = [e.code for e in (struck.ended, *struck.others) if e.code == reference.code]
    if ended_well and struck.whole and struck.same_data:
        problems += [f"exit code {reference.code}, but {text}" for text in difference(where, reference, command)]
    return problems


def of_next_run(where: Workspace, ended: Ended, reference: Reference, command: Command) -> list[str]:
    """The run after it: as if nothing had happened."""
    problems = []
    if ended.code != reference.code or said(ended):
        problems.append(f"exit code {ended.code} with {' | '.join(said(ended))[:300]}")
    if ended.alive or ended.hung:
        problems.append(f"left behind: {'; '.join(ended.alive)}")
    _, broken = contents.read(where.output)
    problems += broken + contents.mixed(where.output)
    if left := contents.hidden(where.output):
        problems.append(f"still there: {', '.join(path.name for path in left)}")
    return [f"next run: {text}" for text in problems + difference(where, reference, command)]


def difference(where: Workspace, reference: Reference, command: Command) -> list[str]:
    """Return what a folder holds otherwise than the undisturbed run left it."""
    found, expected = contents.read(where.output)[0], contents.read(reference.folder)[0]
    problems = [f"{name} is missing" for name in expected if name not in found]
    # A watch starts each fit from those before it, and these depend on what was there: it may find what is better.
    if command.waits:
        found_costs, expected_costs = contents.costs(where.output), contents.costs(reference.folder)
        worse = [k for k in expected_costs if found_costs.get(k, 0.0) > (1 + _WORSE) * expected_costs[k]]
        return problems + [f"{k}: a worse fit, {found_costs[k]:.8g} for {expected_costs[k]:.8g}" for k in worse]
    return problems + [f"{name} differs" for name in expected if name in found and found[name] != expected[name]]
