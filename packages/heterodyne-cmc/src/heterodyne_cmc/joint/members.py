"""The measurements of a joint posterior, each with its request, its likelihood's calibration and its noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_cmc.density import ShardProblem, no_anchor
from heterodyne_cmc.laws import no_laws
from heterodyne_cmc.models import knowledge_of
from heterodyne_cmc.noise import checked, residual_noise
from heterodyne_cmc.parameters import parameter_space
from heterodyne_cmc.problem import make_problem
from heterodyne_cmc.request import Request, prepare
from heterodyne_cmc.start import within_reach
from heterodyne_cmc.whitening import Whitening, make_whitening, place_of
from heterodyne_data import JointResult, TwoTimeData, select_data
from heterodyne_spec import Config, ConfigError, Problem, find_laws, laws_of

type FloatArray = npt.NDArray[np.float64]


_LEFT_OUT: Any = None
"""In place of what the receiving process reads itself."""


@dataclass(frozen=True)
class Member:
    """A measurement of a joint posterior.

    `request` samples all its pairs at once; `noise` is the first guess of σ, `whitening` the coordinates and the
    calibration of its own posterior. `source` is the file that it was read from, if it was: where a member is sent to
    another process, that one reads it again.
    """

    label: str
    request: Request
    noise: float
    whitening: Whitening
    source: str | None = None

    def problem(self) -> ShardProblem:
        """Return the problem of all pairs, without an anchor."""
        whitening = replace(self.whitening, anchor=no_anchor(len(self.request.space.free)))
        return make_problem(self.request, self.noise, whitening, 0)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self))
        if self.source is not None:
            # Also without the list of all pairs, which is as large as the maps.
            state["request"] = replace(self.request, data=_LEFT_OUT, partition=_LEFT_OUT, nlsq=None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if self.source is not None:
            read = prepare(select_data(self.source, self.request.config), self.request.config, None)
            vars(self)["request"] = replace(self.request, data=read.data, partition=read.partition)


def members_of(
    data: Sequence[TwoTimeData],
    configs: Sequence[Config],
    sources: Sequence[str | None],
    joint: JointResult,
    say: Callable[[str], None],
) -> tuple[list[Member], list[FloatArray], list[str]]:
    """Return the members, the unconstrained parameters (n_free,) of each at the joint estimate, and words on changes.

    Raises
    ------
    DataError, ConfigError, ResultError : if a measurement or its estimate cannot be used.
    """
    found: list[Member] = []
    places: list[FloatArray] = []
    words: list[str] = []
    ages = np.unique(np.concatenate([one.t for one in data]))
    for k, (one, config, member) in enumerate(zip(data, configs, joint.members, strict=True)):
        request = prepare(one, _whole(config), member.alone)
        estimate, changed = within_reach(member.alone, request.space, one, config)
        if changed:
            words.append(f"{member.label}: {changed}")
            say(words[-1])
            request = prepare(one, _whole(config), estimate)
        if k == 0:
            common = parameter_space(request.spec, config, joint.members[0].joint, ages, one.phi)
            laws = no_laws() if _mixed(request, joint.shared) else common.laws
        # The coordinates of what is common are those of all members, and so are the labels of the components.
        naming = common.naming if knowledge_of(request.spec.id).words(common.naming) else request.space.naming
        space = replace(request.space, laws=laws, naming=naming)
        request = replace(request, space=space)
        if space.gauges and any(space.parameters[gauge.origin].name in joint.shared for gauge in space.gauges):
            name = space.parameters[space.gauges[0].origin].name
            problem = Problem(f"model.parameters.{name}.vary", "true", "false", f"hold {name}, which is common")
            raise ConfigError("configuration", [problem])
        assert request.nlsq is not None
        noise = checked(residual_noise(one, request.partition.pairs(0), request.nlsq))
        whitening = make_whitening(space, request.scaling, request.nlsq, noise, request.partition.weight)
        at = parameter_space(request.spec, config, member.joint, one.t, one.phi).start
        places.append(place_of(space, at).u)
        found.append(Member(member.label, request, noise, whitening, sources[k]))
    return found, places, words


def _whole(config: Config) -> Config:
    """Return a configuration whose posterior of one measurement is of all its pairs at once."""
    return replace(config, cmc=replace(config.cmc, shards=1))


def _mixed(request: Request, shared: Sequence[str]) -> bool:
    """Return whether a law, with the angle that its values turn with, has common parameters and others."""
    velocity, angle = knowledge_of(request.spec.id).turned or ("", "")
    groups = [set(law[:3]) for law in find_laws(request.spec)]
    groups += [{*law[:3], angle} for law in laws_of(request.spec, velocity)] if velocity else []
    return any(0 < len(group & set(shared)) < len(group) for group in groups)
