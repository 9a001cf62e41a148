"""The model at pairs of frames: for sliders, cuts and their bands, computed only at the pairs that are shown."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from heterodyne_cli.view.values import Values
from heterodyne_data import NLSQResult
from heterodyne_physics_elementwise import c2_pairs, physics_of, precompute_shard_grid
from heterodyne_spec import load_model

type FloatArray = npt.NDArray[np.float64]
type Frames = npt.NDArray[np.intp]


class ModelAt:
    """A model on the frames of one measurement: `t` (n_t,) in s, `q` in 1/Å, `phi` (n_phi,) in degrees."""

    def __init__(self, name: str, t: FloatArray, q: float, phi: FloatArray) -> None:
        self.spec, self.t, self.phi = load_model(name), t, phi
        with jax.enable_x64(True):
            self._grid = precompute_shard_grid(t, q)
        self._model = physics_of(name).model

    def c2(self, values: Values, angle: int, i: Frames, j: Frames) -> FloatArray:
        """Return c2 of an azimuth (its position) at pairs of frames of any shape."""
        size, i_, j_ = i.size, _padded(i), _padded(j)
        with jax.enable_x64(True):
            found = _c2(self._model, self._grid, self._vector(values, angle), self.phi[angle], i_, j_)
        return np.asarray(found)[:size].reshape(i.shape)

    def band(self, result: NLSQResult, angle: int, i: Frames, j: Frames) -> FloatArray | None:
        """Return the standard deviation of the fitted c2 at pairs (n_pair,) by propagation of the joint covariance;
        None for results without one.
        """
        joint = result.scaling.joint_covariance
        if joint is None:
            return None
        names, varying, n_phi = list(self.spec.names), result.varying, len(self.phi)
        with jax.enable_x64(True):
            vector = self._vector(Values.of(result), angle)
            found = _slopes(self._model, self._grid, vector, self.phi[angle], _padded(i), _padded(j))
        slope = np.asarray(found)[: i.size]
        columns = np.zeros((len(i), len(joint)))
        leaders = {row.name: row.tie or row.name for row in result.table}
        for position, name in enumerate(names):
            if leaders[name] in varying:
                columns[:, list(varying).index(leaders[name])] += slope[:, position]
        columns[:, len(varying) + angle] = slope[:, -2]
        columns[:, len(varying) + n_phi + angle] = slope[:, -1]
        variance: FloatArray = np.einsum("pk,kl,pl->p", columns, joint, columns)
        return np.sqrt(np.maximum(variance, 0.0))

    def _vector(self, values: Values, angle: int) -> FloatArray:
        own = [values.parameters[name] for name in self.spec.names]
        return np.array([*own, values.contrast[angle], values.offset[angle]], float)


def _padded(frames: Frames) -> Frames:
    """Return frames as a vector of one of few lengths, so that a window of another size seldom compiles a function."""
    flat = frames.ravel()
    length = 256
    while length < flat.size:
        # At most a quarter more than needed.
        length = length * 5 // 4
    return np.concatenate([flat, np.zeros(length - flat.size, flat.dtype)])


def _at(model: Any, grid: Any, vector: jax.Array, phi: jax.Array, i: jax.Array, j: jax.Array) -> jax.Array:
    return c2_pairs(model.from_vector(vector[:-2]), grid, i, j, phi, vector[-2], vector[-1])


_c2 = jax.jit(_at, static_argnums=0)
_slopes = jax.jit(jax.jacfwd(_at, argnums=2), static_argnums=0)
