"""Float64, as an entry point would switch it on; the libraries only check it."""

import sys
from pathlib import Path

import jax

# Parameter vectors are those of the suite that both backends share.
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

jax.config.update("jax_enable_x64", True)
