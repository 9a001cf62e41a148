"""Faults: what goes wrong with a command, when, and how it must end then.

Every function takes random numbers, the command and its undisturbed run, and returns a fault whose choices are made.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from commands import Command
from processes import Ended, Running
from workspace import Workspace

HOOK = Path(__file__).parent / "hook"


@dataclass(frozen=True)
class Reference:
    """An undisturbed run: its exit code, processor time in s, sizes in bytes, and the `folder` of what it left."""

    code: int
    work: float
    sizes: tuple[int, ...]
    folder: Path


@dataclass(frozen=True)
class Struck:
    """A run that a fault was done to.

    `codes` are the exit codes that are right; `graceful` tells that it could clean up; `lines` that it had one line to
    say when it did not end well; `others` are further runs at the same time.
    """

    ended: Ended
    codes: frozenset[int]
    graceful: bool = True
    lines: int | None = 1
    whole: bool = True
    """Whether an end with the undisturbed code means that all results are there."""
    same_data: bool = True
    others: tuple[Ended, ...] = ()
    undo: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Scene:
    """Where a fault strikes: a workspace, the command, its undisturbed run."""

    where: Workspace
    command: Command
    reference: Reference

    def env(self, **more: str) -> dict[str, str]:
        """Return the environment of the command."""
        paths = os.pathsep.join([str(HOOK), *filter(None, [os.environ.get("PYTHONPATH")])])
        kept = {name: value for name, value in os.environ.items() if name not in ("XDG_CACHE_HOME", "PYTHONPATH")}
        return {**kept, "PYTHONPATH": paths, "XDG_CACHE_HOME": str(self.where.cache), "NO_COLOR": "1", **more}

    def start(self, name: str = "run", argv: list[str] | None = None, **how: object) -> Running:
        """Start the command."""
        env = how.pop("env", None) or self.env()
        return Running(argv or self.command.argv(self.where), env, self.where.root / name, **how)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Fault:
    """A fault in words, and how it is done; `cold` asks for no compiled functions, `old` for earlier results there."""

    kind: str
    said: str
    strike: Callable[[Scene], Struck]
    cold: bool = False
    again: bool = True
    """Whether the command is run once more afterwards."""


type Injection = Callable[[random.Random, Command, Reference], Fault]


def _ends(reference: Reference, *codes: int) -> frozenset[int]:
    """Return exit codes, and that of a run which was done before the fault came."""
    return frozenset({reference.code, *codes})


def killed(rng: random.Random, command: Command, reference: Reference) -> Fault:
    """``kill -9``: the command alone, with all that it has started, or one of its processes."""
    target = rng.choice(("command", "all", "process") if command.workers else ("command", "all"))
    at = rng.uniform(0.0, 1.0)

    def strike(scene: Scene) -> Struck:
        run = scene.start()
        if run.wait_for(at * reference.work):
            if target == "process":
                for pid in [pid for pid in run.children() if _is_worker(pid)][:1]:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            else:
                run.signal(signal.SIGKILL, group=target == "all")
        if target == "process":
            return Struck(run.end(), _ends(reference, 1), graceful=False, lines=None)
        return Struck(run.end(), _ends(reference, -signal.SIGKILL), graceful=False, lines=None)

    return Fault("kill -9", f"{target} at {at:.2f}", strike)


def _is_worker(pid: int) -> bool:
    with suppress(OSError):
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def killed_at_stage(rng: random.Random, command: Command, reference: Reference) -> Fault:
    """``kill -9`` while files are written."""
    name = "writing" if "writing" in command.stages else rng.choice(tuple(command.stages))
    return _at_stage(rng, command, reference, name, signal.SIGKILL, "kill -9 at a stage")


def interrupted_at_stage(rng: random.Random, command: Command, reference: Reference) -> Fault:
    """Ctrl-C at a stage of the work."""
    name = rng.choice(tuple(command.all_stages))
    return _at_stage(rng, command, reference, name, signal.SIGINT, "Ctrl-C at a stage")


def _at_stage(
    rng: random.Random, command: Command, reference: Reference, name: str, number: signal.Signals, kind: str
) -> Fault:
    call = rng.randint(1, {"writing": 5, "compiling": 40}.get(name, 1))
    delay = rng.choice((0.0, 0.0, rng.uniform(0.0, 0.02), rng.uniform(0.0, 0.5)))
    if name == "ending":
        delay = 0.0  # no thread can wait for it there
    killing = number == signal.SIGKILL
    variables = {
        "FAULT_STAGE": command.all_stages[name],
        "FAULT_CALL": str(call),
        "FAULT_DELAY": str(delay),
        "FAULT_SIGNAL": str(int(number)),
        # A terminal sends Ctrl-C to all processes of the command.
        "FAULT_GROUP": "1",
    }

    def strike(scene: Scene) -> Struck:
        ended = scene.start(env=scene.env(**variables)).end()
        if killing:
            return Struck(ended, _ends(reference, -number), graceful=False, lines=None)
        return Struck(ended, _ends(reference, 130))

    return Fault(kind, f"{name}, call {call}, {delay:.3f} s after", strike, cold=name == "compiling")


def asked_to_end(rng: random.Random, command: Command, reference: Reference) -> Fault:
    """Ctrl-C, SIGTERM or SIGHUP at any time."""
    number = rng.choice((signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    at, group = rng.uniform(0.0, 1.0), number == signal.SIGINT or rng.random() < 0.5

    def strike(scene: Scene) -> Struck:
        run = scene.start()
        if run.wait_for(at * reference.work):
            run.signal(number, group=group)
        return Struck(run.end(), _ends(reference, 130))

    return Fault(number.name, f"at {at:.2f}{', to all processes' if group else ''}", strike)


def _mounted(folder: Path, *options: str) -> None:
    subprocess.run(["mount", *options, str(folder)], check=True)


def _unmounted(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def disk_full(rng: random.Random, command: Command, reference: Reference) -> Fault:
    """A file system without room for all results."""
    part = rng.uniform(0.0, 1.0)
    room = 4096 * max(1, int(part * sum(-(-size // 4096) for size in reference.sizes)))

    def strike(scene: Scene) -> Struck:
        output = scene.where.output
        kept = scene.where.root / "kept"
        output.rename(kept)
        output.mkdir()
        there = sum(4096 * -(-p.stat().st_size // 4096) for p in kept.rglob("*") if p.is_file())
        _mounted(output, "-t", "tmpfs", "-o", f"size={there + room}", "faults")
        shutil.copytree(kept, output, dirs_exist_ok=True)
        run = scene.start()

        def undo() -> None:
            # What is there goes on; the disk has room again.
            _mounted(output, "-o", "remount,size=1g")

        if command.waits:
            # It waits for as long as it takes: room is made once it says so, or is done.
            while run.process.poll() is None and "trying again" not in run.said():
                time.sleep(0.1)
            undo()
            return Struck(run.end(), _ends(reference), undo=lambda: None)
        return Struck(run.end(), _ends(reference, 1), undo=undo)

    return Fault("disk full", f"room for {part:.2f}", strike)


def file_too_large(rng: random.Random, command: Command, reference: Reference) -> Fault:
    """A limit of the size of a file (a quota)."""
    limit = int(rng.uniform(0.0, 1.1) * max(reference.sizes))

    def strike(scene: Scene) -> Struck:
        def before() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        read, write = os.pipe()
        run = scene.start(before=before, stdout=write)
        os.close(write)
        with os.fdopen(read, "rb") as stream:
            stream.read()
        return Struck(run.end(), _ends(reference, 1))

    return Fault("file too large", f"{limit} bytes at most", strike)


def read_only(rng: random.Random, command: Command, reference: Reference) -> Fault:
    """The output folder cannot be written, from the beginning or from some time on."""
    at = rng.choice((0.0, rng.uniform(0.0, 1.0)))
    if command.series:
        at = 0.0  # its lock is open for writing: Linux makes no such folder read-only

    def strike(scene: Scene) -> Struck:
        output = scene.where.output
        _mounted(output, "--bind", str(output))
        if at == 0:
            _mounted(output, "-o", "remount,bind,ro")
        run = scene.start()
        if at and run.wait_for(at * reference.work):
            # Busy while a file is open for writing.
            for _ in range(200):
                if not subprocess.run(
                    ["mount", "-o", "remount,bind,ro", str(output)], check=False, stderr=-3
                ).returncode:
                    break
                time.sleep(0.005)
        ended = run.end()
        return Struck(ended, _ends(reference, 1), graceful=at == 0, undo=lambda: _unmounted(output))

    return Fault("read-only", f"from {at:.2f} on", strike)


def removed(rng: random.Random, command: Command, reference: Reference) -> Fault:
    """The output folder is removed while the command is at work."""
    at = rng.uniform(0.0, 1.0)

    def strike(scene: Scene) -> Struck:
        run = scene.start()
        going = run.wait_for(at * reference.work)
        for _ in range(100):
            shutil.rmtree(scene.where.output, ignore_errors=True)
            if not scene.where.output.exists():
                break
        work = run.work()
        ended = run.end()
        # What is removed when the command has looked at it for the last time is nobody's fault.
        late = not going or ended.work - work < 0.5
        scene.where.output.mkdir(exist_ok=True)
        return Struck(ended, _ends(reference, 1), whole=not late)

    return Fault("output removed", f"at {at:.2f}", strike)


def clock(rng: random.Random, command: Command, reference: Reference) -> Fault:
    """The time of day jumps; files are of tomorrow, or of another year."""
    shift = rng.choice((-1, 1)) * rng.choice((60.0, 3600.0, 86400.0, 1e8))
    at = rng.choice((0.0, rng.uniform(0.0, 1.0)))
    touched = rng.random() < 0.5

    def strike(scene: Scene) -> Struck:
        if touched:
            stamp = time.time() + shift
            for path in [*scene.where.inputs.rglob("*"), *scene.where.output.rglob("*")]:
                os.utime(path, (stamp, stamp))
        if command.series:
            # Left behind by a process that is gone, in another time.
            lock = scene.where.output / ".lock"
            lock.write_text(f"{_gone()}\n{os.uname().nodename}\n")
            os.utime(lock, (time.time() + shift,) * 2)
        ended = scene.start(env=scene.env(FAULT_CLOCK=f"{at * reference.work:.3f}:{shift}")).end()
        return Struck(ended, _ends(reference))

    return Fault("clock", f"{shift:+.0f} s at {at:.2f}{', all files as well' if touched else ''}", strike, again=False)


def _gone() -> int:
    """Return the number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def twice(rng: random.Random, command: Command, reference: Reference) -> Fault:
    """Two runs on one output folder at once, of the same data or not."""
    at = rng.uniform(0.0, 0.9)
    other = rng.random() < 0.5 and any("/land/a.h5" in part for part in command.arguments) and not command.series

    def strike(scene: Scene) -> Struck:
        first = scene.start()
        first.wait_for(at * reference.work)
        argv = [part.replace("/land/a.h5", "/land/b.h5") if other else part for part in command.argv(scene.where)]
        second = scene.start("second", argv)
        ended = first.end()
        codes = _ends(reference, 1) if command.series or "cmc" in command.name else _ends(reference)
        return Struck(ended, codes, others=(second.end(),), same_data=not other)

    return Fault("two at once", f"the second at {at:.2f}{', of other data' if other else ''}", strike)


