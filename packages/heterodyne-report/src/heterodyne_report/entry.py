"""Entry point of the commands: imports little, so that signals are handled from the very beginning."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import sys
from collections.abc import Iterator

_INTERRUPTED = 130
_ASKING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM")
"""Signals that end a command: Ctrl-C; ``kill``, a scheduler or a shutdown; a closed terminal; and the timer of
`_once_more`."""

_MOMENT = 0.02
"""Seconds after which a swallowed KeyboardInterrupt is raised again."""


def run_entry_point(module: str) -> int:
    """Run ``main`` of a module as the command of this process, and return its exit code.

    SIGTERM and SIGHUP end it like Ctrl-C, unless they were ignored when the process started (``nohup``).
    """
    _hear(signal.default_int_handler, signal.SIG_DFL)
    sys.unraisablehook = _once_more
    # Hide XLA's log messages (such as warnings about slow machines); its errors are raised as exceptions.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Plots are written to files; override the backend that notebooks pass to child processes through the environment.
    os.environ["MPLBACKEND"] = "agg"
    try:
        with _sign_of_life():
            # Looking for garbage among thousands of new classes takes a tenth of the time.
            gc.disable()
            command = importlib.import_module(module)
            gc.freeze()
            gc.enable()
        return int(command.main())
    except KeyboardInterrupt:
        with contextlib.suppress(OSError, AttributeError):
            print("interrupted", file=sys.stderr, flush=True)
        return _INTERRUPTED
    finally:
        # The work is done: do not interrupt the interpreter's shutdown.
        _hear(signal.SIG_IGN, signal.default_int_handler)


@contextlib.contextmanager
def _sign_of_life() -> Iterator[None]:
    """Show on a terminal that a fit is starting, because imports take seconds on a slow drive."""
    shown = "--data" in sys.argv and "--quiet" not in sys.argv and sys.stderr is not None and sys.stderr.isatty()
    _write("starting" if shown else "")
    try:
        yield
    finally:
        _write("\r\033[K" if shown else "")


def _write(text: str) -> None:
    # A closed terminal must not stop the work.
    with contextlib.suppress(OSError, AttributeError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _hear(handler: signal._HANDLER, instead_of: signal._HANDLER) -> None:
    for name in _ASKING:
        if (number := getattr(signal, name, None)) is not None and signal.getsignal(number) == instead_of:
            signal.signal(number, handler)


def _once_more(lost: sys.UnraisableHookArgs) -> None:
    """Raise a KeyboardInterrupt again that was swallowed in a library's callback, from which it cannot propagate."""
    if issubclass(lost.exc_type, KeyboardInterrupt) and hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, _MOMENT)
    else:
        sys.__unraisablehook__(lost)
