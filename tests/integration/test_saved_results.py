"""Saved results through the command: plots and reports without a fit, and results of both stages compared."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import FREE, SPREAD, VALUES, data, fit_result, posterior_result

from heterodyne_cli import command
from heterodyne_cli.comparison import describe, function_rows, parameter_rows, sentence
from heterodyne_cli.results import Saved, load
from heterodyne_data import NLSQResult
from heterodyne_nlsq.plots import FIGURES


def saved(path: Path, **changes: Any) -> Path:
    fit_result(**changes).save(path)
    return path


def both(path: Path) -> Path:
    posterior_result().save(saved(path))
    return path


def described(*fits: NLSQResult) -> list[Any]:
    return describe([Saved(Path(f"run{k}"), fit, None) for k, fit in enumerate(fits)])


@pytest.mark.slow
def test_plots_of_a_run_are_drawn_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["plot", str(both(tmp_path / "run")), "--output", str(tmp_path / "new"), "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    written = [Path(path) for path in told[0]["files"]]
    assert set(FIGURES) < {path.stem for path in written}
    assert len(written) == 3 + 6
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)
    assert not (tmp_path / "run" / "plots").exists()


def test_without_its_maps_a_result_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved(tmp_path, maps=None)
    assert command.main(["plot", str(tmp_path)]) == 0
    assert "no maps" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["functions.png"]


@pytest.mark.usefixtures("undrawn")
def test_reports_go_where_they_are_asked_for(tmp_path: Path) -> None:
    run = both(tmp_path / "run")
    assert command.main(["report", str(run / "cmc_result.nc"), "--output", str(tmp_path / "p.html"), "--quiet"]) == 0
    assert command.main(["report", str(run), "--quiet"]) == 0
    posterior, whole = (tmp_path / "p.html").read_text(), (run / "report.html").read_text()
    assert "Pairs of parameters" in posterior
    assert "Point estimate: parameters" not in posterior
    assert "Posterior: parameters" in whole
    assert "Point estimate: parameters" in whole


def test_a_fit_and_a_posterior_of_different_data_make_no_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(tmp_path, data=replace(data(), n_frames=30), maps=None)
    posterior_result().save(tmp_path)
    assert command.main(["report", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "frames 1..30 and 1..40" in error
    assert not (tmp_path / "report.html").exists()


def test_differences_are_in_combined_standard_deviations() -> None:
    moved = {name: VALUES[name] + 2 * np.sqrt(2) * SPREAD[name] for name in ("beta", "f3")}
    one, other = described(fit_result(), fit_result(values=moved))
    rows = {row.name: row.apart[0] for row in parameter_rows([one, other])}
    assert rows["beta"] == pytest.approx(2.0)
    assert rows["v0"] == 0
    # Held, and not determined: no difference is stated.
    assert np.isnan(rows["v_offset"])
    assert np.isnan(rows["D0_ref"])
    assert rows["contrast at -45°"] == 0
    faster = fit_result(values={"v0": 1.1 * VALUES["v0"]})
    (row,) = (r for r in function_rows(described(fit_result(), faster)) if r.name == "v at 4 s")
    # 2 % of the value and of a tenth more, combined.
    assert row.apart[0] == pytest.approx(0.1 / (0.02 * np.hypot(1, 1.1)), rel=1e-6)


def test_agreement_is_said_and_what_disagrees_is_named() -> None:
    words, agree = sentence(described(fit_result(), fit_result()))
    assert agree
    assert "A and B agree: all quantities determined in both are identical" in words
    words, agree = sentence(described(fit_result(), fit_result(values={"beta": VALUES["beta"] + 1e-3})))
    assert agree
    assert "quantities determined in both differ by at most" in words
    words, agree = sentence(described(fit_result(), fit_result(values={"beta": VALUES["beta"] + 0.2})))
    assert not agree
    assert "beta by" in words
    words, agree = sentence(described(fit_result(), fit_result(success=False)))
    assert not agree
    assert "B did not converge" in words


def test_results_without_an_age_in_common_have_no_functions_compared() -> None:
    late = fit_result(data=replace(data(), start_frame=1000))
    assert function_rows(described(fit_result(), late)) == []


def test_a_fit_is_compared_with_its_posterior(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = both(tmp_path / "run")
    saved(tmp_path / "later", config={"data": {"q": 0.0054}, "scaling": "shared"}, versions={"heterodyne-nlsq": "0.2"})
    page = tmp_path / "c.html"
    assert command.main(["compare", str(run), str(tmp_path / "later"), "--output", str(page), "--json"]) == 0
    compared, written, end = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (compared["event"], written["files"], end["exit_code"]) == ("compared", [str(page)], 0)
    assert [one["kind"] for one in compared["results"]] == ["point estimate", "posterior", "point estimate"]
    rows = {row["name"]: row for row in compared["parameters"]}
    posterior = load(run).posterior
    assert posterior is not None
    for name in FREE:
        assert rows[name]["values"][1]["value"] == pytest.approx(posterior.mean[name])
    assert rows["phi0"]["values"][1]["note"] == "as the prior"
    assert rows["v_offset"]["apart"] == [None, None]
    assert compared["differences"]["config scaling"] == ["", "", "shared"]
    assert compared["differences"]["version of heterodyne-nlsq"] == ["0.1.0", "", "0.2"]
    assert "version of numpyro" not in compared["differences"]
    assert command.main(["compare", str(run)]) == 0
    text = capsys.readouterr().out
    assert "errors are correlated" in text
    assert "(B - A) / sd" in text


def test_one_result_has_nothing_to_be_compared_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["compare", str(saved(tmp_path))]) == 1
    assert "expected two or more" in capsys.readouterr().err
