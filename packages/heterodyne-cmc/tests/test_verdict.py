"""Warnings and their remedies."""

from __future__ import annotations

import math

import pytest

from heterodyne_cmc.posterior import Diagnostics
from heterodyne_cmc.verdict import warnings_of
from heterodyne_spec import load_config

FEW = Diagnostics(
    shards=(),
    divergences=0,
    r_hat=1.02,
    ess_bulk=900.0,
    ess_tail=900.0,
    bfmi=math.nan,
    chi2=math.nan,
    dof=math.nan,
    p=math.nan,
    outside=0.0,
    bent=False,
    consensus_shift=0.0,
    consensus_width=0.0,
    flows=0,
    flow_divergences=0,
    k_hat=0.3,
    corrected=False,
)


@pytest.mark.parametrize(("sampler", "remedy"), [("nuts", "raise cmc.warmup"), ("importance", "raise cmc.samples")])
def test_remedy_for_r_hat_depends_on_the_sampler(sampler: str, remedy: str) -> None:
    (said,) = warnings_of(FEW, (), load_config(None).cmc, "draws", sampler)
    assert said.startswith("R-hat reaches 1.020")
    assert said.endswith(remedy)
