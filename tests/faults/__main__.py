"""Faults in every command, counted: what is promised when something breaks.

``python tests/faults --seed N --count N``; the same numbers choose the same faults. ``--only K`` does one of them. With
``--stage FOLDER`` undisturbed runs are kept for the next time, and so are the folders of faults that broke a promise.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import invariants
from commands import BY_NAME, COMMANDS, ROOT, WEIGHTS, Command
from injections import INJECTIONS, Fault, Reference, Scene
from table import Outcome, print_table
from workspace import Workspace, digests, launcher, make_template

_MOUNTS = "FAULTS_MOUNTS"
"""Set in a process whose mounts are its own."""


@dataclass(frozen=True)
class Stage:
    """All that the faults of one call share: inputs, earlier results, compiled functions, undisturbed runs."""

    root: Path

    @property
    def inputs(self) -> Path:
        """What commands read."""
        return self.root / "inputs"

    @property
    def cache(self) -> Path:
        """Compiled functions of undisturbed runs."""
        return self.root / "cache"

    def old(self, command: Command) -> Path:
        """Return what the command left of other data, with inputs that differ."""
        return self.root / "old" / command.name.replace(" ", "_")

    def new(self, command: Command) -> Path:
        """Return what the undisturbed command left."""
        return self.root / "new" / command.name.replace(" ", "_")


def own_mounts() -> None:
    """Have the mounts of this program be its own: they are gone with it."""
    if os.environ.get(_MOUNTS) is None:
        if os.geteuid() != 0 or shutil.which("unshare") is None:
            sys.exit("error: full disks and read-only folders are mounted: run this as root on Linux")
        os.environ[_MOUNTS] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.orig_argv[1:]])


def prepared(root: Path) -> tuple[Stage, dict[str, Reference]]:
    """Run every command undisturbed, twice: of other data, then of those that are struck."""
    stage, references = Stage(root), {}
    run = launcher("heterodyne", ROOT)
    # Everything that is compiled and every font is there before the first measured run.
    os.environ["XDG_CACHE_HOME"] = str(stage.cache)
    stage.cache.mkdir(exist_ok=True)
    make_template(root / "other", (3, 4), run)
    make_template(stage.inputs, (1, 2), run)
    for kind, template, place in (("old", root / "other", stage.old), ("new", stage.inputs, stage.new)):
        for command in COMMANDS:
            reference = _undisturbed(stage, command, template, root / f"{kind}-{command.name.replace(' ', '_')}")
            shutil.copytree(reference.folder, place(command))
            references[command.name] = Reference(reference.code, reference.work, reference.sizes, place(command))
            print(f"{kind}: {command.name}: exit code {reference.code}, {reference.work:.1f} s of work", flush=True)
            if command.name == "nlsq":
                shutil.copytree(reference.folder, template / "fit")
    return stage, references


def _undisturbed(stage: Stage, command: Command, template: Path, root: Path) -> Reference:
    where = Workspace(root)
    root.mkdir()
    shutil.copytree(template, where.inputs)
    where.output.mkdir()
    where.cache.symlink_to(stage.cache)
    scene = Scene(where, command, Reference(0, 0.0, (), where.output))
    ended = scene.start().end()
    if ended.code not in (0, 2):
        sys.exit(f"error: {command.name}: exit code {ended.code}: {ended.err}")
    sizes = tuple(path.stat().st_size for path in where.output.rglob("*") if path.is_file())
    return Reference(ended.code, ended.work, sizes, where.output)


@dataclass(frozen=True)
class Planned:
    """A fault to be done."""

    number: int
    command: Command
    fault: Fault
    old: bool


def plan(seed: int, count: int, references: dict[str, Reference]) -> list[Planned]:
    """Return faults, every kind in turn by its weight: the same ones for the same numbers."""
    rng, planned = random.Random(seed), []
    kinds = [kind for kind, weight in INJECTIONS.items() for _ in range(weight)]
    commands = [command for command in COMMANDS for _ in range(WEIGHTS[command.name])]
    order: list[object] = []
    for number in range(count):
        order = order or rng.sample(kinds, len(kinds))
        kind, command = order.pop(), rng.choice(commands)
        fault = kind(random.Random(rng.random()), command, references[command.name])  # type: ignore[operator]
        planned.append(Planned(number, command, fault, rng.random() < 0.5))
    return planned


def strike(stage: Stage, one: Planned, reference: Reference) -> Outcome:
    """Do a fault, check, run the command once more, check."""
    begin = time.monotonic()
    where = Workspace(stage.root / f"fault-{one.number:04d}")
    shutil.rmtree(where.root, ignore_errors=True)
    where.root.mkdir()
    where.fill(stage.inputs, None if one.fault.cold else stage.cache)
    if one.old:
        shutil.copytree(stage.old(one.command), where.output, dirs_exist_ok=True)
        _moved(where.output / "record.json", stage.root / f"old-{one.command.name}", where.root)
    inputs, before = where.hashes(), digests(where.output)
    scene = Scene(where, one.command, reference)
    struck = one.fault.strike(scene)
    kept = one.fault.kind != "output removed"
    problems = invariants.of_ending(struck, reference)
    problems += invariants.of_files(where, inputs, before, struck, reference, one.command, kept)
    struck.undo()
    if one.fault.cold:
        _warm(stage.cache, where.cache)
    if one.fault.again:
        ended = scene.start("next").end()
        problems += invariants.of_next_run(where, ended, reference, one.command)
    code, seconds = struck.ended.code, time.monotonic() - begin
    return Outcome(
        one.number,
        one.command.name,
        one.fault.kind,
        one.fault.said,
        one.old,
        code,
        tuple(problems),
        seconds,
    )


def _moved(record: Path, before: Path, now: Path) -> None:
    """Have the record of a series speak of the files of this workspace: they are others under the same names."""
    if record.is_file():
        record.write_text(record.read_text(encoding="utf-8").replace(f"{before}/", f"{now}/"), encoding="utf-8")


def _warm(source: Path, cache: Path) -> None:
    """Add compiled functions to those that an interrupted run has left, whole or not."""
    for path in source.rglob("*"):
        place = cache / path.relative_to(source)
        if path.is_file() and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, place)


def main() -> int:
    """Run the program and return its exit code: 1 when something promised does not hold."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2, help="faults at the same time")
    parser.add_argument("--only", type=int, nargs="*", help="numbers of faults, instead of all")
    parser.add_argument("--command", choices=BY_NAME, nargs="*", help="only faults of these commands")
    parser.add_argument("--stage", type=Path, help="folder of undisturbed runs, made there or taken from there")
    args = parser.parse_args()
    own_mounts()
    with tempfile.TemporaryDirectory(prefix="faults-") as temporary:
        root = (args.stage or Path(temporary)).resolve()
        stage, references = _recalled(root) or _remembered(*prepared(root))
        planned = [
            one for one in plan(args.seed, args.count, references) if args.only is None or one.number in args.only
        ]
        planned = [one for one in planned if args.command is None or one.command.name in args.command]
        outcomes: list[Outcome] = []

        def do(one: Planned) -> None:
            found = strike(stage, one, references[one.command.name])
            outcomes.append(found)
            print(f"{len(outcomes)} of {len(planned)}: {found}", flush=True)
            if not found.problems:
                shutil.rmtree(stage.root / f"fault-{one.number:04d}", ignore_errors=True)

        with ThreadPoolExecutor(args.workers) as pool:
            list(pool.map(do, planned))
        return print_table(args.seed, outcomes)


def _remembered(stage: Stage, references: dict[str, Reference]) -> tuple[Stage, dict[str, Reference]]:
    document = {name: {**vars(one), "folder": str(one.folder)} for name, one in references.items()}
    (stage.root / "references.json").write_text(json.dumps(document))
    return stage, references


def _recalled(root: Path) -> tuple[Stage, dict[str, Reference]] | None:
    root.mkdir(parents=True, exist_ok=True)
    try:
        document = json.loads((root / "references.json").read_text())
    except FileNotFoundError:
        return None
    return Stage(root), {
        name: Reference(one["code"], one["work"], tuple(one["sizes"]), Path(one["folder"]))
        for name, one in document.items()
    }


if __name__ == "__main__":
    sys.exit(main())
