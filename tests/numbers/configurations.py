"""Random configurations: everything that the configuration's JSON schema admits, parameters that mean something.

`of_schema` turns a JSON schema into a strategy, so that a new key is drawn as soon as the schema has it. What a schema
cannot say, that a value lies inside bounds and a tie names another parameter, is drawn by `parameters`; what belongs to
a measurement by `data`; and what would take long is kept small by `BUDGETS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from measurements import DT, Measurement, Q

from heterodyne_spec import Parameter, load_model, load_schema

type Draw = SearchStrategy[Any]

SMALLEST_WIDTH = 1e-9
"""Of bounds, in parts of those of the registry."""

BUDGETS: Mapping[str, Draw] = {
    "scaling.fourier": st.integers(0, 2),
    "nlsq.max_iterations": st.integers(1, 40),
    "cmc.shards": st.sampled_from(["auto", 1, 1, 2, 3]),
    "cmc.chains": st.integers(1, 2),
    "cmc.warmup": st.integers(1, 30),
    "cmc.samples": st.integers(1, 60),
    "cmc.consensus": st.sampled_from(["auto", "gaussian", "average"]),
    "cmc.engine": st.just("local"),
    "cmc.workers": st.just(1),
    "cmc.memory": st.sampled_from(["auto", 8, 8.5, 1e-3]),
    "output.directory": st.just("results"),
    "output.plots": st.just(False),
    "output.report": st.just(False),
}
"""By dotted key, what is drawn instead of all that the schema admits."""


def of_schema(schema: Mapping[str, Any], path: str, given: Mapping[str, Draw]) -> Draw:
    """Return the strategy of a JSON schema at the dotted `path`; `given` replaces that of some paths."""
    if path in given:
        return given[path]
    if "$ref" in schema:
        raise KeyError(f"{path}: a reference, which needs a strategy of its own")
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "oneOf" in schema:
        return st.one_of([of_schema(one, path, given) for one in schema["oneOf"]])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([_TYPES[kind](schema, path, given) for kind in kinds])


def _number(schema: Mapping[str, Any], path: str, given: Mapping[str, Draw]) -> Draw:
    low = schema.get("minimum", schema.get("exclusiveMinimum", -1e6))
    return st.floats(low, schema.get("maximum", 1e6), exclude_min="exclusiveMinimum" in schema)


def _integer(schema: Mapping[str, Any], path: str, given: Mapping[str, Draw]) -> Draw:
    low = schema.get("minimum", 0)
    return st.integers(low, schema.get("maximum", max(low, 2**63 - 1)))


def _array(schema: Mapping[str, Any], path: str, given: Mapping[str, Draw]) -> Draw:
    items = of_schema(schema["items"], f"{path}[]", given)
    return st.lists(items, min_size=schema.get("minItems", 0), max_size=schema.get("maxItems", 4))


def _object(schema: Mapping[str, Any], path: str, given: Mapping[str, Draw]) -> Draw:
    dotted = f"{path}." if path else ""
    keys = {key: of_schema(one, f"{dotted}{key}", given) for key, one in schema.get("properties", {}).items()}
    needed = {key: keys.pop(key) for key in schema.get("required", ())}
    return st.fixed_dictionaries(needed, optional=keys)


_TYPES: Mapping[str, Callable[[Mapping[str, Any], str, Mapping[str, Draw]], Draw]] = {
    "number": _number,
    "integer": _integer,
    "array": _array,
    "object": _object,
    "string": lambda schema, path, given: st.text(min_size=schema.get("minLength", 0), max_size=8),
    "boolean": lambda schema, path, given: st.booleans(),
    "null": lambda schema, path, given: st.none(),
}


def configurations(measurement: Measurement) -> Draw:
    """Return the strategy of configurations for a measurement: most fit it, some contradict it or themselves."""
    given = {**BUDGETS, "data": data(measurement), "model.parameters": parameters(len(measurement.phi))}
    return of_schema(load_schema("config"), "", given)


def rarely(usual: Draw, rare: Draw) -> Draw:
    """Return a strategy that draws `rare` one time in eight."""
    return st.integers(0, 7).flatmap(lambda k: rare if k == 7 else usual)


@st.composite
def data(draw: DrawFn, measurement: Measurement) -> Any:
    """Draw what is read of a measurement."""
    n_t, schema = measurement.n_t, load_schema("config")["properties"]["data"]
    first = draw(st.integers(1, max(1, n_t - 8)))
    last = draw(st.integers(min(first + 2, n_t), n_t))
    window = draw(rarely(st.sampled_from([None, [1, n_t], [first, last]]), st.just([last, last + n_t])))
    n_used = n_t if window is None else window[1] - window[0] + 1
    weights = st.lists(st.sampled_from([1, 1, 1, 0.5, 0, 2, 1e-3, 1e3, 1e-12]), min_size=n_used, max_size=n_used)
    phi = st.lists(st.sampled_from(measurement.phi), min_size=1, unique=True)
    given = {
        "data.q": rarely(st.sampled_from([None, Q, Q * 1.001]), st.floats(1e-6, 1.0)),
        "data.phi": rarely(
            st.one_of(st.just("all"), phi, st.just([[-10, 100]])), st.lists(st.floats(-360, 360), min_size=1)
        ),
        "data.dt": rarely(st.sampled_from([None, DT]), st.sampled_from([1e-9, 1e-5, 1.0, 1e5, 1e9, 5e-324, 1e300])),
        "data.mask_frames": rarely(st.lists(st.integers(1, n_t), max_size=2), st.lists(st.integers(1, 2 * n_t))),
        "data.frame_weights": rarely(st.one_of(st.none(), weights), st.lists(st.floats(0, 1e300), min_size=1)),
        "data.exclude_diagonals": rarely(st.integers(1, 3), st.integers(1, 2 * n_t)),
        "data.frames": st.just(window),
    }
    return draw(of_schema(schema, "data", given))


@st.composite
def parameters(draw: DrawFn, n_phi: int) -> Any:
    """Draw entries of parameters: free, held, tied, with bounds of their own, with priors."""
    spec = load_model()
    chosen = draw(st.one_of(st.just(spec.names), st.lists(st.sampled_from(spec.names), unique=True)))
    all_held = draw(rarely(st.just(False), st.just(True)))
    entries: dict[str, Any] = {}
    for parameter in spec.parameters:
        if all_held:
            entries[parameter.name] = {"value": draw(values(parameter, parameter.bounds)), "vary": False}
        elif parameter.name in chosen:
            untied = [p.name for p in spec.parameters if p.group == parameter.group or p.unit == parameter.unit]
            entries[parameter.name] = draw(rarely(entry(parameter), ties(untied)))
    for parameter in spec.scaling:
        if draw(st.booleans()):
            entries[parameter.name] = draw(scaling_entry(parameter, n_phi))
    return entries


def ties(names: list[str]) -> Draw:
    """Return the strategy of an entry that follows another parameter (now and then itself, or one that is tied)."""
    return st.builds(lambda name: {"tie": name}, st.sampled_from(names))


@st.composite
def entry(draw: DrawFn, parameter: Parameter) -> Any:
    """Draw the entry of a parameter with a value of its own."""
    found: dict[str, Any] = {}
    bounds = parameter.bounds
    if draw(st.booleans()):
        bounds = draw(intervals(parameter))
        found["bounds"] = list(bounds)
    if draw(st.booleans()) or not bounds[0] <= parameter.default <= bounds[1]:
        found["value"] = draw(values(parameter, bounds))
    if draw(st.booleans()):
        found["vary"] = draw(st.booleans())
    if draw(rarely(st.just(False), st.just(True))):
        found["prior"] = draw(priors(bounds))
    return found


@st.composite
def scaling_entry(draw: DrawFn, parameter: Parameter, n_phi: int) -> Any:
    """Draw the entry of contrast or offset."""
    one = values(parameter, parameter.bounds)
    many = st.lists(one, min_size=n_phi, max_size=n_phi)
    found = {"value": draw(rarely(st.one_of(one, many), st.lists(one, min_size=1, max_size=4)))}
    if draw(rarely(st.just(False), st.just(True))):
        found["bounds"] = [parameter.bounds[0] - draw(st.floats(0, 10)), parameter.bounds[1] + draw(st.floats(0, 10))]
    if draw(rarely(st.just(False), st.just(True))):
        found["prior"] = draw(priors(parameter.bounds))
    return found


@st.composite
def intervals(draw: DrawFn, parameter: Parameter) -> tuple[float, float]:
    """Draw bounds: part of the registry's, some very narrow, some far wider."""
    lower, upper = parameter.bounds
    width = upper - lower
    match draw(st.sampled_from(["part", "part", "narrow", "wide", "huge"])):
        case "part":
            a, b = sorted((draw(st.floats(0, 1)), draw(st.floats(0, 1))))
            low, high = lower + a * width, lower + max(b, a + SMALLEST_WIDTH) * width
        case "narrow":
            low = lower + draw(st.floats(0, 0.99)) * width
            high = low + draw(st.sampled_from([SMALLEST_WIDTH, 1e-6, 1e-3])) * width
        case "wide":
            low, high = (lower / 10 if lower > 0 else lower - 9 * width), upper + 9 * width
        case _:
            reach = draw(st.sampled_from([1e9, 1e30, 1e100, 1e300]))
            low, high = (1 / reach if lower > 0 else -reach), reach
    return low, high


def values(parameter: Parameter, bounds: tuple[float, float]) -> Draw:
    """Return the strategy of values inside bounds, on them too."""
    lower, upper = bounds
    inside = st.floats(0, 1).map(lambda part: min(max(lower * (1 - part) + upper * part, lower), upper))
    default = [parameter.default] if lower <= parameter.default <= upper else []
    return st.one_of(st.sampled_from([lower, upper, *default]), inside)


def priors(bounds: tuple[float, float]) -> Draw:
    """Return the strategy of priors that suit bounds: wide and narrow, inside and far off."""
    families = ["normal", "lognormal"] if bounds[0] > 0 else ["normal"]
    return st.fixed_dictionaries(
        {
            "family": st.sampled_from(families),
            "location": rarely(st.floats(-5, 5), st.floats(-1e9, 1e9)),
            "scale": rarely(st.floats(0.1, 10), st.sampled_from([1e-9, 1e-3, 1e6, 1e300])),
            "truncated": rarely(st.just(True), st.just(False)),
        }
    )
