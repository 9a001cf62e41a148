"""The generated modules, executed: a changed YAML gives both backends the changed model."""

import importlib.util
from pathlib import Path

import jax
import numpy as np
import pytest

from heterodyne_spec.codegen import BACKENDS, outputs
from heterodyne_spec.lint import lint_model
from heterodyne_spec.model import build_model
from heterodyne_spec.yamlio import read_document

ROOT = Path(__file__).parents[2]
YAML = Path("packages/heterodyne-spec/src/heterodyne_spec/model/two-component.yaml")
AGES = np.array([0.0, 0.1, 1.0, 7.3, 400.0])
VELOCITY = "expression: v0 * t^beta + v_offset"
EXPRESSIONS = [
    "v0 * t^beta + v_offset",
    "v0 - (v_offset - t) - (beta - 1)",
    "v0 / (v_offset / (t + 1)^0.5 / 2 + beta) / 3",
    "-v0^2^-beta * -v_offset",
    "-(v0 + t) * --beta - v_offset",
    "max(min(v0, t), clip(v_offset * t, beta, 3)) ^ 0.5",
    "v0 * exp(-1e9 * t) + exp(1e9 * beta) * 0 + v_offset",
    "(v0 + beta) ^ (v_offset / 100) ^ t",
]


@pytest.fixture(params=sorted(BACKENDS))
def backend(request):
    return request.param


@pytest.fixture(autouse=True)
def double_precision():
    with jax.enable_x64(True):
        yield


def generate(root, backend, *changes):
    """Return the spec of a changed copy of the YAML and the module that is generated from it, imported."""
    text = (ROOT / YAML).read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (root / YAML).parent.mkdir(parents=True)
    (root / YAML).write_text(text, encoding="utf-8")
    document = read_document(root / YAML)
    assert lint_model(document) == []
    target = root / "generated.py"
    target.write_text(outputs(root)[root / BACKENDS[backend] / "src" / backend / "_generated" / "two_component.py"])
    found = importlib.util.spec_from_file_location("generated", target)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return build_model(document), module


def assert_agrees(spec, module, values):
    model = module.HeterodyneModel.from_vector(values)
    named = dict(zip(spec.names, values, strict=True))
    for function in spec.functions:
        found = getattr(model, function.name)(AGES)
        expected = spec.evaluate(function.name, named, AGES)
        np.testing.assert_allclose(found, expected, rtol=1e-14, atol=0, err_msg=function.expression)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expression_means_the_same_in_jax_and_in_the_spec(tmp_path, backend, expression):
    spec, module = generate(tmp_path, backend, (VELOCITY, f"expression: {expression}"))
    values = np.array(spec.defaults)
    values[[spec.names.index(name) for name in ("v0", "beta", "v_offset")]] = 37.0, 0.4, 12.0
    assert_agrees(spec, module, values)
    assert (spec.version, spec.sha256) == (module.MODEL_VERSION, module.MODEL_SHA256)


def test_change_of_bound_and_default_reaches_the_module(tmp_path, backend):
    spec, module = generate(
        tmp_path,
        backend,
        ("bounds: [-100.0, 100.0]", "bounds: [-250.0, 100.0]"),
        ("    unit: 1/s\n    default: 0.0", "    unit: 1/s\n    default: 0.25"),
    )
    model = module.HeterodyneModel()
    assert dict(zip(model.names, model.bounds, strict=True))["v_offset"] == (-250.0, 100.0)
    assert float(model.f1) == 0.25
    assert_agrees(spec, module, np.array(model.to_vector()))


def test_committed_module_agrees_with_the_spec_at_random_parameters(tmp_path, backend):
    spec, module = generate(tmp_path, backend)
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert_agrees(spec, module, rng.uniform(*spec.bounds.T))
