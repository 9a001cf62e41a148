"""The panes of the viewer for what a notebook holds: no server, no files, no form for the next fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn

from heterodyne_cli.view.frame import Soon, section
from heterodyne_cli.view.function_pane import Curves, FunctionPane
from heterodyne_cli.view.map_pane import MapPane
from heterodyne_cli.view.measured import Looked, look_at_data, look_at_fit
from heterodyne_cli.view.run_page import curves_of, evaluated
from heterodyne_cli.view.what_if import WhatIf
from heterodyne_data import NLSQResult, TwoTimeData
from heterodyne_spec import DEFAULT_MODEL, load_model


def panes(value: Any) -> Any:
    """Return maps and cut; of a fit also functions of age and sliders; of a posterior the functions alone."""
    # The scripts are put into the notebook: nothing is asked of another machine, which many beamlines could not reach.
    pn.extension(inline=True)
    if isinstance(value, TwoTimeData):
        return _shown(_maps_of(look_at_data(value)).view())
    return _of_fit(value) if isinstance(value, NLSQResult) else _of_posterior(value)


def _maps_of(looked: Looked) -> MapPane:
    maps = MapPane(looked)
    maps.show_cut()
    return maps


def _of_fit(result: NLSQResult) -> Any:
    spec = load_model(str(result.model.get("id", DEFAULT_MODEL)))
    functions = FunctionPane(curves_of("this fit", result), {}, spec, result.data.t)
    if result.maps is None:
        return _shown(functions.view())
    looked = look_at_fit(result)
    maps = _maps_of(looked)
    at, cost = evaluated(spec.id, looked, result)
    maps.use_model(at)
    sliders = WhatIf(spec, result, maps.show_values, functions.show_values, cost, maps.model_source)
    return _shown(
        section("Maps", maps.view()),
        section("Functions of age", functions.view()),
        section("What if", sliders.view()),
    )


def _of_posterior(result: Any) -> Any:
    from heterodyne_cmc import courses_of_posterior

    curves = Curves("posterior", courses_of_posterior(result), {})
    spec = load_model(str(result.model.get("id", DEFAULT_MODEL)))
    return _shown(FunctionPane(curves, {}, spec, np.asarray(result.data.t)).view())


def _shown(*parts: Any) -> Any:
    whole = pn.Column(*parts, sizing_mode="stretch_width")
    # Changes of models of Bokeh reach a notebook only when they are pushed.
    Soon.push(whole)
    return whole
