"""Form for the next fit: fixed and tied parameters, bounds, frames and masks; configuration, command, progress."""

from __future__ import annotations

import copy
import html
import re
import shlex
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import panel as pn

from heterodyne_cli.view.azimuths import AzimuthStrip
from heterodyne_cli.view.frame import tell_page
from heterodyne_cli.view.frame_lists import frames_of, ranges_of, text_of
from heterodyne_cli.view.map_pane import MapPane
from heterodyne_cli.view.measured import Looked
from heterodyne_cli.view.running import CONFIG_NAME, Fits, Running, command_line, free_folder, succeeded, write_config
from heterodyne_cli.view.style import HIDDEN_LABEL
from heterodyne_cli.view.values import Values, label_of
from heterodyne_data import RESULT_JSON_NAME
from heterodyne_report.page import element, paragraph
from heterodyne_spec import DONE, ConfigError, HeterodyneError, ModelSpec, Problem, build_config, dump_yaml

_NONE = "not tied"
_MANY = 100_000
"""Largest number of a frame where the number of frames is not known."""


class Refit:
    """A form for a fit of the measurement of a run.

    `source` is the measurement's file, as far as it is known; `maps` show what is left out, and frames are chosen and
    masked by dragging on them; `fits` runs the fit; `finished` is called with the folder and method of every fit that
    left a result.
    """

    def __init__(
        self,
        looked: Looked,
        spec: ModelSpec,
        source: str,
        maps: MapPane,
        fits: Fits,
        finished: Callable[[Path, str], None],
    ) -> None:
        self._looked, self._spec = looked, spec
        self._maps, self._fits, self._finished = maps, fits, finished
        self._running: Running | None = None
        self._clock: Any = None
        self._began = 0.0
        self._document = pn.state.curdoc
        self._given = copy.deepcopy(dict(looked.result.config)) if looked.result else {}
        data = self._given.get("data") or {}
        self.method = pn.widgets.Select(label="fit", options={"point estimate": "nlsq", "posterior": "cmc"}, width=140)
        first, last = data.get("frames") or (1, looked.data.n_frames)
        # Of a fit of some frames, the number of those of the file is not known.
        self._most = _MANY if data.get("frames") else looked.data.n_frames
        self.first = pn.widgets.IntInput(label="first frame", value=first, start=1, width=100)
        self.last = pn.widgets.IntInput(label="last frame", value=last, start=1, width=100)
        self.take = pn.widgets.Button(label="Use frames in view")
        self.mask = pn.widgets.TextInput(
            label="masked frames, such as 12, 40-45", value=text_of(data.get("mask_frames") or ()), width=260
        )
        self.mask_view = pn.widgets.Button(label="Mask frames in view")
        phi = [float(one) for one in looked.data.phi]
        named = {f"{one:g}": one for one in phi}
        self.phi = pn.widgets.MultiChoice(label="azimuths / °", options=named, value=phi, width=320)
        self.strip = AzimuthStrip(phi, lambda found: setattr(self.phi, "value", [phi[k] for k in found]))
        self.rows = {p.name: self._row(p.name) for p in spec.parameters}
        self.source = pn.widgets.TextInput(label="measurement", value=source, sizing_mode="stretch_width")
        self.output = pn.widgets.TextInput(
            label="folder", value=str(free_folder(_parent(looked), "refit")), sizing_mode="stretch_width"
        )
        self.run = pn.widgets.Button(label="Run this fit", color="primary")
        self.stop = pn.widgets.Button(label="Stop", disabled=True)
        self.progress = pn.pane.HTML("", sizing_mode="stretch_width")
        # Apart from the stage, which assistive programs read out.
        self.elapsed = pn.pane.HTML("", sizing_mode="stretch_width")
        self.text = pn.pane.HTML("", sizing_mode="stretch_width")
        self._as_fitted = self.document()
        self._listen()
        self._describe()

    def view(self) -> Any:
        """Return the pane."""
        head = [
            pn.pane.HTML(f"<b>{word}</b>") for word in ("parameter", "starting value", "free", "from", "to", "tied to")
        ]
        table = pn.GridBox(*head, *(one for row in self.rows.values() for one in row.values()), ncols=6)
        return pn.Column(
            pn.FlexBox(self.method, self.first, self.last, self.take, self.mask_view, gap="8px", align_items="end"),
            pn.FlexBox(self.mask, self.phi, self.strip.view(), gap="8px"),
            pn.Column(table, scroll=True, sizing_mode="stretch_width"),
            self.source,
            self.output,
            self.text,
            pn.FlexBox(self.run, self.stop, gap="8px"),
            self.progress,
            self.elapsed,
            sizing_mode="stretch_width",
        )

    def start_from(self, values: Values) -> None:
        """Take values as starting values."""
        for name, row in self.rows.items():
            row["value"].value = values.parameters[name]

    def document(self) -> dict[str, Any]:
        """Return the configuration of the fit.

        Raises
        ------
        ConfigError : if frames are not those of the file.
        """
        last = self.last.value
        if last is not None and last > self._most:
            expected = f"frames from 1 to {self._most}"
            raise ConfigError("this form", [Problem("data.frames", str(last), expected, "correct the last frame")])
        document = copy.deepcopy(self._given)
        data = document.setdefault("data", {})
        data["q"] = float(self._looked.data.q)
        if (self.first.value, self.last.value) != (1, self._looked.data.n_frames) or "frames" in data:
            data["frames"] = [self.first.value, self.last.value]
        if self.mask.value.strip() or "mask_frames" in data:
            data["mask_frames"] = frames_of(self.mask.value, self._most)
        if len(self.phi.value) < len(self.phi.options) or "phi" in data:
            data["phi"] = sorted(self.phi.value)
        parameters = document.setdefault("model", {}).setdefault("parameters", {})
        for name, row in self.rows.items():
            if changed := self._changed(name, row):
                before = {} if "tie" in changed else parameters.get(name, {})
                parameters[name] = {key: value for key, value in before.items() if key != "tie"} | changed
        return document

    def _row(self, name: str) -> dict[str, Any]:
        parameter, result = self._spec.parameter(name), self._looked.result
        row = next((row for row in result.table if row.name == name), None) if result else None
        low, high = (row.lower, row.upper) if row else parameter.bounds
        value = row.value if row else parameter.default
        free = row.status != "fixed" if row else parameter.vary
        tie = row.tie if row and row.tie else _NONE
        others = [_NONE, *(p.name for p in self._spec.parameters if p.name != name and p.unit == parameter.unit)]
        numbers = {"width": 135, "format": "0[.]000000", "margin": 2, "stylesheets": [HIDDEN_LABEL]}
        hidden = {"margin": 2, "stylesheets": [HIDDEN_LABEL]}
        return {
            "name": pn.pane.HTML(element("span", label_of(parameter), title=parameter.meaning), width=190),
            "value": pn.widgets.FloatInput(label=f"{name}, start value", value=value, **numbers),
            "vary": pn.widgets.Checkbox(label=f"{name} free", value=free, width=30, stylesheets=[HIDDEN_LABEL]),
            "low": pn.widgets.FloatInput(label=f"{name} from", value=low, **numbers),
            "high": pn.widgets.FloatInput(label=f"{name} to", value=high, **numbers),
            "tie": pn.widgets.Select(label=f"{name} tied to", value=tie, options=others, width=140, **hidden),
        }

    def _changed(self, name: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of a parameter that differ from the specification."""
        parameter = self._spec.parameter(name)
        if row["tie"].value != _NONE:
            # Everything else is that of the leader.
            return {"tie": row["tie"].value}
        found: dict[str, Any] = {}
        if row["value"].value != parameter.default:
            found["value"] = row["value"].value
        if row["vary"].value != parameter.vary:
            found["vary"] = row["vary"].value
        if (bounds := [row["low"].value, row["high"].value]) != list(parameter.bounds):
            found["bounds"] = bounds
        return found

    def _listen(self) -> None:
        widgets = [self.method, self.first, self.last, self.mask, self.phi, self.source, self.output]
        widgets += [one for row in self.rows.values() for key, one in row.items() if key != "name"]
        for widget in widgets:
            widget.param.watch(lambda event: self._describe(), "value")
        self.phi.param.watch(
            lambda event: self.strip.show(map(list(self.phi.options.values()).index, event.new)), "value"
        )
        self.take.on_click(lambda event: self._take_frames())
        self.mask_view.on_click(lambda event: self._mask_frames())
        self.run.on_click(lambda event: self._start())
        self.stop.on_click(lambda event: self._running.stop() if self._running else None)
        self._maps.brushed = self._brushed

    def _take_frames(self) -> None:
        self._brushed("frames", *self._maps.frames_in_view())

    def _mask_frames(self) -> None:
        self._brushed("mask", *self._maps.frames_in_view())

    def _brushed(self, what: str, first: int, last: int) -> None:
        """Choose or mask frames, from 1."""
        if what == "frames":
            self.first.value, self.last.value = first, last
            return
        words = text_of(range(first, last + 1))
        try:
            self.mask.value = text_of([*frames_of(self.mask.value, last), *range(first, last + 1)])
        except ConfigError:
            # What is wrong with what was typed remains in the form, and the message below it.
            self.mask.value = f"{self.mask.value}, {words}"

    def _command(self, folder: Path, document: Mapping[str, Any]) -> list[str]:
        # The point estimate of the same configuration is where the posterior starts; another is fitted first.
        same = self.method.value == "cmc" and self._looked.result is not None and document == self._as_fitted
        start = self._looked.path if same else None
        return command_line(folder / CONFIG_NAME, Path(self.source.value), folder, self.method.value, start)

    def _describe(self) -> None:
        """Show configuration and command, or the error in them."""
        try:
            document = self.document()
            build_config(document, "this form")
            masked = ranges_of(document["data"].get("mask_frames") or ())
            self._maps.mark(self.first.value, self.last.value, masked)
            _check_source(self.source.value)
            self._check_output()
        except HeterodyneError as error:
            self.text.object = f"<p class='bad' role='alert'>{html.escape(str(error))}</p>"
            self.run.disabled = True
            return
        self.run.disabled = self._running is not None
        words = shlex.join(self._command(Path(self.output.value), document))
        shown = "".join(f"<pre>{html.escape(text)}</pre>" for text in (dump_yaml(document), words))
        title = "<summary>Configuration and command of this fit</summary>"
        self.text.object = f"<details open>{title}{shown}</details>"

    def _check_output(self) -> None:
        """Raise an error without a folder, or if a result would be overwritten.

        Raises
        ------
        ConfigError : if there is none, or it holds a result. An unfinished posterior is resumed there.
        """
        if not self.output.value.strip():
            raise ConfigError("this form", [Problem("folder", "nothing", "a folder for the result", "give its path")])
        name = RESULT_JSON_NAME if self.method.value == "nlsq" else "cmc_result.nc"
        if self._running is None and (Path(self.output.value).expanduser() / name).exists():
            problem = Problem(
                "folder", f"one with {name}", "a new folder", "choose another one: a result is not replaced"
            )
            raise ConfigError("this form", [problem])

    def _start(self) -> None:
        folder = Path(self.output.value).expanduser().absolute()
        try:
            document = self.document()
            _check_source(self.source.value)
            self._check_output()
            if self._fits.is_busy(folder):
                found = f"one in which a fit is running, {folder}"
                raise ConfigError("this form", [Problem("folder", found, "a new folder", "choose another one")])
            write_config(folder, document)
        except (HeterodyneError, OSError) as error:
            self._say(str(error), "bad")
            return
        self.run.disabled, self.stop.disabled = True, False
        self._say("starting", "note")
        self._began = time.monotonic()
        if self._document is not None and self._document.session_context is not None:
            self._clock = pn.state.add_periodic_callback(self._count, 1000)
        self._running = self._fits.start(
            self._command(folder, document), folder, self._listener(folder, self.method.value)
        )

    def _listener(self, folder: Path, method: str) -> Callable[[Mapping[str, Any]], None]:
        return lambda event: self._soon(self._told, event, folder, method)

    def _soon(self, function: Callable[..., None], *given: Any) -> None:
        """Call a function in the thread of the page."""
        if self._document is None:
            function(*given)
        else:
            tell_page(self._document, lambda: function(*given))

    def _told(self, event: Mapping[str, Any], folder: Path, method: str) -> None:
        kind = event.get("event")
        if kind == "progress":
            # The page counts the seconds; a stage without reports would stand at none.
            self._say(_SECONDS.sub("", str(event.get("text", ""))), "note")
        elif kind == "end":
            self._ended(int(event.get("exit_code") or 0), str(event.get("message", "")), folder, method)

    def _count(self) -> None:
        self.elapsed.object = paragraph(f"running for {time.monotonic() - self._began:.0f} s", mood="note")

    def _ended(self, code: int, message: str, folder: Path, method: str) -> None:
        self._running, self.stop.disabled = None, True
        if self._clock is not None:
            self._clock.stop()
        self.elapsed.object = ""
        done = succeeded(code)
        # Finished shards of a posterior are kept: the same command resumes it.
        if done or method != "cmc":
            self.output.value = str(free_folder(folder.parent, "refit"))
        self._describe()
        if done:
            state = "finished" if code == DONE else "finished without convergence"
            self._say(f"{state}: {folder}", "note")
            self._finished(folder, method)
            return
        name = "posterior" if method == "cmc" else "fit"
        why = _ERROR.sub("", message) or f"exit code {code}"
        resume = "" if method != "cmc" or "resume" in why else "; run it again to resume from what is finished"
        self._say(f"the {name} gave no result: {why}{resume}", "bad")

    def _say(self, words: str, mood: str) -> None:
        self.progress.object = element("p", words, class_=mood, role="status")


_SECONDS = re.compile(r": \d+ s(?=$|, )")
_ERROR = re.compile(r"^error: ")


def _check_source(source: str) -> None:
    """Raise an error if the measurement does not exist.

    Raises
    ------
    ConfigError : if it is no file.
    """
    if not Path(source).is_file():
        found = repr(source) if source else "nothing"
        raise ConfigError("this form", [Problem("measurement", found, "the file of these maps", "give its path")])


def _parent(looked: Looked) -> Path:
    """Return the folder next to which fits are written: that of a result, or the current one."""
    if looked.result is None:
        return Path.cwd()
    return looked.path if looked.path.is_dir() else looked.path.parent
