"""What the table shows of the maps themselves, looked at beside it and kept: small pictures, and the kind of noise."""

from __future__ import annotations

import base64
import functools
import io
import queue
import threading
from typing import NamedTuple

import numpy as np

from heterodyne_cli.view.windows import block_means, colour_range
from heterodyne_cli.view.workspace import Item, Workspace
from heterodyne_spec import HeterodyneError

SIDE = 48
"""Side in pixels."""

_REGIMES = {"shared": "correlated", "independent": "white", "in between": "partly correlated"}


class Look(NamedTuple):
    """The first map of an item as markup, and whether its noise is correlated between pairs; empty if not known."""

    picture: str = ""
    noise: str = ""


class Looks:
    """The looks of all items; empty until a thread has made them, and where a file cannot be read."""

    def __init__(self) -> None:
        self._made: dict[str, Look] = {}
        self._wanted: queue.SimpleQueue[Item] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def of(self, item: Item) -> Look:
        """Return the look of an item."""
        if item.kind != "failed" and item.key not in self._made:
            self._made[item.key] = Look()
            self._wanted.put(item)
        return self._made.get(item.key, Look())

    def _work(self) -> None:
        while True:
            item = self._wanted.get()
            try:
                self._made[item.key] = Look(picture=_picture(item))
                self._made[item.key] = self._made[item.key]._replace(noise=_noise(item))
            except (HeterodyneError, OSError):
                # The page of the run says why.
                continue


@functools.cache
def looks_of(workspace: Workspace) -> Looks:
    """Return the looks of a workspace, one thread for all its tabs."""
    return Looks()


def _noise(item: Item) -> str:
    looked = item.look()
    if looked.result is not None:
        found = looked.result.noise
        if found is None:
            return ""
        return "correlated" if np.isfinite(found.effective_pixels).any() else "white"
    from heterodyne_data import describe_data
    from heterodyne_nlsq import survey_maps

    seen = survey_maps(item.path, describe_data(item.path), item.q)
    return _REGIMES.get(seen.angles[0].regime, "")


def _picture(item: Item) -> str:
    from matplotlib import colormaps
    from PIL import Image

    values = item.look().read(0)[0]
    small = block_means(values, -(-len(values) // SIDE))
    low, high = colour_range(small)
    # t1 upwards, as in all maps.
    colours = colormaps["viridis"]((np.nan_to_num(small, nan=low)[::-1] - low) / (high - low), bytes=True)
    stored = io.BytesIO()
    Image.fromarray(colours[..., :3]).save(stored, "PNG")
    source = base64.b64encode(stored.getvalue()).decode()
    return f'<img alt="" width="{SIDE}" height="{SIDE}" src="data:image/png;base64,{source}">'
