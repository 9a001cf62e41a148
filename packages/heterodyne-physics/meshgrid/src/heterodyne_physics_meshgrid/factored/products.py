"""Sums over pairs of frames of the model and its derivatives: with itself, with 1 and with the data.

Throughout, B_0 = M is the bracket of c2, B_k its derivative by the k-th parameter, and every sum runs over the
counting pairs i < j with weight w_i w_j.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from heterodyne_physics_meshgrid.factored.far import borders, far_sums
from heterodyne_physics_meshgrid.factored.maps import Angle, HalvedMaps, angles_of
from heterodyne_physics_meshgrid.factored.near import maps_at, pair_weights, pairs_inside_leaves, single_pairs
from heterodyne_physics_meshgrid.factored.profiles import TO_PARAMETERS, along_flow, profiles


class InnerProducts(NamedTuple):
    """The sums per azimuth, with K = 1 + number of parameters of the model.

    `gram` <B_k, B_l>, `ones` <1, B_k>, `data` <D, B_k> with D = c2 - BASELINE.
    """

    gram: Float[Array, "n_phi K K"]
    ones: Float[Array, "n_phi K"]
    data: Float[Array, "n_phi K"]


def inner_products(
    vector: Float[Array, " n_par"], q: Float[Array, ""], phi: Float[Array, " n_phi"], maps: HalvedMaps
) -> InnerProducts:
    """Return the sums at a parameter vector.

    Parameters
    ----------
    vector : the parameters in canonical order.
    q : wavevector in 1/Å.
    phi : azimuths in degrees.
    maps : from `halve_maps`.

    Notes
    -----
    The cost is O(N log N) and one pass over the data. Azimuths are processed one after the other.
    """
    mixing, areas = profiles(vector, maps.t, maps.steps, q)
    inside = pairs_inside_leaves(mixing, areas)
    frames = borders(mixing, areas) if maps.far else None
    # Parts of parameters to parameters, the value in front.
    turn = jnp.eye(1 + len(TO_PARAMETERS), 1 + TO_PARAMETERS.shape[1]).at[1:, 1:].set(TO_PARAMETERS)

    def one_angle(angle: Angle) -> InnerProducts:
        flow = along_flow(vector, q, angle.phi)
        b = maps_at(inside, flow)
        weighted = b * pair_weights(angle.weight)
        gram, ones, data = weighted @ b.T, weighted.sum(axis=1), b @ angle.near.astype(b.dtype).ravel()
        if frames is not None:
            far = far_sums(frames, flow, angle.weight, maps.far, angle.number)
            value, with_one, with_data = jnp.concatenate([far.values[None], far.linear]).T
            gram = gram + jnp.block([[value[:1], value[1:]], [value[1:, None], far.gram]])
            ones, data = ones + with_one, data + with_data
        if angle.excluded_i.size:
            apart = maps_at(single_pairs(mixing, areas, angle.excluded_i, angle.excluded_j), flow)
            taken = apart * angle.excluded_weight
            gram, ones = gram - taken @ apart.T, ones - taken.sum(axis=1)
        return InnerProducts(turn.T @ gram @ turn, ones @ turn, data @ turn)

    return jax.lax.map(one_angle, angles_of(phi, maps))
