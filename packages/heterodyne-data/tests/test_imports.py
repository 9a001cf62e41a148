"""What importing the package costs: no JAX, no HDF5 before a file is opened, no change of the process."""

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


@pytest.mark.parametrize("module", ["heterodyne_data", "heterodyne_data.validation"])
def test_import_loads_nothing_heavy_and_changes_nothing(module):
    run = subprocess.run([sys.executable, "-c", PROBE.format(module=module)], capture_output=True, text=True)
    assert (run.returncode, run.stdout.strip()) == (0, "[]"), run.stderr


def test_every_public_name_is_there_and_documented():
    import heterodyne_data

    for name in heterodyne_data.__all__:
        value = getattr(heterodyne_data, name)
        assert name == "__version__" or value.__doc__, name
    assert sorted(heterodyne_data.__all__) == heterodyne_data.__all__
