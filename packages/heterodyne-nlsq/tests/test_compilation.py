"""Compiled functions on disk: written by one process, read by the next, from commands and from Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import at, make, values

from heterodyne_data import save_data
from heterodyne_nlsq.compilation import _Mending
from heterodyne_report import cache_folder
from heterodyne_spec import NOT_CONVERGED

COUNTED = """
import json, sys
import jax

counts = {"hits": 0, "misses": 0}

def listen(event, **_):
    for kind in counts:
        counts[kind] += event == f"/jax/compilation_cache/cache_{kind}"

jax.monitoring.register_event_listener(listen)
"""

FIT = (
    COUNTED
    + """
from heterodyne_nlsq import fit_nlsq_jax, keep_compiled_functions
keep_compiled_functions()
fit_nlsq_jax(sys.argv[1], sys.argv[2])
print(json.dumps(counts))
"""
)

SINE = (
    COUNTED
    + """
import warnings
import jax.numpy as jnp
from heterodyne_nlsq import keep_compiled_functions

def compiled(f):
    before = dict(counts)
    jax.jit(f)(jnp.arange(7.0)).block_until_ready()
    return {kind: counts[kind] - before[kind] for kind in counts}

told = [compiled(jnp.sin)]
# Twice, and to another folder, after JAX has compiled: the last counts.
keep_compiled_functions(sys.argv[1] + "-first")
told.append(compiled(jnp.cos))
keep_compiled_functions(sys.argv[1])
folder = keep_compiled_functions(sys.argv[1])
told.append(compiled(jnp.tan))
print(json.dumps([str(folder), type(warnings.showwarning.show).__name__, *told]))
"""
)


def run(code: str, *arguments: str | Path, cache: Path) -> str:
    """Return what a process of its own prints: JAX's cache belongs to a process."""
    words = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    return subprocess.run(words, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*-cache")}


@pytest.fixture
def measurement(tmp_path: Path) -> Path:
    path = tmp_path / "measurement.h5"
    save_data(path, make(n_t=40), layout="aps-u")
    return path


@pytest.mark.slow
def test_the_command_keeps_what_it_compiles_and_python_reads_it(measurement: Path, tmp_path: Path) -> None:
    settings, cache = tmp_path / "config.json", tmp_path / "cache"
    settings.write_text(json.dumps(at(values(), {"max_iterations": 1}, output={"plots": False, "report": False})))
    arguments = ["--data", str(measurement), "--config", str(settings), "--output", str(tmp_path / "out"), "--quiet"]
    code = [sys.executable, "-m", "heterodyne_nlsq.command", *arguments]
    done = subprocess.run(code, env={**os.environ, "XDG_CACHE_HOME": str(cache)}, check=False)
    assert done.returncode == NOT_CONVERGED
    kept = entries(cache / "heterodyne")
    # The sums, and the conversion of a number: a fit compiles nothing for the shapes of what it is handed.
    assert 0 < len(kept) <= 3
    assert any(name.startswith("jit__inner_products") for name in kept)
    counts = json.loads(run(FIT, measurement, settings, cache=cache))
    assert counts["hits"] == len(kept)
    assert counts["misses"] == 0
    assert entries(cache / "heterodyne") == kept


@pytest.mark.slow
def test_python_keeps_compiled_functions_in_the_folder_that_it_names_last(tmp_path: Path) -> None:
    folder = tmp_path / "compiled"
    said, shown, before, first, last = json.loads(run(SINE, folder, cache=tmp_path))
    assert (said, shown) == (str(folder), "function")
    assert before == {"hits": 0, "misses": 0}
    assert first["misses"] > 0
    assert last["misses"] > 0
    assert any(name.startswith("jit_cos") for name in entries(tmp_path / "compiled-first"))
    assert any(name.startswith("jit_tan") for name in entries(folder))
    assert not any(name.startswith("jit_sin") for name in entries(folder))
    again = json.loads(run(SINE, folder, cache=tmp_path))
    assert again[-1]["hits"] > 0
    assert again[-1]["misses"] == 0
    assert not (tmp_path / "heterodyne").exists()


def test_a_cache_that_may_not_be_entered_is_told_and_no_more(tmp_path, capsys):
    class Barred(type(Path())):
        def glob(self, *pattern):
            raise PermissionError(13, "Permission denied", str(self))

    shown = []
    mending = _Mending(lambda *said: shown.append(said), Barred(tmp_path))
    for name in ("jit_f", "jit_g"):
        mending(f"Error writing persistent compilation cache entry for '{name}': PermissionError: denied", UserWarning)
    assert capsys.readouterr().err.count("compiled functions cannot be kept") == 1
    assert not shown


def test_a_user_without_a_home_keeps_nothing(monkeypatch):
    def home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", home)
    with pytest.raises(OSError, match="Not a directory"):
        cache_folder().mkdir(parents=True)
