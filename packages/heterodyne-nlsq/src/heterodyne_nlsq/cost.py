"""The cost of a fit at given values, for the sliders of the viewer."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from heterodyne_data import TwoTimeData
from heterodyne_nlsq.evaluators import choose_evaluator
from heterodyne_nlsq.fit import prepare
from heterodyne_spec import Config, load_config, load_model

type Cost = Callable[[Mapping[str, float], ArrayLike, ArrayLike], float]


def cost_function(data: TwoTimeData, config: Config | Mapping[str, Any] | str | Path | None = None) -> Cost:
    """Return the function that gives the cost of a fit at parameters, contrasts and offsets.

    Parameters
    ----------
    data : the fitted measurement, as selected.
    config : that of the fit; it need not have the same free parameters.

    Returns
    -------
    A function of the parameters by name, and of contrast and offset, numbers or (n_phi,), that gives
    `NLSQResult.cost` there: half the weighted sum of squared residuals. It is compiled at its first call.

    Raises
    ------
    DataError, ConfigError : as a fit.
    """
    given = load_config(config)
    document = copy.deepcopy(dict(given.document))
    # The selection was made, and every value is an argument.
    selected = {key: value for key, value in (document.get("data") or {}).items() if key == "exclude_diagonals"}
    every = {parameter: {"vary": True} for parameter in load_model(given.model.name).names}
    document |= {"scaling": "individual", "data": selected, "model": {"name": given.model.name, "parameters": every}}
    with jax.enable_x64(True):
        setup = prepare(data, load_config(document))
        evaluator = choose_evaluator(setup)
    names, n_phi = setup.free.free_names, data.n_phi

    def cost(parameters: Mapping[str, float], contrast: ArrayLike, offset: ArrayLike) -> float:
        scaling = [np.broadcast_to(np.asarray(one, float), n_phi) for one in (contrast, offset)]
        vector = np.concatenate([[parameters[name] for name in names], *scaling])
        with jax.enable_x64(True):
            return float(evaluator.normal(vector, evaluator.problem).cost)

    return cost
