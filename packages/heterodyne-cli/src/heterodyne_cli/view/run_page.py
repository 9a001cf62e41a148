"""The page of one run: verdict, maps and cut, functions of age, sliders, the next fit."""

from __future__ import annotations

import io
import shlex
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import panel as pn

from heterodyne_cli.view.frame import error_page, in_steps, in_thread, section
from heterodyne_cli.view.function_pane import Curves, FunctionPane
from heterodyne_cli.view.map_pane import MapPane
from heterodyne_cli.view.measured import Looked
from heterodyne_cli.view.refit import Refit
from heterodyne_cli.view.values import Values
from heterodyne_cli.view.what_if import WhatIf
from heterodyne_cli.view.workspace import Item, Workspace
from heterodyne_data import RESULT_JSON_NAME, NLSQResult, TwoTimeData
from heterodyne_nlsq import courses_of_fit, evidence_rows, unstated_functions
from heterodyne_report.page import Markup, element, join_markup, paragraph, table
from heterodyne_spec import DEFAULT_MODEL, HeterodyneError, load_model

type Evaluated = tuple[Any, Callable[[Values], float] | None]
"""The model at pairs of frames, and the cost at values."""

LARGEST_COST = 50_000_000
"""Pairs of all azimuths up to which the sliders show the cost."""


def run_page(workspace: Workspace, item: Item) -> Any:
    """Return the page of an item."""
    if item.path.suffix == ".nc":
        return error_page("a posterior is shown together with its point estimate: open the folder of the run")
    return RunPage(workspace, item, item.look()).view()


class RunPage:
    """The parts of a page; only the maps are made before it is shown, for the others take longer than they do."""

    def __init__(self, workspace: Workspace, item: Item, looked: Looked) -> None:
        self._workspace, self._item, self._looked = workspace, item, looked
        result = looked.result
        self._spec = load_model(str(result.model.get("id", DEFAULT_MODEL)) if result else DEFAULT_MODEL)
        self.maps = MapPane(looked)
        self.refit: Refit | None = None
        self.functions: FunctionPane | None = None
        self.what_if: WhatIf | None = None
        self._places = {name: pn.Column(sizing_mode="stretch_width") for name in ("functions", "what if", "fit")}

    def view(self) -> Any:
        """Return the page."""
        result, places = self._looked.result, self._places
        notes = [paragraph(f"note: {note}", mood="note") for note in self._looked.data.notes]
        head = [element("h1", _title(self._looked)), *([_verdict(result)] if result is not None else notes)]
        parts = [pn.pane.HTML(join_markup(head)), section("Maps", self.maps.view())]
        if result is None:
            in_steps(self.maps.first, self.maps.show_cut, self._add_refit)
            parts.append(section("Fit", places["fit"]))
        else:
            in_steps(self.maps.first, self.maps.show_cut, self._add_functions, self._add_refit, self._add_sliders)
            parts += [
                section("Functions of age", places["functions"]),
                section("What if", places["what if"]),
                section("Fit again", places["fit"]),
            ]
        return pn.Column(*parts, sizing_mode="stretch_width")

    def _add_functions(self) -> None:
        result = self._looked.result
        assert result is not None
        others = _others(self._workspace, self._item)
        self.functions = FunctionPane(curves_of("this fit", result), others, self._spec, self._looked.t)
        evidence = pn.pane.HTML(_evidence(result), sizing_mode="stretch_width")
        share = pn.widgets.FileDownload(
            callback=self._page_to_share, filename="interactive.html", label="Download as one page to share"
        )
        self._places["functions"].objects = [self.functions.view(), evidence, share]
        note = pn.pane.HTML(paragraph("preparing the sliders", mood="note"))
        self._places["what if"].objects = [note]

    def _page_to_share(self) -> io.BytesIO:
        """Return what ``heterodyne report --interactive`` writes."""
        from heterodyne_cli.view.export import write_interactive

        with tempfile.TemporaryDirectory() as name:
            path = write_interactive(NLSQResult.load(self._looked.path), Path(name) / "interactive.html")
            return io.BytesIO(path.read_bytes())

    def _add_refit(self) -> None:
        looked, done = self._looked, _Finished(self.functions)
        source = str(self._item.path) if looked.result is None else _source(self._item, looked.result)
        self.refit = Refit(looked, self._spec, source, self.maps, self._workspace.fits, done)
        self._places["fit"].objects = [self.refit.view(), done.place]

    def _add_sliders(self) -> None:
        looked, result = self._looked, self._looked.result
        assert result is not None

        def prepare() -> Evaluated:
            at, cost = self._workspace.evaluated.get(looked.key, lambda: evaluated(self._spec.id, looked, result))
            self.maps.prepare(at)
            return at, cost

        def put(found: Evaluated) -> None:
            at, cost = found
            self.maps.use_model(at)
            self.what_if = WhatIf(
                self._spec, result, self.maps.show_values, self._settled, cost, self.maps.model_source
            )
            start = pn.widgets.Button(label="Start the next fit from here")
            start.on_click(lambda event: self._start_from_here())
            self._places["what if"].objects = [self.what_if.view(start)]

        in_thread(prepare, put, self._places["what if"])

    def _settled(self, trial: Values | None) -> None:
        if self.functions is not None:
            self.functions.show_values(trial)

    def _start_from_here(self) -> None:
        if self.refit is not None and self.what_if is not None:
            self.refit.start_from(self.what_if.values)


