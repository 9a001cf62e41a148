"""Tasks of the worker processes of a series; each task yields its messages as they occur."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from heterodyne_cli.series.examining import Contents, IncompleteError, Signature, examine, signature_of
from heterodyne_cli.series.job import Job
from heterodyne_cli.series.request import Request, config_of
from heterodyne_cli.series.retry import Notice, retry_write
from heterodyne_cli.series.row import Row, row_of
from heterodyne_data import NLSQResult, TwoTimeData, load_data
from heterodyne_nlsq import drawings_of_fit, save_fit, write_drawings
from heterodyne_spec import BusyError, Config, DataError, OutputError, error_text


@dataclass(frozen=True)
class Examined:
    """Contents of a file, with the signature of the file at that time."""

    path: Path
    signature: Signature
    found: Contents


@dataclass(frozen=True)
class NotReady:
    """A file that is incomplete, still open for writing (`busy`), or was changed while it was read."""

    path: Path
    text: str
    busy: bool = False


@dataclass(frozen=True)
class Unusable:
    """A complete file that lacks the requested data."""

    path: Path
    text: str


@dataclass(frozen=True)
class Fitted:
    """A fit is finished; `result` has no maps."""

    job: Job
    row: Row
    result: NLSQResult


@dataclass(frozen=True)
class Written:
    """The result of a fit has been written."""

    job: Job
    row: Row
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Failed:
    """A fit failed; `fatal` if others would fail for the same reason."""

    job: Job
    text: str
    fatal: bool = False


type Message = Examined | NotReady | Unusable | Fitted | Written | Failed | Notice


def warm_up(request: Request) -> Iterator[Message]:
    """Import the packages for a fit, and enable the compilation cache."""
    import heterodyne_nlsq

    # Names are loaded on first use: this one imports JAX.
    _ = heterodyne_nlsq.fit_nlsq_jax
    if request.cache:
        heterodyne_nlsq.keep_compiled_functions()
    yield from ()


def fit_by_least_squares(data: TwoTimeData, config: Config, starts: Sequence[NLSQResult]) -> NLSQResult:
    """Return the fit of a measurement; `starts` are results of similar ones, used as candidates for starting values."""
    # Imported here because JAX takes a second, and this module is also imported without fitting.
    from heterodyne_nlsq import fit_nlsq_jax

    return fit_nlsq_jax(data, config, candidates=list(starts)) if starts else fit_nlsq_jax(data, config)


def examine_file(path: Path, request: Request) -> Iterator[Message]:
    """Examine the contents of a file."""
    try:
        signature = signature_of(path)
        found = examine(path, request.config.data, request.q)
        unchanged = signature == signature_of(path)
    except (BusyError, IncompleteError) as error:
        yield NotReady(path, str(error), isinstance(error, BusyError))
    except DataError as error:
        yield Unusable(path, str(error))
    except FileNotFoundError:
        yield NotReady(path, f"{path}: no such file; check the path")
    except OSError as error:
        yield NotReady(path, f"{path}: cannot be read ({error.strerror or error}); check the drive and the permissions")
    else:
        yield Examined(path, signature, found) if unchanged else NotReady(path, f"{path}: is being written", True)


def fit_file(job: Job, request: Request, starts: Sequence[NLSQResult], wait: bool) -> Iterator[Message]:
    """Fit a measurement and write the result; with `wait`, writing to a full disk is retried."""
    begin = time.perf_counter()
    config = config_of(request.config, job.bin.q)
    try:
        data = load_data(job.path, config=config, hashed=False)
        if signature_of(job.path) != job.signature:
            yield NotReady(job.path, f"{job.path}: was changed while it was read", True)
            return
        result = _named(fit_by_least_squares(data, config, starts), job, request)
    except Exception as error:
        yield Failed(job, error_text(error))
        return
    row = row_of(result, job, time.perf_counter() - begin)
    yield Fitted(job, row, replace(result, maps=None))
    folder = request.output / job.name
    try:
        files = yield from _written(result, folder, wait)
    except OutputError as error:
        yield Failed(job, str(error), fatal=True)
        return
    yield Written(job, row, files)


def _named(result: NLSQResult, job: Job, request: Request) -> NLSQResult:
    """Return a result with the command and the hash of its file, which was computed once for all q."""
    provenance = {**result.data.provenance, **dict([job.fingerprint])}
    return replace(result, command=request.command, data=replace(result.data, provenance=provenance))


def _written(result: NLSQResult, folder: Path, wait: bool) -> Generator[Notice, None, tuple[Path, ...]]:
    def write() -> tuple[Path, ...]:
        path = save_fit(result, folder)
        return path, path.with_suffix(".h5")

    if not wait:
        return write()
    return (yield from retry_write(write))


def is_drawn(folder: Path, request: Request) -> bool:
    """Return whether all plots and reports of the result in a folder exist."""
    output = request.config.output
    asked = drawings_of_fit(folder, plots=output.plots, report=output.report) if request.draws else []
    return all(path.is_file() for path in asked)


def undrawn(done: Iterable[Job], request: Request) -> list[Job]:
    """Return finished jobs with missing plots, because an earlier run was interrupted."""
    return [job for job in done if not is_drawn(request.output / job.name, request)]


def draw_result(job: Job, request: Request, wait: bool) -> Iterator[Message]:
    """Write plots and report of a saved result; an error is reported and does not affect the result."""
    folder = request.output / job.name
    settings = request.config.output
    try:
        result = NLSQResult.load(folder)
        if wait:
            yield from retry_write(lambda: write_drawings(result, folder, settings))
        else:
            write_drawings(result, folder, settings)
    except Exception as error:
        yield Notice(f"{job.name}: plotting failed: {error_text(error)}")
