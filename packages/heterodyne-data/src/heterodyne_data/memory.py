"""Available memory, so that requests that need more are refused at the start instead of being killed by the system.

Why not psutil 7: it ignores the limits of job and process. Under ``ulimit -v`` of 3 GB it reports the 20
GB of the machine.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

_LIMITS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)
"""Limit and use of memory of a container or job, version 2 and version 1."""


def free_memory() -> float:
    """Return the bytes available without swapping, within the limit of a job or container; inf if unknown."""
    # Free pages alone exclude the file cache, which may be most of the memory.
    return _least("MemAvailable:", used=True)


def whole_memory() -> float:
    """Return the largest number of bytes a job on this machine may use; inf if unknown."""
    return _least("MemTotal:", used=False)


def _least(pages: str, *, used: bool) -> float:
    """Return the smallest of all limits, inf without any, minus the memory in use if `used`."""
    left = [float("inf")]
    with contextlib.suppress(OSError, ValueError, StopIteration):
        left.append(_kilobytes(Path("/proc/meminfo"), pages))
    for limit, use in _LIMITS:
        with contextlib.suppress(OSError, ValueError):
            left.append(float(limit.read_text()) - (float(use.read_text()) if used else 0.0))
    with contextlib.suppress(ImportError, OSError, ValueError, StopIteration):
        # Set by `ulimit -v` and some schedulers; not available on every system.
        import resource

        if (most := resource.getrlimit(resource.RLIMIT_AS)[0]) != resource.RLIM_INFINITY:
            left.append(most - (_kilobytes(Path("/proc/self/status"), "VmSize:") if used else 0.0))
    return max(min(left), 0.0)


def _kilobytes(path: Path, name: str) -> float:
    lines = path.read_text(encoding="utf-8").splitlines()
    return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith(name))
