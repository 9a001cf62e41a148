"""Contents of a file and properties of its maps before a fit: as text, data and plot."""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from heterodyne_data import layout_title
from heterodyne_nlsq import AngleSurvey, Survey
from heterodyne_report import colour_limits, square_means, square_width
from heterodyne_spec import Table, count_noun, list_numbers, text_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_REGIMES = {
    "shared": "the noise is correlated between pairs (many photons): use the calibrated uncertainties",
    "independent": "the noise is nearly uncorrelated between pairs (few photons)",
    "in between": "the noise is partly correlated between pairs",
    "unknown": "too few frames to determine whether the noise is correlated between pairs",
}


def as_document(seen: Survey) -> dict[str, Any]:
    """Return the findings for programs; unknown values are null."""
    angles = [{**dataclasses.asdict(a), "contrast": a.contrast, "regime": a.regime} for a in seen.angles]
    known = [{name: None if value != value else value for name, value in angle.items()} for angle in angles]
    looked = {"q": seen.data.q, "frames": list(seen.frames), "angles": known, "notes": list(seen.data.notes)}
    return {"description": seen.description, "looked_at": looked}


def listed(description: Mapping[str, Any], size: int) -> str:
    """Return the contents of a file of `size` bytes as text for the terminal."""
    return "\n".join([*_of_file(description, size), "", text_table(_bins(description))])


def shown(seen: Survey) -> str:
    """Return the properties of the maps as text for the terminal."""
    return "\n".join(_of_maps(seen))


def _of_file(d: Mapping[str, Any], size: int) -> Iterator[str]:
    dt = d["dt"]
    layout = layout_title(d["layout"])
    yield f"{d['file']}: {layout}, {_bytes(size)}, {count_noun(len(d['maps']), 'map')} of {d['n_frames']} frames"
    duration = f"dt = {dt:g} s, {dt * d['n_frames']:g} s" if dt else "no time between frames; set data.dt"
    age = d.get("start_age")
    aged = "" if age is None else f" (age {age:g} s)"
    usual = d["start_frame"] == 1 and (age is None or math.isclose(age, dt, rel_tol=1e-6))
    first = "" if usual else f", first frame {d['start_frame']}{aged}"
    stored = str(d["populated_elements"]).replace("_", " ")
    found = d["baseline_reference"]
    baseline = "not clear" if found is None and d["populated_elements"] is not None else found
    yield f"{duration}{first}; baseline {baseline}, {stored} stored"
    yield from (f"note: {note}" for note in d["notes"])


def _bytes(size: int) -> str:
    unit, name = next(((u, n) for u, n in ((1e9, "GB"), (1e6, "MB")) if size >= u), (1e3, "kB"))
    return f"{size / unit:.3g} {name}"


def _bins(description: Mapping[str, Any]) -> Table:
    angles: dict[float | None, list[float]] = defaultdict(list)
    for one in description["maps"]:
        angles[one["q"]].append(one["phi"])
    rows = [
        (
            "unknown" if q is None else f"{q:.6g}",
            str(len(found)),
            ", ".join("unknown" if phi is None else f"{phi:g}" for phi in found),
        )
        for q, found in sorted(angles.items(), key=lambda item: (item[0] is None, item[0] or 0.0))
    ]
    return Table("Bins", ("q (1/Å)", "maps", "φ (°)"), tuple(rows))


def _of_maps(seen: Survey) -> Iterator[str]:
    (first, last), n_t = seen.frames, seen.description["n_frames"]
    window = "" if last == n_t else f", frames {first} to {last} of {n_t}"
    columns = ("φ (°)", "short lag", "long lag", "contrast", "noise", "shared", "dead frames", "missing pairs")
    yield text_table(Table(f"Maps at q = {seen.data.q:.6g} 1/Å{window}", columns, tuple(map(_row, seen.angles))))
    yield f"  contrast: short lag (one frame) minus long lag (mean of the longest tenth){_caution(seen)}"
    yield (
        "  noise: white noise of one entry; "
        "shared: noise of 8×8 means relative to uncorrelated entries (1 if uncorrelated)"
    )
    for hot in dict.fromkeys(a.hot for a in seen.angles if a.hot):
        phi = ", ".join(f"{a.phi:g}" for a in seen.angles if a.hot == hot)
        yield f"  frames {list_numbers(hot)} are outliers: φ = {phi}; exclude them with data.mask_frames"
    yield from (f"  {_REGIMES[regime]}: φ = {phi}" for regime, phi in _regimes(seen.angles))
    if shot := [a.diagonal for a in seen.angles if _shot(a)]:
        photons = f": about {1 / np.mean(shot):.2g} photons per pixel and frame" if np.mean(shot) > 0 else ""
        yield f"  the diagonal exceeds c2 extrapolated to it by {np.mean(shot):.3g}{photons}; fits exclude it"


def _row(a: AngleSurvey) -> tuple[str, ...]:
    numbers = (
        f"{a.phi:g}",
        f"{a.short:.4f}",
        f"{a.long:.4f}",
        f"{a.contrast:.4f}",
        f"{a.noise:.2g}",
        f"{a.shared:.2g}",
    )
    return (*numbers, list_numbers(np.array(a.dead)) if a.dead else "none", str(a.missing) if a.missing else "none")


def _caution(seen: Survey) -> str:
    return "" if seen.frames[1] == seen.description["n_frames"] else ", of these frames only"


def _regimes(angles: Sequence[AngleSurvey]) -> list[tuple[str, str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for a in angles:
        found[a.regime].append(f"{a.phi:g}")
    return [(regime, ", ".join(phi)) for regime, phi in found.items()]


def _shot(a: AngleSurvey) -> bool:
    return not math.isnan(a.diagonal) and abs(a.diagonal) > 10 * a.noise


def survey_figure(seen: Survey) -> Figure:
    """Return a figure of the maps and their means over age against lag, one column per angle."""
    data = seen.data
    # Matplotlib takes half a second.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.2 * data.n_phi + 0.6, 5.6), layout="constrained")
    above, below = figure.subplots(2, data.n_phi, squeeze=False, sharey="row")
    width = square_width(data.n_t)
    shown = data.n_t // width * width
    unit = "s" if seen.stated else "frames"
    extent = (data.t[0], data.t[shown - 1], data.t[0], data.t[shown - 1])
    off = np.eye(data.n_t, dtype=bool)
    for k, a in enumerate(seen.angles):
        c2 = np.where(off, np.nan, data.c2[k])
        values = square_means(c2, width)
        low, high = colour_limits(values)
        image = above[k].imshow(values, origin="lower", extent=extent, cmap="viridis", vmin=low, vmax=high)
        above[k].set_title(f"φ = {a.phi:g}°", fontsize=9)
        above[k].set_xlabel(f"t₂ / {unit}")
        figure.colorbar(image, ax=above[k], shrink=0.8)
        lags = np.unique(np.geomspace(1, data.n_t - 1, 60).astype(int))
        means = [
            float(np.nanmean(np.diagonal(c2, lag))) if np.isfinite(np.diagonal(c2, lag)).any() else np.nan
            for lag in lags
        ]
        below[k].semilogx(lags * data.dt, means, ".-", linewidth=0.8)
        below[k].axhline(a.long, color="0.6", linewidth=0.8)
        below[k].set_xlabel(f"lag / {unit}")
    above[0].set_ylabel(f"t₁ / {unit}")
    below[0].set_ylabel("mean of c₂ over age")
    return figure
