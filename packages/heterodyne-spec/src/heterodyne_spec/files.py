"""Complete files or none: everything is written beside its place and then moved there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from heterodyne_spec.errors import HeterodyneError


class OutputError(HeterodyneError):
    """A file cannot be written; `errno` is the system's number of the reason, None where there is none."""

    def __init__(self, message: str, errno: int | None = None):
        super().__init__(message)
        self.errno = errno

    def __reduce__(self) -> tuple[type[OutputError], tuple[str, int | None]]:
        return OutputError, (str(self), self.errno)


def write_atomically(path: Path, write: Callable[[Path], None]) -> Path:
    """Call `write` with a temporary path in the folder of `path`, then move the file to `path`.

    An interrupted or failed write leaves what stood at `path` before, and nothing else.

    Raises
    ------
    OutputError : when the folder or file cannot be written; says which and why.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        said = f"{path}: cannot be written ({error.strerror or error}); choose another folder"
        raise OutputError(said, error.errno) from None
    temporary = Path(name)
    try:
        # mkstemp gives mode 0600; results are for everyone whom the user's umask admits.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        write(temporary)
        temporary.replace(path)
    except OSError as error:
        said = f"{path}: cannot be written ({error.strerror or error}); nothing was changed"
        raise OutputError(said, error.errno) from None
    finally:
        temporary.unlink(missing_ok=True)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write `text` in UTF-8 to `path`, completely or not at all."""
    return write_atomically(path, lambda temporary: _write(temporary, text))


def _write(path: Path, text: str) -> None:
    # Names of files may hold bytes that are no text; escaped, JSON gives them back as they were.
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
