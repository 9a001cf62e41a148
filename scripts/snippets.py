"""The snippets of a page, run one after the other in a folder: files, commands with their output, Python.

A block ```` ```yaml title="config.yaml" ```` is written as that file. Of a ``console`` block, lines after ``$`` are run
when they call a command of this project (others are left out), and what is shown below a command has to be what it
prints: numbers to 1 % or to the last digit shown, ``...`` for anything, a line ``...`` for any lines. Python blocks run
in one process for the page; a ``text`` block right below one is what it prints. An HTML comment
``<!-- not run: why -->`` before a block leaves it out.

`run_page` starts a process for the page, and one for each of its commands. With `Runner` one process runs page after
page and calls their commands, so that imports and compiled functions serve all of them.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import math
import os
import re
import runpy
import shlex
import subprocess
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PROGRAMS = {
    "heterodyne": "heterodyne_cli.command",
    "heterodyne-nlsq": "heterodyne_nlsq.command",
    "heterodyne-spec": "heterodyne_spec.command",
}
"""Commands that are run, and their modules; others are not ours."""

_FENCE = re.compile(r'(<!-- not run: [^\n]+ -->\n+)?^```(\w*)(?: title="([^"\n]+)")?\n(.*?)^```$', re.M | re.S)
_OUTPUT = re.compile(r"\n\n```text\n(.*?)^```$", re.M | re.S)
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
_TOLERANCE = 0.01
_WARNINGS = ("-W", "error", "-W", "ignore:Error reading persistent compilation cache entry")
"""Errors, but for an entry that another process is writing."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file that it is, the number of its first line, its text, whether it is run.

    `printed` is what the page shows as the output of a Python block.
    """

    language: str
    title: str | None
    line: int
    text: str
    run: bool
    printed: str | None = None


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start(4)) + 1
        below = _OUTPUT.match(text, found.end()) if found[2] == "python" else None
        yield Block(found[2], found[3], line, found[4], found[1] is None, below[1] if below else None)


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield every command of a console block (lines after a backslash joined) with the lines shown below it."""
    for part in re.split(r"^\$ ", text.replace("\\\n", " "), flags=re.M)[1:]:
        command, *shown = part.rstrip("\n").split("\n")
        yield command, shown


def script(page: Path, *, processes: bool = True) -> str:
    """Return a Python program that runs the page; its lines have the numbers that they have in the page.

    Commands are called in the program's own process unless `processes`.
    """
    lines = ["from snippets import console as _console, heard as _heard, listen as _listen, write as _write"]
    for block in (b for b in blocks(page) if b.run):
        # Where the fence is; the text begins below it.
        lines += [""] * (block.line - 2 - len(lines))
        before = [f"_write({block.title!r}, {block.text!r})"] * (block.title is not None)
        lines.append("; ".join([*before, *["_listen()"] * (block.printed is not None)]))
        if block.language == "console":
            lines.append(f"_console({block.text!r}, processes={processes})")
        elif block.language == "python":
            lines += [*block.text.splitlines(), *[f"_heard({block.printed!r})"] * (block.printed is not None)]
    return "\n".join(lines) + "\n"


