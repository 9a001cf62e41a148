"""The documentation says what is true: its Python and its commands run, what it shows is what they print."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from snippets import PROGRAMS, Runner, alike, blocks, commands, run_page

from heterodyne_cli import command as cli_command
from heterodyne_data import load_data, save_data
from heterodyne_nlsq import command as nlsq_command
from heterodyne_spec import build_config, load_schema, parse_yaml
from heterodyne_spec import command as spec_command

ROOT = Path(__file__).parents[2]
TUTORIALS = ROOT / "docs" / "tutorials"
"""Run by `nox -s docs`, which takes their pictures (scripts/pictures.py)."""

GENERATED = ("reference", "pictures", "notebooks")
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted(p for p in (ROOT / "docs").rglob("*.md") if p.relative_to(ROOT / "docs").parts[0] not in GENERATED),
    *(ROOT / "packages" / name / "README.md" for name in ("heterodyne-data", "heterodyne-nlsq", "heterodyne-cli")),
]

FOREIGN = {"pip", "python", "git", "cd", "dask", "echo", "chromium"}
"""Other programs that a page may call; their options are not ours to check."""

TRUTH = json.loads((ROOT / "examples" / "startup_flow_truth.json").read_text(encoding="utf-8"))["parameters"]
SMALL = {
    name: {"value": value, "vary": False}
    for name, value in TRUTH.items()
    if name not in ("D0_ref", "D0_sample", "v0", "f3", "phi0")
}
"""Held in the posterior that pages read: sampled in seconds, and a small picture of its pairs of parameters."""


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def with_blocks(*languages: str) -> list[Path]:
    return [page for page in PAGES if any(block.language in languages for block in blocks(page))]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of compiled functions that all pages share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def runner(cache: Path) -> Iterator[Runner]:
    """Return the process in which pages run; that of the README, and the tutorial, draw their pictures."""
    with Runner(cache, drawn=()) as found:
        yield found


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory, runner: Runner) -> Path:
    """Return a folder with the examples, a short measurement, and results of it: what pages take as given."""
    folder = tmp_path_factory.mktemp("measured")
    shutil.copytree(ROOT / "examples", folder / "examples")
    data = load_data(folder / "examples" / "startup_flow_apsu.h5", q=0.0054, frames=[1, 60])
    save_data(folder / "measurement.h5", data, layout="aps-u")
    page = folder / "given.md"
    cmc, output = {"shards": 1, "chains": 2, "warmup": 200, "samples": 200}, {"plots": False, "report": False}
    held = {"model": {"parameters": SMALL}, "cmc": cmc, "output": output}
    page.write_text(
        f'```json title="held.json"\n{held}\n```\n'.replace("'", '"').replace("False", "false")
        + "```console\n$ heterodyne --data measurement.h5 --config held.json --method cmc --quiet\n```\n"
    )
    assert (failed := runner.run(page, folder)) is None, failed
    return folder


@pytest.fixture
def folder(measured: Path, tmp_path: Path) -> Path:
    """Return a folder of the test's own with what is given."""
    return shutil.copytree(measured, tmp_path / "page")


@pytest.mark.parametrize("page", [p for p in with_blocks("python", "console") if p.parent != TUTORIALS], ids=name_of)
def test_the_snippets_of_a_page_run_one_after_the_other(page: Path, folder: Path, cache: Path, runner: Runner) -> None:
    if page == ROOT / "README.md":
        # The page that is read first, with its commands as its reader starts them.
        done = run_page(page, folder, cache)
        failed = done.stderr if done.returncode else None
    else:
        failed = runner.run(page, folder)
    assert failed is None, f"{name_of(page)}:\n{failed}"


@pytest.mark.parametrize("page", with_blocks("yaml"), ids=name_of)
def test_configurations_are_valid(page: Path) -> None:
    for block in blocks(page):
        if block.language == "yaml":
            build_config(parse_yaml(block.text, f"{name_of(page)}:{block.line}"))


@pytest.mark.parametrize(
    ("shown", "said", "same"),
    [
        ("v0  468.3 ± 1.8", "v0 470.1  ± 1.9", True),
        ("v0  468.3 ± 1.8", "v0 475.1  ± 1.8", False),
        ("after ... evaluations, cost 5.69", "after 158 evaluations, cost 5.68702", True),
        ("noise 0.0054", "noise 0.0055", True),
        ("a\n...\nb", "a\n1\n2\nb", True),
        ("a\n...\nb", "a\n1\n2", False),
        ("4 angles", "5 angles", False),
        ("-45 degrees", "-45 degree", False),
    ],
)
def test_what_is_shown_is_compared_loosely_and_not_more(shown: str, said: str, same: bool) -> None:
    assert alike(shown.splitlines(), said.splitlines()) is same


def help_text(main: Callable[[Sequence[str]], int], arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a program of ours prints for ``--help`` after `arguments`; fails when it refuses them."""
    try:
        code = main([*arguments, "--help"])
    except SystemExit as end:
        code = end.code or 0  # type: ignore[assignment]  # argparse gives numbers
    assert code == 0, f"{arguments} is refused: {capsys.readouterr().err}"
    return capsys.readouterr().out


def check_program(program: str, rest: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Fail unless the subcommand and every option in `rest` exist."""
    main = {"heterodyne": cli_command.main, "heterodyne-nlsq": nlsq_command.main, "heterodyne-spec": spec_command.main}
    known = help_text(main[program], [word for word in rest[:1] if not word.startswith("-")], capsys)
    for option in (word.partition("=")[0] for word in rest if word.startswith("-")):
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", known), f"{program}: no option {option}"


@pytest.mark.parametrize("page", with_blocks("console"), ids=name_of)
def test_commands_that_are_not_run_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    for block in (b for b in blocks(page) if b.language == "console"):
        for line, _ in commands(block.text):
            program, *rest = shlex.split(line)
            program = Path(program).name
            if program in PROGRAMS:
                check_program(program, rest, capsys)
            elif program == "make":
                assert re.search(rf"^{rest[0]}:", makefile, re.MULTILINE), line
            elif program == "nox":
                assert f"def {rest[rest.index('-s') + 1]}(session" in noxfile, line
            else:
                assert program in FOREIGN, f"unknown program in {line!r}"


def test_every_field_of_a_result_is_explained() -> None:
    def silent(schema: object, path: str = "") -> list[str]:
        if not isinstance(schema, dict):
            return []
        found = [f"{path}.{n}" for n, inner in schema.get("properties", {}).items() if not inner.get("description")]
        for name, inner in {**schema.get("properties", {}), "[]": schema.get("items")}.items():
            found += silent(inner, f"{path}.{name}")
        return found

    assert silent(load_schema("result")) == []


def test_reference_pages_are_written_whatever_is_public(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "reference_pages.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, capture_output=True)
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    written = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.md"))
    assert [name for name in written if f"reference/{name}" not in nav] == []


def test_relative_links_lead_somewhere() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
            generated = any(f"{folder}/" in target for folder in GENERATED)
            assert generated or (page.parent / target).exists(), f"{name_of(page)}: {target}"


def test_citation_file_has_what_readers_of_it_require() -> None:
    citation = parse_yaml((ROOT / "CITATION.cff").read_text(encoding="utf-8"), "CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert citation["license"] == "BSD-3-Clause"
    for entry in (citation, *citation["references"]):
        assert entry["title"], entry
        assert entry["authors"], entry
    assert all(reference["type"] == "article" for reference in citation["references"])
    assert [reference["doi"] for reference in citation["references"]] == [
        "10.1073/pnas.2514216122",
        "10.1073/pnas.2401162121",
    ]
