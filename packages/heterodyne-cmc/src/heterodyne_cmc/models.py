"""What is specific to a model in the sampling, beyond its specification, behind one interface.

A module about a model (`heterodyne_cmc.two_component`, or ``cmc`` of a plug-in: see `heterodyne_spec.models`) may have

* ``untold(nlsq, spec, t)``: a tuple of arrays with the labels of the components if the data do not distinguish them,
* ``wall(full, naming)``: ln of the factor of the density that fixes these labels, at all parameters (n_par,),
* ``words(naming)``: the convention in a sentence, "" if there is none,
* ``unseen(nlsq, spec, free)``: an `Unseen` feature, described by the free parameters (names) but absent from the maps,
* ``TURNED``: the function of age projected on the azimuth, and the parameter that rotates the projection.

Without them no component is labelled, no feature is required, and no function is projected.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_data import NLSQResult
from heterodyne_spec import ModelSpec, knowledge


class Unseen(NamedTuple):
    """A feature that the maps do not show according to the fit, and a sentence on how to do without it.

    Both are "" if nothing is missing.
    """

    feature: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Knowledge:
    """What is known of a model; the fields are those of the module's interface."""

    untold: Callable[[NLSQResult | None, ModelSpec, npt.NDArray[np.float64]], tuple[Any, ...]]
    wall: Callable[[Float[Array, " n_par"], Any], Array]
    words: Callable[[Any], str]
    unseen: Callable[[NLSQResult, ModelSpec, Sequence[str]], Unseen]
    turned: tuple[str, str] | None


@functools.cache
def knowledge_of(model: str) -> Knowledge:
    """Return what is known of a model by its identifier."""
    module = knowledge("heterodyne_cmc", model)
    return Knowledge(
        getattr(module, "untold", lambda nlsq, spec, t: ()),
        getattr(module, "wall", lambda full, naming: jnp.zeros(())),
        getattr(module, "words", lambda naming: ""),
        getattr(module, "unseen", lambda nlsq, spec, free: Unseen()),
        getattr(module, "TURNED", None),
    )
