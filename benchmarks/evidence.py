"""Held-out proof of what fits say: nothing that is not there, all that is well seen, numbers that make sense.

``python evidence.py [nulls | real | power | misfits] [COUNT] [SEED] [--json FILE] [--picture]``; all without a name.
``python evidence.py one PART SEED`` makes a single case again. All fits have default settings. Seeds are none that a
threshold was set with. Exit status 1: a target does not hold. Every shape of data is compiled once, for 20 s; compiled
functions are kept in the user's cache, as those of the commands are.

`nulls`: measurements that lack features (``nulls.py``); how often is one claimed? `real`: experiments from the range of
``starts.py``; how often is a feature missed whose size is above 5 standard deviations, and do costs, bounds, pulls,
minima, offsets and times make sense (``sense.py``)? `power`: detection against size (``power.py``). `misfits`:
measurements that do not follow the model (``misfits.py``); which verdicts do they get?
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import math
import multiprocessing
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import misfits
import numpy as np
import power
import sense
from claims import claimed, timed_fit
from nulls import FEATURES, HELD_OUT, KINDS, RANGES, null
from starts import RANGES as REAL_RANGES
from starts import one_thread
from table import print_table, seconds

type Row = dict[str, Any]

NOISES = ("white", "speckle")
VERDICTS = ("usable", "caution", "no-signal")
NEVER_USABLE = ("noise", "static")
CLAIMED_WRONGLY, MISSED = 0.02, 0.02
"""Targets: shares of absent features that may be claimed, and of well seen ones that may be missed."""

WELL_SEEN = 5.0
"""Size from which a feature has to be found."""

SIZES = (0.0, 2.0, WELL_SEEN, 10.0, math.inf)


def null_case(seed: int) -> Row:
    """Fit one null measurement; kinds and noises take turns."""
    kinds = list(KINDS)
    kind, noise = kinds[seed % len(kinds)], NOISES[seed // len(kinds) % 2]
    made = null(kind, seed, noise)
    result, spent = timed_fit(made.data)
    about = {"kind": kind, "noise": noise, "absent": sorted(made.absent), "description": made.description}
    return {**about, **claimed(result), "seconds": spent}


def upper_bound(hits: int, among: int) -> float:
    """Return the largest probability that explains so few hits, at 95 % (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    return 1.0 if hits >= among else float(beta.ppf(0.95, hits + 1, among - hits))


def _share(hits: int, among: int) -> list[str]:
    if not among:
        return ["0 of 0", "", ""]
    return [f"{hits} of {among}", f"{100 * hits / among:.1f} %", f"{100 * upper_bound(hits, among):.1f} %"]


def report_nulls(rows: list[Row]) -> bool:
    """Print what was claimed of absent features; return whether the targets hold."""
    kinds = [(kind, noise) for kind in KINDS for noise in NOISES]
    cells = [_claims_of_kind(rows, kind, noise) for kind, noise in kinds]
    print_table(f"Absent features that are claimed, {len(rows)} measurements", ["kind", "", *FEATURES], cells, [RANGES])
    claims = {name: [row["found"][name] for row in rows if name in row["absent"]] for name in FEATURES}
    claims["velocity stated, no flow"] = [row["velocity_stated"] for row in rows if "flow" in row["absent"]]
    cells = [[name, *_share(sum(among), len(among))] for name, among in claims.items()]
    print_table("Claimed though absent", ["feature", "claimed", "share", "95 % bound"], cells)
    verdicts = Counter((row["kind"], row["verdict"]) for row in rows)
    cells = [[kind, meaning, *(str(verdicts[kind, name]) for name in VERDICTS)] for kind, meaning in KINDS.items()]
    print_table("Verdicts", ["kind", "", *VERDICTS], cells)

    def wrong(row: Row) -> list[str]:
        return [name for name in row["absent"] if row["found"][name]]

    _print_cases("Cases with a wrong claim", [row for row in rows if wrong(row)], wrong)
    without_signal = [row for row in rows if row["kind"] in NEVER_USABLE and row["verdict"] == "usable"]
    _print_cases("Nothing moves, and usable", without_signal, lambda row: [])
    return not without_signal and all(sum(among) <= CLAIMED_WRONGLY * len(among) for among in claims.values())


def _claims_of_kind(rows: list[Row], kind: str, noise: str) -> list[str]:
    here = [row for row in rows if (row["kind"], row["noise"]) == (kind, noise)]
    absent = {name: [row["found"][name] for row in here if name in row["absent"]] for name in FEATURES}
    counts = [f"{sum(among)} of {len(among)}" if among else "" for among in absent.values()]
    return [f"{kind}, {noise}", str(len(here)), *counts]


def report_real(rows: list[Row]) -> bool:
    """Print what was missed of present features, by size; return whether the target holds."""
    bins, fine, cells = list(itertools.pairwise(SIZES)), True, []
    for name in FEATURES:
        found = np.array([row["found"][name] for row in rows], bool)
        size = np.array([row["size"][name] for row in rows])
        seen, within = size > WELL_SEEN, [(low <= size) & (size < high) for low, high in bins]
        missed = int(np.count_nonzero(seen & ~found))
        fine &= missed <= MISSED * int(seen.sum())
        cells.append([name, *_share(missed, int(seen.sum())), *(f"{found[w].sum()} of {w.sum()}" for w in within)])
    found_within = [f"found, size {low:g} to {high:g}" for low, high in bins]
    header = ["feature", f"missed above {WELL_SEEN:g}", "share", "95 % bound", *found_within]
    print_table(f"Features that are there, {len(rows)} experiments", header, cells, [REAL_RANGES])
    verdicts, cells = Counter((row["noise"], row["verdict"]) for row in rows), []
    for noise in NOISES:
        times = [row["seconds"] for row in rows if row["noise"] == noise]
        cells.append([noise, *(str(verdicts[noise, v]) for v in VERDICTS), seconds(np.median(times)) if times else ""])
    print_table("Verdicts", ["noise", *VERDICTS, "median time, 1 core"], cells)

    def missing(row: Row) -> list[str]:
        return [name for name in FEATURES if row["size"][name] > WELL_SEEN and not row["found"][name]]

    _print_cases("Cases with a miss", [row for row in rows if missing(row)], missing)
    return sense.report(rows) and fine


CHI_SQUARES = (0.0, 1.02, 1.2, 2.0, math.inf)


def misfit_case(seed: int) -> Row:
    """Fit one measurement that does not follow the model; kinds and noises take turns."""
    kinds = list(misfits.KINDS)
    kind, noise = kinds[seed % len(kinds)], NOISES[seed // len(kinds) % 2]
    made = misfits.misfit(kind, seed, noise)
    result, spent = timed_fit(made.data)
    said = {"verdict": result.verdict, "reduced_chi2": result.reduced_chi2, "sentence": result.sentence}
    return {"kind": kind, "noise": noise, "description": made.description, **said, "seconds": spent}


def report_misfits(rows: list[Row]) -> bool:
    """Print the verdicts on what does not follow the model; return whether none is ``no-signal``."""
    counts, cells = Counter((row["kind"], row["noise"], row["verdict"]) for row in rows), []
    for kind, meaning in misfits.KINDS.items():
        each = [" / ".join(str(counts[kind, noise, verdict]) for verdict in VERDICTS) for noise in NOISES]
        cells.append([kind, meaning, *each])
    among = ", ".join(VERDICTS)
    title = f"Verdicts on what the model does not describe, {len(rows)} measurements: {among}"
    print_table(title, ["kind", "", *NOISES], cells, [misfits.RANGES])
    white, cells = [row for row in rows if row["noise"] == "white"], []
    for low, high in itertools.pairwise(CHI_SQUARES):
        here = Counter(row["verdict"] for row in white if low <= row["reduced_chi2"] < high)
        cells.append([f"{low:g} to {high:g}", *(str(here[verdict]) for verdict in VERDICTS)])
    print_table("The same by reduced chi-square, white noise", ["reduced chi-square", *VERDICTS], cells)
    flat = [row for row in rows if row["verdict"] == "no-signal"]
    _print_cases("Called flat", flat, lambda row: [row["kind"]])
    return not flat


def misfit_line(row: Row) -> str:
    """Return a row of `misfits` in a line."""
    return f"{row['verdict']}  {row['reduced_chi2']:.3f}  {row['seconds']:.1f} s  ({row['description']})"


def _print_cases(title: str, rows: list[Row], what: Callable[[Row], Sequence[str]]) -> None:
    cells = [[str(row["seed"]), ", ".join(what(row)), row["verdict"], row["description"]] for row in rows]
    print_table(title, ["seed", "", "verdict", "measurement"], cells or [["none", "", "", ""]])


def claims_line(row: Row) -> str:
    """Return a row of `nulls` in a line."""
    found = " ".join(name for name in FEATURES if row["found"][name])
    return f"{row['verdict']}: {found or 'nothing'}  {row['seconds']:.1f} s  ({row['description']})"


class Part(NamedTuple):
    """How a part makes a row from a seed, shows it in a line, and reports all rows; its usual count and first seed.

    `cases`: how many seeds one of COUNT takes.
    """

    case: Callable[[int], Row]
    line: Callable[[Row], str]
    report: Callable[[list[Row]], bool]
    count: int
    seed: int
    cases: int = 1


PARTS = {
    "nulls": Part(null_case, claims_line, report_nulls, 300, HELD_OUT),
    "real": Part(sense.case, sense.line, report_real, 300, 100_000),
    "misfits": Part(misfit_case, misfit_line, report_misfits, 180, HELD_OUT),
    "power": Part(power.case, power.line, power.report, 20, 0, power.N_CELLS),
}


def one(part: str, seed: int) -> Row:
    """Return the row of a case; a fit that fails is one with an `error`."""
    try:
        return {"seed": seed, **PARTS[part].case(seed)}
    except Exception:
        return {"seed": seed, "error": traceback.format_exc()}


def study(part: str, count: int | None = None, seed: int | None = None) -> tuple[bool, list[Row]]:
    """Run a part in two processes and print its tables; return whether its targets hold, and the rows."""
    from heterodyne_nlsq import keep_compiled_functions

    p = PARTS[part]
    first = p.seed if seed is None else seed
    seeds = range(first, first + (p.count if count is None else count) * p.cases)
    rows: list[Row] = []
    # Before the processes start: what they import counts its cores as it is loaded.
    one_thread()
    with multiprocessing.get_context("spawn").Pool(2, keep_compiled_functions) as pool:
        for row in pool.imap(functools.partial(one, part), seeds):
            rows.append(row)
            words = _last_line(row) if "error" in row else p.line(row)
            print(f"{part} {row['seed']}  {len(rows)}/{len(seeds)}  {words}", file=sys.stderr, flush=True)
    whole, failed = [row for row in rows if "error" not in row], [row for row in rows if "error" in row]
    fine = bool(whole) and p.report(whole) and not failed
    if failed:
        print_table("Fits that failed", ["seed", "error"], [[str(row["seed"]), _last_line(row)] for row in failed])
    print(f"{part}: the targets {'hold' if fine else 'do not hold'}\n", flush=True)
    return fine, rows


def _last_line(row: Row) -> str:
    return str(row["error"].strip().splitlines()[-1])


def plain(value: Any) -> Any:
    """Return a row as JSON can hold it: what is not finite is null."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="part")
    for name, part in PARTS.items():
        command = commands.add_parser(name)
        command.add_argument("count", type=int, nargs="?", default=part.count)
        command.add_argument("seed", type=int, nargs="?", default=part.seed, help="first seed")
        command.add_argument("--json", type=Path, help="store the rows in this file")
        if name == "power":
            command.add_argument("--picture", action="store_true", help=f"draw {power.PICTURE.name}")
    single = commands.add_parser("one")
    single.add_argument("of", choices=PARTS)
    single.add_argument("seed", type=int)
    return parser.parse_args()


def main() -> int:
    """Run what the command line asks for and return the exit status."""
    from heterodyne_nlsq import keep_compiled_functions

    args = _arguments()
    if args.part == "one":
        keep_compiled_functions()
        row = one(args.of, args.seed)
        print(row["error"] if "error" in row else json.dumps(plain(row), indent=2, ensure_ascii=False))
        return 1 if "error" in row else 0
    if args.part is None:
        held = [study(name)[0] for name in PARTS]
        return 0 if all(held) else 1
    fine, rows = study(args.part, args.count, args.seed)
    if args.json:
        document = {"part": args.part, "count": args.count, "seed": args.seed, "rows": plain(rows)}
        text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
        args.json.write_text(text + "\n", encoding="utf-8")
    if args.part == "power" and args.picture:
        power.draw([row for row in rows if "error" not in row])
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
