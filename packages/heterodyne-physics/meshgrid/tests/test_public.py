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

import heterodyne_physics_meshgrid as package
from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid, correlation, create_time_integral_matrix
from heterodyne_spec import load_model

PUBLIC = {
    "FieldLaws",
    "HeterodyneModel",
    "MODEL_ID",
    "MODEL_SHA256",
    "MODEL_VERSION",
    "Physics",
    "__version__",
    "bracket",
    "c2_meshgrid",
    "check_devices",
    "create_time_integral_matrix",
    "cumulative_trapezoid",
    "field_laws",
    "gaussian_histories",
    "physics_of",
    "speckle_map",
}
DOCUMENTED = [correlation]
T = 0.1 * np.arange(1, 8)

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
        "import heterodyne_physics_meshgrid;"
        "print(jax.config.jax_enable_x64, dict(os.environ) == before[0], list(warnings.filters) == filters,"
        " logging.root.handlers == before[2])"
    )
    assert run(program) == "False True True True"


def test_float32_is_refused() -> None:
    program = (
        "import heterodyne_physics_meshgrid as p\n"
        "try: p.c2_meshgrid(p.HeterodyneModel(), [0.1, 0.2], 0.0054, 0.0, 0.3, 1.0)\n"
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


def test_signature() -> None:
    assert list(inspect.signature(c2_meshgrid).parameters) == ["model", "t", "q", "phi", "contrast", "offset"]


def test_model_built_in_float32_is_refused() -> None:
    with jax.enable_x64(False):
        model = HeterodyneModel()
    with pytest.raises(RuntimeError, match="found an array of float32"):
        c2_meshgrid(model, T, 0.0054, 0.0, 0.3, 1.0)


@pytest.mark.parametrize(
    ("t", "q", "phi", "contrast", "text"),
    [
        (T[:1], 0.0054, 0.0, 0.3, r"at least two frames.*found shape \(1,\)"),
        (T[:, None], 0.0054, 0.0, 0.3, r"at least two frames.*found shape \(7, 1\)"),
        (0.1, 0.0054, 0.0, 0.3, r"at least two frames.*found shape \(\)"),
        (T, [0.0054], 0.0, 0.3, r"q is one number in 1/Å; found shape \(1,\)"),
        (T, 0.0054, [0.0, 1.0], [0.1, 0.2, 0.3], r"one per azimuth; found shapes \(2,\), \(3,\), \(\)"),
    ],
)
def test_wrong_shapes_are_refused(t: object, q: object, phi: object, contrast: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        c2_meshgrid(HeterodyneModel(), t, q, phi, contrast, 1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("phi", "contrast", "offset", "shape"),
    [
        (0.0, 0.3, 1.0, (7, 7)),
        ([0.0, 30.0, 90.0], 0.3, 1.0, (3, 7, 7)),
        ([0.0, 30.0, 90.0], [0.1, 0.2, 0.3], [1.0, 1.1, 1.2], (3, 7, 7)),
        (0.0, [0.1, 0.2], 1.0, (2, 7, 7)),
    ],
)
def test_azimuths_lead_the_result(phi: object, contrast: object, offset: object, shape: tuple[int, ...]) -> None:
    found = c2_meshgrid(HeterodyneModel(), T, 0.0054, phi, contrast, offset)  # type: ignore[arg-type]
    assert found.shape == shape
    assert found.dtype == jnp.float64
    if len(shape) == 3:
        columns = np.broadcast_arrays(phi, contrast, offset)
        each = [c2_meshgrid(HeterodyneModel(), T, 0.0054, *row) for row in np.stack(columns, axis=1)]
        np.testing.assert_allclose(found, each, rtol=0, atol=1e-15)


def test_time_integral_matrix() -> None:
    f = np.array([1.0, 3.0, -2.0, 5.0])
    cumulative = 0.5 * np.array([0.0, 2.0, 2.5, 4.0])
    found = create_time_integral_matrix(jnp.asarray(f), 0.5)
    np.testing.assert_array_equal(found, cumulative - cumulative[:, None])
    np.testing.assert_array_equal(found, create_time_integral_matrix(jnp.asarray(f), jnp.full(3, 0.5)))
