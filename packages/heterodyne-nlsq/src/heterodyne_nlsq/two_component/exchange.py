"""Exchange of the labels of the two components.

c2 is unchanged if J_r and J_s are exchanged and x becomes 1 - x, so only the laws of age distinguish the components.
If x hardly changes, they do not, and both assignments have to be fitted before one is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.two_component.laws import fraction_law
from heterodyne_spec import clipped_exp

type FloatArray = npt.NDArray[np.float64]

_EXCHANGED = tuple((f"{name}_ref", f"{name}_sample") for name in ("D0", "alpha", "D_offset"))


def exchanged(functions: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the functions of age with the labels of the components exchanged."""
    return {"J_r": functions["J_s"], "J_s": functions["J_r"], "v": functions["v"], "x": 1 - functions["x"]}


def exchanged_parameters(values: Mapping[str, float], age: FloatArray, x: FloatArray) -> dict[str, float]:
    """Return parameters with those of J_r and J_s exchanged, and a law of x through 1 - x, (n_age,)."""
    found = dict(values)
    for one, other in _EXCHANGED:
        found[one], found[other] = values[other], values[one]
    f0, f1, f3 = fraction_law(age, 1 - x, np.ones_like(age))
    return found | {"f0": f0 * clipped_exp(f1 * values["f2"]), "f1": f1, "f3": f3}


def words(age: float) -> tuple[str, str, str]:
    """Return what the data do not distinguish, the convention, and the difference after the exchange."""
    return (
        "the data do not determine which component is the sample",
        f"the one with the larger transport coefficient at {age:.3g} s is called the sample",
        "components exchanged: J_r and J_s swapped, x replaced by 1 - x",
    )
