"""``heterodyne watch``: fits new files in a folder as they arrive."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from heterodyne_cli.series.arrivals import PATTERNS
from heterodyne_cli.series.request import add_series_arguments, requested_series
from heterodyne_cli.subcommand import Subcommand
from heterodyne_report import Console
from heterodyne_spec import INTERRUPTED, DataError

_REFRESH = 10
"""Seconds after which a browser reloads the page of trends."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="folder to watch")
    parser.add_argument(
        "--pattern",
        action="append",
        metavar="GLOB",
        help=f"file pattern, can be repeated (default: {' '.join(PATTERNS)})",
    )
    parser.add_argument("--every", type=_seconds, default=0.5, metavar="S", help="polling interval in s (default 0.5)")
    parser.add_argument("--once", action="store_true", help="fit the existing files and exit")
    add_series_arguments(parser)


def _seconds(text: str) -> float:
    value = float(text)
    if not (0 < value < math.inf):
        raise argparse.ArgumentTypeError(f"found {text}, expected a time > 0 in s")
    return value


def _run(args: argparse.Namespace, console: Console, command: Sequence[str]) -> int:
    from heterodyne_cli.series.collector import open_collector
    from heterodyne_cli.series.lock import lock_folder
    from heterodyne_cli.series.tasks import warm_up
    from heterodyne_cli.series.watch import Watch, WatchSettings
    from heterodyne_cli.series.worker import WorkerProcess, receive_messages, stop_all

    request = requested_series(args, command)
    folder: Path = args.folder.resolve()
    if not folder.is_dir():
        raise DataError(f"{args.folder}: no such folder; give the folder in which the files arrive")
    settings = WatchSettings(folder, tuple(args.pattern or PATTERNS), args.every, args.once)
    with lock_folder(request.output), console.progress(math.inf) as shown:
        collector = open_collector(request, console, shown, f"Fits of {folder.name}", refresh=_REFRESH, wait=True)
        collector.load_recent_results()
        fitting = WorkerProcess(warm_up, request)
        drawing = WorkerProcess() if request.draws else None
        console.say(
            f"watching {folder} for {' '.join(settings.patterns)}; results in {request.output}; stop with Ctrl-C"
        )
        console.tell("watching", folder=folder, patterns=settings.patterns, output=request.output)
        try:
            return Watch(settings, request, collector, fitting, drawing, receive_messages).run()
        except KeyboardInterrupt:
            collector.log_end()
            return INTERRUPTED
        finally:
            stop_all([worker for worker in (fitting, drawing) if worker is not None])


COMMAND = Subcommand(
    "watch",
    "fit new files in a folder as they arrive, with a page of trends",
    (
        "heterodyne watch /data/today --config config.yaml --q 0.0054 --output fits",
        "heterodyne watch /data/today --q all --no-plots --json",
        "heterodyne watch /data/today --once",
    ),
    _arguments,
    _run,
)
