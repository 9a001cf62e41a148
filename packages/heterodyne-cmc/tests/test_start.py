"""The point estimate that a posterior starts from, and is calibrated by."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from measurement import FREE, TRUTH, config, make, point_estimate

from heterodyne_cmc import start
from heterodyne_cmc.parameters import parameter_space
from heterodyne_cmc.request import prepare
from heterodyne_data import NLSQResult, Signal, TwoTimeData, Weighting
from heterodyne_spec import Config, DataError, load_config, load_model

pytestmark = pytest.mark.usefixtures("float64")

PRIOR = {"family": "normal", "location": TRUTH["v0"] - 100.0, "scale": 10.0, "truncated": True}


@pytest.mark.parametrize(("sd", "again"), [(1e3, True), (np.nan, True), (5.0, False)])
def test_what_lies_beyond_the_priors_is_fitted_again_where_the_data_leave_it_open(
    sd: float, again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, given = make(), config()
    given["model"]["parameters"]["v0"]["prior"] = PRIOR
    covariance = np.diag([(sd if name == "v0" else 1e-3) ** 2 for name in FREE])
    nlsq = point_estimate(data, covariance=covariance, covariance_kind="calibrated")
    near, asked = point_estimate(data), []

    def fitted(data: Any, config: Config, candidates: list[NLSQResult], weighting: str) -> NLSQResult:
        assert (candidates, weighting) == ([nlsq], "equal")
        asked.append(config.model.parameters["v0"].bounds)
        return near

    monkeypatch.setattr(start, "point_estimate", fitted)
    request = prepare(data, load_config(given), nlsq)
    found, words = start.within_reach(nlsq, request.space, data, request.config)
    assert found is (near if again else nlsq)
    assert ("v0 (+10 sd)" in words) == again
    np.testing.assert_allclose(asked, [[TRUTH["v0"] - 130.0, TRUTH["v0"] - 70.0]] * again)


def test_within_the_priors_nothing_is_fitted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    data = make()
    nlsq = point_estimate(data, covariance_kind="calibrated")
    monkeypatch.delattr(start, "point_estimate")
    request = prepare(data, load_config(config()), nlsq)
    assert start.within_reach(nlsq, request.space, data, request.config) == (nlsq, "")


def test_a_second_component_is_missed_only_where_parameters_need_it() -> None:
    absent = {"two_components": Signal(False, 8.1, 0.34, "one component describes the maps equally well")}
    nlsq = point_estimate(make(), signal=absent)
    spec, reference = load_model(), ("D0_ref", "alpha_ref", "D_offset_ref")
    alone = {name: {"vary": name in reference} for name in spec.names}
    assert start.not_seen(nlsq, parameter_space(spec, load_config({}), None), spec) == "second component"
    space = parameter_space(spec, load_config({"model": {"parameters": alone}}), None)
    assert (start.not_seen(nlsq, space, spec), start.remedy(nlsq, space, spec)) == ("", "")


def test_the_posterior_has_the_weights_of_the_point_estimate_or_those_that_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = make()
    equal = dataclasses.replace(point_estimate(data), weighting=Weighting("equal", "as asked for"))
    least = {"contrast": tuple(equal.contrast), "offset": tuple(equal.offset)}
    incomplete = dataclasses.replace(equal, weighting=Weighting("noise", "as asked for", 1.0, 0.5))
    weighted = dataclasses.replace(equal, weighting=Weighting("noise", "as asked for", 1.0, 0.5, **least))
    space = prepare(data, load_config(config()), equal).space
    asked: list[str] = []

    def again(data: TwoTimeData, config: Config, candidates: object) -> NLSQResult:
        asked.append(config.nlsq.weighting)
        return equal

    def chosen(nlsq: NLSQResult, weighting: str) -> tuple[NLSQResult, str]:
        settings = load_config({**config(cmc={"weighting": weighting}), "nlsq": {"weighting": "noise"}})
        return start.with_weights(nlsq, space, data, settings)

    offered(monkeypatch, again)
    for nlsq, weighting in ((equal, "auto"), (equal, "equal"), (weighted, "auto"), (weighted, "noise")):
        assert chosen(nlsq, weighting) == (nlsq, "")
    found, words = chosen(weighted, "equal")
    assert found is equal and asked == ["equal"] and "fitted again with equal weights" in words
    offered(monkeypatch, None)
    for nlsq, weighting, needed in (
        (weighted, "equal", r"nlsq\.weighting: equal"),
        (equal, "noise", r"nlsq\.weighting: noise"),
        (incomplete, "auto", "fit again"),
    ):
        with pytest.raises(DataError, match=needed):
            chosen(nlsq, weighting)


def offered(monkeypatch: pytest.MonkeyPatch, fit: object) -> None:
    """Let `fit` be the only package that provides point estimates, or none."""
    entries = [] if fit is None else [SimpleNamespace(name="made by hand", load=lambda: fit)]
    monkeypatch.setattr(start.importlib.metadata, "entry_points", lambda group: entries)
