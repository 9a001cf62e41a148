"""Make the conformance vectors: the model at 50 digits, rounded once to binary64.

    python packages/heterodyne-spec/scripts/make_vectors.py [--check]

Nothing here is shared with the NumPy, JAX or generated code: the expression trees are walked with mpmath, integrals
are summed and pairs combined one by one. Every input is the exact value of its binary64 number. Before writing, each
case must pass `judge`: inside the bounds, not trivial, no kink within rounding of a frame, and so conditioned that
plain binary64 arithmetic with cumulative sums reaches the tolerance. ``--check`` writes nothing and fails when the
shipped file differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import mpmath  # type: ignore[import-untyped]

from heterodyne_spec.expression import EXP_LIMIT, Binary, Call, Expression, Name, Negative, Number
from heterodyne_spec.model import ModelSpec, load_model

DIGITS = 50
TOLERANCE = 1e-10
SCHEMA_VERSION = 1
COMMAND = "python packages/heterodyne-spec/scripts/make_vectors.py"
TARGET = Path(__file__).parents[1] / "src" / "heterodyne_spec" / "vectors" / "two-component.json"

ROUNDING = 2.0**-53
REACHABLE = TOLERANCE / 4
"""Largest estimated error of binary64 arithmetic; the rest of the tolerance is for other libraries' pow and exp."""
KINK_DISTANCE = 1e-9
"""Relative distance that a function keeps from its floor or clip at every frame."""
LEAST_SPREAD = 1e-3
"""Least difference between the largest and the smallest c2 of a case, diagonal left out."""

mpf = mpmath.mpf
type Column = list[Any]  # mpmath numbers

STARTUP: Mapping[str, float] = {
    "D0_ref": 900.0,
    "alpha_ref": 0.25,
    "D_offset_ref": 180.0,
    "D0_sample": 5200.0,
    "alpha_sample": -0.1,
    "D_offset_sample": -900.0,
    "v0": 470.0,
    "beta": -0.43,
    "v_offset": -20.0,
    "f0": 0.16,
    "f1": -0.05,
    "f2": 0.9,
    "f3": 0.52,
    "phi0": -2.1,
}
"""The typical parameters: start-up of a flow in which both coefficients and the velocity change with age."""


@dataclass(frozen=True)
class Case:
    """One case as asked for; `parameters` are changes to `base`, `trivial` allows a constant c2."""

    id: str
    shows: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    base: Mapping[str, float] = field(default_factory=lambda: STARTUP)
    q: float = 0.0054
    phi: float = 4.9
    contrast: float = 0.3
    offset: float = 1.0
    dt: float = 0.1
    start_frame: int = 1
    n_frames: int = 40
    trivial: bool = False

    @property
    def values(self) -> dict[str, float]:
        """All parameters by name."""
        return {**self.base, **self.parameters}


# --- the cases -------------------------------------------------------------------------------------------------------

# What a parameter at its bound needs besides, for c2 to be worth looking at.
BOUND_SETTINGS: Mapping[tuple[str, str], dict[str, Any]] = {
    ("D0_ref", "upper"): {"dt": 0.002},
    ("D0_sample", "upper"): {"dt": 0.002},
    ("D_offset_ref", "upper"): {"dt": 0.02},
    ("D_offset_sample", "upper"): {"dt": 0.02},
    ("v0", "upper"): {"dt": 0.01},
    ("f0", "upper"): {"parameters": {"f3": 0.1}},
    ("contrast", "lower"): {"trivial": True},
}


