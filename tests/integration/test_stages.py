"""The two stages know each other by a file and an entry point alone."""

import importlib.metadata

import heterodyne_nlsq
from heterodyne_cmc.start import POINT_ESTIMATE


def test_the_sampler_finds_the_fit_that_is_installed() -> None:
    (offered,) = importlib.metadata.entry_points(group=POINT_ESTIMATE)
    assert offered.load() is heterodyne_nlsq.fit_nlsq_jax
