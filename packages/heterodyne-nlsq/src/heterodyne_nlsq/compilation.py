"""JAX's persistent compilation cache, enabled by the commands, and on request in Python programs."""

from __future__ import annotations

import glob
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from heterodyne_report import cache_folder
from heterodyne_spec import print_error


def keep_compiled_functions(folder: str | Path | None = None) -> Path:
    """Store compiled functions on disk, so that later fits with the same numbers of angles and frames need not compile.

    This affects everything that JAX compiles in this process. The commands do it automatically; in your own program,
    call it once before the first fit. Damaged entries are removed, and a folder that is not writable is reported on
    stderr; neither stops the fit.

    Parameters
    ----------
    folder : cache folder; by default that of the commands, ``heterodyne`` in the user's cache folder. JAX executes its
        contents: do not use a folder to which people you do not trust can write.

    Returns
    -------
    The folder.

    Examples
    --------
    >>> from heterodyne_nlsq import fit_nlsq_jax, keep_compiled_functions
    >>> keep_compiled_functions()  # doctest: +SKIP
    >>> result = fit_nlsq_jax("measurement.h5")  # doctest: +SKIP
    """
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    chosen = cache_folder() if folder is None else Path(folder).expanduser().absolute()
    if jax.config.jax_compilation_cache_dir != str(chosen):
        # JAX reads the setting only once; reset the cache that it may already have opened.
        compilation_cache.reset_cache()
    settings = {
        "jax_compilation_cache_dir": str(chosen),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    for name, value in settings.items():
        jax.config.update(name, value)
    shown = warnings.showwarning
    warnings.showwarning = _Mending(shown.show if isinstance(shown, _Mending) else shown, chosen)
    return chosen


_TROUBLE = re.compile(r"Error (?P<doing>reading|writing) persistent compilation cache entry for '(?P<name>[^']+)': ")


class _Mending:
    """Shows warnings, except those about the cache, for which it removes the damaged entry.

    An entry is truncated if its process is killed, or the disk is full, while it is written; JAX would warn about it in
    every run, and never replace it.
    """

    def __init__(self, show: Callable[..., None], folder: Path):
        self.show, self._folder, self._told = show, folder, False

    def __call__(self, message: Warning | str, *rest: Any, **given: Any) -> None:
        trouble = _TROUBLE.match(str(message))
        if trouble is None:
            self.show(message, *rest, **given)
            return
        with suppress(OSError):
            for entry in self._folder.glob(f"{glob.escape(trouble['name'])}-*-cache"):
                entry.unlink(missing_ok=True)
        if trouble["doing"] == "writing" and not self._told:
            self._told = True
            reason = str(message)[trouble.end() :].partition("\n")[0]
            print_error(f"compiled functions cannot be kept, so the next run compiles again ({reason})")


_AREAS, _LIMIT = Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count")
_FULL = 0.5
"""Fraction of the system's limit of memory maps at which compiled functions are discarded."""


def make_room() -> None:
    """Discard all compiled functions of this process if they use half of the memory maps that Linux permits.

    Every combination of numbers of angles and frames compiles its own functions, about a thousand memory maps; at the
    limit (65530 by default, about fifty shapes) the compiler aborts the process. Functions are recompiled when needed.
    """
    try:
        limit = int(_LIMIT.read_text())
        with _AREAS.open("rb") as areas:
            taken = sum(1 for _ in areas)
    except (OSError, ValueError):
        return  # other systems have no such limit
    if taken > _FULL * limit:
        import jax

        jax.clear_caches()
