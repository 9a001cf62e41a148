"""Which component is called the sample where the data do not tell: one half of the posterior, that of the fit."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from measurement import TRUTH, make, point_estimate

from heterodyne_cmc.two_component import untold, wall, words
from heterodyne_data import Alternative, Bands
from heterodyne_spec import load_model

EXCHANGED = {
    **TRUTH,
    **{f"{name}_ref": TRUTH[f"{name}_sample"] for name in ("D0", "alpha", "D_offset")},
    **{f"{name}_sample": TRUTH[f"{name}_ref"] for name in ("D0", "alpha", "D_offset")},
    "v0": 300.0,
    "f0": -TRUTH["f0"],
    "f3": 1.0 - TRUTH["f3"],
}
AGES = make().t


def vector(parameters: dict[str, float]) -> jnp.ndarray:
    return jnp.asarray([parameters[name] for name in load_model().names])


@pytest.mark.parametrize(
    ("other", "delta_chi2", "sign"),
    [(EXCHANGED, 1.0, 1.0), (EXCHANGED, 30.0, 0.0), ({**TRUTH, "v0": 300.0}, 1.0, 0.0)],
    ids=["as good", "worse", "another minimum, same names"],
)
def test_names_are_held_where_the_fit_lists_their_exchange_as_good(
    other: dict[str, float], delta_chi2: float, sign: float
) -> None:
    listed = Alternative(cost=1.0, delta_chi2=delta_chi2, parameters=other, statement="")
    naming = untold(replace(point_estimate(make()), alternatives=(listed,)), load_model(), AGES)
    assert naming.sign == sign
    assert bool(words(naming)) == bool(sign)
    # J of the sample is the larger one: the names as they are cost nothing.
    assert float(wall(vector(TRUTH), naming)) == 0.0
    assert (float(wall(vector(EXCHANGED), naming)) < -100.0) == bool(sign)


def test_the_half_of_the_fit_is_that_of_its_own_order() -> None:
    listed = Alternative(cost=1.0, delta_chi2=0.0, parameters=TRUTH, statement="")
    nlsq = point_estimate(make())
    rows = tuple(replace(row, value=EXCHANGED[row.name]) for row in nlsq.table)
    naming = untold(replace(nlsq, table=rows, alternatives=(listed,)), load_model(), AGES)
    assert naming.sign == -1.0
    assert "smaller transport coefficient" in words(naming)
    assert float(naming.age) == pytest.approx(float(np.mean(AGES)))
    assert float(wall(vector(EXCHANGED), naming)) == 0.0
    assert float(wall(vector(TRUTH), naming)) < -100.0


def of_bands(j_r: float, j_s: float, x: float) -> Bands:
    sd = {"J_r": j_r, "J_s": j_s, "v": 1.0, "x": x}
    return Bands(
        AGES, {name: np.ones(AGES.size) for name in sd}, {name: np.full(AGES.size, at) for name, at in sd.items()}
    )


def test_where_a_coefficient_is_not_known_the_fraction_keeps_the_halves_apart() -> None:
    # J_r of the exchanged one is off by a factor of 5, within what is known of J_s.
    other = {**EXCHANGED, "D0_ref": EXCHANGED["D0_ref"] / 5}
    listed = Alternative(cost=1.0, delta_chi2=1.0, parameters=other, statement="")
    fit = replace(point_estimate(make()), alternatives=(listed,))
    assert untold(replace(fit, bands=of_bands(1e2, 1e2, 0.01)), load_model(), AGES).sign == 0
    naming = untold(replace(fit, bands=of_bands(1e2, 1e6, 0.01)), load_model(), AGES)
    x = float(load_model().evaluate("x", TRUTH, np.array([np.mean(AGES)]))[0])
    assert (naming.by_fraction, naming.sign) == (1.0, np.sign(x - 0.5))
    assert "field fraction" in words(naming)
    assert float(wall(vector(TRUTH), naming)) == 0.0
    assert float(wall(vector(other), naming)) < -100.0


def test_without_a_fit_nothing_is_held() -> None:
    assert untold(None, load_model(), AGES).sign == 0
