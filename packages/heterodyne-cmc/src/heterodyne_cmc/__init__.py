"""Posteriors for heterodyne XPCS: consensus Monte Carlo over NUTS, on pairs of frames.

Dimensions in the signatures: ``n_t`` frames, ``n_phi`` azimuths, ``n_pair`` pairs of one azimuth in one shard,
``n_par`` parameters of the model, ``n_free`` free ones, ``n_coef`` coefficients of contrast (offset has as many),
``n_dim`` sampled values, ``n_joint`` these and the coefficients.
"""

from heterodyne_cmc._version import __version__
from heterodyne_cmc.fit import clear_shards, fit_cmc_jax, plan_of_sampling
from heterodyne_cmc.result import CMCResult

__all__ = ["CMCResult", "__version__", "clear_shards", "fit_cmc_jax", "plan_of_sampling"]
