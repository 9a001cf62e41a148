"""Atomic writing: a file is written under a temporary name in the same folder and then renamed."""

from __future__ import annotations

import glob
import os
import re
import secrets
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from heterodyne_spec.errors import HeterodyneError

type Writer = Callable[[Path], None]

_MARK = re.compile(r"\.(?P<machine>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{4}(\.[^.]*)?")
"""End of a temporary file's name: machine, process, a random number."""


class OutputError(HeterodyneError):
    """A file cannot be written; `errno` is the system's error number, or None."""

    def __init__(self, message: str, errno: int | None = None):
        super().__init__(message)
        self.errno = errno

    def __reduce__(self) -> tuple[type[OutputError], tuple[str, int | None]]:
        return OutputError, (str(self), self.errno)


def write_atomically(path: Path, write: Writer) -> Path:
    """Call `write` with a temporary path in the folder of `path`, then rename the file to `path`.

    If writing is interrupted or fails, an existing file at `path` is kept and no partial file remains. Partial files of
    killed processes are removed.

    Raises
    ------
    OutputError : if the folder or file cannot be written; states which and why.
    """
    return write_together({path: write})[0]


def write_together(writers: Mapping[Path, Writer]) -> list[Path]:
    """Write files that belong together and return their paths; none is renamed into place before all are written.

    Raises
    ------
    OutputError : if a folder or file cannot be written; states which and why.
    """
    temporaries = {path: _temporary(path) for path in writers}
    try:
        for path, write in writers.items():
            _write_temporary(path, temporaries[path], write)
        for path, temporary in temporaries.items():
            with _refusal(path, "nothing was changed"):
                temporary.replace(path)
    finally:
        for temporary in temporaries.values():
            # If it cannot be removed now (drive not available), the next process that writes there removes it.
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
    return list(writers)


def _write_temporary(path: Path, temporary: Path, write: Writer) -> None:
    with _refusal(path, "choose another folder"):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left_behind(path)
        # Create the file with the permissions of the user's umask.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    with _refusal(path, "nothing was changed"):
        write(temporary)


@contextmanager
def _refusal(path: Path, remedy: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        said = f"{path}: cannot be written ({error.strerror or error}); {remedy}"
        raise OutputError(said, error.errno) from None


def _temporary(path: Path) -> Path:
    # Hidden, and with the original suffix, since some libraries choose the format by it.
    mark = f"{_machine()}-{os.getpid()}-{secrets.token_hex(2)}"
    return path.with_name(f".{path.name}.{mark}{path.suffix}")


def _machine() -> str:
    return f"{zlib.crc32(os.uname().nodename.encode()) if hasattr(os, 'uname') else 0:08x}"


def _remove_left_behind(path: Path) -> None:
    """Remove partial files of killed processes of this machine."""
    start = f".{path.name}"
    for left in path.parent.glob(f"{glob.escape(start)}.*"):
        mark = _MARK.fullmatch(left.name.removeprefix(start))
        if mark and mark["machine"] == _machine() and not _alive(int(mark["process"])):
            with suppress(OSError):
                left.unlink()


def _alive(process: int) -> bool:
    if os.name != "posix":
        return True  # on other systems, os.kill(process, 0) would send a signal
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def check_written(paths: Iterable[Path]) -> None:
    """Check that the files of a run still exist.

    Raises
    ------
    OutputError : naming the first missing file.
    """
    for path in paths:
        if not path.exists():
            raise OutputError(f"{path}: was deleted after it was written; run the same command again")


def write_text(path: Path, text: str) -> Path:
    """Write `text` in UTF-8 to `path`, completely or not at all."""
    return write_atomically(path, text_writer(text))


def text_writer(text: str) -> Writer:
    """Return a writer of `text` in UTF-8."""
    return lambda path: _write(path, text)


def _write(path: Path, text: str) -> None:
    # File names may contain bytes that are not valid UTF-8; JSON restores them from the escapes.
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
