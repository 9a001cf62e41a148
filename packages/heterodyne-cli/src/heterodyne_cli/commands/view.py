"""``heterodyne view``: measurements, results and the next fit in a browser."""

from __future__ import annotations

import argparse
import gc
import getpass
import platform
import signal
import threading
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from heterodyne_cli.subcommand import VIEWER_MODULES, Subcommand, check_installed
from heterodyne_report import Console
from heterodyne_spec import DONE


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="measurement, result of a fit, folder of these, or folder of a joint fit, batch or watch",
    )
    parser.add_argument("--port", type=int, default=0, metavar="N", help="port of the page (default: any free one)")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")


def _run(args: argparse.Namespace, console: Console, command: Sequence[str]) -> int:
    check_installed("heterodyne view", *VIEWER_MODULES)
    from heterodyne_cli.view.waiting import Waiting
    from heterodyne_cli.view.workspace import Workspace

    workspace = Workspace(args.paths)
    waiting = Waiting(args.port)
    port = waiting.port
    console.say(waiting.address)
    console.say(
        f"from another machine: ssh -L {port}:127.0.0.1:{port} {getpass.getuser()}@{platform.node()}, then open this "
        "address there; Ctrl-C stops the viewer"
    )
    console.tell("serving", url=waiting.address, port=port)
    if not args.no_browser:
        # It may return only when the browser is there, or after some seconds.
        threading.Thread(target=webbrowser.open, args=(waiting.address,), daemon=True).start()
    # Looking for garbage among thousands of new classes takes a tenth of the time.
    gc.disable()
    with console.stage("loading the viewer"):
        from heterodyne_cli.view.server import serve

        server = serve(workspace, waiting)
    gc.freeze()
    gc.enable()
    server.start()
    waiting.begin()
    # Another signal than Ctrl-C, as of a closed terminal, also ends the fits that were started here.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        server.io_loop.start()
    except KeyboardInterrupt:
        console.say("stopped")
    finally:
        server.stop()
        workspace.fits.stop()
    return DONE


COMMAND = Subcommand(
    "view",
    "show measurements and results in a browser",
    ("heterodyne view measurement.h5", "heterodyne view results", "heterodyne view series --no-browser --port 5006"),
    _arguments,
    _run,
)
