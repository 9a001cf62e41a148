"""Valid documents of every kind, and ways to spoil them, for the tests."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

GONE = object()


def changed(document: Any, *changes: tuple[tuple[Any, ...], Any]) -> Any:
    """Return a copy of `document` with (path, value) put in; the value GONE takes the item out."""
    whole = {"": copy.deepcopy(document)}
    for path, value in changes:
        *way, last = ("", *path)
        place: Any = whole
        for key in way:
            place = place[key]
        if value is GONE:
            del place[last]
        elif isinstance(place, list) and last == len(place):
            place.append(value)
        else:
            place[last] = value
    return whole[""]


def paths(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything inside a document, itself included."""
    yield path
    if isinstance(document, dict | list):
        for key, item in document.items() if isinstance(document, dict) else enumerate(document):
            yield from paths(item, (*path, key))


json_documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
junk = json_documents | st.just(float("nan")) | st.just(10**400) | st.just([[]]) | st.just([{}]) | st.just({"name": {}})


@st.composite
def spoiled(draw: st.DrawFn, document: Any) -> Any:
    """Draw `document` with up to three of its parts replaced by junk."""
    for _ in range(draw(st.integers(1, 3))):
        document = changed(document, (draw(st.sampled_from(list(paths(document)))), draw(junk)))
    return document


RESULT = json.loads(Path(__file__).with_name("nlsq_result.json").read_text(encoding="utf-8"))
"""Of two angles in which D0_ref and v0 are free, v0 not determined, D0_sample tied."""

CONFIG = {
    "data": {
        "q": 0.0054,
        "q_tolerance": 0.01,
        "phi": [[-10, 10]],
        "frames": [1, 100],
        "dt": 0.1,
        "bins": "pixels",
        "mask_frames": [3],
        "frame_weights": [1, 0.5],
        "exclude_diagonals": 2,
    },
    "model": {
        "name": "two-component",
        "parameters": {
            "D0_ref": {"value": 2e4, "bounds": [1e3, 1e5]},
            "D0_sample": {"tie": "D0_ref"},
            "v0": {"prior": {"family": "normal", "location": 1e3, "scale": 1e2, "truncated": True}},
            "phi0": {"value": 0, "vary": False},
            "contrast": {"value": [0.1, 0.2]},
        },
    },
    "scaling": {"fourier": 2},
    "nlsq": {
        "start": "values",
        "representative": "optimum",
        "weighting": "noise",
        "loss": "soft_l1",
        "max_iterations": 10,
        "seed": 1,
    },
    "cmc": {
        "shards": 4,
        "chains": 1,
        "warmup": 10,
        "samples": 10,
        "consensus": "gaussian",
        "sampler": "nuts",
        "weighting": "noise",
        "log_likelihood": True,
        "engine": "dask",
        "workers": 2,
        "memory": 8.5,
        "dask": {"scheduler": None, "cluster": "slurm", "jobs": 2, "options": {"cores": 4, "queue": "short"}},
        "seed": 1,
    },
    "output": {"directory": "out", "plots": False, "report": False},
}