def typical_cases() -> Iterator[Case]:
    """Parameters as they occur, at several angles, wavevectors and clocks."""
    defaults = {p.name: p.default for p in load_model().parameters}
    yield Case("three-frames", "the shortest window with a middle frame: all nine pairs", n_frames=3, dt=0.2)
    for phi in (-45.0, -5.8, 4.9, 90.0):
        yield Case(f"startup-phi{phi:+}", "start-up of a flow, at one of its azimuths", phi=phi, contrast=0.2)
    yield Case("startup-larger-q", "start-up of a flow, at a larger wavevector", q=0.0081, contrast=0.2)
    yield Case("defaults", "registry defaults: constant coefficients, equal fractions", base=defaults, phi=0.0, dt=0.05)
    ageing = {"D0_ref": 300.0, "alpha_ref": -0.6, "D0_sample": 2500.0, "alpha_sample": -0.8, "D_offset_sample": 60.0}
    yield Case("slowing-down", "both coefficients fall with age", ageing, phi=20.0, dt=0.25)
    speeding = {"alpha_ref": 1.3, "alpha_sample": 0.7, "beta": 0.9, "v0": 35.0, "v_offset": 3.0, "D_offset_ref": 40.0}
    yield Case("speeding-up", "coefficients and velocity rise with age", speeding, phi=-35.0, n_frames=50)
    rising = {"f0": 0.02, "f1": 0.6, "f2": -1.0, "f3": 0.05}
    yield Case("rising-fraction", "the sample's fraction rises from 0.09 to 0.45", rising, phi=12.0)
    slow = {"D0_ref": 120.0, "D0_sample": 700.0, "D_offset_sample": 15.0, "v0": 6.0, "v_offset": 0.7, "beta": -0.2}
    yield Case("dt-1s", "one frame a second", slow, dt=1.0, n_frames=60)
    yield Case("dt-1s-large-f1", "one frame a second: f1 is per second", slow | {"f1": -0.4, "f2": 3.0}, dt=1.0)
    fast = {"D0_ref": 3e5, "alpha_ref": -0.5, "D0_sample": 9e5, "alpha_sample": -0.4, "v0": 900.0, "f2": 0.5e-3}
    yield Case("dt-20us", "20 microseconds between frames", fast | {"f1": -9.0}, dt=2e-5, n_frames=60)
    yield Case(
        "long-window", "4000 frames: the cumulated sums keep their digits", n_frames=4000, contrast=0.2, phi=75.0
    )
    yield Case("late-window", "starts at frame 5001: ages are absolute", start_frame=5001, n_frames=60, phi=-5.8)
    strong = {"alpha_ref": 1.1, "D0_ref": 100.0, "f1": -0.01, "f2": 10.0, "f0": 0.4}
    yield Case("late-window-strong", "starts at frame 201, strong dependence on age", strong, start_frame=201, phi=0.0)


def bound_cases() -> Iterator[Case]:
    """Each parameter and scaling at each bound, the others typical; then all at once."""
    spec = load_model()
    for p in (*spec.parameters, *spec.scaling):
        for side, value in zip(("lower", "upper"), p.bounds, strict=True):
            settings = dict(BOUND_SETTINGS.get((p.name, side), {}))
            changed = settings.pop("parameters", {})
            if p in spec.scaling:
                settings[p.name] = value
            else:
                changed = {**changed, p.name: value}
            yield Case(f"bound-{p.name}-{side}", f"{p.name} at its {side} bound", changed, **settings)
    lower = {p.name: p.bounds[0] for p in spec.parameters}
    upper = {p.name: p.bounds[1] for p in spec.parameters}
    text = "all 14 parameters at their lower bounds: only the reference is left, its coefficient falls to the floor"
    yield Case("all-lower", text, base=lower, q=0.003, dt=0.01, n_frames=12)
    text = "all 14 parameters at their upper bounds: only the sample is left"
    yield Case("all-upper", text, base=upper, dt=0.01, n_frames=12)
    text = "parameters, contrast and offset at their lower bounds: c2 is the offset"
    yield Case(
        "all-lower-scaling", text, base=lower, q=0.003, dt=0.01, n_frames=12, contrast=0.0, offset=0.5, trivial=True
    )
    text = "parameters, contrast and offset at their upper bounds"
    yield Case("all-upper-scaling", text, base=upper, dt=0.01, n_frames=12, contrast=1.0, offset=1.5)
    text = "f2 at its {} bound with a rate small enough for it to matter"
    yield Case("slow-f1-f2-lower", text.format("lower"), {"f1": -1.5e-4, "f2": -1e4, "f0": 0.9, "f3": 0.2}, phi=-30.0)
    yield Case("slow-f1-f2-upper", text.format("upper"), {"f1": -3e-5, "f2": 1e4, "f0": 0.4, "f3": 0.1}, phi=-30.0)


