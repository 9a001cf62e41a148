"""Measurements that lack something: noise alone, static speckle, one component, no flow, nothing that ages.

``python nulls.py`` prints some. What a fit finds in them of what is absent, it has made up. `null` makes one; the same
kind, seed and noise give the same measurement, so that rules are set with some seeds and tested with others: those from
``HELD_OUT`` on are for the test alone (``evidence.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from starts import inside_bounds

type FloatArray = npt.NDArray[np.float64]

FEATURES = ("contrast", "dynamics", "two_components", "flow", "ageing")

KINDS = {
    "noise": "noise alone",
    "static": "contrast, nothing moves",
    "one": "one component, constant J",
    "one ageing": "one component, J = A t^b",
    "two": "two components at rest",
    "no reference": "flow, but nothing to beat against (x = 1)",
    "steady": "two components and flow, constant in time",
}

SIZES = (64, 80, 100, 120, 150, 190, 230, 290, 360, 430, 500, 600)
"""Numbers of frames, about even in the logarithm: few, since every size is compiled anew."""

HELD_OUT = 1_000_000
"""Seeds from here on are those of the test: take smaller ones to set a threshold."""

RANGES = """Ranges: N 64..600 (12 sizes, log-uniform), 1..6 angles (half of them even grids such as 0, 45, 90°, half
random in -90..90°), dt 1 ms..1 s and q 0.003..0.03 1/Å (log-uniform, drawn again where a parameter would leave its
bounds); ∫q²J over the window 0.5..30 (log-uniform); exponents -0.8..0.8 where something ages; x 0.1..0.9, or from one
to another, exponential with a rate of 0.3..3 per window; flow 5 fringes to 0.35 rad per frame, one angle within 30° of
it. White noise: contrast 0.05..0.4, offset 1 ± 0.02, standard deviation of a pair 1..50 % of the contrast; noise alone
and static: offset 1, standard deviation 0.001..0.05. Speckle: 3..10 modes, 1000..20000 pixels, every other one with
0.3..30 photons per pixel and frame; noise alone: every frame has its own speckle, of 1..10 modes or without any,
0.1..10 photons; static: one speckle pattern for all frames, 0.1..10 photons."""

_GRIDS: tuple[tuple[float, ...], ...] = (
    (0.0,),
    (0.0, 90.0),
    (0.0, 45.0, 90.0),
    (-45.0, 0.0, 45.0, 90.0),
    (-60.0, -30.0, 0.0, 30.0, 60.0),
    (-60.0, -30.0, 0.0, 30.0, 60.0, 90.0),
)
_LEAST_FLOW = 1e-6
"""v0 in Å/s where nothing flows: its lower bound."""


class NullExperiment(NamedTuple):
    """A measurement, the features of `FEATURES` that it lacks and has, a line that describes it, and its parameters.

    `truth` is None where the model has no parameters for it (noise alone, static).
    """

    data: Any
    absent: frozenset[str]
    present: frozenset[str]
    description: str
    truth: dict[str, float] | None


class Geometry(NamedTuple):
    """Ages t (n_t,) in s, q in 1/Å, azimuths phi (n_phi,) in degrees."""

    t: FloatArray
    q: float
    phi: FloatArray


def null(kind: str, seed: int, noise: str | None = None) -> NullExperiment:
    """Return a random measurement of a kind of `KINDS`, with noise `white` or `speckle` (None: one of them)."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    # Drawn in any case, so that what follows is the same whether the noise is given or not.
    drawn = ("white", "speckle")[rng.integers(2)]
    noise = noise or drawn
    n_t = int(rng.choice(SIZES))
    phi = _angles(rng, kind)
    if kind in ("noise", "static"):
        at = _geometry(rng, n_t, phi)
        maps, words = _WITHOUT_DYNAMICS[kind, noise](rng, at)
        present = frozenset({"contrast"} if kind == "static" else ())
        return _experiment(kind, noise, at, maps, present, words, None)
    at, truth = next(found for found in _draws(rng, kind, n_t, phi) if inside_bounds(found[1]))
    maps, words = (_white if noise == "white" else _speckle)(rng, truth, at)
    return _experiment(kind, noise, at, maps, _present(kind, truth), f"{_dynamics(truth, at)}; {words}", truth)


