"""Simulated measurements with known parameters, for planning and for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from heterodyne_data import TwoTimeData
from heterodyne_spec import DEFAULT_MODEL, ConfigError, Problem, load_model

NOISES = ("none", "white", "speckle")


@dataclass(frozen=True)
class Experiment:
    """What is measured: `parameters` of a `model` by name, q in 1/Å, phi in degrees, frames `dt` s apart, and how.

    `noise`: none; white, standard deviation `noise_sd` of every pair; speckle, an average over `pixels` with `modes`
    incoherent modes (the contrast is one over their number) and `photons` per pixel and frame (None: no photon noise).
    `dead_frames` (1-based) hold no data; `drift` is the relative change of the intensity from first to last frame.
    """

    parameters: dict[str, float]
    q: float
    phi: tuple[float, ...]
    n_frames: int
    dt: float
    noise: str = "speckle"
    noise_sd: float = 0.01
    pixels: int = 5000
    modes: int = 5
    photons: float | None = None
    dead_frames: tuple[int, ...] = ()
    drift: float = 0.0
    seed: int = 0
    model: str = DEFAULT_MODEL


def simulate(experiment: Experiment, progress: Callable[[int, int], None] | None = None) -> TwoTimeData:
    """Return the measurement of an experiment; `progress` is called with azimuths done and in all.

    Raises
    ------
    ConfigError : with every invalid setting.
    """
    if problems := list(_problems(experiment)):
        raise ConfigError("simulate", problems)
    # JAX takes a second to import: errors before it come at once.
    import jax
    import jax.numpy as jnp

    from heterodyne_physics_meshgrid import c2_meshgrid, field_laws, physics_of, speckle_map

    e, rng = experiment, np.random.default_rng(experiment.seed)
    t = np.asarray(e.dt * np.arange(1, e.n_frames + 1), np.float64)
    brightness = np.linspace(1 - e.drift / 2, 1 + e.drift / 2, e.n_frames)
    maps = np.empty((len(e.phi), e.n_frames, e.n_frames), np.float32)
    with jax.enable_x64(True):
        named = jnp.array([e.parameters[name] for name in load_model(e.model).names])
        model = physics_of(e.model).model.from_vector(named)
        for k, phi in enumerate(e.phi):
            if e.noise == "speckle":
                maps[k] = speckle_map(field_laws(model, t, e.q, phi), e.pixels, e.modes, rng, e.photons, brightness)
            else:
                maps[k] = c2_meshgrid(model, t, e.q, phi, 1 / e.modes, 1.0)
            if e.noise == "white":
                drawn = np.triu(rng.normal(0.0, e.noise_sd, maps[k].shape))
                maps[k] += drawn + np.triu(drawn, 1).T
            if progress is not None:
                progress(k + 1, len(e.phi))
    valid = np.ones(e.n_frames, bool)
    valid[np.array(e.dead_frames, int) - 1] = False
    return TwoTimeData(c2=maps, t=t, q=e.q, phi=e.phi, dt=e.dt, valid=np.tile(valid, (len(e.phi), 1)))


def _problems(e: Experiment) -> list[Problem]:
    """Return the invalid settings of an experiment."""
    rules = (
        ("q", e.q, e.q > 0, "above 0, in 1/Å"),
        ("dt", e.dt, e.dt > 0, "above 0, in s"),
        ("frames", e.n_frames, e.n_frames >= 3, "at least 3"),
        ("phi", e.phi, len(e.phi) > 0 and len(set(e.phi)) == len(e.phi), "different angles, at least one"),
        ("pixels", e.pixels, e.pixels >= 1, "at least 1"),
        ("modes", e.modes, e.modes >= 1, "at least 1"),
        ("photons", e.photons, e.photons is None or e.photons > 0, "above 0"),
        ("noise-sd", e.noise_sd, e.noise_sd >= 0, "at least 0"),
        ("drift", e.drift, abs(e.drift) < 2, "between -2 and 2"),
        ("dead-frames", e.dead_frames, all(1 <= k <= e.n_frames for k in e.dead_frames), f"1 to {e.n_frames}"),
        ("noise", e.noise, e.noise in NOISES, ", ".join(NOISES)),
    )
    return [
        Problem(name, str(found), wanted, "correct it", "Simulate") for name, found, fine, wanted in rules if not fine
    ]
