"""Translation of prior densities."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from heterodyne_cli.migration.ledger import Ledger
from heterodyne_cli.migration.values import as_number

if TYPE_CHECKING:
    from heterodyne_cli.migration.statements import Said

_FAMILIES = {"truncatednormal": ("normal", True), "normal": ("normal", False), "lognormal": ("lognormal", False)}


def translate_prior(ledger: Ledger, name: str, said: Said, change: Callable[[float], float]) -> None:
    """Translate the prior of one parameter, or leave it out with the reason."""
    places = list(dict.fromkeys(place for key in said.places if _of_prior(key) for place in said.places[key]))
    if not places:
        return
    prior = _prior(said.values, change)
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
