"""Values of a function of several items, computed in threads of this process.

What takes time in a fit, XLA and NumPy, lets other threads run meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import jax

from heterodyne_data import available_cores

_MOST = 4
"""Maximum number of threads: with many frames, each takes some hundred megabytes."""


def each[S, T](function: Callable[[S], T], items: Iterable[S]) -> list[T]:
    """Return the values of a function of all items, in their order, with the precision that the caller has.

    After an error or Ctrl-C, nothing else is begun.
    """
    given = list(items)
    number = min(len(given), available_cores(), _MOST)
    if number <= 1:
        return [function(item) for item in given]
    precise = bool(jax.config.jax_enable_x64)

    def one(item: S) -> T:
        with jax.enable_x64(precise):  # The setting belongs to a thread.
            return function(item)

    with ThreadPoolExecutor(number) as threads:
        begun = [threads.submit(one, item) for item in given]
        try:
            return [future.result() for future in begun]
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def beside[T](task: Callable[[], T], aside: Callable[[], object]) -> T:
    """Return the value of a task; something else is done meanwhile, and is done when it returns."""
    found: list[T] = []
    each(lambda one: one(), [lambda: found.append(task()), aside])
    return found[0]
