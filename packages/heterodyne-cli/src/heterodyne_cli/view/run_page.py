"""The page of one run: verdict, maps and cut, functions of age, sliders, the next fit."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import panel as pn

from heterodyne_cli.view.frame import afterwards, error_page, section
from heterodyne_cli.view.function_pane import Curves, FunctionPane
from heterodyne_cli.view.map_pane import MapPane
from heterodyne_cli.view.measured import Looked
from heterodyne_cli.view.refit import Refit
from heterodyne_cli.view.values import Values
from heterodyne_cli.view.what_if import WhatIf
from heterodyne_cli.view.workspace import Item, Workspace
from heterodyne_data import NLSQResult, TwoTimeData
from heterodyne_nlsq import courses_of_fit, evidence_rows, unstated_functions
from heterodyne_report.page import Markup, element, join_markup, paragraph, table
from heterodyne_spec import DEFAULT_MODEL, load_model

LARGEST_COST = 50_000_000
"""Pairs of all azimuths up to which the sliders show the cost."""


def run_page(workspace: Workspace, item: Item) -> Any:
    """Return the page of an item."""
    if item.path.suffix == ".nc":
        return error_page("a posterior is shown together with its point estimate: open the folder of the run")
    looked = item.look()
    return _fitted(workspace, item, looked) if looked.result is not None else _measured(workspace, item, looked)


def _measured(workspace: Workspace, item: Item, looked: Looked) -> Any:
    maps = MapPane(looked)
    done = _Finished(workspace)
    refit = Refit(looked, load_model(DEFAULT_MODEL), str(item.path), maps.frames_in_view, done)
    notes = [paragraph(f"note: {note}", mood="note") for note in looked.data.notes]
    return pn.Column(
        pn.pane.HTML(join_markup([element("h1", _title(looked)), *notes])),
        section("Maps", maps.view()),
        section("Fit", refit.view(), done.place),
        sizing_mode="stretch_width",
    )


def _fitted(workspace: Workspace, item: Item, looked: Looked) -> Any:
    result = looked.result
    assert result is not None
    spec = load_model(str(result.model.get("id", DEFAULT_MODEL)))
    maps = MapPane(looked)
    functions = FunctionPane(curves_of("this fit", result), _others(workspace, item), spec, looked.t)
    done = _Finished(workspace, functions)
    refit = Refit(looked, spec, _source(item, result), maps.frames_in_view, done)
    sliders = pn.Column(pn.pane.HTML(paragraph("preparing the sliders", mood="note")), sizing_mode="stretch_width")

    def prepare() -> tuple[Any, Callable[[Values], float] | None]:
        # Importing JAX and compiling take seconds; the maps are shown before.
        from heterodyne_cli.view.model_at import ModelAt

        at, cost = ModelAt(spec.id, looked.t, looked.data.q, looked.data.phi), _cost(looked, result)
        if cost is not None:
            cost(Values.of(result))
        return at, cost

    def put(found: tuple[Any, Callable[[Values], float] | None]) -> None:
        at, cost = found
        maps.use_model(at)

        def shown(trial: Values | None) -> None:
            maps.show_values(trial)
            functions.show_values(trial)

        what_if = WhatIf(spec, result, shown, cost)
        start = pn.widgets.Button(label="Start the next fit from here")
        start.on_click(lambda event: refit.start_from(what_if.values))
        sliders.objects = [what_if.view(start)]

    afterwards(prepare, put, sliders)
    return pn.Column(
        pn.pane.HTML(join_markup([element("h1", _title(looked)), _verdict(result)])),
        section("Maps", maps.view()),
        section("Functions of age", functions.view(), pn.pane.HTML(_evidence(result), sizing_mode="stretch_width")),
        section("What if", sliders),
        section("Fit again", refit.view(), done.place),
        sizing_mode="stretch_width",
    )


def _evidence(result: NLSQResult) -> Markup:
    columns, *rows = evidence_rows(result)
    return table(columns, rows, caption="Features of the maps", words=(1, 3))


def _source(item: Item, result: NLSQResult) -> str:
    """Return the path of the fitted measurement: that of the series or of the command; its name if it is not there."""
    words = shlex.split(result.command)
    given = words[words.index("--data") + 1] if "--data" in words[:-1] else ""
    candidates = [item.row["file"], given, item.path.parent / given, result.data.provenance.get("file", "")]
    found = [Path(one).resolve() for one in candidates if one and Path(one).is_file()]
    return str(found[0]) if found else str(result.data.provenance.get("file", ""))


class _Finished:
    """Adds a finished fit to the workspace and the curves, and shows a link to it."""

    def __init__(self, workspace: Workspace, functions: FunctionPane | None = None) -> None:
        self._workspace, self._functions, self.place = workspace, functions, pn.Column()

    def __call__(self, folder: Path, method: str) -> None:
        self._workspace.add_result(folder)
        link = element("a", f"open {folder.name}", href=f"run?key={folder}")
        self.place.append(pn.pane.HTML(paragraph(link)))
        if self._functions is not None:
            self._functions.add(folder.name, saved_curves(folder, method))


def curves_of(title: str, result: NLSQResult) -> Curves:
    """Return the curves of a point estimate."""
    return Curves(title, courses_of_fit(result), unstated_functions(result), result.age_resolved)


def saved_curves(folder: Path, method: str = "nlsq") -> Curves:
    """Return the curves of a saved result."""
    if method == "cmc":
        from heterodyne_cmc import CMCResult, courses_of_posterior

        return Curves(f"{folder.name}, posterior", courses_of_posterior(CMCResult.load(folder)), {})
    return curves_of(folder.name, NLSQResult.load(folder, maps=False))


def _others(workspace: Workspace, item: Item) -> dict[str, Callable[[], Curves]]:
    """Return the other results of the workspace by name, read when they are chosen."""
    others = [other.path for other in workspace.items() if other.kind == "result" and other.key != item.key]
    found: dict[str, Callable[[], Curves]] = {path.name: partial(saved_curves, path) for path in others}
    if (item.path / "cmc_result.nc").is_file():
        found["posterior"] = partial(saved_curves, item.path, "cmc")
    return found


def _cost(looked: Looked, result: NLSQResult) -> Callable[[Values], float] | None:
    """Return the cost of the fit at given values, None for maps too large to evaluate at every move of a slider."""
    from heterodyne_nlsq import cost_function

    n_phi, n_t = looked.valid.shape
    if n_phi * n_t**2 > LARGEST_COST:
        return None
    c2 = np.stack([looked.pyramids(angle)[0].values for angle in range(n_phi)])
    data = TwoTimeData(c2=c2, q=looked.data.q, phi=looked.data.phi, t=looked.t, dt=looked.data.dt)
    cost = cost_function(data, result.config)
    return lambda values: cost(values.parameters, values.contrast, values.offset)


def _title(looked: Looked) -> str:
    name = looked.data.provenance.get("file") or looked.path.name
    return f"{name} at q = {looked.data.q:.5g} 1/Å"


def _verdict(result: NLSQResult) -> Any:
    mood = "good" if result.verdict == "usable" else "bad"
    return element("p", element("span", result.sentence), class_=f"verdict {mood}")
