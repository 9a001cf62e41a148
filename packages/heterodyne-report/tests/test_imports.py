"""What importing the package costs: the first lines of a command load nothing, the rest no Matplotlib."""

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


@pytest.mark.parametrize("module", ["heterodyne_report", "heterodyne_report.request", "heterodyne_report.panels"])
def test_import_loads_nothing_heavy_and_changes_nothing(module):
    run = subprocess.run([sys.executable, "-c", PROBE.format(module=module)], capture_output=True, text=True)
    assert (run.returncode, run.stdout.strip()) == (0, "[]"), run.stderr


def test_the_first_lines_of_a_command_import_no_other_package():
    probe = "import sys, heterodyne_report.entry; print([n for n in sys.modules if n in ('numpy', 'heterodyne_spec')])"
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
