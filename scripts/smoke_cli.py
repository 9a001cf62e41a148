"""Use the command ``heterodyne`` as a beamline does, without a sampler installed: every job but the posterior."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from smoke import measurement

from heterodyne_data import save_data

SAMPLER = ("heterodyne_cmc", "heterodyne_physics_elementwise", "numpyro", "flax", "dask", "distributed")


def run(folder: Path, command: str, code: int = 0) -> str:
    """Run a command of the environment in `folder`, expect its exit code, and return what it prints."""
    name, *rest = command.split()
    program = shutil.which(name, path=str(Path(sys.executable).parent))
    assert program, f"{name} is not installed"
    done = subprocess.run([program, *rest], cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == code, f"$ {command}\nended with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def main() -> None:
    """Run the commands and look at what they leave."""
    found = [name for name in SAMPLER if importlib.util.find_spec(name) is not None]
    assert not found, f"must be absent: {', '.join(found)}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "land").mkdir()
        save_data(folder / "land" / "m.h5", measurement(), layout="aps-u")
        assert "3 maps of 60 frames" in run(folder, "heterodyne inspect land/m.h5 --picture look.png")
        assert "1 fitted" in run(folder, "heterodyne batch land/m.h5 --no-plots --output batch")
        assert "1 fitted" in run(folder, "heterodyne watch land --once --no-plots --output watch")
        run(folder, "heterodyne --data land/m.h5 --set data.mask_frames=[50] --output single")
        run(folder, "heterodyne report batch/m --output page.html")
        run(folder, "heterodyne plot watch/m --output pictures")
        run(folder, "heterodyne compare batch/m single --output compared.html")
        run(folder, "heterodyne validate single/nlsq_result.json")
        run(folder, "heterodyne simulate planned.h5 --frames 20 --pixels 10")
        assert json.loads((folder / "watch" / "m" / "nlsq_result.json").read_text(encoding="utf-8"))["success"]
        for file in ("look.png", "batch/summary.nc", "page.html", "compared.html", "pictures/plots/maps.png"):
            assert (folder / file).stat().st_size > 1000, file
        assert "heterodyne-cli[cmc]" in run(folder, "heterodyne --data land/m.h5 --method cmc", code=1)
        assert "run: heterodyne inspect land/m.h5" in run(folder, "heterodyne-nlsq inspect land/m.h5", code=1)
    print("smoke test of the command heterodyne passed")


if __name__ == "__main__":
    main()
