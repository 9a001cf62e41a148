"""Uphill to the posterior's highest point: against derivatives of the density itself, and from where a fit left off."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from measurement import FREE, NOISE, TRUTH, config, make, point_estimate
from scipy.optimize import OptimizeResult

from heterodyne_cmc.density import log_density
from heterodyne_cmc.fit import prepared_work
from heterodyne_cmc.linalg import inverse
from heterodyne_cmc.mode import at_mode, climbed, prior_of
from heterodyne_cmc.problem import make_problem, whole_problems
from heterodyne_cmc.request import prepare
from heterodyne_cmc.whitening import make_whitening, place_at
from heterodyne_spec import load_config

pytestmark = pytest.mark.usefixtures("float64")


def test_ends_where_the_gradient_is_zero_with_the_curvature_of_there() -> None:
    data = make()
    request = prepare(data, load_config(config(cmc={"shards": 1})), point_estimate(data))
    whitening = make_whitening(request.space, request.scaling, request.nlsq, NOISE, 552.0)
    # Ten sd off, where a fit never ends.
    start = whitening.centre + np.append(10 * np.sqrt(np.diag(whitening.spread @ whitening.spread.T))[:3], 0.0)
    moved = type(whitening)(start, whitening.spread, whitening.adjustment, whitening.anchor)
    found = at_mode(moved, whole_problems(request, NOISE, whitening), request.space)
    # The oracle: pair by pair, and curvature from differences over far less than those of the search.
    pairs = make_problem(request, NOISE, whitening, 0)
    precision = inverse(found.spread @ found.spread.T)
    sd = np.sqrt(np.diag(inverse(precision)))
    gradient_at = jax.jit(jax.grad(log_density))
    assert np.abs(gradient_at(jnp.asarray(found.centre), pairs) * sd).max() < 0.05
    steps = np.diag(1e-3 * sd)
    rows = [gradient_at(found.centre + step, pairs) - gradient_at(found.centre - step, pairs) for step in steps]
    hessian = np.array(rows) / (2e-3 * sd[:, None])
    # Of the noise too: its curvature over a third of its width is a little more than that at the point.
    np.testing.assert_allclose(precision * np.outer(sd, sd), -hessian * np.outer(sd, sd), atol=0.02)


def test_leaves_a_bound_to_which_the_prior_does_not_go() -> None:
    # The data know nothing of f3 (no sample seen): the fit left it on its bound.
    data, given = make(noise=0.3), config()
    given["model"]["parameters"]["f3"] = {"bounds": [0.0, 1.0], "value": 0.35}
    estimate = point_estimate(data)
    rows = tuple(row if row.name != "f3" else type(row)(**{**vars(row), "value": 1.0}) for row in estimate.table)
    request = prepare(data, load_config(given), point_estimate(data, table=rows))
    whitening = prepared_work(request).whitening
    natural = request.space.full(np.zeros(len(FREE)))
    assert natural.size == len(TRUTH)
    u = whitening.centre[FREE.index("f3")]
    assert abs(u) < 3, "the start was at 6.9, a thousandth of the interval from its end"
    assert np.isfinite(whitening.spread).all()


def test_a_climb_that_leaves_the_region_of_the_coordinates_ends_where_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    data = make()
    request = prepare(data, load_config(config(cmc={"shards": 1})), point_estimate(data))
    whitening = make_whitening(request.space, request.scaling, request.nlsq, NOISE, 552.0)
    monkeypatch.setattr(
        scipy.optimize, "minimize", lambda *given, **options: OptimizeResult(x=np.full(len(FREE) + 1, 1e9))
    )
    _, end, _ = climbed(whitening.centre, whole_problems(request, NOISE, whitening), prior_of(request.space))
    np.testing.assert_array_equal(end, whitening.centre)


def test_a_coordinate_that_changes_nothing_so_far_out_has_a_scale() -> None:
    data = make()
    request = prepare(data, load_config(config(cmc={"shards": 1})), point_estimate(data))
    u = make_whitening(request.space, request.scaling, request.nlsq, NOISE, 552.0).centre[:-1]
    there, far = place_at(request.space, u), place_at(request.space, np.append(u[:-1], 1e9))
    assert (np.diag(there.prior) > 0).all()
    assert far.prior[-1, -1] == 1.0
    assert np.count_nonzero(far.prior[-1]) == 1
    np.linalg.cholesky(far.prior)
