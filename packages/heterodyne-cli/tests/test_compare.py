"""Results side by side: verdicts, cost, and the test between nested fits of the same data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stub import fitted, measurement

from heterodyne_cli import command
from heterodyne_cli.comparison import as_document, as_text, describe
from heterodyne_cli.nested_fits import freed_parameters, nested_fits, of_same_pairs, restriction
from heterodyne_cli.results import Saved
from heterodyne_data import NLSQResult, Signal
from heterodyne_spec import load_config


def fit(free: tuple[str, ...], cost: float, **changes: Any) -> NLSQResult:
    """Return a fit of one file that frees `free`; calibrated variances are 4 times the others, that of f1 9 times."""
    result = fitted(measurement(0.1), load_config(None))
    table = tuple(
        replace(row, status="free" if row.name in free else "fixed", sd=2.0 if row.name in free else np.nan)
        for row in result.table
    )
    inflation = [9.0 if name == "f1" else 4.0 for name in free]
    data = replace(result.data, provenance={"sha256": "5" * 64, "file": "a.h5"})
    fields: dict[str, Any] = {
        "table": table,
        "varying": free,
        "covariance": np.diag(inflation),
        "covariance_iid": np.eye(len(free)),
        "cost": cost,
        "n_pairs": 1003,
        "data": data,
    }
    return replace(result, **{**fields, **changes})


def described(*fits: NLSQResult) -> list[Any]:
    return describe([Saved(Path(f"run{k}"), one, None) for k, one in enumerate(fits)])


def test_what_was_held_and_is_needed_prefers_the_larger_fit() -> None:
    small, large = fit(("v0",), 1.6), fit(("v0", "f0", "f1"), 1.0)
    (found,) = nested_fits({"A": large, "B": small})
    assert (found.restricted, found.full, found.freed) == ("B", "A", ("f0", "f1"))
    # 2 · 0.6 over a variance of 2 · 1 / 1000, by the mean of 4 and 9.
    assert found.inflation == pytest.approx(6.5)
    assert found.delta_chi2 == pytest.approx(600 / 6.5)
    assert found.p_value == pytest.approx(np.exp(-300 / 6.5))
    assert found.words.startswith("B fixes f0, f1, free in A (same data): calibrated Δχ² = 92.3 for 2 degrees")
    assert "p < 0.001; the data need them to be free: A is preferred" in found.words


def test_what_was_held_and_is_not_needed_prefers_the_simpler_fit() -> None:
    (found,) = nested_fits({"A": fit(("v0", "f0"), 1.0), "B": fit(("v0",), 1.004)})
    assert found.delta_chi2 == pytest.approx(1.0, rel=1e-2)
    assert found.p_value == pytest.approx(0.317, abs=0.01)
    assert "for 1 degree of freedom, p = 0.32; the data do not need it to be free: B is preferred" in found.words


def test_a_larger_fit_that_fits_worse_is_not_at_its_best_minimum() -> None:
    (found,) = nested_fits({"A": fit(("v0", "f0"), 1.1), "B": fit(("v0",), 1.0)})
    assert found.preferred == "B"
    assert np.isnan(found.p_value)
    assert "A fits worse (cost 1.1 instead of 1): it is not at the global minimum" in found.words


def test_the_limits_of_the_test_are_said() -> None:
    large = fit(("v0", "f0"), 1.0)
    weighted = {"config": {"nlsq": {"loss": "soft_l1"}}}
    (found,) = nested_fits({"A": replace(large, **weighted), "B": fit(("v0",), 1.6, **weighted)})
    assert np.isnan(found.delta_chi2)
    assert "no test possible with frame weights or a non-linear loss" in found.words
    assert large.bands is not None
    still = replace(large.bands, values=large.bands.values | {"v": np.zeros(5)})
    (found,) = nested_fits({"A": large, "B": fit(("v0",), 1.6, bands=still)})
    assert "approximate: the restriction removes flow" in found.words
    open_ = replace(large.identifiability, not_determined=("f0",))
    (found,) = nested_fits({"A": replace(large, identifiability=open_), "B": fit(("v0",), 1.6)})
    assert "approximate: not all of them are determined" in found.words


def test_only_fits_of_the_same_pairs_are_tested() -> None:
    small, large = fit(("v0",), 1.6), fit(("v0", "f0"), 1.0)
    assert of_same_pairs(small, large)
    for other in (
        replace(large, n_pairs=900),
        replace(large, scaling=replace(large.scaling, mode="shared")),
        replace(large, data=replace(large.data, provenance={"sha256": "6" * 64})),
        replace(large, data=replace(large.data, provenance={})),
        replace(large, data=replace(large.data, phi=large.data.phi + 1)),
        replace(large, config={"nlsq": {"loss": "soft_l1"}}),
        replace(large, config={"nlsq": {"key_of_another_version": 1}}),
    ):
        assert not of_same_pairs(small, other)
        assert nested_fits({"A": small, "B": other}) == []


def test_what_is_freed_is_found_in_the_tables() -> None:
    small, large = fit(("v0",), 1.6), fit(("v0", "f0"), 1.0)
    assert freed_parameters(small, large) == ("f0",)
    assert freed_parameters(large, small) == ()
    assert freed_parameters(fit(("beta",), 1.0), large) == ()
    # Something else was held at another value.
    moved = tuple(replace(row, value=0.2) if row.name == "f3" else row for row in small.table)
    assert freed_parameters(replace(small, table=moved), large) == ()
    # Held where the larger fit may not go.
    outside = tuple(replace(row, value=row.upper + 1) if row.name == "f0" else row for row in small.table)
    assert freed_parameters(replace(small, table=outside), large) == ()
    tied = tuple(replace(row, status="tied", tie="v0") if row.name == "f0" else row for row in small.table)
    np.testing.assert_array_equal(restriction(replace(small, table=tied), large, ("f0",)), [[-1, 1]])


def test_verdicts_cost_and_tests_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = {"flow": Signal(False, 3.0, 0.6, ""), "two_components": Signal(True, 90.0, 0.0, "")}
    no_flow = {"signal": seen, "verdict": "caution", "sentence": "No flow is seen (p = 0.6): no velocity is stated."}
    sd = np.array([0.01, 0.02])
    scaling = fit(("v0",), 1.6).scaling
    small = fit(("v0",), 1.6, scaling=replace(scaling, contrast_sd=sd, offset_sd=sd))
    large = fit(("v0", "f0", "f1"), 1.0, **no_flow, scaling=replace(scaling, contrast_sd=sd, offset_sd=sd))
    text = as_text(described(small, large))
    for words in (
        "reduced chi-square",
        "A  run0    point estimate  converged   1.6                   1",
        "B  run1    point estimate  Caution       1                   1",
        "B: No flow is seen (p = 0.6): no velocity is stated.",
        "same file, so the errors are correlated: even 1 σ is meaningful.",
        "A fixes f0, f1, free in B (same data)",
        "Rotnitzky & Jewell 1990",
    ):
        assert words in text, words
    but = (
        "; but B describes the data better than A by more than the noise (p < 0.001): "
        "the parameters fixed in A should be free."
    )
    assert but in " ".join(text.split())
    (v0,) = (line for line in text.splitlines() if line.startswith("v0 "))
    assert v0.split()[2:] == ["100.0", "±", "2.0", "no", "flow"]
    (contrast,) = (line for line in text.splitlines() if line.startswith("contrast at 0°"))
    assert contrast.split()[3:] == ["0.200", "±", "0.010", "0.200", "±", "0.010", "+0.00"]
    rows = [line for line in text.splitlines() if line.startswith("v at")]
    assert rows
    assert all("no flow" in row for row in rows)
    document = as_document(described(small, large))
    assert [one["verdict"] for one in document["results"]] == ["", "caution"]
    assert [one["cost"] for one in document["results"]] == [1.6, 1.0]
    assert document["nested"][0]["preferred"] == "B"
    assert not document["agree"]
    for name, result in (("one", small), ("other", large)):
        result.save(tmp_path / name)
    page = tmp_path / "c.html"
    assert (
        command.main(["compare", str(tmp_path / "one"), str(tmp_path / "other"), "--output", str(page), "--json"]) == 0
    )
    compared = json.loads(capsys.readouterr().out.splitlines()[0])
    assert next(row for row in compared["parameters"] if row["name"] == "v0")["values"][1]["value"] is None
    shown = page.read_text(encoding="utf-8")
    for words in ("Nested models", "A fixes f0, f1", "B: No flow is seen", "Caution", "Rotnitzky &amp; Jewell"):
        assert words in shown, words


def test_a_result_without_a_signal_is_named() -> None:
    flat = {"contrast": Signal(False, 3.0, 0.4, "")}
    none = fit(("v0",), 1.0, signal=flat, verdict="no-signal", sentence="The maps are flat.")
    text = as_text(described(none, fit(("v0",), 1.0)))
    assert "A shows no signal" in text
    assert "No signal" in text
    assert not as_document(described(none, none))["agree"]
