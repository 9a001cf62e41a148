"""The generated files: as committed, the same every time, and following every change of the YAML."""

import ast
import shutil
from pathlib import Path

import pytest

from heterodyne_spec.codegen import BACKENDS, jax_source, main, outputs
from heterodyne_spec.expression import parse

ROOT = Path(__file__).parents[3]
YAML = Path("packages/heterodyne-spec/src/heterodyne_spec/model/two-component.yaml")
MODULES = [
    f"packages/heterodyne-physics/{name}/src/heterodyne_physics_{name}/_generated/two_component.py"
    for name in ("meshgrid", "elementwise")
]


def copy_of_the_source(root, *changes):
    """Write the YAML, changed, where the generator looks for it below `root`."""
    text = (ROOT / YAML).read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (root / YAML).parent.mkdir(parents=True, exist_ok=True)
    (root / YAML).write_text(text, encoding="utf-8")


def constants(source):
    """Return the literal class variables of the generated model and the source of its functions by name."""
    (model,) = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    values = {
        node.target.id: ast.literal_eval(node.value)
        for node in model.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Tuple)
    }
    functions = {
        node.name: ast.unparse(node.body[-1].value) for node in model.body if isinstance(node, ast.FunctionDef)
    }
    return values, functions


def test_committed_files_are_what_the_yaml_gives():
    files = outputs(ROOT)
    assert len(files) == 1 + 2 * len(BACKENDS)
    for path, text in files.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.relative_to(ROOT)}: run `nox -s codegen`"


def test_change_of_bound_default_and_expression_reaches_both_backends(tmp_path):
    copy_of_the_source(
        tmp_path,
        ("bounds: [-100.0, 100.0]", "bounds: [-250.0, 100.0]"),
        ("    unit: 1/s\n    default: 0.0", "    unit: 1/s\n    default: 0.25"),
        ("expression: v0 * t^beta + v_offset", "expression: v0 * (1 + t)^-beta - v_offset / 2"),
    )
    files = outputs(tmp_path)
    texts = {files[tmp_path / module] for module in MODULES}
    assert len(texts) == 1
    values, functions = constants(texts.pop())
    old_values, old_functions = constants((ROOT / MODULES[0]).read_text(encoding="utf-8"))
    k = values["names"].index
    assert values["bounds"][k("v_offset")] == (-250.0, 100.0)
    assert values["defaults"][k("f1")] == 0.25
    assert functions["v"] == "self.v0 * _power(1.0 + t, -self.beta) - self.v_offset / 2.0"
    assert {name for name in functions if functions[name] != old_functions[name]} == {"v"}
    assert sum(a != b for a, b in zip(values["bounds"], old_values["bounds"], strict=True)) == 1


def test_command_writes_once_and_tells_drift(tmp_path, capsys):
    copy_of_the_source(tmp_path)
    assert main(["--root", str(tmp_path), "--check"]) == 1
    assert "nox -s codegen" in capsys.readouterr().err
    assert main(["--root", str(tmp_path)]) == 0
    assert main(["--root", str(tmp_path), "--check"]) == 0
    for module in MODULES:
        assert (tmp_path / module).read_bytes() == (ROOT / module).read_bytes()
    (tmp_path / MODULES[1]).write_text("edited by hand")
    capsys.readouterr()
    assert main(["--root", str(tmp_path), "--check"]) == 1
    assert capsys.readouterr().out.splitlines()[0] == f"out of date: {MODULES[1]}"


def test_invalid_source_is_one_line_with_all_problems(tmp_path, capsys):
    copy_of_the_source(tmp_path, ("v0 * t^beta + v_offset", "v0 * t^^beta"), ("bounds: [-100.0, 100.0]", "bounds: []"))
    assert main(["--root", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "functions.v.expression: found character 8" in line
    assert "parameters[8].bounds" in line
    shutil.rmtree(tmp_path / "packages")
    assert main(["--root", str(tmp_path)]) == 1
    assert "no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("expression", "source"),
    [
        ("a - (b - t)", "self.a - (self.b - t)"),
        ("a - b - t", "self.a - self.b - t"),
        ("a / (b * t)", "self.a / (self.b * t)"),
        ("(a + b) * t", "(self.a + self.b) * t"),
        ("-a * -b", "(-self.a) * (-self.b)"),
        ("-(a + b)", "-(self.a + self.b)"),
        ("--a", "-(-self.a)"),
        ("-t^a^2", "-_power(t, _power(self.a, 2.0))"),
        ("clip(exp(a), 0, 1)", "jnp.minimum(jnp.maximum(_exp(self.a), 0.0), 1.0)"),
    ],
)
def test_expressions_keep_their_grouping(expression, source):
    assert jax_source(parse(expression), ("a", "b")) == source
