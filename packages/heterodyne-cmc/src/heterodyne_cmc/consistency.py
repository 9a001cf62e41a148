"""Whether a point estimate was made with the data, the model and the configuration of a sampling."""

from __future__ import annotations

from heterodyne_cmc.request import Request
from heterodyne_data import NLSQResult
from heterodyne_spec import Config, load_config


def start_warnings(request: Request) -> list[str]:
    """Return in words what the user must know of the start of a sampling."""
    nlsq, space, data, spec = request.nlsq, request.space, request.data, request.spec
    if nlsq is None:
        return [
            "no NLSQ result: the sampling starts from a search over the priors, or from given values, which can miss "
            "the best valley, and its noise is not calibrated; install heterodyne-nlsq, or give a result"
        ]
    words = []
    if nlsq.verdict == "no-signal":
        words.append(f"the fit sees no signal, and a posterior says hardly more than the priors: {nlsq.sentence}")
    if not nlsq.success:
        words.append(f"the NLSQ result did not converge ({nlsq.message}): the chains start away from the optimum")
    if nlsq.model.get("sha256") != spec.sha256:
        words.append(
            f"the NLSQ result is of model {nlsq.model.get('id')} {nlsq.model.get('version')}, this is {spec.id} "
            f"{spec.version}: what a parameter means may differ"
        )
    if (nlsq.data.n_frames, nlsq.data.start_frame) != (data.n_t, data.start_frame):
        words.append(
            f"the NLSQ result is of {nlsq.data.n_frames} frames from {nlsq.data.start_frame}, these data have "
            f"{data.n_t} from {data.start_frame}: the start is that of another window"
        )
    elif nlsq.n_pairs != request.partition.n_pairs:
        words.append(
            f"the NLSQ result is of {nlsq.n_pairs} pairs, this sampling uses {request.partition.n_pairs}: masked "
            "frames or excluded diagonals differ (section data); give both one configuration"
        )
    if nlsq.data.provenance.get("sha256", "") != data.provenance.get("sha256", "") and nlsq.maps is None:
        words.append("the NLSQ result has no maps and is of another file: whether it is of these data is not known")
    if nlsq.scaling.mode != request.scaling.mode:
        words.append(
            f"contrast and offset: {nlsq.scaling.mode} in NLSQ, {request.scaling.mode} here (scaling); give both one "
            "configuration"
        )
    before = {row.name: row.status for row in nlsq.table}
    differing = [
        f"{parameter.name} ({before[parameter.name]} there, {status} here)"
        for parameter, status in zip(space.parameters, space.status, strict=True)
        if status != before[parameter.name]
    ]
    if differing:
        words.append(
            f"NLSQ and this sampling treat parameters differently: {', '.join(differing)}; give both one configuration"
        )
    fixed = [
        f"{parameter.name} ({nlsq.parameters[parameter.name]:g} there, {space.base[k]:g} here)"
        for k, parameter in enumerate(space.parameters)
        if space.status[k] == before[parameter.name] == "fixed" and space.base[k] != nlsq.parameters[parameter.name]
    ]
    if fixed:
        words.append(f"held at other values than in NLSQ: {', '.join(fixed)}")
    outside = [
        f"{name} ({at:g}, bounds {low:g} to {high:g})"
        for name, at, (low, high) in zip(space.free_names, space.start, space.bounds, strict=True)
        if not low <= at <= high
    ]
    if outside:
        words.append(
            f"the NLSQ result lies outside the bounds of this sampling: {', '.join(outside)}; widen "
            "model.parameters, or fit again with these bounds"
        )
    if unused := _other_settings(nlsq, request.config):
        words.append(f"settings of the fit that were not used, because the NLSQ result was given: {', '.join(unused)}")
    return words


def _other_settings(nlsq: NLSQResult, config: Config) -> list[str]:
    """Return the settings of the fit given in the configuration that are not those of the NLSQ result."""
    there = load_config({"nlsq": dict(nlsq.config.get("nlsq", {}))}).nlsq
    return [
        f"nlsq.{name}: {getattr(config.nlsq, name)} ({getattr(there, name)} there)"
        for name in config.document.get("nlsq", {})
        if getattr(config.nlsq, name) != getattr(there, name)
    ]
