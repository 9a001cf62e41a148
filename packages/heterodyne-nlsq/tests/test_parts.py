"""The parts under the fit, each against an independent oracle."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import pytest
from conftest import TRUTH, make, values
from scipy.optimize import nnls

from heterodyne_data import Direction
from heterodyne_data.setup import free_parameters, make_scaling, reduced_chi_square
from heterodyne_nlsq import compilation, dense, priors
from heterodyne_nlsq.coordinates import (
    around,
    from_parameters,
    hold,
    make_coordinates,
    pinned,
    plain,
    slope_of_parameters,
    to_parameters,
    without_bounds,
)
from heterodyne_nlsq.covariance import Curvature, covariance, covariance_root, curvature, projected_score, spread_along
from heterodyne_nlsq.evaluators import choose_evaluator, dense_evaluator
from heterodyne_nlsq.fit import prepare
from heterodyne_nlsq.identify import identifiability, statements
from heterodyne_nlsq.models import inside
from heterodyne_nlsq.normal import equivalent_problem, normal_equations
from heterodyne_nlsq.priors import Weights, make_priors
from heterodyne_nlsq.result_building import _edge, _growth
from heterodyne_nlsq.robust import robust_least_squares
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import TOLERANCE, least_squares
from heterodyne_nlsq.standing import _straight
from heterodyne_nlsq.start.coefficients import scaled, squares, start_coefficients
from heterodyne_nlsq.uncertainty.noise_parts import _not_negative
from heterodyne_physics_meshgrid import physics_of
from heterodyne_spec import Law, find_laws, load_config, load_model

type FloatArray = npt.NDArray[np.float64]


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


# Misra1a of the NIST Statistical Reference Datasets: y = b1 (1 - exp(-b2 x)), certified to 11 digits.
MISRA_X = np.array([77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0])
MISRA_Y = np.array([10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78])
MISRA_B = np.array([2.3894212918e02, 5.5015643181e-04])
MISRA_SQUARES = 1.2455138894e-01


def _misra(b: jax.Array) -> jax.Array:
    return b[0] * (1 - jnp.exp(-b[1] * MISRA_X)) - MISRA_Y


def test_the_solver_prints_nothing_beside_a_gpu_that_jax_does_not_use(tmp_path: Path) -> None:
    query = tmp_path / "nvidia-smi"
    query.write_text("#!/bin/sh\necho 'Some GPU, 9.0'\n")
    query.chmod(0o755)
    program = (
        "import os; from heterodyne_nlsq.robust import _solver; _solver(); print(os.environ.get('NLSQ_SKIP_GPU_CHECK'))"
    )
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout == "None\n"


@pytest.mark.parametrize(
    "small", [pytest.param(False, marks=pytest.mark.slow), True], ids=["rows", "equivalent problem"]
)
def test_solvers_reach_certified_values(small: bool) -> None:
    jacobian = jax.jacfwd(_misra)

    def both(b: np.ndarray) -> tuple[jax.Array, jax.Array]:
        r, j = _misra(jnp.asarray(b)), jacobian(jnp.asarray(b))
        return equivalent_problem(normal_equations(r, j)) if small else (r, j)

    robust = functools.partial(
        robust_least_squares, loss="linear", loss_scale=1.0, tolerance=TOLERANCE, max_evaluations=200
    )
    solve = least_squares if small else robust
    bounds = np.array([1.0, 1e-6]), np.array([1e4, 1.0])
    found = solve(lambda b: both(b)[0], lambda b: both(b)[1], np.array([500.0, 1e-4]), bounds)
    assert found.success
    np.testing.assert_allclose(found.vector, MISRA_B, rtol=1e-7)
    assert 2 * found.cost == pytest.approx(MISRA_SQUARES, rel=1e-9)


def test_steps_to_where_derivatives_overflow_are_refused() -> None:
    # (x - 2)^2 with a derivative that is not finite from 1.5 on: the way there ends before, and no error is raised.
    def jacobian(x: np.ndarray) -> np.ndarray:
        return np.array([[1.0]]) if x[0] < 1.5 else np.array([[np.inf]])

    bounds = np.array([-10.0]), np.array([10.0])
    found = least_squares(lambda x: x - 2, jacobian, np.array([0.0]), bounds, max_evaluations=60)
    assert 1.4 < found.vector[0] < 1.5
    begun = least_squares(lambda x: x - 2, jacobian, np.array([3.0]), bounds)
    assert (begun.success, begun.vector.tolist(), begun.cost) == (False, [3.0], 0.5)
    assert "not finite" in begun.message


def test_equivalent_problem_has_the_same_cost_gradient_and_matrix() -> None:
    rng = np.random.default_rng(1)
    jacobian = rng.normal(size=(200, 6)) * 10.0 ** np.arange(-3, 3)
    jacobian[:, 5] = jacobian[:, 0] * 2e5  # a singular direction
    residuals = rng.normal(size=200)
    f, j = equivalent_problem(normal_equations(residuals, jacobian))
    assert f.shape == (7,)
    scale = np.linalg.norm(jacobian, axis=0)
    np.testing.assert_allclose(f @ f, residuals @ residuals, rtol=1e-12)
    np.testing.assert_allclose((j.T @ f) / scale, jacobian.T @ residuals / scale, atol=1e-10)
    np.testing.assert_allclose(
        j.T @ j / np.outer(scale, scale), jacobian.T @ jacobian / np.outer(scale, scale), atol=1e-12
    )


def _problem(parameters: dict | None = None, scaling: object = "individual"):
    data, spec = make(n_t=40), load_model()
    config = load_config({"model": {"parameters": parameters or values()}, "scaling": scaling})
    free, scale = free_parameters(spec, config.model), make_scaling(config, spec, data.phi)
    problem = dense.dense_problem(data, free, scale, 1, physics_of(spec.id))
    start = free.start[list(free.free)]
    vector = np.concatenate([start, start_coefficients(scale, np.asarray(dense.scaling_sums(start, problem)))])
    return problem, vector, free


@pytest.mark.parametrize("scaling", ["individual", "shared", {"fourier": 1}])
def test_jacobian_is_the_derivative_of_the_residuals(scaling: object) -> None:
    problem, vector, _ = _problem(scaling=scaling)
    jacobian = np.asarray(dense.jacobian(vector, problem))
    for k, value in enumerate(vector):
        step = 1e-5 * max(abs(value), 1e-2)
        shifted = [np.asarray(dense.residuals(vector + s * np.eye(vector.size)[k], problem)) for s in (step, -step)]
        numeric = (shifted[0] - shifted[1]) / (2 * step)
        # Central differences: relative error h² f''' and rounding eps |c2| / h.
        assert np.abs(jacobian[:, k] - numeric).max() <= 1e-5 * np.abs(numeric).max() + 4e-16 / step * 2


def test_start_coefficients_are_the_least_squares_solution() -> None:
    problem, vector, free = _problem()
    n = len(free.free)
    design = -np.asarray(dense.jacobian(vector, problem))[:, n:]
    zero = np.concatenate([vector[:n], np.zeros(6)])
    solution = np.linalg.lstsq(design, np.asarray(dense.residuals(zero, problem)), rcond=None)[0]
    np.testing.assert_allclose(vector[n:], solution, rtol=1e-9)


def test_laws_are_read_off_the_model() -> None:
    assert find_laws(load_model()) == [
        Law("D0_ref", "alpha_ref", "D_offset_ref", None),
        Law("D0_sample", "alpha_sample", "D_offset_sample", None),
        Law("v0", "beta", "v_offset", None),
        Law("f0", "f1", "f3", "f2"),
    ]


def test_solver_coordinates_are_a_bijection_that_keeps_the_function_on_the_valley() -> None:
    spec, t = load_model(), 0.1 * np.arange(1, 201)
    settings = {"model": {"parameters": values(f2={"value": 0.0, "vary": True})}}
    free = free_parameters(spec, load_config(settings).model)
    coordinates = make_coordinates(spec, free, t)
    p = free.start
    z = from_parameters(p, coordinates)
    np.testing.assert_allclose(to_parameters(z, coordinates), p, rtol=1e-10, atol=1e-9)
    # Along ln a, value and slope in ln t at the reference age stay: J changes in second order of b only.
    moved = z.copy()
    moved[0] += 3.0
    q = to_parameters(moved, coordinates)
    before, after = (spec.evaluate("J_r", dict(zip(spec.names, v, strict=True)), t) for v in (p, q))
    middle = np.argmin(abs(t - np.exp(float(coordinates.clock[0]))))
    assert q[0] > 5 * p[0]
    assert after[middle] == pytest.approx(before[middle], rel=1e-3)
    # What is held stays, whatever z is.
    kept = hold(coordinates, coordinates.held | (np.arange(p.size) == 2), p)
    assert to_parameters(z, kept)[2] in (-1e5, 1e5)
    assert coordinates.held.nonzero()[0].tolist() == [spec.names.index("f2")]


def test_a_share_that_fades_early_has_coordinates_where_it_counts() -> None:
    spec, t = load_model(), 0.1 * np.arange(1, 8001)
    law = {name: {"value": at} for name, at in (("f0", 0.4), ("f1", -0.05), ("f3", 0.1))}
    free = free_parameters(spec, load_config({"model": {"parameters": values(**law)}}).model)
    coordinates = make_coordinates(spec, free, t)
    p = free.start[list(free.free)]
    # At the mean age the first term is 0.4 e^{-20}: a share of 1e-4, the least one, would be a thousand times as much.
    assert not np.allclose(to_parameters(from_parameters(p, coordinates), coordinates), p, rtol=0.1)
    near = around(coordinates, p)
    np.testing.assert_allclose(to_parameters(from_parameters(p, near), near), p, rtol=1e-9, atol=1e-9)
    # A slow law keeps the mean age, one that grows late the end.
    slow, late = p.copy(), p.copy()
    slow[free.free_names.index("f1")], late[free.free_names.index("f1")] = -1e-3, 0.05
    np.testing.assert_array_equal(around(coordinates, slow).clock, coordinates.clock)
    assert around(coordinates, late).clock[-1] == pytest.approx(800 - 3 / 0.05)


def test_a_share_that_grows_from_next_to_nothing_is_anchored_where_it_counts() -> None:
    spec, t = load_model(), 0.1 * np.arange(1, 3001)
    law = {name: {"value": at} for name, at in (("f0", 1.3e-10), ("f1", 0.07), ("f3", 0.1))}
    free = free_parameters(spec, load_config({"model": {"parameters": values(**law)}}).model)
    p = free.start[list(free.free)]
    # A start keeps what is positive, however small: 1e-6 of the width of the bounds would be 8000 times as much.
    np.testing.assert_array_equal(inside(p, free), p)
    c = around(plain(make_coordinates(spec, free, t)), p)
    z, first = from_parameters(p, c), free.free_names.index("f0")
    origin = dict(zip(free.names, free.start, strict=True))["f2"]
    assert z[first] == pytest.approx(1.3e-10 * np.exp(0.07 * (300 - 3 / 0.07 - origin)), rel=1e-9)
    np.testing.assert_array_equal(np.delete(z, first), np.delete(p, first))
    np.testing.assert_allclose(to_parameters(z, c), p, rtol=1e-9)
    expected = slopes_of(lambda at: to_parameters(at, c), z)
    size = np.abs(expected).max(axis=1, keepdims=True)
    np.testing.assert_allclose(slope_of_parameters(z, c) / size, expected / size, atol=1e-6)
    # With its rate held, a law has its own parameters.
    kept = pinned(c, np.array([free.free_names.index("f1")]), np.array([0.07]))
    assert not around(plain(kept), p).anchored.any()


def slopes_of(function: Callable[[FloatArray], FloatArray], at: FloatArray) -> FloatArray:
    """Return derivatives by central differences, (n_value, n)."""
    steps = np.diag(1e-6 * np.maximum(np.abs(at), 1e-2))
    return np.stack([(function(at + step) - function(at - step)) / (2 * step.sum()) for step in steps], axis=-1)


@pytest.mark.parametrize("bounded", [True, False])
def test_derivatives_of_coordinates_and_priors_are_those_of_differences(bounded: bool) -> None:
    settings = {"model": {"parameters": values(f2={"value": 0.3, "vary": True})}}
    setup = prepare(make(n_t=20), load_config(settings))
    c, known = make_coordinates(setup.spec, setup.free, setup.data.t), make_priors(setup)
    c = c if bounded else without_bounds(c)
    rng = np.random.default_rng(0)
    for _ in range(20):
        p = setup.free.start * rng.uniform(0.8, 1.2, setup.free.start.size)
        z = from_parameters(p, c)
        expected = slopes_of(lambda at: to_parameters(at, c), z)
        size = np.abs(expected).max(axis=1, keepdims=True) + 1e-12
        np.testing.assert_allclose(slope_of_parameters(z, c) / size, expected / size, atol=1e-6)
        vector = known.lower + rng.uniform(0.05, 0.95, known.lower.size) * (known.upper - known.lower)
        rows, turn = priors.rows(vector, known, Weights(0.1, 0.5, 1e-3)), np.eye(vector.size)
        expected = slopes_of(lambda at: priors.rows(at, known, Weights(0.1, 0.5, 1e-3)).value, vector)
        size = np.abs(expected).max(axis=1, keepdims=True)
        np.testing.assert_allclose(priors.along(rows, turn) / size, expected / size, atol=1e-5)


def test_the_derivative_is_finite_where_a_law_has_lost_its_first_term() -> None:
    spec, t = load_model(), 0.1 * np.arange(1, 201)
    coordinates = make_coordinates(spec, free_parameters(spec, load_config({}).model), t)
    z = from_parameters(coordinates.at, coordinates)
    # Seed 1000213 of the null measurements: the fraction's share w came to rest at exp(-8066).
    first, slope, _ = coordinates.laws[-1]
    z[first], z[slope] = -8066.0, 0.41
    assert np.isfinite(slope_of_parameters(z, coordinates)).all()


def test_covariance_projects_the_scaling_out_and_bounds_open_directions_by_the_prior() -> None:
    rng = np.random.default_rng(4)
    jacobian = rng.normal(size=(500, 5)) * np.array([1e-4, 1.0, 30.0, 1.0, 1.0])
    bent = curvature(jacobian.T @ jacobian, np.ones(3))
    whole = jacobian.T @ jacobian
    expected = np.linalg.inv(whole) * 0.01
    np.testing.assert_allclose(covariance(covariance_root(bent, whole, 0.01 * whole, np.ones(3))), expected, rtol=1e-8)
    shared = np.diag([2.0, 1.0, 3.0, 1.0, 4.0]) * np.diag(whole)
    sandwich = np.linalg.inv(whole) @ shared @ np.linalg.inv(whole)
    found = covariance(covariance_root(bent, whole, shared, np.ones(3)))
    np.testing.assert_allclose(found, sandwich, rtol=1e-8)
    # The spread along the curvature's own directions is that of the same covariance.
    directions = bent.vectors * bent.scale[:, None]
    along = np.einsum("if,ij,jf->f", directions, found[:3, :3], directions)
    np.testing.assert_allclose(spread_along(bent, projected_score(shared, whole, 3)) ** 2, along, rtol=1e-6)
    singular = jacobian.copy()
    singular[:, 2] = 7.0 * singular[:, 1]
    prior = np.array([1e5, 5.0, 5.0])
    bent = curvature(singular.T @ singular, prior)
    assert bent.open.tolist() == [True, False, False]
    whole = singular.T @ singular
    found = covariance(covariance_root(bent, whole, 1e-6 * whole, prior))
    assert np.linalg.eigvalsh(found).min() > 0
    # What the prior and the data say together.
    together = np.linalg.inv(1e6 * whole + np.diag(np.append(prior, [np.inf, np.inf]) ** -2.0))
    np.testing.assert_allclose(np.sqrt(np.diag(found)), np.sqrt(np.diag(together)), rtol=1e-4)


def test_a_parameter_without_effect_takes_nothing_from_the_error_of_another() -> None:
    """At phi = 0 the column of phi0 is rounding, and parallel to that of v0."""
    rng = np.random.default_rng(4)
    jacobian = rng.normal(size=(500, 3))
    prior = np.array([3.0, 5.0])
    for effect in (1e-17, 1e-5):
        flat = jacobian.copy()
        flat[:, 1] = effect * flat[:, 0]
        whole = flat.T @ flat
        bent = curvature(whole, prior)
        root = covariance_root(bent, whole, 0.01 * whole, prior)
        alone = np.linalg.inv(whole[np.ix_([0, 2], [0, 2])])[0, 0] * 0.01
        assert covariance(root)[0, 0] == pytest.approx(alone + (5.0 * effect) ** 2, rel=1e-6)
        assert np.sqrt(covariance(root)[1, 1]) == pytest.approx(5.0, rel=1e-6)


def test_truth_is_inside_the_registry() -> None:
    spec = load_model()
    for name, value in TRUTH.items():
        lower, upper = spec.parameter(name).bounds
        assert lower <= value <= upper


@pytest.mark.parametrize("scaling", ["individual", "shared", {"fourier": 1}])
def test_factored_and_dense_evaluators_give_the_same_normal_equations(scaling: object) -> None:
    # Two frames less than are evaluated.
    data, spec = make(n_t=118), load_model()
    parameters = {**values(), "D0_sample": {"tie": "D0_ref"}, "beta": {"value": -0.3, "vary": False}}
    config = load_config({"model": {"parameters": parameters}, "scaling": scaling, "data": {"exclude_diagonals": 2}})
    setup = Setup(config, spec, data, free_parameters(spec, config.model), make_scaling(config, spec, data.phi))
    fast, slow = choose_evaluator(setup), dense_evaluator(setup)
    assert (fast.name, slow.name) == ("factored", "dense")
    start = setup.free.start[list(setup.free.free)]
    sums = [np.asarray(evaluator.scaling_sums(start, evaluator.problem)) for evaluator in (fast, slow)]
    np.testing.assert_allclose(*sums, rtol=1e-12)
    vector = np.concatenate([start, start_coefficients(setup.scaling, sums[0])])
    one, other = (evaluator.normal(vector, evaluator.problem) for evaluator in (fast, slow))
    length = np.sqrt(np.diag(other.matrix))
    assert float(one.cost) == pytest.approx(float(other.cost), rel=1e-10)
    norm = np.sqrt(2 * float(other.cost))
    assert np.max(np.abs(np.asarray(one.gradient) - other.gradient) / (length * norm)) < 1e-12
    assert np.max(np.abs(np.asarray(one.matrix) - other.matrix) / np.outer(length, length)) < 1e-12
    np.testing.assert_allclose(fast.squares(vector, fast.problem), slow.squares(vector, slow.problem), rtol=1e-10)
    assert fast.n_pairs.tolist() == slow.n_pairs.tolist()


def test_many_excluded_pairs_and_other_losses_use_the_dense_evaluator() -> None:
    data, spec = make(n_t=200), load_model()
    for sections, name in (
        ({}, "factored"),
        ({"nlsq": {"loss": "soft_l1"}}, "dense"),
        ({"data": {"exclude_diagonals": 150}}, "dense"),
    ):
        config = load_config(sections)
        setup = Setup(config, spec, data, free_parameters(spec, config.model), make_scaling(config, spec, data.phi))
        assert choose_evaluator(setup).name == name


def test_compiled_functions_are_forgotten_before_the_system_runs_out_of_areas(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    areas, limit = tmp_path / "maps", tmp_path / "max_map_count"
    forgotten: list[bool] = []
    monkeypatch.setattr(compilation, "_AREAS", areas)
    monkeypatch.setattr(compilation, "_LIMIT", limit)
    # What other tests have compiled stays.
    monkeypatch.setattr(jax, "clear_caches", lambda: forgotten.append(True))
    areas.write_text("one area\n" * 10)
    limit.write_text("21\n")
    compilation.make_room()
    assert not forgotten
    limit.write_text("19\n")
    compilation.make_room()
    assert forgotten == [True]
    areas.unlink()
    compilation.make_room()


def test_an_open_direction_between_bounds_of_any_width_is_said_without_overflow() -> None:
    bent = Curvature(np.diag([0.0, 1.0]), np.ones(2), np.array([0.0, 1.0]), np.eye(2))
    with np.errstate(all="raise"):
        found = identifiability(("beta", "v0"), bent, np.array([2e300, 1e-9]), np.array([np.inf, 1e-3]))
    assert "beta has no effect" in found.directions[0].statement


def test_of_a_direction_only_what_moves_is_told() -> None:
    # The velocity moves by half of its interval, the fraction by nothing that a reader could see.
    vectors = np.array([[1.0, 1.0], [-1.0, 1.0]]) / np.sqrt(2)
    bent = Curvature(np.eye(2), np.array([1.0, 1e20]), np.array([1e-3, 1.0]), vectors)
    found = identifiability(("v0", "f0"), bent, np.array([100.0, 1.0]), np.array([1e9, 1e-3]))
    (words,) = (direction.statement for direction in found.directions)
    assert words == "v0 is hardly determined: v0 up by 50 changes the fit by no more than the noise"


def test_directions_of_the_same_parameters_are_one_sentence() -> None:
    def direction(moves: str) -> Direction:
        return Direction("weak", {"f0": 0.7, "f3": 0.7}, 1e-3, f"f0, f3 are hardly determined: {moves} changes nothing")

    alone = Direction("weak", {"v0": 1.0}, 1e-3, "v0 is hardly determined: v0 up by 50 changes nothing")
    assert statements([direction("f0 up"), alone, direction("f0 down")]) == [
        "f0, f3 are hardly determined: f0 up changes nothing, as does another combination of them",
        alone.statement,
    ]
    assert statements([direction("f0 up")] * 3)[0].endswith("changes nothing, as do 2 other combinations of them")


def test_of_a_direction_of_many_parameters_those_that_matter_most_are_named() -> None:
    first = np.arange(8.0, 0.0, -1.0) / np.linalg.norm(np.arange(8.0))
    vectors, _ = np.linalg.qr(np.column_stack([first[::-1], np.eye(8)[:, :7]]))
    bent = Curvature(np.eye(8), np.ones(8), np.array([1e-3, *np.ones(7)]), vectors)
    found = identifiability(tuple("abcdefgh"), bent, np.full(8, 100.0), np.array([1e9, *np.full(7, 1e-3)]))
    (words,) = (direction.statement for direction in found.directions)
    assert words.startswith("h, g, f, e, d and 2 other parameters are hardly determined: h ")
    assert words.endswith(" and the others accordingly changes the fit by no more than the noise")
    assert len(found.directions[0].weights) == 7


def test_a_cost_is_not_negative_and_rounding_is_no_noise() -> None:
    clean = make(contrast=np.full(3, 0.2), noise=0.0)
    setup = prepare(replace(clean, c2=np.full_like(clean.c2, 1.2)), load_config({}))
    evaluator = choose_evaluator(setup)
    flat = np.append(setup.free.start[list(setup.free.free)], [0.0] * 3 + [1.2] * 3)
    assert 0 <= float(evaluator.normal(flat, evaluator.problem).cost) < 1e-10
    assert np.isnan(reduced_chi_square(np.full(2, 1e-12), np.full(2, 1e4), np.array([1e-9, 1e-9]), 5))


@pytest.mark.parametrize("scaling", ["individual", "shared", {"fourier": 1}])
def test_the_squares_beside_the_best_scaling_are_those_of_the_residuals(scaling: object) -> None:
    setup = prepare(make(contrast=np.array([0.15, 0.2, 0.25])), load_config({"scaling": scaling}))
    evaluator, off = choose_evaluator(setup), 1.1 * np.array([TRUTH[name] for name in setup.free.free_names])
    vector, found = scaled(setup, evaluator, off)
    assert found == pytest.approx(squares(evaluator, vector), rel=1e-11)


def test_coefficients_of_noise_are_the_least_squares_that_are_not_negative() -> None:
    rng = np.random.default_rng(0)
    columns, target = rng.normal(size=(40, 12, 2)), rng.normal(size=12)
    columns[-1, :, 1] = columns[-1, :, 0]
    found = _not_negative(columns, target)
    for one, coefficients in zip(columns, found, strict=True):
        _, least = nnls(one, target)
        assert np.all(coefficients >= 0)
        assert np.linalg.norm(one @ coefficients - target) == pytest.approx(least, rel=1e-9)


@pytest.mark.parametrize(
    ("family", "value", "ends", "growth", "expected"),
    [
        ("normal", 0.0, (0.0, 1.0), 5e8, "lower"),
        ("normal", 7e-11, (0.0, 1.0), 1.0, "lower"),
        ("normal", 7e-11, (0.0, 1.0), 5e8, None),
        ("normal", 0.5, (0.0, 1.0), 1e5, None),
        ("lognormal", 1.0, (1.0, 1e6), 100.0, "lower"),
        ("lognormal", 5e5, (1.0, 1e6), 100.0, None),
    ],
)
def test_an_amplitude_is_at_its_bound_where_it_makes_nothing(
    family: str, value: float, ends: tuple[float, float], growth: float, expected: str | None
) -> None:
    assert _edge(family, value, ends, float("nan"), growth) == expected


@pytest.mark.parametrize("rate", [-0.5, 0.0, 0.7])
def test_a_power_of_age_grows_from_the_first_frame_that_has_an_age(rate: float) -> None:
    setup = prepare(make(n_t=24, start_frame=0), load_config({}))
    free = np.array([{**TRUTH, "alpha_ref": rate}[name] for name in setup.free.names])
    with np.errstate(all="raise"):
        grown = _growth(setup, free)
    assert grown["D0_ref"] == pytest.approx(max(0.1**rate, 2.3**rate), rel=1e-12)


@pytest.mark.parametrize(("spread", "holds"), [(0.2, True), (0.3, False)])
def test_an_interval_holds_where_three_standard_deviations_are_nearly_straight(spread: float, holds: bool) -> None:
    # A = a, known to `spread` of itself, the function kept by C: e^(3 spread) - 1 is 1.37 or 1.62 times its line.
    setup = prepare(make(), load_config({}))
    names = list(setup.free.free_names)
    free = np.array([{**TRUTH, "alpha_ref": 0.0}[name] for name in names])
    along, a = np.zeros(len(names)), TRUTH["D0_ref"]
    along[[names.index("D0_ref"), names.index("D_offset_ref")]] = [spread * a, -spread * a]
    with jax.enable_x64(True):
        found = _straight(setup, free, np.outer(along, along), np.abs(along))
    assert found[names.index("D0_ref")] == holds
