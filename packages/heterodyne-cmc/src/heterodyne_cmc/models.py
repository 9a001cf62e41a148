"""Interface for the parts of the sampling that are specific to a model and not in its specification.

A module about a model (`heterodyne_cmc.two_component`, or ``cmc`` of a plug-in: see `heterodyne_spec.models`) may have

* ``untold(nlsq, spec, t)``: a tuple of arrays that define the labels of components that the data do not distinguish,
* ``wall(full, naming)``: ln of the factor of the density that fixes these labels, at all parameters (n_par,),
* ``words(naming)``: the convention in a sentence, "" if there is none,
* ``unseen(nlsq, spec, free)``: an `Unseen` feature, described by the free parameters (names) but absent from the maps,
* ``TURNED``: the function of age projected on the azimuth, and the parameter that rotates the projection.

By default no component is labelled, no feature is required, and no function is projected.
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
    """A feature that the fit does not find in the maps, and a sentence that states how to fit without it.

    Both are "" if all features are found.
    """

    feature: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Knowledge:
    """The model-specific functions; the fields are those of the module's interface."""

    untold: Callable[[NLSQResult | None, ModelSpec, npt.NDArray[np.float64]], tuple[Any, ...]]
    wall: Callable[[Float[Array, " n_par"], Any], Array]
    words: Callable[[Any], str]
    unseen: Callable[[NLSQResult, ModelSpec, Sequence[str]], Unseen]
    turned: tuple[str, str] | None


@functools.cache
def knowledge_of(model: str) -> Knowledge:
    """Return the model-specific functions of the model with this identifier."""
    module = knowledge("heterodyne_cmc", model)
    return Knowledge(
        getattr(module, "untold", lambda nlsq, spec, t: ()),
        getattr(module, "wall", lambda full, naming: jnp.zeros(())),
        getattr(module, "words", lambda naming: ""),
        getattr(module, "unseen", lambda nlsq, spec, free: Unseen()),
        getattr(module, "TURNED", None),
    )
