"""Starting values, bounds, priors and ties of parameters, converted to the conventions of this model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from heterodyne_cli.migration.ledger import Ledger
from heterodyne_cli.migration.parameter_settings import ParameterSettings, parameter_settings
from heterodyne_cli.migration.programs import ONE_TRANSPORT, Program
from heterodyne_cli.migration.values import as_number, as_switch, foreign_unit, plain
from heterodyne_spec import load_model

# Amplitudes and exponents of t^a depend on the time from which t is counted.
POWERS = {"D0_ref": "alpha_ref", "D0_sample": "alpha_sample", "v0": "beta"}
NUMBERS = ("value", "min", "max", "vary", "family", "mu", "sigma", "prior_params.loc", "prior_params.scale")
CLOCK = "ages start at the first frame of the window there, of the file here"
_LIST = "initial_parameters"
_FAMILIES = {"truncatednormal": ("normal", True), "normal": ("normal", False), "lognormal": ("lognormal", False)}


@dataclass(frozen=True)
class Change:
    """Conversion of a number between the conventions: ``sign * number + shift``."""

    sign: int = 1
    shift: float = 0.0

    def __call__(self, value: float) -> float:
        # Round a sum of decimal fractions to the precision of its terms; other values are not rounded.
        return plain(float(f"{self.sign * value + self.shift:.15g}") if self.shift else self.sign * value)

    def interval(self, low: float, high: float) -> list[float]:
        """Return converted bounds, in order."""
        return sorted((self(low), self(high)))


def translate_parameters(ledger: Ledger, program: Program, later: float | None) -> list[str]:
    """Translate the settings of ``model.parameters``; return the parameters that the other program fixes.

    Parameters
    ----------
    ledger : the settings of the file.
    program : the program whose conventions they follow.
    later : difference of ages between this program and the other one in s; None if unknown.
    """
    names, one_transport = _names(program, ledger)
    given: dict[str, ParameterSettings] = {}
    for name, key, place, value in parameter_settings(ledger):
        if name in names:
            meant = names.get(str(value), value) if key == "tie" else value
            given.setdefault(names[name], ParameterSettings()).add(key, place, meant)
    held = [
        name for name, one in given.items() if as_switch(one.values.get("vary")) is False and "vary" not in one.disputed
    ]
    if later != 0:
        _explain_clock(ledger, later)
        _leave_powers(ledger, given)
        if later is None and "f2" in given:
            _leave(ledger, given.pop("f2").all(), f"{CLOCK}, and the difference is unknown without dt")
    if "phi0" in given:
        _explain_angle(ledger, program)
    for name in [name for name in given if given[name].places]:
        _translate_one(ledger, name, given[name], _change(name, program, later))
    if one_transport:
        for old, name in ONE_TRANSPORT.items():
            _tie_sample(ledger, old, name)
    return held


def _names(program: Program, ledger: Ledger) -> tuple[dict[str, str], bool]:
    """Return our name for each name of the program, and whether both components share one transport coefficient."""
    model = load_model()
    names = {name: name for name in (*model.names, *(p.name for p in model.scaling))} | dict(program.aliases)
    listed = ledger.get(f"{_LIST}.parameter_names")
    one_transport = isinstance(listed, list) and "D0" in listed and "v0" in listed
    return (names | ONE_TRANSPORT if one_transport else names), one_transport


def _change(name: str, program: Program, later: float | None) -> Change:
    if name == "phi0":
        return Change(sign=program.phi0_sign)
    return Change(shift=later or 0.0) if name == "f2" else Change()


def _translate_one(ledger: Ledger, name: str, given: ParameterSettings, change: Change) -> None:
    """Translate the settings of one parameter."""
    foreign = next(filter(None, (foreign_unit(ledger.get(place)) for place in given.all("unit"))), None)
    if foreign and given.all("value", "min", "max", "mu"):
        reason = f"is labelled {foreign}, but the program computes in Å, s, degrees; set model.parameters.{name}"
        _leave(ledger, given.all(*NUMBERS), reason)
        return
    for key in given.disputed - {"unit"}:
        reason = f"has contradicting values ({', '.join(given.places[key])}): set model.parameters.{name}"
        _leave(ledger, given.places.pop(key), reason)
        del given.values[key]
    if "tie" in given.values:
        _translate(ledger, given, ("tie",), f"model.parameters.{name}.tie", given.values["tie"])
        _leave(ledger, given.all(*NUMBERS), f"{name} follows what it is tied to")
        return
    _translate_value(ledger, name, given, change)
    _translate_bounds(ledger, name, given, change)
    _translate_prior(ledger, name, given, change)


def _translate_value(ledger: Ledger, name: str, given: ParameterSettings, change: Change) -> None:
    scaling = name in ("contrast", "offset")
    value = as_number(given.values.get("value"))
    if value is not None:
        _translate(ledger, given, ("value",), f"model.parameters.{name}.value", change(value))
    elif "value" in given.values:
        reason = "one value per azimuth, in the order of the other program" if scaling else "is not a number"
        _leave(ledger, given.places["value"], f"{reason}; set model.parameters.{name}.value")
    if "vary" not in given.values:
        return
    vary = as_switch(given.values["vary"])
    if scaling:
        _leave(ledger, given.places["vary"], "the key scaling determines whether contrast and offset are free")
    elif vary is None or (not vary and value is None):
        reason = (
            f"{name} is fixed at a value that the file does not state; it is free here unless you set value and vary"
        )
        _leave(ledger, given.places["vary"], reason)
    else:
        _translate(ledger, given, ("vary",), f"model.parameters.{name}.vary", vary)


def _translate_bounds(ledger: Ledger, name: str, given: ParameterSettings, change: Change) -> None:
    low, high = as_number(given.values.get("min")), as_number(given.values.get("max"))
    if low is not None and high is not None:
        _translate(ledger, given, ("min", "max"), f"model.parameters.{name}.bounds", change.interval(low, high))
    else:
        _leave(ledger, given.all("min", "max"), f"bounds need two numbers; set model.parameters.{name}.bounds")


def _translate(ledger: Ledger, given: ParameterSettings, keys: tuple[str, ...], new: str, value: Any) -> None:
    for place in dict.fromkeys(given.all(*keys)):
        ledger.translate(place, new, value)


def _leave(ledger: Ledger, places: list[str], reason: str) -> None:
    # One list may fix several parameters; it still applies to the others.
    for place in dict.fromkeys(places):
        ledger.leave(place, reason)


def _leave_powers(ledger: Ledger, given: dict[str, ParameterSettings]) -> None:
    """Leave out amplitudes and exponents that depend on the start of ages (not with an exponent fixed at 0)."""
    for amplitude, exponent in POWERS.items():
        of = given.get(exponent, ParameterSettings())
        steady = as_number(of.values.get("value")) == 0 and as_switch(of.values.get("vary", True)) is False
        if steady and not of.disputed:
            continue
        for name in (amplitude, exponent):
            if name in given and "tie" not in given[name].values:
                _leave(ledger, given.pop(name).all(*NUMBERS), CLOCK)


def _tie_sample(ledger: Ledger, old: str, name: str) -> None:
    """Tie the sample's transport coefficient to the reference's, if the file has one for both."""
    tied = name.replace("_ref", "_sample")
    places = [path for path in ledger.settings if path.endswith((f"[{old}]", f"[{old}].min"))]
    if places:
        ledger.translate(places[0], f"model.parameters.{tied}.tie", name)


def explain_freed(ledger: Ledger, held: list[str]) -> None:
    """Report parameters that are fixed there but free here, because their value could not be translated."""
    entries = ledger.document().get("model", {}).get("parameters", {})
    for name in held:
        entry = entries.get(name, {})
        if name not in ("contrast", "offset") and entry.get("vary") is not False and "tie" not in entry:
            ledger.differ(
                name, "is fixed there but free here, because its value was not translated: set value and vary: false"
            )


def _explain_clock(ledger: Ledger, later: float | None) -> None:
    much = "" if later is None else f" ({later:g} s)"
    ledger.differ(
        "age",
        f"t starts at the window there; here a frame keeps its age in the file, (first frame + k) dt{much}, and "
        "more if frames were skipped before: f2 is shifted by it; D0, alpha, v0, beta are left out",
    )


def _explain_angle(ledger: Ledger, program: Program) -> None:
    if program.phi0_sign < 0:
        sentence = "there phi0 - phi, here phi + phi0: value, bounds and prior change sign"
    else:
        sentence = "there, as here, phi + phi0 (its documentation states phi - phi0): the sign is kept"
    ledger.differ("phi0", sentence)


def _translate_prior(ledger: Ledger, name: str, given: ParameterSettings, change: Callable[[float], float]) -> None:
    """Translate the prior of one parameter, or leave it out with the reason."""
    places = list(dict.fromkeys(place for key in given.places if _of_prior(key) for place in given.places[key]))
    if not places:
        return
    prior = _prior(given.values, change)
    for place in places:
        if isinstance(prior, str):
            ledger.leave(place, prior)
        else:
            ledger.translate(place, f"model.parameters.{name}.prior", prior)


def _of_prior(key: str) -> bool:
    return key in ("family", "mu", "sigma") or key.startswith("prior_params.")


def _prior(values: dict[str, Any], change: Callable[[float], float]) -> dict[str, Any] | str:
    """Return the translated prior, or the reason why there is none."""
    word = str(values.get("family", "")).lower().replace("_", "")
    if word not in _FAMILIES:
        return "priors are normal or lognormal here"
    family, truncated = _FAMILIES[word]
    exact = as_number(values.get("prior_params.loc")), as_number(values.get("prior_params.scale"))
    location, scale = as_number(values.get("mu")), as_number(values.get("sigma"))
    if family == "lognormal":
        if None in exact:
            return (
                "location and scale of a lognormal refer to the logarithm here; the file does not state their meaning"
            )
        location, scale = exact
    elif None not in exact:
        location, scale = exact
    if location is None or scale is None or scale <= 0:
        return "location and scale of the prior are not both given"
    return {"family": family, "location": change(location), "scale": scale, "truncated": truncated}
