"""JAX's persistent compilation cache, switched on by the commands (never by the library)."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return where compiled functions are kept: ``heterodyne`` in the user's cache folder ($XDG_CACHE_HOME)."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "heterodyne"


def keep_compiled_functions() -> None:
    """Have this process read and write compiled functions in `cache_folder`: the second run need not compile.

    A folder that cannot be written costs time, not the fit: JAX then warns and compiles.
    """
    import jax

    settings = {
        "jax_compilation_cache_dir": str(cache_folder()),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    for name, value in settings.items():
        jax.config.update(name, value)  # type: ignore[no-untyped-call]
