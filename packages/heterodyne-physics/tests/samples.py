"""Parameter vectors and windows that the tests use: corners of the bounds, random points, kinks of the model."""

import numpy as np
import numpy.typing as npt

from heterodyne_spec import load_model

type Vector = npt.NDArray[np.float64]

SPEC = load_model()
BOUNDS = SPEC.bounds
N_PAR = len(BOUNDS)

WINDOWS = {
    "microseconds": 2e-5 * np.arange(1, 7),
    "seconds": 1.0 * np.arange(1, 7),
    "late": 1.0 * np.arange(100_001, 100_007),
    "decades": np.geomspace(2e-5, 1e5, 6),
    "from age zero": 0.1 * np.arange(6),
}
"""Ages of six frames in s: short, long and old windows, steps of 10 powers, and the age at which t^a is 0."""


def vector(**changes: float) -> Vector:
    """Return a vector with every term of c2 alive, with some parameters changed."""
    alive = {"D0_ref": 3e3, "alpha_ref": -0.3, "D_offset_ref": 400.0, "D0_sample": 9e3, "alpha_sample": 0.4}
    alive |= {"D_offset_sample": -200.0, "v0": 600.0, "beta": 0.3, "v_offset": -20.0}
    alive |= {"f0": 0.4, "f1": -0.3, "f2": 0.5, "f3": 0.15, "phi0": 3.0}
    return np.array([{**alive, **changes}[name] for name in SPEC.names])


def corners() -> npt.NDArray[np.float64]:
    """Return all 2^n_par corners of the bounds, (n_corner, n_par)."""
    bits = (np.arange(2**N_PAR)[:, None] >> np.arange(N_PAR)) & 1
    return np.where(bits, BOUNDS[:, 1], BOUNDS[:, 0])


def random_points(n: int, seed: int) -> npt.NDArray[np.float64]:
    """Return `n` vectors (n, n_par) inside the bounds, each coordinate on one of its bounds one time in four."""
    rng = np.random.default_rng(seed)
    lower, upper = BOUNDS.T
    inside = lower + rng.uniform(size=(n, N_PAR)) * (upper - lower)
    positive = lower > 0  # amplitudes span decades
    inside[:, positive] = np.exp(rng.uniform(np.log(lower[positive]), np.log(upper[positive]), (n, positive.sum())))
    side = rng.integers(0, 8, size=(n, N_PAR))
    return np.where(side == 0, lower, np.where(side == 1, upper, inside))


KINKS = {
    "J_r at its floor": vector(D0_ref=1e4, alpha_ref=0.0, D_offset_ref=-1e4),
    "J_s at its floor": vector(D0_sample=1e4, alpha_sample=0.0, D_offset_sample=-1e4),
    "both floored": vector(D_offset_ref=-1e5, D_offset_sample=-1e5),
    "J_r crosses its floor": vector(D0_ref=1e4, alpha_ref=1.0, D_offset_ref=-3e4),
    "x zero": vector(f0=0.0, f3=0.0),
    "x one": vector(f0=0.0, f3=1.0),
    "x one as a sum": vector(f0=0.5, f1=0.0, f3=0.5),
    "x clipped": vector(f0=1.0, f1=10.0, f2=-1e4, f3=1.0),
    "exponent clipped, f0 zero": vector(f0=0.0, f1=10.0, f2=-1e4, f3=0.5),
    "exponent at its clip": vector(f0=0.3, f1=-10.0, f2=-49.0),
    "x underflows": vector(f0=1.0, f1=10.0, f2=1e4, f3=0.0),
    "no velocity": vector(v0=100.0, beta=0.0, v_offset=-100.0),
    "velocity turns": vector(v0=30.0, beta=1.0, v_offset=-90.0),
    "flow along q": vector(phi0=0.0),
    "equal components": vector(D0_sample=3e3, alpha_sample=-0.3, D_offset_sample=400.0, f0=0.0, f3=0.5),
}
"""Places where a branch of max, clip, |.| or 0^a changes, or where a derivative could be 0 times infinity."""
