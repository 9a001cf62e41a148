"""The command heterodyne-spec: what each subcommand prints, writes and returns."""

import json
import re
import subprocess
import sys
from importlib import resources
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from documents import CONFIG, RESULT

from heterodyne_spec import __version__, load_model, load_vectors, validation
from heterodyne_spec import command as module
from heterodyne_spec.command import main
from heterodyne_spec.documents import dump_yaml, parse_yaml, sha256

SHIPPED = resources.files("heterodyne_spec")


def run(capsys, *argv):
    """Return exit code, standard output and standard error."""
    code = main([str(word) for word in argv])
    return (code, *capsys.readouterr())


def test_version_and_help(capsys):
    assert run(capsys, "--version") == (0, f"heterodyne-spec {__version__}\n", "")
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for name in ("show", "export", "validate", "vectors"):
        assert name in out


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        ([], "required: COMMAND"),
        (["shwo"], "invalid choice: 'shwo'"),
        (["export", "--format", "toml"], "invalid choice: 'toml'"),
        (["show", "--model", "two-components"], "did you mean 'two-component'?"),
        (["vectors", "--model", "one"], "known: two-component"),
        (["vectors", "--check", "/nowhere/results.json"], "no such file"),
        (["export", "-o", "/dev/null/model.json"], "cannot be written"),
    ],
)
def test_error_is_one_line_and_exit_code_1(capsys, argv, text):
    code, out, err = run(capsys, *argv)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("error: ")
    assert text in err


def test_show_has_every_parameter_function_convention_and_ambiguity(capsys):
    code, out, _ = run(capsys, "show", "--model", "two-component")
    assert code == 0
    spec = load_model()
    squeezed = re.sub(r"\s+", " ", out)
    for p in (*spec.parameters, *spec.scaling):
        assert re.search(rf"^  {p.name} +{re.escape(p.unit)} +{p.default:g} ", out, re.MULTILINE)
    for f in spec.functions:
        assert f.expression in squeezed
    for word in spec.document["conventions"]:
        assert f"\n  {word} " in out
    for ambiguity in spec.document["ambiguities"]:
        assert ambiguity["when"] in squeezed
    assert max(map(len, out.splitlines())) <= 170


def test_json_export_is_the_shipped_file_byte_for_byte_and_has_the_hash_of_the_model(capsys, tmp_path):
    shipped = SHIPPED.joinpath("model", "two-component.json").read_bytes()
    code, out, _ = run(capsys, "export", "--format", "json")
    assert (code, out.encode()) == (0, shipped)
    assert sha256(out) == load_model().sha256
    file = tmp_path / "new" / "model.json"
    assert run(capsys, "export", "--output", file) == (0, "", f"written: {file}\n")
    assert file.read_bytes() == shipped


def test_yaml_export_reads_back_to_the_same_document_with_any_reader(capsys):
    _, out, _ = run(capsys, "export", "--format", "yaml")
    assert parse_yaml(out) == load_model().document
    assert yaml.safe_load(out) == load_model().document


def test_markdown_export_is_tables_that_render(capsys):
    _, out, _ = run(capsys, "export", "--format", "markdown")
    assert out.startswith("# Two-component heterodyne XPCS")
    for block in re.findall(r"(?:^\|.*\n)+", out, re.MULTILINE):
        # Cells are separated by bars that are not escaped: every row has as many as its head.
        rows = [len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()]
        assert len(set(rows)) == 1
    for heading in ("Parameters", "Functions", "Conventions", "Correlation", "Invariants", "Literature"):
        assert f"\n## {heading}" in out
    assert all(f"| `{p.name}` |" in out for p in load_model().parameters)


