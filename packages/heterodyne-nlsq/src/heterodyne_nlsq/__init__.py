"""Point estimates for heterodyne XPCS: joint least squares over all azimuths of a measurement."""

from heterodyne_nlsq._version import __version__
from heterodyne_nlsq.fit import fit_nlsq_jax

__all__ = ["__version__", "fit_nlsq_jax"]
