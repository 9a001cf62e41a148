"""The commands under test, in the smallest form that does all of their work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workspace import Workspace, launcher

ROOT = Path(__file__).parents[2]

_IMPORT = {"heterodyne": "heterodyne_cli/command.py:<module>", "heterodyne-nlsq": "heterodyne_nlsq/command.py:<module>"}
_FIT = {
    "reading": "heterodyne_data/loading.py:load_data",
    "compiling": "jax/_src/compiler.py:compile_or_get_cached",
    "start": "heterodyne_nlsq/start/candidates.py:candidates",
    "descent": "heterodyne_nlsq/start/race.py:race",
    "uncertainty": "heterodyne_nlsq/result_building.py:make_result",
    "writing": "heterodyne_spec/files.py:_write_temporary",
}
_DRAWN = {
    "plots": "heterodyne_nlsq/plots.py:write_plots",
    "report": "heterodyne_nlsq/page.py:report_of_fit",
}
_SAMPLED = {
    "sampling": "heterodyne_cmc/fit.py:_sample",
    "combination": "heterodyne_cmc/result_building.py:make_result",
    "netcdf": "heterodyne_cmc/netcdf.py:_write",
    "posterior plots": "heterodyne_cmc/plots.py:write_plots",
}
_ENDING = {"ending": "threading.py:_shutdown"}


@dataclass(frozen=True)
class Command:
    """A command: `arguments` with ``{in}`` and ``{out}``, stages at which it is interrupted.

    `waits` tells that it waits for room on a full disk, `series` that it is alone in its folder, `workers` that it
    starts processes.
    """

    name: str
    arguments: tuple[str, ...]
    stages: dict[str, str]
    program: str = "heterodyne"
    workers: bool = False
    series: bool = False
    waits: bool = False

    def argv(self, where: Workspace) -> list[str]:
        """Return the command line in a workspace."""
        named = [part.replace("{in}", str(where.inputs)).replace("{out}", str(where.output)) for part in self.arguments]
        return [*launcher(self.program, ROOT), *named]

    @property
    def all_stages(self) -> dict[str, str]:
        """The stages by name, from the import to the end of the process."""
        return {"import": _IMPORT[self.program], **self.stages, **_ENDING}


_ONE = ("--config", "{in}/config.json", "--data", "{in}/land/a.h5", "--output", "{out}")
_MANY = ("--config", "{in}/config.json", "--output", "{out}")
_WRITING = {"writing": _FIT["writing"]}

WEIGHTS = {
    "nlsq": 5,
    "heterodyne-nlsq": 2,
    "cmc, 2 workers": 2,
    "cmc, 1 process": 1,
    "batch": 3,
    "watch": 2,
    "simulate": 3,
    "plot": 3,
    "report": 3,
    "compare": 2,
    "config": 2,
    "config import": 2,
}
"""How often each is struck: the cheap ones more often, there can be more of them."""

COMMANDS = (
    Command("nlsq", ("--method", "nlsq", *_ONE), {**_FIT, **_DRAWN}),
    Command("heterodyne-nlsq", _ONE, {**_FIT, **_DRAWN}, "heterodyne-nlsq"),
    Command("cmc, 2 workers", ("--method", "cmc", *_ONE), {**_FIT, **_SAMPLED}, workers=True),
    Command(
        "cmc, 1 process",
        ("--method", "cmc", "--config", "{in}/single.json", *_ONE[2:]),
        {**_SAMPLED, "writing": _FIT["writing"]},
    ),
    Command(
        "batch",
        ("batch", "{in}/land/a.h5", "{in}/land/b.h5", "--workers", "2", *_MANY),
        _WRITING,
        workers=True,
        series=True,
    ),
    Command("watch", ("watch", "{in}/land", "--once", *_MANY), _WRITING, workers=True, series=True, waits=True),
    Command("simulate", ("simulate", "{out}/s.h5", "--frames", "24", "--pixels", "500", "--force"), _WRITING),
    Command("plot", ("plot", "{in}/fit", "--output", "{out}"), {"plots": _DRAWN["plots"]}),
    Command(
        "report",
        ("report", "{in}/fit", "--output", "{out}/report.html"),
        {"report": _DRAWN["report"]},
    ),
    Command("compare", ("compare", "{in}/fit", "{in}/fit", "--output", "{out}/c.html"), _WRITING),
    Command("config", ("config", "{out}/c.yaml", "--force"), _WRITING),
    Command("config import", ("config", "import", "{in}/foreign.yaml", "-o", "{out}/c.yaml", "--force"), _WRITING),
)
BY_NAME = {command.name: command for command in COMMANDS}
