"""The consensus methods, one module each and one entry here.

A module has ``combine(shards)``, which returns the `heterodyne_cmc.combination.Combined` of
`heterodyne_cmc.combination.Shards`: imported when it is used, because flows import Flax.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from heterodyne_cmc.methods.installed import FLOW_REQUIREMENT, flow_available


@dataclass(frozen=True)
class Method:
    """A way to combine sub-posteriors: its name in ``cmc.consensus`` and its name in a sentence. `missing` returns the
    command that installs its requirements, "" if none are missing.
    """

    name: str
    words: str
    missing: Callable[[], str] = lambda: ""

    def combine(self, shards: Any) -> Any:
        """Return the consensus of sub-posteriors."""
        return import_module(f"heterodyne_cmc.methods.{self.name}").combine(shards)


METHODS = {
    method.name: method
    for method in (
        Method("gaussian", "Gaussian consensus"),
        Method("average", "draw-wise weighted average"),
        Method("flow", "flow consensus", lambda: "" if flow_available() else FLOW_REQUIREMENT),
    )
}
"""All methods by name; ``auto`` chooses among them, see `heterodyne_cmc.combination`."""
