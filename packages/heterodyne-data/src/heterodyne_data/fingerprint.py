"""Hash that identifies the data file of a result."""

from __future__ import annotations

import hashlib
from pathlib import Path

LARGE = 2 * 1024**3
MEBIBYTE = 1024**2


def fingerprint(path: Path, large: int = LARGE) -> dict[str, str]:
    """Return the SHA-256 of a file, with a key that states what was hashed.

    For a file larger than `large` bytes, which would take longer to hash than to read, its size, modification time and
    first and last MiB are hashed.
    """
    status = path.stat()
    with path.open("rb") as file:
        if status.st_size <= large:
            return {"sha256": hashlib.file_digest(file, "sha256").hexdigest()}
        digest = hashlib.sha256(f"{status.st_size} {status.st_mtime_ns}".encode())
        digest.update(file.read(MEBIBYTE))
        file.seek(-MEBIBYTE, 2)
        digest.update(file.read(MEBIBYTE))
    return {"sha256_of_size_mtime_first_and_last_mib": digest.hexdigest()}