def angle_cases() -> Iterator[Case]:
    """The sign of phi0, the period, the flow across the wavevector."""
    for phi in (60.0, -60.0):
        for phi0 in (8.0, -8.0):
            text = "together with the other sign of phi0 at this azimuth: fixes the convention phi + phi0"
            yield Case(f"sign-phi{phi:+}-phi0{phi0:+}", text, {"phi0": phi0, "v0": 900.0}, phi=phi)
    for phi in (-45.0, 315.0):
        yield Case(f"period-phi{phi:+}", "equal values at -45 and 315 degrees", {"phi0": -2.5}, phi=phi)
    for phi in (-180.0, 180.0):
        yield Case(f"period-phi{phi:+}", "equal values at -180 and 180 degrees", {"phi0": 6.25}, phi=phi)
    text = "phi + phi0 = {} exactly: equal values for every velocity"
    for phi, v0 in ((87.5, 470.0), (87.5, 9000.0), (-92.5, 470.0)):
        yield Case(f"perpendicular-phi{phi:+}-v0-{v0:g}", text.format(phi + 2.5), {"phi0": 2.5, "v0": v0}, phi=phi)
    yield Case("parallel", "phi + phi0 = 0 exactly: the full velocity", {"phi0": -5.0}, phi=5.0)
    yield Case("antiparallel", "phi + phi0 = 180 exactly: values as in 'parallel'", {"phi0": -5.0}, phi=185.0)


def limit_cases() -> Iterator[Case]:
    """q = 0, pure fields, sign of the velocity, floors, clips and exponentials that would overflow."""
    text = "q = 0: c2 - offset is contrast ((1-x1)(1-x2) + x1 x2)^2 / (n1 n2)"
    yield Case("zero-q", text, {"f0": 0.9, "f1": -0.8, "f2": 0.1, "f3": 0.04}, q=0.0)
    text = "x = 0 exactly: c2 = offset + contrast exp(-q^2 int J_r)"
    yield Case("x-zero", text, {"f0": 0.0, "f3": 0.0})
    text = "x = 1 exactly by the clip: c2 = offset + contrast exp(-q^2 int J_s)"
    yield Case("x-one", text, {"f3": 1.0})
    text = "the velocity changes sign at an age of 7.5 s and is never floored; the phase turns back"
    turning = {"v0": 400.0, "beta": -0.8, "v_offset": -79.7}
    yield Case("velocity-turns", text, turning, dt=0.2, n_frames=70, phi=2.0)
    yield Case("velocity-negative", "the velocity is negative throughout", {"v0": 1.0, "v_offset": -95.0})
    text = "J_r is 0 up to an age of 2 s, then rises; J_s is 0 from 2.4 s on"
    floors = {"D0_ref": 3000.0, "alpha_ref": 1.5, "D_offset_ref": -8500.0}
    floors |= {"D0_sample": 9000.0, "alpha_sample": -1.2, "D_offset_sample": -3150.0}
    yield Case("floors", text, floors)
    both = {"D_offset_ref": -5e4, "D_offset_sample": -5e4}
    yield Case("both-floored", "J_r = J_s = 0 throughout: only the velocity and the fraction are left", both, phi=-70.0)
    clipped = {"f0": 0.9, "f1": -0.5, "f2": 1.0, "f3": 0.31}
    yield Case("clip-at-one", "x is 1 up to an age of 1.5 s, then falls", clipped)
    text = "x is 1 up to an age of 1 s, then falls to where 1 - x is 1 in binary64"
    yield Case("one-to-zero", text, {"f0": 1.0, "f1": -10.0, "f2": 1.03, "f3": 0.0}, n_frames=60)
    text = "the exponent {} is clipped to {}: {}"
    for f1, f2 in ((10.0, -1e4), (-10.0, 1e4)):
        name = f"overflow-f1{f1:+.0f}"
        yield Case(name, text.format("1e5", "150", "x = 1"), {"f1": f1, "f2": f2})
        yield Case(
            f"{name}-f0-zero", text.format("1e5", "150", "0 times e^150 is 0, x = f3"), {"f0": 0.0, "f1": f1, "f2": f2}
        )
        text_low = text.format("-1e5", "-150", "x = f3 to rounding")
        yield Case(f"underflow-f1{-f1:+.0f}", text_low, {"f1": -f1, "f2": f2})
    text = "the exponent crosses the clip at -150 inside the window, where f0 exp(...) is already nothing"
    yield Case("exponent-clip-inside", text, {"f1": -10.0, "f2": -13.0})
    yield Case("full-contrast", "contrast and offset other than usual", contrast=0.93, offset=0.71, phi=-15.0)


