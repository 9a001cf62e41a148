"""Float64, as an entry point would switch it on; the libraries only check it."""

import jax

jax.config.update("jax_enable_x64", True)
