"""The measurements of a joint posterior as shards, one each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_cmc.density import Anchor, ShardProblem
from heterodyne_cmc.joint.density import JointProblem, MemberProblem, SharedPrior, joint_problem, shared_prior
from heterodyne_cmc.joint.layout import Layout
from heterodyne_cmc.joint.members import Member
from heterodyne_cmc.joint_vectors import Complete
from heterodyne_cmc.linalg import inverse, root
from heterodyne_cmc.request import Request
from heterodyne_cmc.values import values_at
from heterodyne_cmc.whitening import SPREAD_MOST, Whitening
from heterodyne_cmc.work import bytes_per_worker, parts_of

type FloatArray = npt.NDArray[np.float64]


def vectors(
    key: Array, z: FloatArray, problem: Any, centre: FloatArray, spread: FloatArray, by: Callable[..., Any] = map
) -> FloatArray:
    """Return the sampled vectors (n_chain, n_draw, n_dim) of draws of z: nothing is added to them."""
    # Not by the BLAS, whose last bit depends on the number of threads.
    return np.asarray(centre + np.einsum("cnj,ij->cni", z, spread))


@dataclass(frozen=True)
class MemberWork:
    """The shards of a joint posterior, one for every member.

    `centre` (n_joint,) and `spread` (n_joint, n_joint) are the coordinates of the posterior around its mode.
    """

    members: tuple[Member, ...]
    layout: Layout
    centre: FloatArray
    spread: FloatArray

    @property
    def request(self) -> Request:
        """The request of the largest member, with the settings of all."""
        return max((member.request for member in self.members), key=bytes_per_worker)

    @property
    def n_shards(self) -> int:
        """Number of members."""
        return len(self.members)

    @property
    def memory(self) -> float:
        """Bytes of a worker, about."""
        return bytes_per_worker(self.request)

    @property
    def complete(self) -> Complete:
        """What is added to the draws of a shard: nothing; contrast and offset are drawn for the consensus."""
        return vectors

    def anchor(self, k: int) -> Anchor:
        """Return the anchor of member k, which limits its variance of what is common to a few times the posterior's."""
        n_common, n_free = int(self.layout.common.sum()), self.layout.common.size
        precision = np.zeros((n_free, n_free))
        held = max(1.0 / SPREAD_MOST - 1.0 / self.n_shards, 0.0)
        common = np.ix_(self.layout.common, self.layout.common)
        precision[common] = held * inverse((self.spread @ self.spread.T)[:n_common, :n_common])
        return Anchor(self.layout.member(self.centre, k)[:-1], precision)

    def problem(self, shard: int) -> MemberProblem:
        """Return the sub-posterior of a member (from 0)."""
        member, anchor = self.members[shard], self.anchor(shard)
        problem = member.problem()
        arrays = jax.tree.map(lambda part: jnp.asarray(part, float), anchor)
        return MemberProblem(problem, self._shared(problem), arrays, jnp.asarray(float(self.n_shards)))

    def _shared(self, problem: ShardProblem) -> SharedPrior:
        return shared_prior(problem, self.layout, self.layout.member(self.centre, 0)[:-1])

    def coordinates(self, shard: int) -> Whitening:
        """Return the coordinates of a member's sub-posterior."""
        own, n_free = self.members[shard].whitening, self.layout.common.size
        precision = inverse(own.spread @ own.spread.T)
        precision[:n_free, :n_free] += self.anchor(shard).precision
        return replace(own, centre=self.layout.member(self.centre, shard), spread=root(inverse(precision)))

    def parts(self) -> Iterator[Any]:
        """Yield everything that affects the draws, but for versions."""
        yield from (self.layout.common, *self.layout.places, self.centre, self.spread)
        for member in self.members:
            yield from parts_of(member.request, member.noise, member.whitening)

    def log_posterior(self) -> Callable[[FloatArray], FloatArray]:
        """Return ln of the posterior, (n,), of joint vectors (n, n_joint), up to a constant."""
        problems = [member.problem() for member in self.members]
        return log_posterior(problems, self.layout, self._shared(problems[0]))


@dataclass(frozen=True)
class WholeWork:
    """The posterior of all members at once, as the only shard of a run."""

    by_member: MemberWork

    @property
    def request(self) -> Request:
        """The request of the largest member, with the settings of all."""
        return self.by_member.request

    @property
    def n_shards(self) -> int:
        """One."""
        return 1

    @property
    def memory(self) -> float:
        """Bytes of its process, about."""
        return sum(bytes_per_worker(member.request) for member in self.by_member.members)

    @property
    def complete(self) -> Complete:
        """What is added to the draws: nothing; contrast and offset are drawn for every member."""
        return vectors

    def problem(self, shard: int) -> JointProblem:
        """Return the posterior of all members."""
        work = self.by_member
        problems = [member.problem() for member in work.members]
        return joint_problem(problems, work.layout, work.layout.member(work.centre, 0)[:-1])

    def coordinates(self, shard: int) -> Whitening:
        """Return the coordinates of the joint posterior."""
        work = self.by_member
        return replace(work.members[0].whitening, centre=work.centre, spread=work.spread)

    def parts(self) -> Iterator[Any]:
        """Yield everything that affects the draws, but for versions."""
        yield "all at once"
        yield from self.by_member.parts()


def log_posterior(
    problems: Sequence[ShardProblem], layout: Layout, shared: SharedPrior
) -> Callable[[FloatArray], FloatArray]:
    """Return ln of the posterior, (n,), of joint vectors (n, n_joint), up to a constant."""

    def total(joint: FloatArray) -> FloatArray:
        with jax.enable_x64(True):
            found = np.zeros(len(joint))
            for k, problem in enumerate(problems):
                own = layout.member(joint, k)
                found += values_at(own, problem, np.zeros(own.shape[1]), np.eye(own.shape[1]))
            prior = _shared_priors(jnp.asarray(layout.member(joint, 0)[:, :-1]), shared)
            return found - (len(problems) - 1) * np.asarray(prior)

    return total


@jax.jit
def _shared_priors(u: Float[Array, "n n_free"], shared: SharedPrior) -> Float[Array, " n"]:
    return jax.vmap(shared.log_density)(u)