def run_page(page: Path, folder: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """Run the snippets of a page in `folder`; compiled functions are kept in `cache`, or where the environment says."""
    # In a process of its own: float64 is off until the page switches it on.
    return subprocess.run(
        [sys.executable, *_WARNINGS, _written(page, folder, processes=True).name],
        cwd=folder,
        env=_environment(cache),
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def _written(page: Path, folder: Path, *, processes: bool) -> Path:
    """Write the program of a page under a name that no snippet gives to a file."""
    program = folder / f"page {page.stem}.py"
    program.write_text(script(page, processes=processes), encoding="utf-8")
    return program


def _environment(cache: Path) -> dict[str, str]:
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    kept = {"XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(cache))}
    return {**os.environ, **kept, "PYTHONUTF8": "1", "PYTHONPATH": os.pathsep.join(paths), "NO_COLOR": "1"}


class Runner:
    """One process that runs pages one after the other, each as a program with names of its own.

    Warnings are errors, and float64 is off until a page switches it on, which holds to its end. Pictures
    whose format is not among `drawn` are empty, since drawing them takes most of the time of a page's commands.
    """

    def __init__(self, cache: Path, drawn: Sequence[str] = ("png", "svg")):
        self._process = subprocess.Popen(
            [sys.executable, *_WARNINGS, "-c", f"import snippets; snippets.serve({tuple(drawn)})"],
            env=_environment(cache),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Closes what it reads, at which it ends.
        self._process.communicate()

    def run(self, page: Path, folder: Path) -> str | None:
        """Run the snippets of a page in `folder`; return the traceback of what failed, if something did."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(str(_written(page, folder, processes=False))), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        failed: str | None = json.loads(answer) if answer else f"the process ended with {self._process.wait()}"
        return failed


def serve(drawn: Sequence[str]) -> None:
    """Run the programs whose paths are read, one a line, and answer each with its traceback or null."""
    _leave_empty_but(drawn)
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        # What a page prints is no answer.
        os.dup2(2, 1)
        for line in sys.stdin:
            print(json.dumps(_failure(Path(json.loads(line)))), file=answers, flush=True)


def _leave_empty_but(drawn: Sequence[str]) -> None:
    """Have Matplotlib write empty pictures, except in the formats that are to be drawn."""
    from matplotlib.figure import Figure

    save = Figure.savefig

    def some(figure: Figure, target: object, **given: object) -> None:
        save(figure if given.get("format", "png") in drawn else Figure(figsize=(1, 1)), target, **given)

    Figure.savefig = some


def _failure(program: Path) -> str | None:
    """Run a program in its folder and restore what it changed; return its traceback if it failed."""
    environment, streams = dict(os.environ), (sys.stdout, sys.stderr)
    os.chdir(program.parent)
    try:
        with warnings.catch_warnings():
            runpy.run_path(str(program), run_name="__main__")
    except BaseException:
        return traceback.format_exc()
    finally:
        sys.stdout, sys.stderr = streams
        os.environ.clear()
        os.environ.update(environment)
        if (jax := sys.modules.get("jax")) is not None:
            jax.config.update("jax_enable_x64", False)
    return None


def write(name: str, text: str) -> None:
    """Write the file that a block is."""
    Path(name).write_text(text, encoding="utf-8")


def listen() -> None:
    """Begin to keep what is printed."""
    sys.stdout = io.StringIO()


def heard(shown: str) -> None:
    """Compare what was printed since `listen` with what the page shows."""
    assert isinstance(sys.stdout, io.StringIO)
    said, sys.stdout = sys.stdout.getvalue(), sys.__stdout__
    assert alike(shown.splitlines(), said.splitlines()), f"printed\n{said}\nand the page shows\n{shown}"


def console(text: str, *, processes: bool) -> None:
    """Run the commands of a console block, in processes of their own or in this one, and compare what they print.

    Raises
    ------
    AssertionError : when a command fails where no ``$ echo $?`` follows, or prints something else.
    """
    code = 0
    asked = list(commands(text))
    for (command, shown), after in zip(asked, [*(c for c, _ in asked[1:]), ""], strict=True):
        if command == "echo $?":
            said = f"{code}\n"
        elif command.split()[0] in PROGRAMS:
            code, said = _started(command) if processes else _called(command)
            expected_to_fail = after == "echo $?"
            assert code == 0 or expected_to_fail, f"$ {command}\nended with {code}:\n{said}"
        else:
            continue
        assert not shown or alike(shown, said.splitlines()), f"$ {command}\nprinted\n{said}\nand the page shows\n" + (
            "\n".join(shown)
        )


def _called(command: str) -> tuple[int, str]:
    """Return what `_started` does of a command that is called in this process."""
    program, *rest = shlex.split(command)
    said, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors), warnings.catch_warnings():
        # As Python does by itself.
        warnings.resetwarnings()
        try:
            code = int(importlib.import_module(PROGRAMS[program]).main(rest))
        except SystemExit as end:
            code = int(end.code or 0)
    return code, said.getvalue() if code == 0 else said.getvalue() + errors.getvalue()


def _started(command: str) -> tuple[int, str]:
    """Return exit code and output of a command of ours that is started; its errors, when it fails."""
    program, *rest = shlex.split(command)
    done = subprocess.run(
        [str(Path(sys.executable).parent / program), *rest],
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    return done.returncode, done.stdout if done.returncode == 0 else done.stdout + done.stderr


def alike(shown: Sequence[str], said: Sequence[str]) -> bool:
    """Tell whether lines `said` are those `shown`; a line of ``...`` stands for any lines, empty ones count nothing."""
    shown, said = ([line.strip() for line in lines if line.strip()] for lines in (shown, said))
    if not shown:
        return not said
    if shown[0] == "...":
        return any(alike(shown[1:], said[k:]) for k in range(len(said) + 1))
    return bool(said) and alike_line(shown[0], said[0]) and alike(shown[1:], said[1:])


def alike_line(shown: str, said: str) -> bool:
    """Tell whether a line says the same, numbers within the tolerance."""
    parts = re.split(r"(\.\.\.|\s+)", shown)
    pattern = "".join(_pattern(part) for part in parts)
    found = re.fullmatch(pattern, said)
    if found is None:
        return False
    # What "..." stands between is no part of a number.
    numbers = (number for part in parts if part != "..." for number in _NUMBER.findall(part))
    return all(_close(one, other) for one, other in zip(numbers, found.groups(), strict=True))


def _pattern(part: str) -> str:
    if part == "...":
        return ".*?"
    if part.isspace():
        return r"\s+"
    return "".join(f"({_NUMBER.pattern})" if k % 2 else re.escape(text) for k, text in enumerate(_split(part)))


def _split(part: str) -> list[str]:
    """Return what stands around and in numbers, in turns."""
    numbers = _NUMBER.findall(part)
    return [piece for pair in zip(_NUMBER.split(part), [*numbers, ""], strict=True) for piece in pair][:-1]


def _close(shown: str, said: str) -> bool:
    digits = shown.lower().partition("e")[0].partition(".")[2]
    exponent = int(shown.lower().partition("e")[2] or 0)
    unit = 10.0 ** (exponent - len(digits)) if digits or exponent else 0.0
    return math.isclose(float(shown), float(said), rel_tol=_TOLERANCE, abs_tol=1.5 * unit)
