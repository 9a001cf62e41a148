"""The first lines of a command: little to import, so that whoever ends it early is heard from the beginning."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Iterator

_INTERRUPTED = 130
_ASKING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM")
"""Signals that ask for an end: of Ctrl-C; of ``kill``, a scheduler, a shutdown; of a terminal that was closed; and that
of `_once_more`."""

_MOMENT = 0.02
"""Seconds after which a Ctrl-C that was lost comes again."""


def begin(module: str) -> int:
    """Run ``main`` of a module as the command of this process, and return its exit code.

    SIGTERM and SIGHUP end it as Ctrl-C does, unless the process was started to take no notice of them (``nohup``).
    """
    _hear(signal.default_int_handler, signal.SIG_DFL)
    sys.unraisablehook = _once_more
    # What XLA has to say of a slow machine is no line for users; what ends a fit comes as an exception.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Pictures go into files; a notebook hands its own backend to every program that it starts, and few have that.
    os.environ["MPLBACKEND"] = "agg"
    try:
        with _sign_of_life():
            command = importlib.import_module(module)
        return int(command.main())
    except KeyboardInterrupt:
        with contextlib.suppress(OSError, AttributeError):
            print("interrupted", file=sys.stderr, flush=True)
        return _INTERRUPTED
    finally:
        # The work is done; the interpreter is not to be stopped while it tidies up.
        _hear(signal.SIG_IGN, signal.default_int_handler)


@contextlib.contextmanager
def _sign_of_life() -> Iterator[None]:
    """Show on a terminal that a fit begins: on a slow drive the imports take seconds."""
    shown = "--data" in sys.argv and "--quiet" not in sys.argv and sys.stderr is not None and sys.stderr.isatty()
    _write("starting" if shown else "")
    try:
        yield
    finally:
        _write("\r\033[K" if shown else "")


def _write(text: str) -> None:
    # A terminal that is gone ends no work.
    with contextlib.suppress(OSError, AttributeError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _hear(handler: signal._HANDLER, instead_of: signal._HANDLER) -> None:
    for name in _ASKING:
        if (number := getattr(signal, name, None)) is not None and signal.getsignal(number) == instead_of:
            signal.signal(number, handler)


def _once_more(lost: sys.UnraisableHookArgs) -> None:
    """Have a Ctrl-C come again that fell into a callback of a library, from where Python cannot pass it on."""
    if issubclass(lost.exc_type, KeyboardInterrupt) and hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, _MOMENT)
    else:
        sys.__unraisablehook__(lost)
