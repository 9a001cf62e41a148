"""Thumbnails of the maps in the table, made in the background and cached."""

from __future__ import annotations

import base64
import io
import queue
import threading

import numpy as np

from heterodyne_cli.view.windows import block_means, colour_range
from heterodyne_cli.view.workspace import Item
from heterodyne_spec import HeterodyneError

SIDE = 48
"""Side in pixels."""


class Thumbnails:
    """The first map of every item as markup; empty until a thread has made it, and if it cannot be read."""

    def __init__(self) -> None:
        self._made: dict[str, str] = {}
        self._wanted: queue.SimpleQueue[Item] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def of(self, item: Item) -> str:
        """Return the picture of an item."""
        if item.kind != "failed" and item.key not in self._made:
            self._made[item.key] = ""
            self._wanted.put(item)
        return self._made.get(item.key, "")

    def _work(self) -> None:
        while True:
            item = self._wanted.get()
            try:
                self._made[item.key] = _picture(item)
            except (HeterodyneError, OSError):
                # The page of the run says why.
                continue


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