def all_cases() -> tuple[Case, ...]:
    """Every case, in the order of the file."""
    return (*typical_cases(), *bound_cases(), *angle_cases(), *limit_cases())


# --- the model at 50 digits ------------------------------------------------------------------------------------------


def evaluate(tree: Expression, names: Mapping[str, Any]) -> Any:
    """Return the value of `tree`, a 50-digit number."""
    match tree:
        case Number(value):
            return mpf(value)
        case Name(name):
            return names[name]
        case Negative(operand):
            return -evaluate(operand, names)
        case Binary(operator, left, right):
            return combine(operator, evaluate(left, names), evaluate(right, names))
        case Call(function, arguments):
            inside = [evaluate(a, names) for a in arguments]
            if function == "exp":
                return mpmath.exp(min(max(inside[0], mpf(-EXP_LIMIT)), mpf(EXP_LIMIT)))
            if function == "clip":
                return min(max(inside[0], inside[1]), inside[2])
            return {"max": max, "min": min}[function](inside)


def combine(operator: str, a: Any, b: Any) -> Any:
    """Return ``a operator b``; 0^b is 0 for every b."""
    operations: dict[str, Callable[[], Any]] = {
        "+": lambda: a + b,
        "-": lambda: a - b,
        "*": lambda: a * b,
        "/": lambda: a / b,
        "^": lambda: mpf(0) if a == 0 else mpmath.power(a, b),
    }
    return operations[operator]()


def cumulate(values: Column, dt: Any) -> Column:
    """Return the cumulative trapezoid, 0 at the first frame."""
    total = [mpf(0)]
    for before, here in pairwise(values):
        total.append(total[-1] + dt * (before + here) / 2)
    return total


@dataclass(frozen=True)
class Solved:
    """The functions and their integrals at every frame of a case."""

    t: Column
    functions: Mapping[str, Column]
    integrals: Mapping[str, Column]


def solve(case: Case, spec: ModelSpec) -> Solved:
    """Return the pointwise functions and integrals of `case`."""
    exact = {name: mpf(value) for name, value in case.values.items()}
    dt = mpf(case.dt)
    t = [(case.start_frame + k) * dt for k in range(case.n_frames)]
    functions = {f.name: [evaluate(f.tree, {**exact, "t": age}) for age in t] for f in spec.functions}
    return Solved(t, functions, {name: cumulate(functions[name], dt) for name in ("J_r", "J_s", "v")})


