"""Random configurations through small fits and posteriors, and random fits of hostile maps.

What has to hold: exit code 0 or 2; 1 only for a configuration that ``heterodyne validate`` refuses as well, or one that
contradicts its measurement, and then ``--dry-run`` says the same; always one line, never a traceback or a warning.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from configurations import configurations
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from measurements import Measurement
from running import Ending, faults, run

from heterodyne_data import NLSQResult
from heterodyne_spec import DONE, FAILED

QUICK = {"max_iterations": 25}
_BATCH = 25
"""Configurations drawn with one seed: more are drawn with the next one while there is time."""


@dataclass
class Tally:
    """How fits ended, and what was wrong with any of them."""

    title: str
    endings: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    defects: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(self.endings.values())


def random_configurations(
    measurements: Sequence[Measurement],
    folder: Path,
    *,
    first_seed: int,
    examples: int,
    until: float,
    cmc: bool = False,
) -> Tally:
    """Return how random configurations of `measurements` ended; none is begun after the time `until`."""
    tally = Tally("posteriors" if cmc else "fits")
    seeds = itertools.count(first_seed)
    while tally.count < examples and time.monotonic() < until:
        for measurement, document in drawn(measurements, next(seeds), min(_BATCH, examples - tally.count)):
            if time.monotonic() < until:
                check(measurement, document, folder / f"{tally.title}{tally.count:05}", tally, cmc=cmc)
    return tally


def drawn(measurements: Sequence[Measurement], first_seed: int, count: int) -> list[tuple[Measurement, Any]]:
    """Return random configurations, each with the measurement that it is for."""
    found: list[tuple[Measurement, Any]] = []

    @seed(first_seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(measurements).flatmap(lambda one: st.tuples(st.just(one), configurations(one))))
    def keep(one: tuple[Measurement, Any]) -> None:
        found.append(one)

    keep()
    return found


def hostile_fits(measurements: Sequence[Measurement], folder: Path, until: float) -> Tally:
    """Return how fits of hostile maps ended, every one with several losses, starts and scalings."""
    tally = Tally("hostile maps")
    for number, (measurement, document) in enumerate(itertools.product(measurements, _ways())):
        if time.monotonic() < until:
            check(measurement, document, folder / f"hostile{number:05}", tally)
    return tally


def _ways() -> Iterator[dict[str, Any]]:
    held = {"contrast": {"value": 0.2}, "offset": {"value": 1.0}}
    yield {"nlsq": QUICK}
    yield {"nlsq": {**QUICK, "start": "values", "loss": "soft_l1"}, "scaling": "shared"}
    yield {"nlsq": {**QUICK, "start": "values"}, "scaling": "fixed", "model": {"parameters": held}}


def check(measurement: Measurement, document: Any, folder: Path, tally: Tally, *, cmc: bool = False) -> None:
    """Run one fit in `folder` and add to `tally` how it ended; the configuration of a defect is kept."""
    folder.mkdir(parents=True)
    config = folder / "config.json"
    config.write_text(json.dumps(document), encoding="utf-8")
    asked = ["--config", str(config), "--data", str(measurement.path), "--output", str(folder), "--no-cache", "--quiet"]
    asked += ["--method", "cmc"] if cmc else []
    checked = run(["validate", str(config), "--kind", "config"])
    valid = checked.code == DONE and not (cmc and "--method cmc refuses" in checked.said)
    ending = run(asked)
    found = faults(ending)
    if ending.code == FAILED:
        tally.reasons[reason(ending)] += 1
        found += _unannounced(asked, ending, valid)
    else:
        found += [] if valid else ["done, though validate refuses the configuration"]
        found += wrong_files(folder)
    tally.endings[f"{ending.code}{'' if valid else ', refused by validate'}"] += 1
    if found:
        tally.defects.append(f"{measurement.path.name} {config}: {'; '.join(found)}")


def _unannounced(asked: list[str], ending: Ending, valid: bool) -> list[str]:
    """Return that a refusal came as a surprise, where neither ``validate`` nor ``--dry-run`` tells of it."""
    if not valid or run([*asked, "--dry-run"]).errors == ending.errors:
        return []
    return [f"refused, and neither validate nor --dry-run says so: {' / '.join(ending.errors)[:300]}"]


def wrong_files(folder: Path) -> list[str]:
    """Return what is wrong with the files of a fit that ended."""
    if not (folder / "nlsq_result.json").exists():
        return ["no result"]
    checked = run(["validate", str(folder / "nlsq_result.json")])
    if checked.code != DONE:
        return [f"a result that is not valid: {checked.said[:300]}"]
    result = NLSQResult.load(folder)
    outside = [row.name for row in result.table if row.status == "free" and not row.lower <= row.value <= row.upper]
    return [f"outside its bounds: {', '.join(outside)}"] if outside else []


def reason(ending: Ending) -> str:
    """Return the kind of a refusal: its line without file, numbers and names."""
    text = ending.errors[0] if ending.errors else "nothing"
    text = re.sub(r"/\S+", "FILE", text.split(" | ")[0])
    return re.sub(r"-?\d[\d.]*(e[+-]?\d+)?", "N", text)[:160]
