"""What importing packages costs: nothing heavy before it is needed, no change of the process."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

PROBE = """
import logging, sys, warnings
import numpy  # adds its own filters
filters, handlers = list(warnings.filters), list(logging.getLogger().handlers)
import {module}
print([name for name in ("jax", "h5py", "equinox", "matplotlib", "mpmath", "hypothesis") if name in sys.modules])
assert warnings.filters == filters and logging.getLogger().handlers == handlers
"""
LIGHT = (
    "heterodyne_spec",
    "heterodyne_spec.command",
    "heterodyne_spec.codegen",
    "heterodyne_data",
    "heterodyne_data.validation",
    "heterodyne_report",
    "heterodyne_report.command_line",
    "heterodyne_report.panels",
    "heterodyne_cli.inspection",
)


@pytest.mark.parametrize("module", LIGHT)
def test_import_loads_nothing_heavy_and_changes_nothing(module: str) -> None:
    run = subprocess.run([sys.executable, "-c", PROBE.format(module=module)], capture_output=True, text=True)
    assert (run.returncode, run.stdout.strip()) == (0, "[]"), run.stderr


def test_the_first_lines_of_a_command_import_no_other_package() -> None:
    probe = "import sys, heterodyne_report.entry; print([n for n in sys.modules if n in ('numpy', 'heterodyne_spec')])"
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


PUBLIC = ("heterodyne_spec", "heterodyne_data", "heterodyne_report", "heterodyne_physics_meshgrid")
PUBLIC += ("heterodyne_physics_elementwise", "heterodyne_nlsq", "heterodyne_cmc", "heterodyne_cli")


@pytest.mark.parametrize("module", PUBLIC)
def test_a_package_lists_what_users_call_and_nothing_else(module: str) -> None:
    package = importlib.import_module(module)
    assert dir(package) == sorted(package.__all__)
    assert all(name == "__version__" or getattr(package, name) is not None for name in package.__all__)