def reader_gone(rng: random.Random, command: Command, reference: Reference) -> Fault:
    """Whoever reads standard output goes away after some lines."""
    lines = rng.choice((0, 1, 1, 2, 5))

    def strike(scene: Scene) -> Struck:
        read, write = os.pipe()
        run = scene.start(stdout=write)
        os.close(write)
        with os.fdopen(read, "rb", buffering=0) as stream:
            for _ in range(lines):
                stream.readline()
        return Struck(run.end(), _ends(reference))

    return Fault("broken pipe", f"after {lines} lines", strike, again=False)


def streams_closed(rng: random.Random, command: Command, reference: Reference) -> Fault:
    """Standard output, or all standard streams, closed before the command starts; or standard output full."""
    how = rng.choice(("output", "all", "full"))

    def strike(scene: Scene) -> Struck:
        def before() -> None:
            for number in (1,) if how == "output" else (0, 1, 2):
                os.close(number)

        if how == "full":
            with open("/dev/full", "wb") as full:  # noqa: PTH123
                return Struck(scene.start(stdout=full).end(), _ends(reference, 1))
        return Struck(scene.start(before=before).end(), _ends(reference))

    return Fault("streams", {"full": "output full"}.get(how, f"{how} closed"), strike, again=False)


def little_memory(rng: random.Random, command: Command, reference: Reference) -> Fault:
    """A limit of the address space."""
    limit = int(rng.uniform(0.1e9, 4e9))

    def strike(scene: Scene) -> Struck:
        def before() -> None:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

        return Struck(
            scene.start(before=before).end(), _ends(reference, 1, -signal.SIGABRT, -signal.SIGSEGV), lines=None
        )

    return Fault("little memory", f"{limit / 1e9:.2f} GB", strike)