def test_validate_prints_every_problem_on_a_line_of_its_own(capsys, tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("data: {qq: 1}\nmodel: {parameters: {f0: {value: 2}}}\n")
    code, out, _ = run(capsys, "validate", file)
    assert code == 1
    assert out.splitlines() == [
        f"{file}: data.qq: found unknown key 'qq', expected a known key; did you mean 'q'? [FollowsSchema]",
        f"{file}: model.parameters.f0.value: found 2.0, expected within [0, 1]; "
        "give a value inside, or change the bounds [ValueInsideBounds]",
        f"{file}: 2 problems, not a valid configuration",
    ]


@pytest.mark.parametrize(
    ("name", "content", "kind", "text"),
    [
        ("a.yaml", b"a: 1\na: 2", None, "line 2, column 1: found duplicate key 'a'"),
        ("a.yaml", b"data: {}", "model", "not a valid model"),
        ("nlsq_result.json", b"{}", None, "not a valid result"),
        ("a.json", b'{"layout": "aps-u", "maps": []}', None, "not a valid description of data"),
        ("a.json", b"[1]", None, "expected a mapping"),
    ],
)
def test_validate_names_what_is_wrong(capsys, tmp_path, name, content, kind, text):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    code, out, err = run(capsys, "validate", tmp_path / name, *(["--kind", kind] if kind else []))
    assert (code, err) == (1, "")
    assert text in out
    assert out.count(f"{tmp_path / name}: ") == len(out.splitlines())


def test_validate_sees_the_kind_of_a_document(capsys, tmp_path):
    result = tmp_path / "fit.json"
    result.write_text(json.dumps(RESULT))
    model, config = tmp_path / "model.yml", tmp_path / "config.yaml"
    model.write_text(dump_yaml(load_model().document))
    config.write_text(dump_yaml(CONFIG))
    for file, kind in ((result, "result"), (model, "model"), (config, "configuration")):
        code, out, err = run(capsys, "validate", file)
        assert (code, err) == (0, "")
        assert out.startswith(f"{file}: valid {kind}\n  ")


@pytest.mark.parametrize("argv", [["a.h5"], ["a.npz"], ["a.dat", "--kind", "data"]])
def test_maps_are_checked_by_another_package(capsys, monkeypatch, argv):
    monkeypatch.setattr(validation, "entry_points", lambda group: ())
    code, out, err = run(capsys, "validate", *argv)
    assert (code, out) == (1, "")
    assert err == (
        f"error: {argv[0]}: checking a file of arrays requires heterodyne-data; "
        "install it with: pip install heterodyne-data\n"
    )
    verdict = validation.Verdict("measurement", ("four maps",))
    found = SimpleNamespace(load=lambda: lambda path, kind, config: verdict)
    monkeypatch.setattr(validation, "entry_points", lambda group: (found,))
    assert run(capsys, "validate", *argv) == (0, f"{argv[0]}: valid measurement\n  four maps\n", "")


def test_vectors_are_the_shipped_file(capsys, tmp_path):
    shipped = SHIPPED.joinpath("vectors", "two-component.json").read_bytes()
    assert run(capsys, "vectors")[1].encode() == shipped
    assert run(capsys, "vectors", "-o", tmp_path / "v.json")[0] == 0
    assert (tmp_path / "v.json").read_bytes() == shipped


def test_vectors_check_results_of_another_program(capsys, tmp_path):
    vectors = load_vectors()
    results = {case.id: case.c2.tolist() for case in vectors.cases}
    document = {"model": vectors.model, "model_version": vectors.model_version, "results": results}
    file = tmp_path / "results.json"
    file.write_text(json.dumps(document))
    code, out, _ = run(capsys, "vectors", "--check", file)
    assert code == 0
    assert out.startswith(f"{len(results)} of {len(results)} cases passed; largest difference 0 (")
    wrong, missing = list(results)[:2]
    results[wrong] = (np.array(results[wrong]) + 1e-6).tolist()
    del results[missing]
    file.write_text(json.dumps(document))
    code, out, _ = run(capsys, "vectors", "--check", file)
    assert code == 1
    assert out.startswith(f"{len(results) - 1} of {len(results) + 1} cases passed; largest difference 1e-06 ({wrong}")
    assert f"results.{missing}: found nothing" in out


def test_unexpected_error_is_one_line_and_its_traceback_comes_on_demand(capsys, monkeypatch):
    def broken(_name):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(module, "load_model", broken)
    code, _, err = run(capsys, "show")
    assert (code, err.count("\n")) == (1, 1)
    assert "unexpected RuntimeError: two lines" in err
    code, _, err = run(capsys, "show", "--debug")
    assert code == 1
    assert "Traceback" in err


def test_interruption_ends_with_130(capsys, monkeypatch):
    def interrupt(_name):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "load_model", interrupt)
    assert run(capsys, "show") == (130, "", "interrupted; files already written are complete\n")


def test_reader_that_leaves_early_and_a_terminal_without_unicode_are_no_error():
    command = [sys.executable, "-m", "heterodyne_spec.command", "vectors"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
    environment = {"PYTHONIOENCODING": "latin-1"}
    shown = subprocess.run([*command[:-1], "show"], capture_output=True, env=environment, check=True)
    assert "Å²/s" in shown.stdout.decode("utf-8")
