"""Saved results that are not there, or need a package that is not: one line says what to give."""

from __future__ import annotations

from pathlib import Path

import pytest

from heterodyne_cli import command, results


@pytest.mark.parametrize("asked", ["plot", "report", "compare"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere", "no such file or folder"),
        ("empty", "found no result, expected nlsq_result.json or cmc_result.nc"),
        ("together", "found results of several measurements"),
        ("notes.txt", "another kind of file"),
        ("broken.json", "expected valid JSON"),
    ],
)
def test_what_is_no_result_is_named(
    asked: str, name: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "together").mkdir()
    (tmp_path / "together" / "joint_result.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "broken.json").write_text("{")
    before = sorted(tmp_path.rglob("*"))
    assert command.main([asked, str(tmp_path / name)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(tmp_path / name) in error
    assert words in error
    assert sorted(tmp_path.rglob("*")) == before


def test_posteriors_are_read_where_their_package_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results.importlib.util, "find_spec", lambda name: None)
    (tmp_path / "cmc_result.nc").write_bytes(b"")
    assert command.main(["report", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "heterodyne-cli[cmc]" in error
