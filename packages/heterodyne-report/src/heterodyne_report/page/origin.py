"""Where a result comes from, so that it can be made again, and what to cite."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from heterodyne_data import FittedData
from heterodyne_report.page.document import Section
from heterodyne_report.page.elements import element, facts, folded, items, joined
from heterodyne_spec.model import DEFAULT, load_model


def origin(
    data: FittedData,
    *,
    model: Mapping[str, str],
    command: str,
    seed: int,
    versions: Mapping[str, str],
    timings: Mapping[str, float],
    config: Mapping[str, Any],
) -> Section:
    """Return the section on file, command, seed and versions of a result."""
    given = data.provenance
    rows = {
        "Command": command or "a call from Python",
        "File": str(given.get("file", "none: arrays in memory")),
        "SHA-256 of the file": str(given.get("sha256", "none")),
        "Layout": str(given.get("layout", "none")),
        "Frames": f"{data.start_frame} to {data.start_frame + data.n_frames - 1}, {data.dt:g} s apart",
        "q": f"{data.q:.6g} 1/Å",
        "φ": ", ".join(f"{phi:g}" for phi in data.phi) + " degrees",
        "Seed": str(seed),
        "Model": f"{model.get('id')} {model.get('version')}, SHA-256 {model.get('sha256')}",
        "Versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "Time": ", ".join(f"{stage} {seconds:.3g} s" for stage, seconds in timings.items()),
    }
    written = json.dumps(config, ensure_ascii=False, indent=1, default=str)
    parts = [facts({name: what for name, what in rows.items() if what}), folded("Configuration", _code(written))]
    if data.notes:
        parts.insert(1, joined([element("h3", "What was found in the data"), items(data.notes)]))
    return Section("Where this comes from", joined(parts))


def _code(text: str) -> str:
    return element("pre", text, tabindex="0")


def citation(model: str = DEFAULT) -> Section:
    """Return the section on what to cite: the literature of the model and this software."""
    literature = load_model(model).document["literature"]
    cited = [f"{entry['title']}, doi:{entry['doi']}: {entry['used_for']}." for entry in literature]
    software = "This software: CITATION.cff in its repository, with the versions above."
    return Section("How to cite", items([*cited, software]))
