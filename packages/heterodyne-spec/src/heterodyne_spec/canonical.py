"""Canonical JSON, the unique byte sequence of a document, and its hash.

Keys sorted, UTF-8, two-space indentation, one line feed at the end; floats in Python's shortest form that
reads back to the same binary64. Any JSON library can read it. The hash is that of the shipped bytes.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(document: Any) -> str:
    """Return the canonical text of `document` (dicts with string keys, lists, numbers, strings, booleans, None).

    Raises
    ------
    ValueError : for NaN or infinity, which JSON cannot hold.
    """
    return json.dumps(document, sort_keys=True, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def sha256(text: str) -> str:
    """Return the hexadecimal SHA-256 of `text` in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()
