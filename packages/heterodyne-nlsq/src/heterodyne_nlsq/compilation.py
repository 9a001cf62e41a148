"""JAX's persistent compilation cache: the commands switch it on, a program from Python when it asks for it."""

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
    """Keep compiled functions on disk: the next process that fits as many angles and frames compiles nothing.

    It holds for everything that JAX compiles in this process. The commands call it themselves; a program of yours
    does so once, before its first fit. A folder that cannot be written, and entries that are not whole, cost time, not
    the fit: entries that cannot be read are removed, and a folder that cannot be written is told on stderr.

    Parameters
    ----------
    folder : where; that of the commands when None, ``heterodyne`` in the user's cache folder. JAX runs what it finds
        there: give none that people can write whom you do not trust.

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
        # JAX looks at the setting once; what it has opened before would stay in use.
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
    """Shows warnings, but for those of the cache: it removes the entries that they are about.

    An entry is cut off when its process is killed, or the disk is full, while it is written; JAX would warn of it in
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

        jax.clear_caches()
