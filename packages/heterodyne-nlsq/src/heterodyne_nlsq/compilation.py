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


_AREAS, _LIMIT = Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count")
_FULL = 0.5
"""Part of the system's limit of memory areas at which compiled functions are forgotten."""


def make_room() -> None:
    """Forget all compiled functions of this process when they take up half of the memory areas that Linux allows.

    Every number of angles and size of frames compiles functions of its own, a thousand areas together; at the limit
    (65530 by default, some fifty shapes) the compiler ends the process. What is needed again is compiled again.
    """
    try:
        limit = int(_LIMIT.read_text())
        with _AREAS.open("rb") as areas:
            taken = sum(1 for _ in areas)
    except (OSError, ValueError):
        return  # another system, without such a limit
    if taken > _FULL * limit:
        import jax

        jax.clear_caches()  # type: ignore[no-untyped-call]
