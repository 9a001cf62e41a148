"""What the sampling knows of a model beyond its specification, behind one interface.

A module about a model (`heterodyne_cmc.two_component`, or ``cmc`` of a plug-in: see `heterodyne_spec.models`) may have

* ``untold(nlsq, spec, t)``: a tuple of arrays that says how components are named where the data do not tell,
* ``wall(full, naming)``: ln of the factor of the density that keeps to these names, at all parameters (n_par,),
* ``words(naming)``: the convention in a sentence, "" where there is none,
* ``TURNED``: the function of which azimuths see a projection, and the parameter that turns it.

Without them nothing is named, and no function is turned.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_data import NLSQResult
from heterodyne_spec import ModelSpec
from heterodyne_spec.models import knowledge


@dataclass(frozen=True)
class Knowledge:
    """What is known of a model; the fields are those of the module's interface."""

    untold: Callable[[NLSQResult | None, ModelSpec, npt.NDArray[np.float64]], tuple[Any, ...]]
    wall: Callable[[Float[Array, " n_par"], Any], Array]
    words: Callable[[Any], str]
    turned: tuple[str, str] | None


@functools.cache
def knowledge_of(model: str) -> Knowledge:
    """Return what is known of a model by its identifier."""
    module = knowledge("heterodyne_cmc", model)
    return Knowledge(
        getattr(module, "untold", lambda nlsq, spec, t: ()),
        getattr(module, "wall", lambda full, naming: jnp.zeros(())),
        getattr(module, "words", lambda naming: ""),
        getattr(module, "TURNED", None),
    )
