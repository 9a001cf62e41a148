"""``heterodyne batch``: parallel fits of many files and many q."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from heterodyne_cli.series.arrivals import PATTERNS, scan_folder
from heterodyne_cli.series.request import Request, add_series_arguments, requested_series
from heterodyne_cli.series.schedule import default_workers
from heterodyne_cli.subcommand import Subcommand
from heterodyne_report import Console
from heterodyne_spec import INTERRUPTED, DataError


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, nargs="+", help="measurements (HDF5 or .npz), or folders of measurements")
    workers = default_workers()
    parser.add_argument(
        "--workers", type=_count, default=workers, metavar="N", help=f"number of processes (default: {workers})"
    )
    add_series_arguments(parser)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text}, expected a number of processes >= 1")
    return int(text)


def _run(args: argparse.Namespace, console: Console, command: Sequence[str]) -> int:
    from heterodyne_cli.series.batch import Batch
    from heterodyne_cli.series.collector import open_collector
    from heterodyne_cli.series.lock import lock_folder
    from heterodyne_cli.series.summary_files import write_netcdf
    from heterodyne_cli.series.tasks import warm_up
    from heterodyne_cli.series.worker import WorkerProcess, receive_messages, stop_all

    request = requested_series(args, command)
    files = named_files(args.file, request.output)
    with lock_folder(request.output), console.progress() as shown:
        collector = open_collector(request, console, shown, "Fits of a batch")
        workers = [WorkerProcess(warm_up, request) for _ in range(_workers(args.workers, request, len(files)))]
        batch, code = Batch(files, request, collector, workers, receive_messages), INTERRUPTED
        try:
            code = batch.run()
        except KeyboardInterrupt:
            collector.log("interrupted; finished fits are kept: rerun the same command to resume", "interrupted")
        finally:
            stop_all(workers)
        written = [*collector.publish(), write_netcdf(collector.record, collector.spec, batch.results)]
        collector.log(batch.summary())
        console.say("\n".join(f"written: {path}" for path in written))
        console.tell("written", files=written)
        return code


def named_files(given: Iterable[Path], output: Path) -> list[Path]:
    """Return the files given, without duplicates; for a folder, its measurements in order of their names.

    Raises
    ------
    DataError : if a folder has none.
    """
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = sorted(scan_folder(path.resolve(), PATTERNS, output) or ())
            if not inside:
                raise DataError(
                    f"{path}: no files {' '.join(PATTERNS)} in this folder; give a folder of measurements, or files"
                )
            found += inside
        else:
            # Normalise the path, but do not resolve links, which keep their name.
            found.append(path.parent.resolve() / path.name)
    return list(dict.fromkeys(found))


def _workers(asked: int, request: Request, n_files: int) -> int:
    """Return the number of useful processes; the number of q per file is not known yet."""
    return asked if request.q == "all" else min(asked, n_files * len(request.q or (None,)))


COMMAND = Subcommand(
    "batch",
    "fit many files and many q, in parallel, with one table of all results",
    (
        "heterodyne batch scans/*.h5 --config config.yaml --output fits",
        "heterodyne batch measurement.h5 --q all --workers 4",
        "heterodyne batch a.h5 b.h5 --q 0.0054,0.0071",
        "heterodyne batch scans --output fits      fits all measurements in the folder scans",
    ),
    _arguments,
    _run,
)
