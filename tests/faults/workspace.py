"""Where a command runs: its inputs, its output folder, its compiled functions."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FRAMES = 24
HELD = ("D_offset_ref", "alpha_ref", "D_offset_sample", "alpha_sample", "beta", "v_offset", "f0", "f1", "f2", "phi0")
VALUES: dict[str, dict[str, object]] = {
    **{name: {"vary": False} for name in HELD},
    "D0_sample": {"tie": "D0_ref"},
}
CMC = {"shards": 3, "chains": 2, "warmup": 40, "samples": 30, "consensus": "gaussian"}
CONFIG = {"model": {"parameters": VALUES}, "nlsq": {"start": "values"}, "cmc": {**CMC, "workers": 2}}
FOREIGN = "analyzer_parameters: {dt: 0.1, start_frame: 1, end_frame: 24, scattering: {wavevector_q: 0.0054}}\n"


@dataclass(frozen=True)
class Workspace:
    """A folder for one run of a command."""

    root: Path

    @property
    def inputs(self) -> Path:
        """What the command reads, and must leave as it is."""
        return self.root / "in"

    @property
    def output(self) -> Path:
        """Where it writes."""
        return self.root / "out"

    @property
    def cache(self) -> Path:
        """Compiled functions, and fonts."""
        return self.root / "cache"

    def fill(self, template: Path, cache: Path | None) -> None:
        """Take inputs from a template, and compiled functions, by links: nobody changes a file in place."""
        shutil.copytree(template, self.inputs)
        self.output.mkdir()
        if cache is None:
            self.cache.mkdir()
        else:
            shutil.copytree(cache, self.cache, copy_function=os.link)

    def hashes(self) -> dict[str, str]:
        """Return the hashes of all inputs."""
        return digests(self.inputs)


def digests(folder: Path) -> dict[str, str]:
    """Return the hashes of all files of a folder, hidden ones included, by their relative paths."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def make_template(folder: Path, seeds: tuple[int, int], run: tuple[str, ...]) -> None:
    """Write the inputs of all commands into `folder`: two measurements, configurations."""
    land = folder / "land"
    land.mkdir(parents=True)
    for name, seed in zip(("a", "b"), seeds, strict=True):
        simulation = ["--frames", str(FRAMES), "--phi", "0", "60", "--noise", "white", "--seed", str(seed), "--quiet"]
        subprocess.run([*run, "simulate", str(land / f"{name}.h5"), *simulation], check=True)
        # The watch takes what matches *.h5 only.
        (land / f"{name}_truth.json").unlink()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "single.json").write_text(json.dumps({**CONFIG, "cmc": {**CMC, "workers": 1}}))
    (folder / "foreign.yaml").write_text(FOREIGN)


def launcher(script: str, root: Path) -> tuple[str, ...]:
    """Return what starts a command of the checkout `root`, as its pyproject.toml names it."""
    import tomllib

    for pyproject in sorted((root / "packages").glob("*/pyproject.toml")):
        scripts = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"].get("scripts", {})
        if script in scripts:
            module, function = scripts[script].split(":")
            code = f"import sys; sys.argv[0] = {script!r}; from {module} import {function}; sys.exit({function}())"
            return sys.executable, "-c", code
    raise LookupError(script)
