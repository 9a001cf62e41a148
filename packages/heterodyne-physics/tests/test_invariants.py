"""Every invariant that the specification lists, on random parameters, bounds included, and random windows."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from backends import Backend
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import BOUNDS

from heterodyne_spec import load_model

type Array = npt.NDArray[np.float64]

N_T = 9
SPEC = load_model()
EPS = float(np.finfo(float).eps)
SAME = 8 * EPS
"""Equal but for the last bits: a vectorized loop and its remainder may round differently."""

invariant = settings(max_examples=40, deadline=None, derandomize=True, database=None)


@dataclass(frozen=True)
class Case:
    """One point: parameters by name, ages in s, q in 1/Å, phi in degrees, scaling."""

    parameters: dict[str, float]
    t: Array
    q: float
    phi: float
    contrast: float
    offset: float

    @property
    def cosine(self) -> float:
        """cos(phi + phi0)."""
        return float(np.cos(np.deg2rad(self.phi + self.parameters["phi0"])))

    def but(self, **parameters: float) -> "Case":
        """Return the case with other parameters."""
        return replace(self, parameters={**self.parameters, **parameters})

    def c2(self, backend: Backend) -> Array:
        model = backend.model(**self.parameters)
        return np.asarray(backend.all_pairs(model, self.t, self.q, self.phi, self.contrast, self.offset))

    def function(self, name: str) -> Array:
        return SPEC.evaluate(name, self.parameters, self.t)

    def integral(self, name: str) -> Array:
        """Return the integrals from frame to frame, (n_t, n_t), by NumPy."""
        f = self.function(name)
        cumulative = np.concatenate([[0.0], np.cumsum(np.diff(self.t) * (f[:-1] + f[1:]) / 2)])
        return cumulative - cumulative[:, None]

    def rounding(self) -> float:
        """Return the difference that is allowed between two correct evaluations.

        An exponent q² ∫J and a phase q cos(.) ∫v carry some ulp of the whole cumulated integral, of which every
        pair takes a difference; a phase of 1e8 rad is known to 1e-8 and no better.
        """
        duration = self.t[-1] - self.t[0]
        J_r, J_s, v = (duration * float(np.max(np.abs(self.function(name)))) for name in ("J_r", "J_s", "v"))
        argument = self.q**2 * (J_r + J_s) + self.q * v
        return 1e-12 + 16 * EPS * argument


def coordinate(name: str, lower: float, upper: float) -> st.SearchStrategy[float]:
    """Return a strategy for one parameter: its bounds, its default, and anything between them."""
    if name == "phi0":  # in eighths of a degree, so that sums of angles are exact
        return st.integers(int(8 * lower), int(8 * upper)).map(lambda k: k / 8)
    special = st.sampled_from([lower, upper, SPEC.parameter(name).default])
    if lower > 0:  # amplitudes span decades
        return special | st.floats(np.log(lower), np.log(upper)).map(lambda z: float(np.clip(np.exp(z), lower, upper)))
    return special | st.floats(lower, upper)


cases = st.builds(
    Case,
    st.fixed_dictionaries({p.name: coordinate(p.name, *p.bounds) for p in SPEC.parameters}),
    st.builds(
        lambda dt, first: dt * np.arange(first, first + N_T),
        st.sampled_from([2e-5, 0.01, 0.1, 1.0]),
        st.sampled_from([1, 2, 500, 100_000]),
    ),
    st.just(0.0) | st.floats(1e-4, 0.05),
    st.integers(-8 * 180, 8 * 180).map(lambda k: k / 8),
    st.floats(0.0, 1.0),
    st.floats(0.5, 1.5),
)

CHECKS: dict[str, Callable[..., None]] = {}


def of_the_specification(test: Callable[..., None]) -> Callable[..., None]:
    CHECKS[test.__name__.removeprefix("test_")] = test
    return test


@of_the_specification
@invariant
@given(case=cases)
def test_zero_lag(backend: Backend, case: Case) -> None:
    np.testing.assert_allclose(np.diagonal(case.c2(backend)), case.offset + case.contrast, rtol=0, atol=SAME)


@of_the_specification
@invariant
@given(case=cases)
def test_time_symmetry(backend: Backend, case: Case) -> None:
    c2 = case.c2(backend)
    np.testing.assert_allclose(c2, c2.T, rtol=0, atol=SAME)


@of_the_specification
@invariant
@given(case=cases)
def test_angle_reflection(backend: Backend, case: Case) -> None:
    mirrored = replace(case, phi=-case.phi - 2 * case.parameters["phi0"])
    np.testing.assert_allclose(case.c2(backend), mirrored.c2(backend), rtol=0, atol=SAME)


@of_the_specification
@invariant
@given(case=cases)
def test_velocity_reflection(backend: Backend, case: Case) -> None:
    reversed_flow = case.but(v0=-case.parameters["v0"], v_offset=-case.parameters["v_offset"])
    np.testing.assert_allclose(case.c2(backend), reversed_flow.c2(backend), rtol=0, atol=SAME)


@of_the_specification
@invariant
@given(case=cases, turns=st.integers(-3, 3))
def test_angle_period(backend: Backend, case: Case, turns: int) -> None:
    np.testing.assert_allclose(
        case.c2(backend), replace(case, phi=case.phi + 360.0 * turns).c2(backend), rtol=0, atol=SAME
    )


@of_the_specification
@invariant
@given(case=cases, side=st.sampled_from([90.0, -90.0, 270.0]), v0=st.floats(-1e4, 1e4), beta=st.floats(-2, 2))
def test_perpendicular_flow(backend: Backend, case: Case, side: float, v0: float, beta: float) -> None:
    across = replace(case, phi=side - case.parameters["phi0"])
    np.testing.assert_allclose(
        across.c2(backend), across.but(v0=v0, beta=beta, v_offset=7.0).c2(backend), rtol=0, atol=SAME
    )


@of_the_specification
@invariant
@given(case=cases, contrast=st.floats(0.0, 1.0), offset=st.floats(0.5, 1.5))
def test_affine_scaling(backend: Backend, case: Case, contrast: float, offset: float) -> None:
    bracket = replace(case, contrast=1.0, offset=0.0).c2(backend)
    scaled = replace(case, contrast=contrast, offset=offset).c2(backend)
    np.testing.assert_allclose(scaled, offset + contrast * bracket, rtol=0, atol=SAME)


@of_the_specification
@invariant
@given(case=cases)
def test_zero_q(backend: Backend, case: Case) -> None:
    case = replace(case, q=0.0)
    x = case.function("x")
    n = x**2 + (1 - x) ** 2
    overlap = (np.outer(1 - x, 1 - x) + np.outer(x, x)) ** 2 / np.outer(n, n)
    np.testing.assert_allclose(case.c2(backend), case.offset + case.contrast * overlap, rtol=0, atol=case.rounding())


def assert_one_component(backend: Backend, case: Case, transport: str) -> None:
    expected = case.offset + case.contrast * np.exp(-(case.q**2) * np.abs(case.integral(transport)))
    np.testing.assert_allclose(case.c2(backend), expected, rtol=0, atol=case.but(v0=0.0, v_offset=0.0).rounding())


@of_the_specification
@invariant
@given(case=cases)
def test_reference_only(backend: Backend, case: Case) -> None:
    only = case.but(f0=0.0, f3=0.0)
    assert_one_component(backend, only, "J_r")
    np.testing.assert_array_equal(
        only.c2(backend), only.but(D0_sample=123.0, alpha_sample=0.5, v0=17.0, beta=0.1).c2(backend)
    )


@of_the_specification
@invariant
@given(case=cases)
def test_sample_only(backend: Backend, case: Case) -> None:
    only = case.but(f3=1.0)
    assert_one_component(backend, only, "J_s")
    np.testing.assert_array_equal(
        only.c2(backend), only.but(D0_ref=123.0, alpha_ref=0.5, v0=17.0, beta=0.1).c2(backend)
    )


@of_the_specification
@invariant
@given(case=cases)
def test_squared_field(backend: Backend, case: Case) -> None:
    x = case.function("x")
    n = x**2 + (1 - x) ** 2
    reference = np.outer(1 - x, 1 - x) * np.exp(-(case.q**2) / 2 * np.abs(case.integral("J_r")))
    sample = np.outer(x, x) * np.exp(-(case.q**2) / 2 * np.abs(case.integral("J_s")))
    field = reference + sample * np.exp(1j * case.q * case.cosine * case.integral("v"))
    expected = case.offset + case.contrast * np.abs(field) ** 2 / np.outer(n, n)
    np.testing.assert_allclose(case.c2(backend), expected, rtol=0, atol=case.rounding())


@of_the_specification
@invariant
@given(case=cases)
def test_finite(backend: Backend, case: Case) -> None:
    c2 = case.c2(backend)
    assert np.all(np.isfinite(c2))
    # |field|² lies between 0 and 1, so c2 between offset and offset + contrast.
    assert np.all(c2 >= case.offset - SAME)
    assert np.all(c2 <= case.offset + case.contrast + SAME)


def test_every_invariant_of_the_specification_has_a_test() -> None:
    assert sorted(CHECKS) == sorted(item["name"] for item in SPEC.document["invariants"])


def test_strategy_stays_inside_the_bounds() -> None:
    @settings(max_examples=100, derandomize=True, database=None, deadline=None)
    @given(case=cases)
    def check(case: Case) -> None:
        values = np.array([case.parameters[name] for name in SPEC.names])
        assert np.all((values >= BOUNDS[:, 0]) & (values <= BOUNDS[:, 1]))

    check()


@invariant
@given(case=cases)
def test_exchange_of_components(backend: Backend, case: Case) -> None:
    """Ambiguity of the specification: with a constant fraction, the two components may change places."""
    p = case.parameters
    share = p["f3"]
    one = case.but(f0=0.0, f3=share)
    names = ("D0", "alpha", "D_offset")
    exchanged = {f"{name}_ref": p[f"{name}_sample"] for name in names}
    exchanged |= {f"{name}_sample": p[f"{name}_ref"] for name in names}
    other = one.but(**exchanged, f3=1.0 - share)
    np.testing.assert_allclose(one.c2(backend), other.c2(backend), rtol=0, atol=1e-12)
