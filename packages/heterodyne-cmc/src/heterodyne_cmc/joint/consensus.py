"""The consensus of the sub-posteriors of several measurements, each of its own vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_cmc.combination import adapted_draws, normal_draws
from heterodyne_cmc.consensus import moments, without_anchors
from heterodyne_cmc.importance import Corrected
from heterodyne_cmc.joint.work import MemberWork
from heterodyne_cmc.linalg import inverse
from heterodyne_cmc.population import K_GOOD
from heterodyne_cmc.sub_posterior import SubPosterior

type FloatArray = npt.NDArray[np.float64]


class Product(NamedTuple):
    """The Gaussian product of the sub-posteriors: mean (n_joint,) and covariance (n_joint, n_joint)."""

    mean: FloatArray
    covariance: FloatArray


def gaussian_product(work: MemberWork, subs: Sequence[SubPosterior]) -> Product:
    """Return the product of the sub-posteriors, taken as normal, without their anchors.

    As `heterodyne_cmc.consensus.gaussian_product`, every precision in the coordinates of its own member.
    """
    layout, size = work.layout, work.layout.size
    total, pulled, removed = np.zeros((size, size)), np.zeros(size), np.zeros((size, size))
    for k, sub in enumerate(subs):
        (mean,), (covariance,) = moments(sub.draws[None])
        precision, here = inverse(covariance), layout.member(work.centre, k)
        total += layout.embedded(precision, k)
        pulled[layout.places[k]] += precision @ (mean - here)
        anchor = np.zeros((here.size, here.size))
        anchor[:-1, :-1] = work.anchor(k).precision
        # Anchored at the centre itself: nothing is pulled by it.
        removed += layout.embedded(anchor, k)
    covariance = without_anchors(total, removed, len(subs))
    return Product(work.centre + covariance @ pulled, covariance)


def consensus_draws(
    work: MemberWork, subs: Sequence[SubPosterior], seed: int, say: Callable[[str], None]
) -> tuple[Corrected, bool]:
    """Return draws of the posterior (n_chain, n_draw, n_joint) from the sub-posteriors, and whether they are exact.

    The Gaussian product is corrected by the posterior itself: by weights where it is near, else by importance sampling
    that starts from it. Where both fail, its own draws are returned.
    """
    product, shape = gaussian_product(work, subs), subs[0].draws.shape[:2]
    log_density = work.log_posterior()
    normal = normal_draws(*product, shape, seed, log_density)
    if normal.k_hat < K_GOOD:
        return normal, True
    say("the Gaussian consensus is inaccurate: starting importance sampling of the full posterior from it")
    exact = adapted_draws(*product, shape, seed, log_density, say)
    return (normal, normal.succeeded) if exact is None else (exact, True)