def _experiment(
    kind: str,
    noise: str,
    at: Geometry,
    maps: FloatArray,
    present: frozenset[str],
    words: str,
    truth: dict[str, float] | None,
) -> NullExperiment:
    from heterodyne_data import TwoTimeData

    angles = ", ".join(f"{angle:.3g}" for angle in at.phi)
    size = f"{at.t.size} frames of {at.t[0]:.2g} s, q {at.q:.2g} 1/Å, phi {angles}°"
    data = TwoTimeData(c2=maps.astype(np.float32), q=at.q, phi=at.phi, t=at.t)
    return NullExperiment(data, frozenset(FEATURES) - present, present, f"{kind}, {noise}: {size}; {words}", truth)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _angles(rng: np.random.Generator, kind: str) -> FloatArray:
    n_phi = int(rng.integers(1, len(_GRIDS) + 1))
    if rng.integers(2):
        return np.array(_GRIDS[n_phi - 1])
    # Flow has to be seen where it is.
    last = rng.uniform(-30, 30) if kind == "steady" else rng.uniform(-90, 90)
    return np.sort(np.append(rng.uniform(-90, 90, n_phi - 1), last))


def _geometry(rng: np.random.Generator, n_t: int, phi: FloatArray) -> Geometry:
    return Geometry(_log_uniform(rng, 1e-3, 1.0) * np.arange(1, n_t + 1), _log_uniform(rng, 0.003, 0.03), phi)


def _draws(
    rng: np.random.Generator, kind: str, n_t: int, phi: FloatArray
) -> Iterator[tuple[Geometry, dict[str, float]]]:
    """Yield geometries and parameters of a kind, inside their bounds or not."""
    ages = {"one": False, "one ageing": True, "steady": False}.get(kind, bool(rng.integers(2)))
    varies = kind == "two" and bool(rng.integers(2))
    while True:
        at, values = _geometry(rng, n_t, phi), _constant(kind, float(rng.uniform(0.1, 0.9)))
        for component in ("ref", "sample"):
            law = _law(_log_uniform(rng, 0.5, 30) / at.q**2, _exponent(rng, ages), at.t)
            values |= dict(zip((f"D0_{component}", f"alpha_{component}"), law, strict=True))
        if varies:
            values |= _fraction(rng, at.t)
        if kind in ("no reference", "steady"):
            turned = _log_uniform(rng, 2 * np.pi * 5, max(0.35 * n_t, 2 * np.pi * 5.5))
            # What does not show may age as it likes.
            law = _law(turned / at.q, _exponent(rng, kind != "steady"), at.t)
            values |= dict(zip(("v0", "beta"), law, strict=True))
        yield at, values


def _exponent(rng: np.random.Generator, ages: bool) -> float:
    return float(rng.uniform(-0.8, 0.8)) if ages else 0.0


def _law(total: float, exponent: float, t: FloatArray) -> tuple[float, float]:
    """Return amplitude and exponent of the power law whose integral over `t` (n_t,) is `total`."""
    return total / float(np.trapezoid(t**exponent, t)), exponent


def _constant(kind: str, x: float) -> dict[str, float]:
    """Return parameters without flow, at the fraction `x` of the sample where there are two components."""
    from heterodyne_spec import load_model

    fraction = {"one": 0.0, "one ageing": 0.0, "no reference": 1.0}.get(kind, x)
    return dict.fromkeys(load_model().names, 0.0) | {"v0": _LEAST_FLOW, "f3": fraction}


def _fraction(rng: np.random.Generator, t: FloatArray) -> dict[str, float]:
    first, last = rng.uniform(0.1, 0.9, 2)
    rate = rng.uniform(0.3, 3) * (1 if last > first else -1)
    f0 = (last - first) / np.expm1(rate)
    return {"f0": float(f0), "f1": float(rate / t[-1]), "f3": float(first - f0)}


def _present(kind: str, truth: dict[str, float]) -> frozenset[str]:
    """Return the features that c2 depends on."""
    found = {"contrast", "dynamics"}
    seen = {"one": ("alpha_ref",), "one ageing": ("alpha_ref",), "no reference": ("alpha_sample",)}
    if kind not in seen:
        found.add("two_components")
    if kind == "steady":
        found.add("flow")
    if any(truth[name] != 0 for name in seen.get(kind, ("alpha_ref", "alpha_sample", "f1"))):
        found.add("ageing")
    return frozenset(found)


def _dynamics(truth: dict[str, float], at: Geometry) -> str:
    """Return in words what moves."""

    def law(name: str, exponent: str, factor: float) -> str:
        total = factor * np.trapezoid(truth[name] * at.t ** truth[exponent], at.t)
        return f"{total:.2g} ~ t^{truth[exponent]:.2g}"

    x = truth["f0"] * np.exp(truth["f1"] * at.t[[0, -1]]) + truth["f3"]
    words = [f"x {x[0]:.2f} to {x[1]:.2f}"]
    if x.min() < 1:
        words.append(f"decays of the reference {law('D0_ref', 'alpha_ref', at.q**2)}")
    if x.max() > 0:
        words.append(f"decays of the sample {law('D0_sample', 'alpha_sample', at.q**2)}")
    if truth["v0"] > _LEAST_FLOW:
        words.append(f"{law('v0', 'beta', at.q / (2 * np.pi))} fringes")
    return "; ".join(words)


