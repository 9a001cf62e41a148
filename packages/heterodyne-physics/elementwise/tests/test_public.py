"""The public face: names, parameters as the specification has them, errors, no global state."""

import doctest
import inspect
import os
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from samples import N_PAR, random_points

import heterodyne_physics_elementwise as package
from heterodyne_physics_elementwise import (
    HeterodyneModel,
    c2_pairs,
    correlation,
    precompute_shard_grid,
    trapezoid_cumsum,
)
from heterodyne_spec import load_model

PUBLIC = {
    "HeterodyneModel",
    "MODEL_ID",
    "MODEL_SHA256",
    "MODEL_VERSION",
    "Physics",
    "ShardGrid",
    "__version__",
    "c2_pairs",
    "integral_between",
    "physics_of",
    "precompute_shard_grid",
    "trapezoid_cumsum",
}
DOCUMENTED = [correlation]
N_T = 7
T = 0.1 * np.arange(1, N_T + 1)

SPEC = load_model()


def run(program: str) -> str:
    """Return what a fresh Python prints, in which nothing has switched float64 on."""
    environment = {name: value for name, value in os.environ.items() if name != "JAX_ENABLE_X64"}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


def test_public_names() -> None:
    assert set(package.__all__) == PUBLIC
    for name in PUBLIC:
        assert hasattr(package, name), name


def test_registry_of_the_module_is_that_of_the_specification() -> None:
    assert SPEC.id == package.MODEL_ID
    assert SPEC.version == package.MODEL_VERSION
    assert SPEC.sha256 == package.MODEL_SHA256
    assert HeterodyneModel.names == SPEC.names
    assert HeterodyneModel.units == tuple(p.unit for p in SPEC.parameters)
    np.testing.assert_array_equal(HeterodyneModel.bounds, SPEC.bounds)
    np.testing.assert_array_equal(HeterodyneModel.defaults, SPEC.defaults)
    np.testing.assert_array_equal(HeterodyneModel().to_vector(), SPEC.defaults)


def test_vector_round_trip() -> None:
    for point in random_points(20, seed=5):
        model = HeterodyneModel.from_vector(point)
        np.testing.assert_array_equal(model.to_vector(), point)
        assert dict(zip(SPEC.names, point, strict=True)) == {name: float(getattr(model, name)) for name in SPEC.names}
        assert eqx.tree_equal(model, HeterodyneModel(**dict(zip(SPEC.names, point, strict=True))))


@pytest.mark.parametrize("shape", [(N_PAR - 1,), (N_PAR + 1,), (2, N_PAR), ()])
def test_vector_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"shape \({N_PAR},\), found"):
        HeterodyneModel.from_vector(np.ones(shape))


def test_import_changes_no_global_state() -> None:
    program = (
        "import os, logging, warnings; before = (dict(os.environ), list(warnings.filters), logging.root.handlers[:]);"
        "import jax, jax.numpy, equinox, jaxtyping; filters = list(warnings.filters);"
        "import heterodyne_physics_elementwise;"
        "print(jax.config.jax_enable_x64, dict(os.environ) == before[0], list(warnings.filters) == filters,"
        " logging.root.handlers == before[2])"
    )
    assert run(program) == "False True True True"


def test_float32_is_refused() -> None:
    program = (
        "import heterodyne_physics_elementwise as p\n"
        "try: p.precompute_shard_grid([0.1, 0.2], 0.0054)\n"
        "except RuntimeError as error: print(error)"
    )
    message = run(program)
    assert "needs float64" in message
    assert "jax.config.update('jax_enable_x64', True)" in message


def test_readme_and_docstrings_run() -> None:
    failures = [doctest.testfile(str(Path(__file__).parents[1] / "README.md"), module_relative=False)]
    failures += [doctest.testmod(module) for module in DOCUMENTED]
    assert sum(outcome.attempted for outcome in failures) >= 3
    assert sum(outcome.failed for outcome in failures) == 0


def test_signatures() -> None:
    names = ["model", "grid", "i", "j", "phi", "contrast", "offset"]
    assert list(inspect.signature(c2_pairs).parameters) == names
    assert list(inspect.signature(precompute_shard_grid).parameters) == ["t", "q"]