def correlate(case: Case, solved: Solved, i: int, j: int) -> Any:
    """Return c2 of the frames i and j."""
    q, low, high = mpf(case.q), min(i, j), max(i, j)
    int_r, int_s, int_v = (c[high] - c[low] for c in (solved.integrals[name] for name in ("J_r", "J_s", "v")))
    x1, x2 = solved.functions["x"][i], solved.functions["x"][j]
    reference, sample = (1 - x1) * (1 - x2), x1 * x2
    # cospi is exact at multiples of 90 degrees.
    along = mpmath.cospi((mpf(case.phi) + mpf(case.values["phi0"])) / 180)
    bracket = reference**2 * mpmath.exp(-(q**2) * int_r) + sample**2 * mpmath.exp(-(q**2) * int_s)
    decay = mpmath.exp(-(q**2) * (int_r + int_s) / 2)
    bracket += 2 * reference * sample * decay * mpmath.cos(q * along * int_v)
    n1, n2 = x1**2 + (1 - x1) ** 2, x2**2 + (1 - x2) ** 2
    return mpf(case.offset) + mpf(case.contrast) * bracket / (n1 * n2)


def choose_pairs(n: int) -> list[tuple[int, int]]:
    """Return the pairs of a window of `n` frames: the corners, some of the diagonal, both orders, many lags."""
    if n <= 3:
        return [(i, j) for i in range(n) for j in range(n)]
    last, half = n - 1, n // 2
    chosen = [(0, 0), (half, half), (last, last), (0, last), (last, 0), (0, 1), (1, 0), (last - 1, last), (half, 1)]
    lags = [lag for lag in (1, 2, 3, 5, 8, 13, 21, 34, 55, 144, 377, 987, 2584) if lag < n]
    # Steps of 7 from lag to lag and 11 from round to round reach young and old ages at every lag.
    for turn in range(5):
        for k, lag in enumerate(lags):
            start = (7 * k + 11 * turn) * max(n // 77, 1) % n
            chosen.append((start, (start + lag) % n))
    return list(dict.fromkeys(chosen))


def choose_frames(n: int) -> list[int]:
    """Return the few frames whose intermediate values are stated."""
    return sorted({0, 1, 2, n // 2, n - 1})


# --- what a case must fulfil -----------------------------------------------------------------------------------------


def kink_distance(case: Case, solved: Solved) -> float:
    """Return the least relative distance of J_r, J_s and x from a floor or clip, over all frames.

    An exact hit (f0 = 0, or f0 times the least exponential) is the same in every arithmetic and does not count.
    """
    p = {name: mpf(value) for name, value in case.values.items()}
    least = mpf(1)
    for t in solved.t:
        for component in ("ref", "sample"):
            term, constant = p[f"D0_{component}"] * t ** p[f"alpha_{component}"], p[f"D_offset_{component}"]
            least = min(least, abs(term + constant) / (abs(term) + abs(constant)))
        term = p["f0"] * mpmath.exp(min(max(p["f1"] * (t - p["f2"]), mpf(-EXP_LIMIT)), mpf(EXP_LIMIT)))
        if term > mpf("1e-60"):
            raw = term + p["f3"]
            # Towards 0 the sum keeps its relative precision; only the clip at 1 is a kink.
            least = min(least, abs(raw - 1) / (raw + 1))
    return float(least)


def reachable_error(case: Case, solved: Solved) -> float:
    """Return an upper estimate of the error of c2 in binary64: recursive sums, functions good to 4 roundings."""
    p = {name: mpf(value) for name, value in case.values.items()}
    q, dt = mpf(case.q), mpf(case.dt)

    def exponent_error(amplitude: Any, exponent: Any, constant: Any, integral: Column) -> Any:
        terms = [abs(amplitude) * t**exponent * (4 + abs(exponent)) + 4 * abs(constant) for t in solved.t]
        return cumulate(terms, dt)[-1] + sum(abs(c) for c in integral)

    error = q * exponent_error(p["v0"], p["beta"], p["v_offset"], solved.integrals["v"])
    for name, component in (("J_r", "ref"), ("J_s", "sample")):
        amplitude, exponent, constant = (p[f"{kind}_{component}"] for kind in ("D0", "alpha", "D_offset"))
        error += q**2 * exponent_error(amplitude, exponent, constant, solved.integrals[name])
    angle = mpmath.radians(abs(mpf(case.phi)) + abs(p["phi0"]))
    error += 2 * angle * q * max(abs(c) for c in solved.integrals["v"])
    inside = [(t, x) for t, x in zip(solved.t, solved.functions["x"], strict=True) if 0 < x < 1]
    # The bracket over n1 n2 changes by at most about 8 times the change of x.
    error += 8 * max((abs(x - p["f3"]) * abs(p["f1"]) * (2 * t + abs(p["f2"])) + 4 for t, x in inside), default=0)
    return float(ROUNDING * (mpf(case.contrast) * error + 4))


def judge(case: Case, spec: ModelSpec, solved: Solved, pairs: Sequence[tuple[int, int]], c2: Column) -> None:
    """Refuse a case that is outside the bounds, ill-conditioned, on a kink, or trivial without saying so.

    Raises
    ------
    AssertionError : with the case and the reason.
    """
    outside = [p.name for p in spec.parameters if not p.bounds[0] <= case.values[p.name] <= p.bounds[1]]
    assert not outside, f"{case.id}: {outside} outside the bounds"
    assert all(mpmath.isfinite(value) for value in c2), f"{case.id}: not finite"
    error = reachable_error(case, solved)
    assert error < REACHABLE, f"{case.id}: binary64 may be wrong by {error:.1e}"
    distance = kink_distance(case, solved)
    assert distance > KINK_DISTANCE, f"{case.id}: a floor or clip {distance:.1e} from a frame"
    apart = [value for (i, j), value in zip(pairs, c2, strict=True) if i != j]
    spread = float(max(apart) - min(apart))
    assert (spread == 0) if case.trivial else (spread > LEAST_SPREAD), f"{case.id}: c2 spreads over {spread:.1e}"


# --- the file --------------------------------------------------------------------------------------------------------


def case_document(case: Case, spec: ModelSpec) -> dict[str, Any]:
    """Return `case` with its values, as it stands in the file."""
    with mpmath.workdps(DIGITS):
        solved = solve(case, spec)
        pairs, frames = choose_pairs(case.n_frames), choose_frames(case.n_frames)
        c2 = [correlate(case, solved, i, j) for i, j in pairs]
        judge(case, spec, solved, pairs, c2)
        document: dict[str, Any] = {
            name: getattr(case, name) for name in ("id", "shows", "q", "phi", "contrast", "offset")
        }
        document |= {"dt": case.dt, "start_frame": case.start_frame, "n_frames": case.n_frames}
        document |= {"parameters": case.values, "pairs": [list(pair) for pair in pairs], "frames": frames}
        document["c2"] = [float(value) for value in c2]
        document |= {name: [float(values[k]) for k in frames] for name, values in solved.functions.items()}
        return document | {f"int_{name}": [float(c[k]) for k in frames] for name, c in solved.integrals.items()}


def build_document() -> dict[str, Any]:
    """Return the whole document."""
    spec = load_model("two-component")
    document: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "model": spec.id, "model_version": spec.version}
    document |= {"digits": DIGITS, "command": COMMAND, "tolerance": TOLERANCE}
    return document | {"cases": [case_document(case, spec) for case in all_cases()]}


def to_text(value: Any, indent: str = "") -> str:
    """Return canonical JSON (sorted keys, UTF-8, two spaces), but a list without objects stands on one line."""
    inner = indent + "  "
    if isinstance(value, dict) and value:
        rows = [f"{inner}{json.dumps(key)}: {to_text(value[key], inner)}" for key in sorted(value)]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return "[\n" + ",\n".join(inner + to_text(item, inner) for item in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or compare it; return the exit status."""
    parser = argparse.ArgumentParser(description="Make the conformance vectors of the two-component model.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the file differs")
    options = parser.parse_args(arguments)
    text = to_text(build_document()) + "\n"
    if not options.check:
        TARGET.write_text(text, encoding="utf-8", newline="\n")
        print(f"{TARGET.name}: {len(all_cases())} cases, {len(text.encode())} bytes")
        return 0
    same = TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text
    print(f"{TARGET.name}: {'as generated' if same else f'differs from what the model gives; run {COMMAND}'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