def _pairs(rng: np.random.Generator, at: Geometry, sd: float) -> FloatArray:
    """Return white noise of the pairs of frames, (n_phi, n_t, n_t), symmetric, 0 at t1 = t2."""
    upper = np.triu(sd * rng.standard_normal((at.phi.size, at.t.size, at.t.size)), 1)
    return upper + upper.swapaxes(1, 2)


def _white_alone(rng: np.random.Generator, at: Geometry) -> tuple[FloatArray, str]:
    sd = _log_uniform(rng, 0.001, 0.05)
    return 1 + _pairs(rng, at, sd), f"sd {sd:.2g}"


def _white_static(rng: np.random.Generator, at: Geometry) -> tuple[FloatArray, str]:
    sd, contrast = _log_uniform(rng, 0.001, 0.05), rng.uniform(0.05, 0.4)
    return 1 + contrast + _pairs(rng, at, sd), f"contrast {contrast:.2g}, sd {sd:.2g}"


def _white(rng: np.random.Generator, truth: dict[str, float], at: Geometry) -> tuple[FloatArray, str]:
    import jax

    from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid

    contrast, offset = rng.uniform(0.05, 0.4), 1 + 0.02 * rng.standard_normal(at.phi.size)
    relative = _log_uniform(rng, 0.01, 0.5)
    with jax.enable_x64(True):
        c2 = np.array(c2_meshgrid(HeterodyneModel(**truth), at.t, at.q, at.phi, contrast, offset))
    return c2 + _pairs(rng, at, relative * contrast), f"contrast {contrast:.2g}, noise {100 * relative:.2g} % of it"


def _speckle(rng: np.random.Generator, truth: dict[str, float], at: Geometry) -> tuple[FloatArray, str]:
    import jax

    from heterodyne_physics_meshgrid import HeterodyneModel, field_laws, speckle_map

    modes, pixels = int(rng.integers(3, 11)), _pixels(rng)
    photons = _log_uniform(rng, 0.3, 30) if rng.integers(2) else None
    with jax.enable_x64(True):
        laws = [field_laws(HeterodyneModel(**truth), at.t, at.q, float(angle)) for angle in at.phi]
    c2 = np.stack([speckle_map(law, pixels, modes, rng, photons) for law in laws])
    light = "no photon noise" if photons is None else f"{photons:.2g} photons"
    return c2, f"{modes} modes, {pixels} pixels, {light}"


def _pixels(rng: np.random.Generator) -> int:
    return int(_log_uniform(rng, 1000, 20000))


def _fresh_speckle(rng: np.random.Generator, at: Geometry) -> tuple[FloatArray, str]:
    pixels, photons, modes = _pixels(rng), _log_uniform(rng, 0.1, 10), int(rng.integers(0, 11))

    def intensity() -> FloatArray:
        shape = (at.t.size, pixels)
        return rng.gamma(modes, 1 / modes, shape) if modes else np.ones(shape)

    light = f"{modes} modes in every frame" if modes else "no speckle"
    return _counted(rng, at, photons, intensity), f"{light}, {pixels} pixels, {photons:.2g} photons"


def _frozen_speckle(rng: np.random.Generator, at: Geometry) -> tuple[FloatArray, str]:
    pixels, photons, modes = _pixels(rng), _log_uniform(rng, 0.1, 10), int(rng.integers(3, 11))

    def intensity() -> FloatArray:
        return np.broadcast_to(rng.gamma(modes, 1 / modes, pixels), (at.t.size, pixels))

    words = f"{modes} modes, the same in every frame, {pixels} pixels, {photons:.2g} photons"
    return _counted(rng, at, photons, intensity), words


def _counted(rng: np.random.Generator, at: Geometry, photons: float, intensity: Callable[[], FloatArray]) -> FloatArray:
    """Return ⟨n₁ n₂⟩ / ⟨n₁⟩⟨n₂⟩ of the photons counted at every azimuth, (n_phi, n_t, n_t).

    `intensity` draws that of the pixels of one azimuth, (n_t, n_pixels), in units of its expectation.
    """
    maps = np.empty((at.phi.size, at.t.size, at.t.size))
    for k in range(at.phi.size):
        counts = rng.poisson(photons * intensity()).astype(np.float32)
        mean = np.maximum(counts.mean(axis=1, dtype=float), 1e-300)
        maps[k] = (counts @ counts.T) / counts.shape[1] / np.outer(mean, mean)
    return maps


_WITHOUT_DYNAMICS = {
    ("noise", "white"): _white_alone,
    ("noise", "speckle"): _fresh_speckle,
    ("static", "white"): _white_static,
    ("static", "speckle"): _frozen_speckle,
}


if __name__ == "__main__":
    for name in KINDS:
        for number in range(4):
            made = null(name, number)
            print(f"{number}  {made.description}\n   has {', '.join(sorted(made.present)) or 'nothing'}")
