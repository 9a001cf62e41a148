"""Selection of a measurement from a file or from Python according to the section ``data`` of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heterodyne_data.cleaning import populated_elements
from heterodyne_data.loading import load_data, refuse_several, weights_of
from heterodyne_data.reading import check_filled
from heterodyne_data.selected import EVERYTHING, KEY, Selection, as_selection, selection_of
from heterodyne_data.selection import places_of
from heterodyne_data.time_axis import UNIFORM, frame_number
from heterodyne_data.two_time import TwoTimeData
from heterodyne_data.window import check_window, masked
from heterodyne_spec import Config, DataConfig, DataError, load_config


def select_data(
    data: TwoTimeData | str | Path, config: Config | Mapping[str, Any] | str | Path | None = None
) -> TwoTimeData:
    """Return a measurement selected by the section ``data`` of a configuration.

    A file is read (`load_data`). A given measurement is cut in the same way: angles are selected by ``phi``, frames by
    ``frames`` and ``mask_frames``, counted from 1 at its own first frame; they keep their ages. Its ``q`` and ``dt``
    must be the configured ones. A selection already applied when it was read is not applied again.

    Parameters
    ----------
    data : a measurement, or the path of a file.
    config : a Config, a mapping, the path of a configuration file, or None for all of the measurement.

    Returns
    -------
    TwoTimeData
        `data` itself if there is nothing to change.

    Raises
    ------
    DataError
        The file cannot be read, or the measurement does not contain what was requested.
    ConfigError
        The configuration has problems.

    Examples
    --------
    >>> import numpy as np
    >>> data = TwoTimeData(c2=np.ones((2, 8, 8)), q=0.0054, phi=[0.0, 90.0], dt=0.1)
    >>> cut = select_data(data, {"data": {"phi": [90], "frames": [3, 8], "mask_frames": [4]}})
    >>> cut.phi.tolist(), cut.start_frame, cut.valid.tolist()
    ([90.0], 3, [[True, False, True, True, True, True]])
    """
    settings = load_config(config)
    if not isinstance(data, TwoTimeData):
        return load_data(data, config=settings)
    refuse_several(settings.data)
    _check_q(data, settings.data)
    _check_dt(data, settings.data.dt)
    return _cut(data, settings.data)


def as_measurement(
    data: TwoTimeData | str | Path | ArrayLike,
    *,
    q: float | None = None,
    phi: ArrayLike | None = None,
    t: ArrayLike | None = None,
    dt: float | None = None,
) -> TwoTimeData | str | Path:
    """Return what a fit was given as a measurement or a path; an array is taken as c2.

    Parameters
    ----------
    data : a measurement, the path of a file, or maps as an array or nested lists, (n_phi, N, N) or (N, N).
    q : wavevector in 1/Å; required with an array, as is phi.
    phi : azimuths in degrees, (n_phi,) or a scalar.
    t : ages of the frames in s, (N,).
    dt : time between frames in s; either or both of t and dt.

    Raises
    ------
    DataError : if these belong to a measurement or file instead, are missing, or are not as `TwoTimeData` describes.
    """
    values = {"q": q, "phi": phi, "t": t, "dt": dt}
    given = [name for name, value in values.items() if value is not None]
    if isinstance(data, TwoTimeData | str | Path):
        if given:
            what = "a measurement" if isinstance(data, TwoTimeData) else f"the file {data}"
            raise DataError(
                f"{', '.join(given)}: given together with {what}, which has its own; leave out, or give c2 as an array "
                "(the section data of a configuration selects from a file)"
            )
        return data
    if q is None or phi is None:
        missing = " and ".join(name for name in ("q", "phi") if values[name] is None)
        raise DataError(
            f"data: found {type(data).__name__}, taken as an array c2, without {missing}; give q= in 1/Å and phi= in "
            "degrees, or a TwoTimeData, or the path of a file"
        )
    return TwoTimeData(c2=data, q=q, phi=phi, t=t, dt=dt)


def _check_q(data: TwoTimeData, asked: DataConfig) -> None:
    if asked.q is not None and abs(data.q - asked.q) > asked.q_tolerance * asked.q:
        raise DataError(
            f"the data have q = {data.q:.4g} 1/Å, but the configuration requests {asked.q:.4g}; change data.q or the "
            "data"
        )


def _check_dt(data: TwoTimeData, asked: float | None) -> None:
    if asked is not None and abs(data.dt - asked) > UNIFORM * asked:
        raise DataError(
            f"the data have dt = {data.dt:g} s, but the configuration requests {asked:g} s; change data.dt, or give "
            "the data with other ages"
        )


@dataclass(frozen=True)
class _Window:
    """Frames `first` to `last`, 1-based in the data; which of them are masked, (n_t,), and notes."""

    first: int
    last: int
    mask: NDArray[np.bool_]
    notes: list[str]


def _cut(data: TwoTimeData, asked: DataConfig) -> TwoTimeData:
    """Return the requested angles and frames with the requested weights; `data` itself if nothing changes."""
    wanted = as_selection(asked.phi, asked.frames, asked.mask_frames, asked.bins)
    carried = selection_of(data.provenance)
    if wanted["bins"] not in (None, carried["bins"]):
        raise DataError(
            f"data.bins: found {wanted['bins']}, which applies to files with a map of pixels, but this measurement has "
            "fixed q and phi; remove it, or give the file"
        )
    places = _places(data, wanted, carried)
    window = _window(data, wanted, carried)
    weight, weight_notes = _weight(data, asked.frame_weights, window)
    frames = slice(window.first - 1, window.last)
    whole = len(places) == data.n_phi and window.last - window.first + 1 == data.n_t
    if whole and not window.mask.any() and weight is None:
        return data
    # Indexing by a list copies the maps.
    c2 = (data.c2 if len(places) == data.n_phi else data.c2[places])[:, frames, frames]
    filled = np.array([populated_elements(one) is not None for one in c2])
    notes = check_filled(filled, data.phi[places].tolist(), f"c2 (phi = {data.phi[places[0]]:g})")
    kept = [place for place, keep in zip(places, filled, strict=True) if keep]
    return TwoTimeData(
        c2=c2 if filled.all() else c2[filled],
        t=data.t[frames],
        q=data.q,
        phi=data.phi[kept],
        dt=data.dt,
        valid=data.valid[kept][:, frames] & ~window.mask,
        weight=data.weight[kept][:, frames] if weight is None else weight,
        notes=[*data.notes, *notes, *window.notes, *weight_notes],
        provenance=_provenance(data, kept, window, _carried(wanted, carried)),
    )


def _places(data: TwoTimeData, wanted: Selection, carried: Selection) -> list[int]:
    if wanted["phi"] == carried["phi"]:
        return list(range(data.n_phi))
    return places_of(data.phi.tolist(), wanted["phi"], "the measurement given")


def _window(data: TwoTimeData, wanted: Selection, carried: Selection) -> _Window:
    if _frames(wanted) == _frames(carried):
        return _Window(1, data.n_t, np.zeros(data.n_t, dtype=bool), [])
    whose = f"the measurement given{_of_the_whole(data)}"
    first, last = check_window(wanted["frames"], data.n_t, whose)
    mask, notes = masked(wanted["mask_frames"], first, last, data.n_t, whose)
    # Notes from before the cut use the previous frame numbers.
    cut = [] if (first, last) == (1, data.n_t) else [f"cut to frames {first} to {last} of the measurement given"]
    return _Window(first, last, mask, [*cut, *notes])


def _frames(selection: Selection) -> tuple[list[int] | None, list[int]]:
    """Return the window and the masked frames, which share their numbering."""
    return selection["frames"], selection["mask_frames"]


def _of_the_whole(data: TwoTimeData) -> str:
    """Return which frames of another measurement this one is a window of, as text for messages."""
    first, last = _numbers(data)
    return "" if (first, last) == (1, data.n_t) else f" (frames {first} to {last} of a longer one, counted from 1 here)"


def _numbers(data: TwoTimeData) -> tuple[int, int]:
    """Return the first and last frame of the measurement in the numbering of its file."""
    known = data.provenance.get("frames")
    first = int(known[0]) if isinstance(known, tuple | list) and known else 1
    return first, first + data.n_t - 1


def _weight(
    data: TwoTimeData, asked: list[float] | None, window: _Window
) -> tuple[NDArray[np.float64] | None, list[str]]:
    """Return the weights to set, None if unchanged, and a note on them."""
    weight, notes = weights_of(asked, window.first, window.last)
    own = data.weight[:, window.first - 1 : window.last]
    if weight is None or np.array_equal(own, np.broadcast_to(weight, own.shape)):
        return None, []
    if np.any(own != 1):
        raise DataError(
            "frame_weights: the measurement given has weights, but the configuration requests others; leave "
            "out data.frame_weights, or give the measurement without weights"
        )
    return weight, notes


def _carried(wanted: Selection, carried: Selection) -> Selection:
    """Return the selection after the cut; parts that were not requested are unchanged."""
    frames = wanted if _frames(wanted) != _frames(EVERYTHING) else carried
    return Selection(
        phi=wanted["phi"] if wanted["phi"] != EVERYTHING["phi"] else carried["phi"],
        frames=frames["frames"],
        mask_frames=frames["mask_frames"],
        bins=carried["bins"],
    )


def _provenance(data: TwoTimeData, kept: list[int], window: _Window, selection: Selection) -> dict[str, object]:
    """Return the provenance after the cut: that of the data, for the remaining angles and frames."""
    first = _numbers(data)[0] + window.first - 1
    of_maps = {
        key: tuple(known[place] for place in kept)
        for key in ("maps", "labels")
        if isinstance(known := data.provenance.get(key), tuple) and len(known) == data.n_phi
    }
    return {
        **data.provenance,
        **of_maps,
        "frames": (first, first + window.last - window.first),
        "start_frame": frame_number(float(data.t[window.first - 1]) / data.dt),
        KEY: selection,
    }
