"""The documentation says what is true: its Python runs, its commands and configurations exist."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from heterodyne_cli import command as cli_command
from heterodyne_nlsq import command as nlsq_command
from heterodyne_spec import command as spec_command
from heterodyne_spec.config import build_config
from heterodyne_spec.lint.schema import load_schema
from heterodyne_spec.yamlio import parse_yaml

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted(p for p in (ROOT / "docs").rglob("*.md") if "reference" not in p.parts),
    *(ROOT / "packages" / name / "README.md" for name in ("heterodyne-nlsq", "heterodyne-cli")),
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# Other programs that a page may call; their options are not ours to check.
FOREIGN = {"pip", "python", "git", "cd", "dask"}


def blocks(page: Path, language: str) -> Iterator[tuple[int, str]]:
    """Yield the line number of the first line and the text of every block in `language`."""
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        if match[1] == language:
            yield text.count("\n", 0, match.start(2)) + 1, match[2]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def with_blocks(language: str) -> list[Path]:
    return [page for page in PAGES if any(blocks(page, language))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder with the examples in it."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


@pytest.mark.parametrize("page", with_blocks("python"), ids=name_of)
def test_python_blocks_of_a_page_run_one_after_the_other(page: Path, folder: Path) -> None:
    # The lines keep their numbers, so a traceback points into the page.
    lines: list[str] = []
    for first, code in blocks(page, "python"):
        lines += [""] * (first - 1 - len(lines)) + code.splitlines()
    script = folder / f"{page.stem}.py"
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    # A process of its own: float64 is off in it until the page switches it on.
    run = subprocess.run(
        [sys.executable, "-W", "error", script.name],
        cwd=folder,
        env={**os.environ, "PYTHONUTF8": "1"},
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert run.returncode == 0, f"{name_of(page)}:\n{run.stderr}"


@pytest.mark.parametrize("page", with_blocks("yaml"), ids=name_of)
def test_configurations_are_valid(page: Path) -> None:
    for line, text in blocks(page, "yaml"):
        build_config(parse_yaml(text, f"{name_of(page)}:{line}"))


def help_text(main: Callable[[Sequence[str]], int], arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a program of ours prints for ``--help`` after `arguments`; fails when it refuses them."""
    try:
        code = main([*arguments, "--help"])
    except SystemExit as end:
        code = end.code or 0  # type: ignore[assignment]  # argparse gives numbers
    assert code == 0, f"{arguments} is refused: {capsys.readouterr().err}"
    return capsys.readouterr().out


def check_program(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Fail unless the subcommand and every option in `words` exist."""
    program, *rest = words
    main, has_subcommands = {
        "heterodyne": (cli_command.main, bool(rest) and not rest[0].startswith("-")),
        "heterodyne-nlsq": (nlsq_command.main, False),
        "heterodyne-spec": (spec_command.main, True),
    }[program]
    if program == "heterodyne-nlsq":
        assert rest[0].startswith("-"), f"{program} has no subcommands"
    known = help_text(main, rest[:1] if has_subcommands else [], capsys)
    for option in (word.partition("=")[0] for word in rest if word.startswith("-")):
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", known), f"{program}: no option {option}"


@pytest.mark.parametrize("page", with_blocks("console"), ids=name_of)
def test_commands_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    for _, text in blocks(page, "console"):
        for line in (line for line in text.splitlines() if line.startswith("$ ")):
            words = shlex.split(line[2:])
            program = Path(words[0]).name
            if program.startswith("heterodyne"):
                check_program([program, *words[1:]], capsys)
            elif program == "make":
                assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), line
            elif program == "nox":
                assert f"def {words[words.index('-s') + 1]}(session" in noxfile, line
            else:
                assert program in FOREIGN, f"unknown program in {line!r}"


def test_every_field_of_a_result_is_explained() -> None:
    page = (ROOT / "docs" / "fitting.md").read_text(encoding="utf-8")
    assert [field for field in load_schema("result")["properties"] if f"`{field}`" not in page] == []


def test_relative_links_lead_somewhere() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
            generated = "reference/" in target
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
