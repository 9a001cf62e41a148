"""One process that makes inputs and judges them, as many as it survives."""

from __future__ import annotations

import os
import shutil
import sys
import time
import traceback
import warnings
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

SOURCES = "/src/heterodyne_"


@dataclass(frozen=True)
class Outcome:
    """What became of an input: accepted, refused, or `defect` with where it showed; s and bytes that it took."""

    k: int
    kind: str
    done: str
    accepted: bool
    seconds: float
    memory: int
    defect: str = ""
    place: str = ""


def work(seed: int, folder: Path, line: Connection) -> None:
    """Judge the inputs whose numbers come over `line`, until it is closed; their outcomes go back."""
    # The packages are imported here, so that the parent stays small.
    from guard import Guard, OpenedFiles
    from judging import judge
    from making import Box, Maker

    # What an input has imported late would be kept as bytecode: for the guard, a file written outside its folder.
    sys.dont_write_bytecode = True
    box, maker = Box(folder), Maker(seed)
    for place in (box.inside, box.out, box.outside, box.work):
        place.mkdir(parents=True, exist_ok=True)
    if not (box.outside / "pipe").exists():
        os.mkfifo(box.outside / "pipe")
    os.chdir(box.work)
    guard, opened = Guard(box.out), OpenedFiles(box.outside, box.work)
    line.send("ready")
    while (k := line.recv()) is not None:
        line.send(_one(k, box, maker, guard, opened, judge, line))


def _one(k, box, maker, guard, opened, judge, line) -> Outcome:  # type: ignore[no-untyped-def]
    from guard import peak_memory, reset_peak_memory

    for place in (box.inside, box.out):
        shutil.rmtree(place)
        place.mkdir()
    kind = maker.kind(k)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Deep ones are made, too; they are read with the limit that all programs have.
        usual = sys.getrecursionlimit()
        sys.setrecursionlimit(100 * usual)
        made = maker.make(k, box)
        sys.setrecursionlimit(usual)
    # Said before anything is read: a process that dies says nothing any more.
    line.send((kind, f"{made.seed}: {made.done}"[:300]))
    before = sorted(box.root.rglob("*"))
    opened.names()
    guard.acts.clear()
    reset_peak_memory()
    begin, accepted, defect, place = time.process_time(), False, "", ""
    guard.on = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            accepted = judge(kind, made, box, maker)
    except Exception as error:
        guard.on = False
        defect = f"{type(error).__name__}: {str(error)[:300]}"
        place = _place(error)
    guard.on = False
    seconds, memory = time.process_time() - begin, peak_memory()
    if not defect:
        defect, place = _misdeeds(box, before, guard.acts, opened.names())
    return Outcome(k, kind, f"{made.seed}: {made.done}"[:300], accepted, seconds, memory, defect, place)


def _misdeeds(box, before: list[Path], acts: list[str], opened: set[str]) -> tuple[str, str]:  # type: ignore[no-untyped-def]
    """Return what an input did to the machine that it must not, and a word for it."""
    if acts:
        return f"forbidden: {acts[0]}", "guard"
    if opened:
        return f"opened outside its folder: {', '.join(sorted(opened))}", "opened outside"
    inside = [path for path in box.root.rglob("*") if not path.is_relative_to(box.out)]
    if more := sorted(set(inside) - set(before)):
        return f"written outside the output folder: {more[0]}", "written outside"
    return "", ""


def _place(error: BaseException) -> str:
    """Return the innermost line of the packages that an error passed, the judge's where there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if SOURCES in frame.filename.replace(os.sep, "/")] or frames
    return f"{Path(ours[-1].filename).name}:{ours[-1].name}"
