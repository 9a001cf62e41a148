"""Where the parameters of every measurement stand in the vector of a joint fit.

The joint vector holds the common parameters, those that every measurement has of its own, the exponents of q if they
are free, then the coefficients of contrast and offset of every measurement. With q0 a typical wavevector, a function
that the model multiplies with q^n (J with q², v with q) is, at another q,

    (q / q0)^(m - n)

times the common one: its amplitude and its constant carry the factor. m = n is the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.models import Exponent
from heterodyne_nlsq.setup import Setup
from heterodyne_spec import laws_of

type FloatArray = npt.NDArray[np.float64]
type IntArray = npt.NDArray[np.int_]


@dataclass(frozen=True)
class Layout:
    """Places of the members' fitted vectors in the joint vector.

    `names` are those of a member's free parameters, `common` (n_free,) says which of them are shared, `places` hold for
    every member the positions (n_fit,) of its fitted vector. The `n_leading` first entries are parameters. `powers`
    (n_exponent, n_free) say which parameters of a member carry a free exponent, `log_q` (n_member,) are ln(q / q0), and
    `expected` (n_exponent,) the exponents of the model.
    """

    names: tuple[str, ...]
    common: npt.NDArray[np.bool_]
    places: tuple[IntArray, ...]
    n_leading: int
    size: int
    exponents: tuple[str, ...]
    powers: FloatArray
    expected: FloatArray
    log_q: FloatArray

    @property
    def at_exponents(self) -> IntArray:
        """Positions of the exponents in the joint vector, (n_exponent,)."""
        return np.arange(self.n_leading - len(self.exponents), self.n_leading)

    @property
    def common_names(self) -> tuple[str, ...]:
        """Names of the free parameters that are common."""
        return tuple(name for name, is_common in zip(self.names, self.common, strict=True) if is_common)

    def assembled(self, vectors: Sequence[FloatArray]) -> FloatArray:
        """Return the joint vector of the members' fitted vectors; what is common is taken from the first."""
        joint = np.empty(self.size)
        for places, vector in zip(reversed(self.places), reversed(vectors), strict=True):
            joint[places] = vector
        joint[self.at_exponents] = self.expected
        return joint

    def factor(self, joint: FloatArray, member: int) -> FloatArray:
        """Return the factors (n_fit,) of a member's vector that its q brings in."""
        off = joint[self.at_exponents] - self.expected
        factor = np.ones(self.places[member].size)
        factor[: len(self.names)] = np.exp(off @ self.powers * self.log_q[member])
        return factor

    def member(self, joint: FloatArray, member: int) -> FloatArray:
        """Return the fitted vector (n_fit,) of a member."""
        return np.asarray(self.factor(joint, member) * joint[self.places[member]])

    def turn(self, joint: FloatArray, member: int) -> FloatArray:
        """Return the derivative (n_fit, n_joint) of a member's fitted vector by the joint vector."""
        places, factor = self.places[member], self.factor(joint, member)
        turn = np.zeros((places.size, self.size))
        turn[np.arange(places.size), places] = factor
        own = self.member(joint, member)[: len(self.names)]
        turn[: len(self.names), self.at_exponents] = (self.powers * own * self.log_q[member]).T
        return turn

    def labels(self, members: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the leading entries; those that a member has of its own are followed by its label."""
        found = [""] * self.n_leading
        for label, places in zip(members, self.places, strict=True):
            for name, is_common, place in zip(self.names, self.common, places[: len(self.names)], strict=True):
                found[place] = name if is_common else f"{name} ({label})"
        for name, place in zip(self.exponents, self.at_exponents, strict=True):
            found[place] = f"exponent of q in {name}"
        return tuple(found)


def make_layout(
    setups: Sequence[Setup], shared: Sequence[str], exponents: Mapping[str, Exponent] | None = None
) -> Layout:
    """Return the layout of the members' vectors.

    Parameters
    ----------
    setups : of the members; they have the same free parameters.
    shared : names of the parameters that are common, free or not.
    exponents : the exponents of q that are free, by name.
    """
    names = setups[0].free.free_names
    common = np.array([name in shared for name in names], bool)
    n_common, n_own = int(common.sum()), int((~common).sum())
    exponents = {} if exponents is None else exponents
    n_leading = n_common + n_own * len(setups) + len(exponents)
    places, end = [], n_leading
    for k, setup in enumerate(setups):
        own = np.empty(len(names), int)
        own[common] = np.arange(n_common)
        own[~common] = n_common + n_own * k + np.arange(n_own)
        n_coef = 2 * setup.scaling.n_coefficients
        places.append(np.concatenate([own, end + np.arange(n_coef)]))
        end += n_coef
    q = np.array([setup.data.q for setup in setups])
    log_q = np.log(q) - np.log(q).mean()
    carried = [
        {
            name
            for function in one.functions
            for law in laws_of(setups[0].spec, function)
            for name in (law.amplitude, law.offset)
        }
        for one in exponents.values()
    ]
    powers = np.array([[float(name in of) for name in names] for of in carried]).reshape(len(exponents), len(names))
    expected = np.array([one.expected for one in exponents.values()], float)
    return Layout(names, common, tuple(places), n_leading, end, tuple(exponents), powers, expected, log_q)
