"""What the processes of a series do; each task yields what there is to tell, as soon as there is."""

from __future__ import annotations

import importlib
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from heterodyne_cli.series.examining import Contents, IncompleteError, Signature, examine, signature_of
from heterodyne_cli.series.job import Job
from heterodyne_cli.series.patience import Waiting, patiently
from heterodyne_cli.series.request import Request, config_of
from heterodyne_cli.series.row import Row, row_of
from heterodyne_data import NLSQResult, TwoTimeData, load_data
from heterodyne_nlsq.output import drawings, save, write_drawings
from heterodyne_spec import Config, OutputError
from heterodyne_spec.errors import BusyError, DataError
from heterodyne_spec.terminal import said_of


@dataclass(frozen=True)
class Examined:
    """What a file holds, as it was when it had this signature."""

    path: Path
    signature: Signature
    found: Contents


@dataclass(frozen=True)
class Unready:
    """A file that is not whole, or (`busy`) still open for writing, or has changed meanwhile."""

    path: Path
    text: str
    busy: bool = False


@dataclass(frozen=True)
class Unusable:
    """A whole file that does not hold what is asked for."""

    path: Path
    text: str


@dataclass(frozen=True)
class Fitted:
    """A fit is done; `result` comes without its maps."""

    job: Job
    row: Row
    result: NLSQResult


@dataclass(frozen=True)
class Written:
    """The result of a fit is in its folder."""

    job: Job
    row: Row
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Failed:
    """A fit could not be done; `fatal` when no other can be, either."""

    job: Job
    text: str
    fatal: bool = False


type Told = Examined | Unready | Unusable | Fitted | Written | Failed | Waiting


def warm_up(request: Request) -> Iterator[Told]:
    """Import what a fit takes, and keep what it compiles."""
    from heterodyne_nlsq.compilation import keep_compiled_functions

    importlib.import_module("heterodyne_nlsq.fit")
    if request.cache:
        keep_compiled_functions()
    yield from ()


def fit_by_least_squares(data: TwoTimeData, config: Config, starts: Sequence[NLSQResult]) -> NLSQResult:
    """Return the fit of a measurement; `starts` are results of others like it, each a candidate to start from."""
    # JAX takes a second to import, and this module is imported where nothing is fitted.
    from heterodyne_nlsq.fit import fit_nlsq_jax

    return fit_nlsq_jax(data, config, candidates=list(starts)) if starts else fit_nlsq_jax(data, config)


def examine_file(path: Path, request: Request) -> Iterator[Told]:
    """Tell what a file holds."""
    try:
        signature = signature_of(path)
        found = examine(path, request.config.data, request.q)
        unchanged = signature == signature_of(path)
    except (BusyError, IncompleteError) as error:
        yield Unready(path, str(error), isinstance(error, BusyError))
    except DataError as error:
        yield Unusable(path, str(error))
    except FileNotFoundError:
        yield Unready(path, f"{path}: there is no such file; check the path")
    except OSError as error:
        yield Unready(path, f"{path}: cannot be read ({error.strerror or error}); check the drive and the permissions")
    else:
        yield Examined(path, signature, found) if unchanged else Unready(path, f"{path}: is being written", True)


def fit_file(job: Job, request: Request, starts: Sequence[NLSQResult], wait: bool) -> Iterator[Told]:
    """Fit a measurement, tell it, write the result, tell that; with `wait`, a full disk is waited for."""
    begin = time.perf_counter()
    config = config_of(request.config, job.bin.q)
    try:
        data = load_data(job.path, config=config, hashed=False)
        if signature_of(job.path) != job.signature:
            yield Unready(job.path, f"{job.path}: has changed while it was read", True)
            return
        result = _named(fit_by_least_squares(data, config, starts), job, request)
    except Exception as error:
        yield Failed(job, said_of(error))
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
    """Return a result with the command, and with the hash of its file: that was found before, for all q at once."""
    provenance = {**result.data.provenance, **dict([job.fingerprint])}
    return replace(result, command=request.command, data=replace(result.data, provenance=provenance))


def _written(result: NLSQResult, folder: Path, wait: bool) -> Generator[Waiting, None, tuple[Path, ...]]:
    def write() -> tuple[Path, ...]:
        path = save(result, folder)
        return path, path.with_suffix(".h5")

    if not wait:
        return write()
    return (yield from patiently(write))


def is_drawn(folder: Path, request: Request) -> bool:
    """Tell whether nothing is left to be drawn of the result in a folder."""
    output = request.config.output
    asked = drawings(folder, plots=output.plots, report=output.report) if request.draws else []
    return all(path.is_file() for path in asked)


def undrawn(done: Iterable[Job], request: Request) -> list[Job]:
    """Return the jobs whose results are there, but not all pictures: an earlier run was interrupted before."""
    return [job for job in done if not is_drawn(request.output / job.name, request)]


def draw_result(job: Job, request: Request, wait: bool) -> Iterator[Told]:
    """Draw the pictures and the report of a result that is written; what goes wrong is told, and costs no numbers."""
    folder = request.output / job.name
    settings = request.config.output
    try:
        result = NLSQResult.load(folder)
        if wait:
            yield from patiently(lambda: write_drawings(result, folder, settings))
        else:
            write_drawings(result, folder, settings)
    except Exception as error:
        yield Waiting(f"{job.name}: no pictures: {said_of(error)}")