def compiled_functions(rng: random.Random, command: Command, reference: Reference) -> Fault:
    """The folder of compiled functions: entries cut off, not writable, or full."""
    how = rng.choice(("cut off", "read-only", "full"))
    part, seed = rng.uniform(0.02, 0.15), rng.random()

    def strike(scene: Scene) -> Struck:
        chosen, cache = random.Random(seed), scene.where.cache / "heterodyne"
        entries = sorted(cache.glob("*-cache")) if cache.is_dir() else []
        for path in chosen.sample(entries, int(part * len(entries))):
            whole = path.read_bytes()
            path.unlink()
            if how == "cut off":
                path.write_bytes(whole[: chosen.randrange(len(whole))])
        if how == "read-only" and cache.is_dir():
            _mounted(cache, "--bind", str(cache))
            _mounted(cache, "-o", "remount,bind,ro")
        if how == "full" and cache.is_dir():
            kept = cache.with_name("kept")
            cache.rename(kept)
            cache.mkdir()
            there = sum(4096 * -(-p.stat().st_size // 4096) for p in kept.iterdir())
            _mounted(cache, "-t", "tmpfs", "-o", f"size={there + 4 * 4096}", "faults")
            shutil.copytree(kept, cache, dirs_exist_ok=True)
        mounted = how != "cut off" and cache.is_dir()
        return Struck(
            scene.start().end(), _ends(reference), undo=(lambda: _unmounted(cache)) if mounted else lambda: None
        )

    return Fault("compiled functions", f"{how}, {part:.2f} of them", strike)


INJECTIONS: Mapping[Injection, int] = {
    killed: 5,
    killed_at_stage: 5,
    interrupted_at_stage: 8,
    asked_to_end: 8,
    disk_full: 5,
    file_too_large: 3,
    read_only: 3,
    removed: 3,
    clock: 3,
    twice: 4,
    reader_gone: 3,
    streams_closed: 3,
    little_memory: 2,
    compiled_functions: 2,
}
"""How often each is drawn."""
