"""``heterodyne simulate``: a measurement from parameters, as a detector would give it.

For planning (what could be determined with this many frames and photons?) and as an oracle: the truth is known.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from heterodyne_spec import ConfigError, TwoTimeData, load_config, load_model, save_data
from heterodyne_spec.errors import Problem
from heterodyne_spec.files import OutputError, write_text
from heterodyne_spec.terminal import DONE, Parser, run_command

type FloatArray = npt.NDArray[np.float64]

NOISES = ("none", "white", "speckle")


@dataclass(frozen=True)
class Experiment:
    """What is measured: `parameters` by name, q in 1/Å, phi in degrees, frames `dt` s apart, and how.

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


def simulate(experiment: Experiment, progress: Callable[[int, int], None] | None = None) -> TwoTimeData:
    """Return the measurement of an experiment; `progress` is called with azimuths done and in all.

    Raises
    ------
    ConfigError : with every setting that makes no sense.
    """
    if problems := list(_problems(experiment)):
        raise ConfigError("simulate", problems)
    # JAX takes a second to import: errors before it come at once.
    import jax
    import jax.numpy as jnp

    from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid
    from heterodyne_physics_meshgrid.speckle import field_laws, speckle_map

    e, rng = experiment, np.random.default_rng(experiment.seed)
    t = np.asarray(e.dt * np.arange(1, e.n_frames + 1), np.float64)
    brightness = np.linspace(1 - e.drift / 2, 1 + e.drift / 2, e.n_frames)
    maps = np.empty((len(e.phi), e.n_frames, e.n_frames), np.float32)
    with jax.enable_x64(True):
        model = HeterodyneModel.from_vector(jnp.array([e.parameters[name] for name in load_model().names]))
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
    """Return what makes no sense in an experiment."""
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


def _arguments() -> argparse.ArgumentParser:
    parser = Parser(
        prog="heterodyne simulate",
        description="Simulate a measurement and write it, with its truth beside it.",
        epilog=(
            "example: heterodyne simulate planned.h5 --config config.yaml --frames 500 --phi 0 45 90 --photons 0.1; "
            "then: heterodyne --data planned.h5 shows what could be determined"
        ),
    )
    parser.add_argument("file", type=Path, help="where to write the measurement (HDF5)")
    parser.add_argument("--config", type=Path, help="values in model.parameters are the truth; others are defaults")
    parser.add_argument("--q", type=float, default=0.0054, help="wavevector in 1/Å (default 0.0054)")
    parser.add_argument("--phi", type=float, nargs="+", default=[0.0, 45.0, 90.0], help="azimuths in degrees")
    parser.add_argument("--frames", type=int, default=400, help="number of frames (default 400)")
    parser.add_argument("--dt", type=float, default=0.1, help="seconds between frames (default 0.1)")
    parser.add_argument("--noise", choices=NOISES, default="speckle", help="default: speckle")
    parser.add_argument("--noise-sd", type=float, default=0.01, help="of a pair, with --noise white (default 0.01)")
    parser.add_argument("--pixels", type=int, default=5000, help="per azimuth, with speckle (default 5000)")
    parser.add_argument("--modes", type=int, default=5, help="incoherent modes; the contrast is 1/modes (default 5)")
    parser.add_argument("--photons", type=float, help="per pixel and frame, with speckle (default: no photon noise)")
    parser.add_argument("--dead-frames", type=int, nargs="*", default=[], help="frames without data, from 1")
    parser.add_argument("--drift", type=float, default=0.0, help="relative change of intensity over the measurement")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers (default 0)")
    parser.add_argument(
        "--layout", choices=("aps-u", "aps-legacy"), default="aps-u", help="of the file (default aps-u)"
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _requested(args: argparse.Namespace) -> Experiment:
    given = load_config(args.config).model.parameters
    spec = load_model()
    named = {name: entry.value for name, entry in given.items() if isinstance(entry.value, int | float)}
    parameters = {p.name: float(named.get(p.name, p.default)) for p in spec.parameters}
    return Experiment(
        parameters,
        args.q,
        tuple(args.phi),
        args.frames,
        args.dt,
        args.noise,
        args.noise_sd,
        args.pixels,
        args.modes,
        args.photons,
        tuple(args.dead_frames),
        args.drift,
        args.seed,
    )


def simulate_command(argv: Sequence[str]) -> int:
    """Run ``heterodyne simulate`` and return its exit code."""
    args = _arguments().parse_args(argv)

    def run() -> int:
        truth_path = args.file.with_name(f"{args.file.stem}_truth.json")
        for path in (args.file, truth_path):
            if path.exists() and not args.force:
                raise OutputError(f"{path}: is there already; choose another name, or --force to replace it")
        experiment, begin = _requested(args), time.monotonic()

        def progress(done: int, count: int) -> None:
            spent = time.monotonic() - begin
            if sys.stderr.isatty() and not args.quiet:
                left = spent / done * (count - done)
                sys.stderr.write(f"\r\033[Ksimulating: {done} of {count} azimuths, {left:.0f} s left")
                sys.stderr.write("\r\033[K" if done == count else "")
                sys.stderr.flush()

        save_data(args.file, simulate(experiment, progress), layout=args.layout)
        write_text(truth_path, json.dumps(vars(experiment), indent=1) + "\n")
        if not args.quiet:
            print(f"written: {args.file}, {truth_path}")
        return DONE

    return run_command(run, args.debug)
