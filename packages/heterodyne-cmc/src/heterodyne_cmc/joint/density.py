"""The density of a joint posterior, and that of one measurement as its shard.

The prior of what is common counts once. With M measurements, of likelihoods L_m and priors of what each has of its own,

    p(u, o_1 ... o_M) = prior(u) ∏_m prior(o_m) L_m(u, o_m),    p_m(u, o_m) = prior(u)^(1/M) prior(o_m) L_m(u, o_m) g(u)

with g a normal density that keeps a shard near the posterior (`heterodyne_cmc.density.Anchor`). Contrast and offset are
integrated out in both: no two measurements share them, and the product of the p_m, divided by g^M, is the posterior.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float, Int

from heterodyne_cmc.chart import Chart
from heterodyne_cmc.density import Anchor, ShardProblem, log_density
from heterodyne_cmc.joint.layout import Layout
from heterodyne_cmc.priors import Priors, log_prior

type FloatArray = npt.NDArray[np.float64]


class SharedPrior(NamedTuple):
    """The prior of what is common: that of a whole vector in which the other coordinates stand at `at` (n_free,).

    No law has both common parameters and others, so that these add a constant.
    """

    priors: Priors
    chart: Chart
    at: Float[Array, " n_free"]
    common: Any

    def log_density(self, u: Float[Array, " n_free"]) -> Float[Array, ""]:
        """Return ln of the prior of the common ones among the unconstrained parameters of a member."""
        return log_prior(jnp.where(self.common, u, self.at), self.priors, self.chart)


class Alike(NamedTuple):
    """Measurements of one size, stacked along a first axis: what is compiled for one is compiled for all.

    `places` (n_member, n_dim) are those of their vectors in the joint vector.
    """

    problems: ShardProblem
    places: Int[Array, "n_member n_dim"]


class JointProblem(NamedTuple):
    """The posterior of all measurements; an argument of compiled functions."""

    groups: tuple[Alike, ...]
    shared: SharedPrior
    counting: Any

    @property
    def n_counting(self) -> int:
        """Number of pairs with positive weight."""
        return int(self.counting)

    def log_density(self, vector: Float[Array, " n_joint"]) -> Float[Array, ""]:
        """Return ln of the posterior density of a joint vector, up to a constant."""

        def of(member: Alike) -> Array:
            return log_density(vector[member.places], member.problems)

        every = jnp.concatenate([jax.lax.map(of, group) for group in self.groups])
        first = vector[self.groups[0].places[0]][:-1]
        return jnp.sum(every) - (every.size - 1) * self.shared.log_density(first)


class MemberProblem(NamedTuple):
    """The sub-posterior of one of `n_members` measurements."""

    problem: ShardProblem
    shared: SharedPrior
    anchor: Anchor
    n_members: Any

    @property
    def n_counting(self) -> int:
        """Number of pairs with positive weight."""
        return self.problem.n_counting

    def log_density(self, vector: Float[Array, " n_dim"]) -> Float[Array, ""]:
        """Return ln of the density of a member's vector, up to a constant."""
        away = vector[:-1] - self.anchor.centre
        held = -0.5 * away @ self.anchor.precision @ away
        taken = (1.0 - 1.0 / self.n_members) * self.shared.log_density(vector[:-1])
        return log_density(vector, self.problem) - taken + held


def joint_problem(members: Sequence[ShardProblem], layout: Layout, at: FloatArray) -> JointProblem:
    """Return the posterior of all members; `at` (n_free,) is any place inside."""
    groups: dict[Any, list[Alike]] = {}
    for member, places in zip(members, layout.places, strict=True):
        one = Alike(member, jnp.asarray(places))
        leaves, tree = jax.tree.flatten(one)
        size = tree, tuple((jnp.shape(leaf), jnp.result_type(leaf)) for leaf in leaves)
        groups.setdefault(size, []).append(one)
    stacked = tuple(jax.tree.map(lambda *parts: jnp.stack(parts), *alike) for alike in groups.values())
    counting = sum(member.n_counting for member in members)
    return JointProblem(stacked, shared_prior(members[0], layout, at), counting)


def shared_prior(member: ShardProblem, layout: Layout, at: FloatArray) -> SharedPrior:
    """Return the prior of what is common to all members."""
    return SharedPrior(member.priors, member.chart, jnp.asarray(at), jnp.asarray(layout.common))
