"""Measurements that do not follow the model: what does a fit with default settings say of them?

``python evidence.py misfits``; ``python misfits.py`` prints some. Everything the model has, as in `starts.py`, and one
thing that it does not have. `misfit` makes one; the same kind, seed and noise give the same measurement.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from starts import DT, Q, draws, inside_bounds, speckle_maps

type FloatArray = npt.NDArray[np.float64]

KINDS = {
    "step": "v times 1.05..2 from some age on",
    "oscillation": "v oscillates by 5..50 %, 2..10 periods",
    "reversal": "v changes its sign at some age",
    "stop": "v is 0 from some age on",
    "jump": "a displacement by 0.5..5 rad / q at some age",
    "J step": "J of the sample times 1.5..4 from some age on",
    "x step": "x plus or minus 0.05..0.3 from some age on",
    "third": "a third component, static, with a field of 0.1..0.5 of the others'",
    "direction": "J of the sample times 1 + (0.2..2) cos² phi",
}

SIZES = (200, 300, 450, 700)
"""Numbers of frames: few, since every size is compiled anew."""

RANGES = """Ranges: N 200, 300, 450 or 700, 1..4 angles, parameters and speckle of starts.py; a change at 20..80 % of
the measurement; white noise: contrast 0.05..0.4, standard deviation of a pair 1..30 % of it."""


class Functions(NamedTuple):
    """Functions of age (n_t,): J of both components in Å²/s, v in Å/s, x, a displacement in Å besides that by v, and
    the field of a third component."""

    J_r: FloatArray
    J_s: FloatArray
    v: FloatArray
    x: FloatArray
    displaced: FloatArray
    third: FloatArray


class Misfit(NamedTuple):
    """A measurement, and a line that describes it."""

    data: Any
    description: str


def misfit(kind: str, seed: int, noise: str) -> Misfit:
    """Return a random measurement with a deviation of `KINDS`, with noise `white` or `speckle`."""
    from heterodyne_data import TwoTimeData

    rng = np.random.default_rng([seed, list(KINDS).index(kind), len(noise)])
    n_t, n_phi = int(rng.choice(SIZES)), int(rng.integers(2 if kind == "direction" else 1, 5))
    t = DT * np.arange(1, n_t + 1)
    truth = next(values for values in draws(rng, t) if inside_bounds(values))
    phi = np.sort(np.append(rng.uniform(-90, 90, n_phi - 1), rng.uniform(-30, 30)))
    functions, words = _DEVIATIONS[kind](rng, _functions(truth, t))
    along = float(rng.uniform(0.2, 2)) if kind == "direction" else 0.0
    if along:
        words = f"1 + {along:.2g} cos² phi"
    angles = np.radians(phi + truth["phi0"])
    laws = [_laws(functions, float(np.cos(angle)), along * float(np.cos(angle)) ** 2) for angle in angles]
    maps, of_noise = (_white if noise == "white" else speckle_maps)(rng, laws)
    made = f"{kind} ({words}): {n_t} frames, {n_phi} angles; {of_noise}"
    return Misfit(TwoTimeData(c2=maps.astype(np.float32), q=Q, phi=phi, t=t), made)


def _functions(truth: dict[str, float], t: FloatArray) -> Functions:
    def law(first: str, exponent: str, constant: str) -> FloatArray:
        return np.asarray(truth[first] * t ** truth[exponent] + truth[constant])

    J_r, J_s = (np.maximum(law(f"D0_{c}", f"alpha_{c}", f"D_offset_{c}"), 0.0) for c in ("ref", "sample"))
    x = np.clip(truth["f0"] * np.exp(truth["f1"] * t) + truth["f3"], 0.0, 1.0)
    return Functions(J_r, J_s, law("v0", "beta", "v_offset"), x, np.zeros(t.size), np.zeros(t.size))


def _later(rng: np.random.Generator, n_t: int) -> npt.NDArray[np.bool_]:
    """Return which frames (n_t,) are after a random age."""
    return np.arange(n_t) > rng.uniform(0.2, 0.8) * n_t


def _times(name: str, low: float, high: float) -> Callable[..., tuple[Functions, str]]:
    def deviate(rng: np.random.Generator, f: Functions) -> tuple[Functions, str]:
        factor, before = float(rng.uniform(low, high)), getattr(f, name)
        later = _later(rng, before.size)
        return f._replace(**{name: np.where(later, factor * before, before)}), f"{name} × {factor:.3g}"

    return deviate


def _oscillation(rng: np.random.Generator, f: Functions) -> tuple[Functions, str]:
    by, periods = float(rng.uniform(0.05, 0.5)), float(rng.uniform(2, 10))
    wave = np.sin(2 * np.pi * periods * np.arange(f.v.size) / f.v.size)
    return f._replace(v=f.v * (1 + by * wave)), f"{by:.2g}, {periods:.2g} periods"


def _jump(rng: np.random.Generator, f: Functions) -> tuple[Functions, str]:
    by = float(rng.uniform(0.5, 5)) / Q
    return f._replace(displaced=by * _later(rng, f.v.size)), f"{by:.3g} Å"


def _x_step(rng: np.random.Generator, f: Functions) -> tuple[Functions, str]:
    by = float(rng.uniform(0.05, 0.3)) * (1 if f.x.mean() < 0.5 else -1)
    return f._replace(x=np.clip(f.x + by * _later(rng, f.x.size), 0.0, 1.0)), f"{by:+.2g}"


def _third(rng: np.random.Generator, f: Functions) -> tuple[Functions, str]:
    field = float(rng.uniform(0.1, 0.5))
    return f._replace(third=np.full(f.x.size, field)), f"{field:.2g}"


_DEVIATIONS: dict[str, Callable[[np.random.Generator, Functions], tuple[Functions, str]]] = {
    "step": _times("v", 1.05, 2.0),
    "oscillation": _oscillation,
    "reversal": _times("v", -1.0, -1.0),
    "stop": _times("v", 0.0, 0.0),
    "jump": _jump,
    "J step": _times("J_s", 1.5, 4.0),
    "x step": _x_step,
    "third": _third,
    "direction": lambda rng, f: (f, ""),
}


def _laws(f: Functions, along: float, more: float) -> Any:
    """Return the fields of an azimuth whose direction has the cosine `along` with the flow, J_s being `more` there."""
    from heterodyne_physics_meshgrid import FieldLaws

    def steps(values: FloatArray) -> FloatArray:
        return np.asarray(DT * (values[1:] + values[:-1]) / 2)

    phase = Q * along * (np.concatenate([[0.0], np.cumsum(steps(f.v))]) + f.displaced)
    norm = np.sqrt(f.x**2 + (1 - f.x) ** 2 + f.third**2)
    keep = tuple(np.exp(-(Q**2) * steps(J) / 2) for J in (f.J_r, (1 + more) * f.J_s, np.zeros(f.v.size)))
    return FieldLaws(keep, ((1 - f.x) / norm, f.x * np.exp(1j * phase) / norm, f.third / norm))


def _white(rng: np.random.Generator, laws: list[Any]) -> tuple[FloatArray, str]:
    contrast, relative = rng.uniform(0.05, 0.4), float(np.exp(rng.uniform(np.log(0.01), np.log(0.3))))
    maps = []
    for law in laws:
        kept = [np.concatenate([[0.0], np.cumsum(np.log(keep))]) for keep in law.keep]
        field = sum(
            np.outer(a, a.conj()) * np.exp(-np.abs(one[:, None] - one[None, :]))
            for a, one in zip(law.amplitude, kept, strict=True)
        )
        noise = np.triu(relative * contrast * rng.standard_normal(field.shape), 1)
        maps.append(1 + contrast * np.abs(field) ** 2 + noise + noise.T)
    return np.stack(maps), f"noise {100 * relative:.2g} % of contrast"


if __name__ == "__main__":
    for kind in KINDS:
        print(misfit(kind, 0, "white").description)
