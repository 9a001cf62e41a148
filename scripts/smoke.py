"""Use what is installed as a beamline does: a small measurement through the command, and the specification's own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from heterodyne_data import NLSQResult, TwoTimeData, load_data, save_data
from heterodyne_spec import load_model

N_FRAMES, DT, Q = 60, 0.1, 0.0054
PHI = [-30.0, 0.0, 60.0]


def measurement() -> TwoTimeData:
    """Return noisy maps of the registry defaults, computed in plain NumPy."""
    spec = load_model()
    values = dict(zip(spec.names, spec.defaults, strict=True))
    t = DT * np.arange(1, N_FRAMES + 1)

    def integral(function: str) -> np.ndarray:
        f = spec.evaluate(function, values, t)
        total = np.concatenate([[0.0], np.cumsum(DT * (f[:-1] + f[1:]) / 2)])
        return total - total[:, None]

    later = np.sign(np.arange(N_FRAMES) - np.arange(N_FRAMES)[:, None])
    x = spec.evaluate("x", values, t)
    reference = np.outer(1 - x, 1 - x) * np.exp(-0.5 * Q**2 * later * integral("J_r"))
    sample = np.outer(x, x) * np.exp(-0.5 * Q**2 * later * integral("J_s"))
    n = x**2 + (1 - x) ** 2
    rng = np.random.default_rng(1)
    maps = []
    for phi in PHI:
        phase = Q * np.cos(np.deg2rad(phi)) * integral("v")
        bracket = (reference**2 + sample**2 + 2 * reference * sample * np.cos(phase)) / np.outer(n, n)
        noise = np.triu(rng.normal(0, 1e-3, bracket.shape))
        maps.append(1.0 + 0.2 * bracket + noise + np.triu(noise, 1).T)
    return TwoTimeData(c2=np.array(maps), t=t, q=Q, phi=PHI, dt=DT)


def run(*command: str) -> None:
    """Run a command of the environment and fail loudly when it does."""
    program = shutil.which(command[0], path=str(Path(sys.executable).parent))
    assert program, f"{command[0]} is not installed"
    subprocess.run([program, *command[1:]], check=True)


def main() -> None:
    """Run the commands and look at what they leave."""
    with tempfile.TemporaryDirectory() as folder:
        data, output = Path(folder) / "m.h5", Path(folder) / "out"
        save_data(data, measurement(), layout="aps-u")
        run("heterodyne-nlsq", "--data", str(data), "--output", str(output))
        result = json.loads((output / "nlsq_result.json").read_text(encoding="utf-8"))
        assert result["success"], result["message"]
        for name in ("nlsq_result.h5", "report.html", "plots/maps.png", "plots/curves.png", "plots/functions.png"):
            assert (output / name).stat().st_size > 1000, name
        # Found by the entry points of what is installed.
        loaded = NLSQResult.load(output)
        assert "<table>" in loaded._repr_html_() and loaded.plot.functions().axes
        assert "<dl>" in load_data(data)._repr_html_()
        run("heterodyne-spec", "validate", str(output / "nlsq_result.json"))
        run("heterodyne-spec", "validate", str(data))
    print("smoke test passed")


if __name__ == "__main__":
    main()
