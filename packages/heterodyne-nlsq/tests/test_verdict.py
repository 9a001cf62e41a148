"""Verdict, sentence and what is shown: no number is stated for which the maps show no evidence."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handmade import made, signal, upward

from heterodyne_data import Derived, MapNoise, NLSQResult, Weighting
from heterodyne_nlsq.command import result_event
from heterodyne_nlsq.page import write_page
from heterodyne_nlsq.plots import functions_figure
from heterodyne_nlsq.stated import poorly_known, unstated_functions, unstated_parameters
from heterodyne_nlsq.summary import details, summary
from heterodyne_nlsq.verdict import judge


def judged(**changes: Any) -> NLSQResult:
    result = made(**changes)
    verdict, sentence = judge(result)
    return replace(result, verdict=verdict, sentence=sentence)


def page(result: NLSQResult, folder: Path) -> str:
    """Return the text of the report without its pictures and without the configuration at its end."""
    text = write_page(result, folder / "report.html").read_text(encoding="utf-8")
    return re.sub(r"<style>.*?</style>|<img [^>]*>|<pre.*?</pre>", "", text, flags=re.DOTALL)


def test_a_usable_fit_says_what_can_be_quoted() -> None:
    verdict, sentence = judge(made())
    assert verdict == "usable"
    assert sentence.startswith("Over 4 s the velocity falls from 1773 ± 35")
    assert "J of the reference rises" in sentence
    assert "the sample's field fraction falls" in sentence
    assert sentence.endswith("; the fit converged and the residuals are consistent with noise.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"success": False}, "The fit did not converge; the values are those at which it stopped."),
        (
            {"noise": MapNoise(np.ones(2), np.ones(2), np.array([1.0, 9.0]), "")},
            "The residuals at φ = 5° have structure that noise does not explain.",
        ),
        ({"nested": (upward(),)}, "x held constant: the data need it to vary, Δχ² = 96.3."),
        (
            {"weighting": Weighting("equal", "", p_value=1e-5)},
            "The estimates with weights from the noise and with equal weights differ by more than chance (p < 0.001)",
        ),
        ({"signal": signal(flow=0.6)}, "No flow is seen (p = 0.6): no velocity is stated."),
        ({"signal": signal(two_components=0.3)}, "No second component is seen (p = 0.3): "),
        ({"signal": {k: v for k, v in signal().items() if k != "flow"}}, "No flow is seen: no velocity is stated."),
    ],
)
def test_caution_begins_with_its_reason(changes: dict[str, Any], words: str) -> None:
    verdict, sentence = judge(made(**changes))
    assert verdict == "caution"
    assert sentence.startswith(words)
    assert "consistent with noise" not in sentence


def test_that_a_feature_is_not_needed_is_no_finding_beside_structure() -> None:
    noise = MapNoise(np.ones(2), np.ones(2), np.array([1.0, 9.0]), "")
    verdict, sentence = judge(made(noise=noise, signal=signal(flow=0.6)))
    assert verdict == "caution"
    assert "whether there is a flow cannot be said while there is such structure: no velocity is stated" in sentence
    assert "p = 0.6" not in sentence
    verdict, sentence = judge(made(noise=noise, signal=signal(two_components=0.3, flow=0.6)))
    assert "whether there is a second component cannot be said while there is such structure: no velocity" in sentence
    assert "Å²/s" not in sentence


def test_a_flow_at_its_bounds_is_not_the_minimum() -> None:
    result = made()
    ended = {"phi0": {"at_bound": "upper", "upper": 10.0, "determined": True}, "v0": {"at_bound": "lower"}}
    table = tuple(replace(row, **ended.get(row.name, {})) for row in result.table)
    verdict, sentence = judge(replace(result, table=table))
    assert verdict == "caution"
    assert sentence.startswith(
        "The flow ended at a bound (phi0 = 10): it is beyond, or this is not the global minimum."
    )
    table = tuple(replace(row, determined=False) for row in table)
    assert judge(replace(result, table=table))[0] == "usable"


def test_what_was_held_and_is_not_needed_is_no_reason_for_caution() -> None:
    assert judge(made(nested=(upward(needed=False),)))[0] == "usable"
    # Needed, but free: the fit has it.
    assert judge(made(nested=(replace(upward(), held=False),)))[0] == "usable"


def test_a_transport_coefficient_known_poorly_has_no_reliable_error() -> None:
    J_s, v = Derived("J_s", 1000.0, 420.0, "Å²/s", ""), Derived("v", 1.0, 5.0, "Å/s", "")
    (words,) = poorly_known(made(headline=(replace(J_s, name="J_r", sd=100.0), J_s, v)))
    assert words.startswith("J_s is known to 42 % only, at ")
    (words,) = poorly_known(made(headline=(replace(J_s, sd=16000.0),)))
    assert words.startswith("J_s is not known to within its own size, at ")
    # What is not stated has no error either.
    assert not list(poorly_known(made(headline=(J_s,), signal=signal(two_components=0.3))))


def test_a_function_on_its_floor_is_told_from_one_that_is_known() -> None:
    result = made(headline=())
    assert result.bands is not None
    values = result.bands.values["J_s"]
    first, last = result.bands.t[[0, -1]]
    floored = np.where(result.bands.t < first + 0.5 * (last - first), 0.0, values)
    bands = replace(result.bands, values={**result.bands.values, "J_s": floored})
    (words,) = poorly_known(replace(result, bands=bands))
    assert 40 < float(words.removeprefix("J_s is 0, its floor, over ").partition(" %")[0]) < 60
    assert not list(poorly_known(result))


def test_a_velocity_is_not_stated_without_a_flow() -> None:
    _, sentence = judge(made(signal=signal(flow=0.6)))
    assert "Over 4 s J of the reference" in sentence
    assert "velocity falls" not in sentence
    assert "Å/s" not in sentence


def test_of_one_component_one_transport_coefficient_is_stated() -> None:
    alone = made({"f0": 0.0, "f3": 0.02}, signal=signal(two_components=0.3, flow=0.6))
    verdict, sentence = judge(alone)
    assert verdict == "caution"
    assert "Over 4 s the transport coefficient J rises from" in sentence
    assert "fraction" not in sentence.partition("Over 4 s")[2]
    assert unstated_functions(alone) == {"v": "no flow", "J_s": "one component", "x": "one component"}
    sample = made({"f0": 0.0, "f3": 0.99}, signal=signal(two_components=0.3))
    assert unstated_functions(sample) == {"J_r": "one component", "x": "one component"}
    # One component that the fit has made of two different ones: neither is its transport coefficient.
    split = made(signal=signal(two_components=0.3, flow=0.6))
    assert "J" not in judge(split)[1]
    assert set(unstated_functions(split)) == {"v", "J_r", "J_s", "x"}
    equal = {"D0_sample": 1500.0, "alpha_sample": 0.3, "D_offset_sample": 200.0}
    assert set(unstated_functions(made(equal, signal=signal(two_components=0.3)))) in ({"J_r", "x"}, {"J_s", "x"})


def test_functions_that_do_not_age_stay() -> None:
    _, sentence = judge(made(signal=signal(ageing=0.4)))
    assert sentence.count("stays at") == 4
    assert "falls" not in sentence


@pytest.mark.parametrize(
    ("absent", "words"),
    [
        (
            {"contrast": 0.4, "dynamics": 0.2},
            "The maps are flat: c2 does not change with lag by more than the noise (p = 0.2)",
        ),
        ({"dynamics": 0.03}, "The maps have contrast but do not decay: c2 does not change"),
    ],
)
@pytest.mark.usefixtures("undrawn")
def test_without_a_signal_no_number_is_stated(absent: dict[str, float], words: str, tmp_path: Path) -> None:
    result = judged(signal=signal(**absent))
    assert result.verdict == "no-signal"
    assert result.sentence.startswith(words)
    assert "no velocity, transport coefficient or fraction is stated" in result.sentence
    for text in (summary(result), page(result, tmp_path)):
        assert "No signal. " in text
        assert result.sentence in " ".join(text.split())
        for number in ("432", "512", "3370", "1773", "1500", "0.61", "±2", "Å/s"):
            assert number not in text.replace("0.0012", ""), number
        assert "0.1970 ± 0.0012" in text
        assert "lower bound" not in text


def test_maps_that_rise_with_lag_are_not_called_flat() -> None:
    words = "c2 rises with lag by more than the noise (p < 0.001 for that), whereas a correlation decreases"
    seen = signal(contrast=0.9, dynamics=0.58)
    result = judged(signal=seen | {"dynamics": replace(seen["dynamics"], words=words)})
    assert result.verdict == "no-signal"
    assert result.sentence.startswith(f"The maps do not decay: {words}; the maps may be wrongly normalised")
    assert "flat" not in result.sentence


@pytest.mark.usefixtures("undrawn")
def test_a_value_without_an_error_bar_is_not_stated(tmp_path: Path) -> None:
    at = {"D0_sample": 0.0, "D_offset_sample": 0.0}
    lost = Derived("J_s", 0.0, 0.0, "Å²/s", "transport coefficient of the sample at 2 s")
    exact = Derived("d ln v / d ln t", -0.5, 0.0, "1", "local exponent of v at 2 s")
    result = judged(truth=at, headline=(lost, exact))
    assert "J of the sample is not determined" in result.sentence
    (line,) = (line for line in summary(result).splitlines() if line.startswith("J_s "))
    assert line.split()[1:4] == ["not", "determined", "Å²/s"]
    (line,) = (line for line in summary(result).splitlines() if line.startswith("d ln v"))
    assert line.split()[7:9] == ["-0.5", "held"]
    assert "0 Å²/s" not in page(result, tmp_path).replace("00 Å²/s", "")


def test_the_size_of_a_score_test_is_an_estimate() -> None:
    slope = replace(upward(), words="x held constant: the data need it to vary (score test)")
    assert f"{slope.words}, Δχ² about 96.3." in judge(made(nested=(slope,)))[1]


@pytest.mark.usefixtures("undrawn")
def test_results_that_were_not_tested_read_as_before(tmp_path: Path) -> None:
    old = made(signal={}, headline=())
    verdict, sentence = judge(old)
    assert (verdict, sentence[:15]) == ("usable", "Over 4 s the ve")
    assert sentence.endswith("the fit converged and the residuals are consistent with noise.")
    assert judge(replace(old, success=False)) == (
        "caution",
        "The fit did not converge: the values are those at which it stopped; there, "
        + sentence[0].lower()
        + sentence[1:].partition("; the fit")[0]
        + ".",
    )
    structured = replace(old, noise=MapNoise(np.ones(2), np.ones(2), np.array([1.0, 9.0]), ""))
    assert "but the residuals at φ = 5° show structure" in judge(structured)[1]
    text = page(structured, tmp_path)
    assert "Look closer. " in text
    assert "Evidence" not in text
    assert "Usable" not in summary(old)
    assert unstated_functions(old) == {}


def test_the_screen_begins_with_verdict_headline_and_evidence() -> None:
    result = judged(nested=(upward(),))
    text = summary(result)
    order = [
        "2 angles x 40 frames",
        "Caution. x held constant",
        "in short",
        "do the maps show",
        "parameter ",
        "phi / degree",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert re.search(r"J_r +3370 +± 110 +Å²/s +transport coefficient of the reference at 2 s", text)
    assert re.search(r"d ln v/d ln t +-0.420 +± 0.010", text)
    assert re.search(r"flow +yes +p < 0.001 +words about flow", text)
    assert re.search(r"D0_ref +1500 +Å²/s\^\(α\+1\) +chosen among values that fit equally well,\n", text)
    assert re.search(r"f2 +0 +held +s\n", text)
    assert re.search(r"-45 +0.1970 ± 0.0012 +1.00250 ± 0.00040 +0.005", text)
    assert max(map(len, text.splitlines())) <= 100
    assert "e+0" not in text
    assert re.search(r"f0, f1 +yes +96.3 for 2 +p < 0.001 +x held constant", details(result))


@pytest.mark.usefixtures("undrawn")
def test_parameters_of_what_is_not_seen_are_not_listed_with_values(tmp_path: Path) -> None:
    result = judged(signal=signal(flow=0.6))
    assert unstated_parameters(result) == dict.fromkeys(("v0", "beta", "v_offset", "phi0"), "no flow")
    for text in (summary(result), page(result, tmp_path)):
        assert "not stated: no flow" in text
        assert "v0 ended" not in text
        for number in ("432", "501", "512", "700"):
            assert number not in text
    # A value that was held is the user's own.
    held = replace(result, table=tuple(replace(row, status="fixed") for row in result.table))
    assert unstated_parameters(held) == {}
    panels = [axes for axes in functions_figure(result).axes if axes.texts]
    assert [axes.texts[0].get_text() for axes in panels] == ["not stated: no flow"]
    assert not panels[0].lines


@pytest.mark.usefixtures("undrawn")
def test_the_page_has_headline_evidence_and_nested_tests(tmp_path: Path) -> None:
    result = judged(nested=(upward(),), signal=signal(flow=0.03), maps=(np.ones((2, 40, 40)), np.ones((2, 40, 40))))
    text = page(result, tmp_path)
    assert text.index("In short") < text.index("Before you use these numbers") < text.index(">Evidence<")
    for words in (
        "Caution. ",
        "words about flow",
        "p = 0.03",
        "Tests between nested models",
        "96.3 for 2",
        "D0_ref, D_offset_ref are not determined on their own; quote J_r(t) instead",
        "Derived quantities",
        "ratio to the uncertainty that assumes uncorrelated pairs",
        "residuals are within a factor of 1.0 of the expected speckle and photon noise",
        "statistically indistinguishable",
        "chosen among values that fit equally well, against D_offset_ref",
        "offset 1.00250 ± 0.00040",
    ):
        assert words in text, words


def test_machines_are_told_verdict_evidence_and_every_error_bar() -> None:
    event = result_event(judged(signal=signal(flow=0.6)))
    assert event["verdict"] == "caution"
    assert event["sentence"].startswith("No flow is seen")
    assert event["signal"]["flow"] == {
        "present": False,
        "statistic": 300.0,
        "p_value": 0.6,
        "words": "words about flow",
    }
    assert [one["name"] for one in event["headline"]] == ["J_r"]
    assert list(event["contrast_sd"]) == [0.0012, 0.0013]
    assert list(event["offset_sd"]) == [0.0004, 0.0005]
    assert event["parameters"]["D0_ref"]["standing"] == "chosen"