def _evidence(result: NLSQResult) -> Markup:
    columns, *rows = evidence_rows(result)
    if not rows:
        return paragraph("This result holds no tests of what the maps show.", mood="note")
    return table(columns, rows, caption="Features of the maps", words=(1, 3))


def _source(item: Item, result: NLSQResult) -> str:
    """Return the path of the fitted measurement: that of the series or of the command; its name if it is not there."""
    words = shlex.split(result.command)
    given = words[words.index("--data") + 1] if "--data" in words[:-1] else ""
    # A relative one is that of the folder in which the command ran, often that of the result or the one above.
    name = str(result.data.provenance.get("file", ""))
    beside = [folder / one for one in (given, name) if one for folder in (item.path, item.path.parent)]
    candidates = [item.row["file"], given, *beside, name]
    found = [Path(one).resolve() for one in candidates if one and Path(one).is_file()]
    return str(found[0]) if found else name


class _Finished:
    """What happens with a new result: it joins the curves, and a link to its page appears."""

    def __init__(self, functions: FunctionPane | None = None) -> None:
        self._functions, self.place = functions, pn.Column()

    def __call__(self, folder: Path, method: str) -> None:
        # A posterior from a point estimate elsewhere has no page of its own: its curves are drawn over that.
        if (folder / RESULT_JSON_NAME).is_file():
            link = element("a", f"open {folder.name}", href=f"run?key={quote(str(folder), safe='')}")
            self.place.append(pn.pane.HTML(paragraph(link)))
        if self._functions is None:
            return
        try:
            curves = saved_curves(folder, method)
        except (HeterodyneError, OSError) as error:
            self.place.append(pn.pane.HTML(paragraph(str(error), mood="bad")))
        else:
            self._functions.add(curves.title, curves)
            self.place.append(pn.pane.HTML(paragraph(f"{curves.title}: drawn with the functions of age", mood="note")))


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


def evaluated(name: str, looked: Looked, result: NLSQResult) -> Evaluated:
    """Return model and cost of a run, compiled: JAX and the compilation take seconds."""
    from heterodyne_cli.view.model_at import ModelAt

    at, cost = ModelAt(name, looked.t, looked.data.q, looked.data.phi), _cost(looked, result)
    if cost is not None:
        cost(Values.of(result))
    return at, cost


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