def test_model_built_in_float32_is_refused() -> None:
    with jax.enable_x64(False):
        model = HeterodyneModel()
    with pytest.raises(RuntimeError, match="found an array of float32"):
        c2_pairs(model, precompute_shard_grid(T, 0.0054), [0], [1], 0.0, 0.3, 1.0)


@pytest.mark.parametrize(
    ("t", "q", "text"),
    [
        (T[:1], 0.0054, r"at least two frames.*found shape \(1,\)"),
        (T[:, None], 0.0054, r"at least two frames.*found shape \(7, 1\)"),
        (0.1, 0.0054, r"at least two frames.*found shape \(\)"),
        (T, [0.0054], r"q is one number in 1/Å; found shape \(1,\)"),
    ],
)
def test_wrong_grids_are_refused(t: object, q: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        precompute_shard_grid(t, q)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("i", "j", "phi", "text"),
    [
        ([0, N_T], [1, 2], 0.0, "i holds frame 7; the grid has 0 .. 6"),
        ([0, 1], [1, -1], 0.0, "j holds frame -1; the grid has 0 .. 6"),
        ([0.0, 1.0], [1, 2], 0.0, "i holds frame indices, whole numbers; found float64"),
        ([True], [1], 0.0, "i holds frame indices, whole numbers; found bool"),
        ([0, 1], [1, 2, 3], 0.0, r"must broadcast to one shape.*i \(2,\), j \(3,\), phi \(\)"),
        ([0, 1], [1, 2], [0.0, 1.0, 2.0], r"must broadcast to one shape.*j \(2,\), phi \(3,\)"),
    ],
)
def test_wrong_pairs_are_refused(i: list[int], j: list[int], phi: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        c2_pairs(HeterodyneModel(), precompute_shard_grid(T, 0.0054), i, j, phi, 0.3, 1.0)  # type: ignore[arg-type]


def test_under_jit_a_frame_outside_the_grid_gives_nan() -> None:
    grid = precompute_shard_grid(T, 0.0054)
    traced = jax.jit(lambda i, j: c2_pairs(HeterodyneModel(), grid, i, j, 0.0, 0.3, 1.0))
    i, j = np.array([0, -1, 2, N_T, -N_T, 6]), np.array([1, 2, -3, 1, 0, 6])
    np.testing.assert_array_equal(np.isnan(traced(i, j)), [False, True, True, True, True, False])


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint32, np.int64])
def test_any_whole_number_is_a_frame_index(dtype: type[np.integer]) -> None:
    grid = precompute_shard_grid(0.1 * np.arange(1, 301), 0.0054)
    found = c2_pairs(HeterodyneModel(), grid, np.array([5, 9], dtype), np.array([100, 2], dtype), 0.0, 0.3, 1.0)
    expected = c2_pairs(HeterodyneModel(), grid, [5, 9], [100, 2], 0.0, 0.3, 1.0)
    np.testing.assert_array_equal(found, expected)


def test_pairs_and_azimuths_broadcast() -> None:
    grid, model = precompute_shard_grid(T, 0.0054), HeterodyneModel()
    i, j, phi = np.array([0, 5, 3, 2]), np.array([4, 1, 3, 6]), np.array([0.0, 30.0, 90.0])
    table = c2_pairs(model, grid, i, j, phi[:, None], 0.3, 1.0)
    assert table.shape == (3, 4)
    assert table.dtype == jnp.float64
    for row, angle in zip(table, phi, strict=True):
        np.testing.assert_allclose(row, c2_pairs(model, grid, i, j, angle, 0.3, 1.0), rtol=0, atol=1e-15)
    own = c2_pairs(model, grid, i[:3], j[:3], phi, np.array([0.1, 0.2, 0.3]), 1.0)
    each = [c2_pairs(model, grid, i[k], j[k], phi[k], 0.1 * (k + 1), 1.0) for k in range(3)]
    np.testing.assert_allclose(own, each, rtol=0, atol=1e-15)


def test_trapezoid_cumsum() -> None:
    f = np.array([1.0, 3.0, -2.0, 5.0])
    np.testing.assert_array_equal(trapezoid_cumsum(jnp.asarray(f), 0.5), 0.5 * np.array([0.0, 2.0, 2.5, 4.0]))
    np.testing.assert_array_equal(trapezoid_cumsum(jnp.asarray(f), 0.5), trapezoid_cumsum(f, jnp.full(3, 0.5)))
