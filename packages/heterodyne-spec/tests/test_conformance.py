"""The conformance vectors: complete, right, sharp enough to tell a wrong implementation, and checkable."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt
import pytest

from heterodyne_spec.conformance import WORST_PER_CASE, VectorCase, check_results, load_vectors, report
from heterodyne_spec.errors import ConfigError
from heterodyne_spec.model import load_model

type Array = npt.NDArray[np.float64]

VECTORS = load_vectors()
IDS = VECTORS.ids
SCRIPT = Path(__file__).parents[1] / "scripts" / "make_vectors.py"


class Straightforward:
    """The equations of vectors/README.md in NumPy, one method for each thing that can be got wrong."""

    def ages(self, case: VectorCase) -> Array:
        return np.asarray((case.start_frame + np.arange(case.n_frames)) * case.dt, np.float64)

    def transport(self, raw: Array) -> Array:
        return np.maximum(raw, 0.0)

    def velocity(self, raw: Array) -> Array:
        return raw

    def exponential(self, argument: Array) -> Array:
        return np.exp(np.clip(argument, -150.0, 150.0))

    def fraction(self, raw: Array) -> Array:
        return np.clip(raw, 0.0, 1.0)

    def cumulate(self, values: Array, dt: float) -> Array:
        return np.concatenate([[0.0], np.cumsum(dt * (values[:-1] + values[1:]) / 2)])

    def distance(self, difference: Array) -> Array:
        return np.abs(difference)

    def angle(self, phi: float, phi0: float) -> float:
        return float(np.cos(np.deg2rad(phi + phi0)))

    def cross_decay(self, exponent: Array) -> Array:
        return np.exp(-exponent / 2)

    def norm(self, x: Array) -> Array:
        return x**2 + (1 - x) ** 2

    def factor(self) -> float:
        return 1.0

    def c2(self, case: VectorCase) -> Array:
        p, t = case.parameters, self.ages(case)
        j_r = self.factor() * self.transport(p["D0_ref"] * t ** p["alpha_ref"] + p["D_offset_ref"])
        j_s = self.factor() * self.transport(p["D0_sample"] * t ** p["alpha_sample"] + p["D_offset_sample"])
        v = self.velocity(p["v0"] * t ** p["beta"] + p["v_offset"])
        x = self.fraction(p["f0"] * self.exponential(p["f1"] * (t - p["f2"])) + p["f3"])
        i, j = case.pairs.T
        int_r, int_s, int_v = (c[j] - c[i] for c in (self.cumulate(f, case.dt) for f in (j_r, j_s, v)))
        e_r, e_s = case.q**2 * self.distance(int_r), case.q**2 * self.distance(int_s)
        reference, sample = (1 - x[i]) * (1 - x[j]), x[i] * x[j]
        bracket = reference**2 * np.exp(-e_r) + sample**2 * np.exp(-e_s)
        phase = case.q * self.angle(case.phi, p["phi0"]) * int_v
        bracket = bracket + 2 * reference * sample * self.cross_decay(e_r + e_s) * np.cos(phase)
        return np.asarray(case.offset + case.contrast * bracket / (self.norm(x[i]) * self.norm(x[j])))


# Name of a mistake -> what it replaces, and the least number of cases that must notice by 1000 times the tolerance.
MUTANTS: dict[str, tuple[str, Callable[..., Any], int]] = {
    "phi - phi0": ("angle", lambda phi, phi0: float(np.cos(np.deg2rad(phi - phi0))), 50),
    "phi0 ignored": ("angle", lambda phi, phi0: float(np.cos(np.deg2rad(phi))), 50),
    "angle in radians": ("angle", lambda phi, phi0: float(np.cos(phi + phi0)), 50),
    "first frame at t = 0": (
        "ages",
        lambda case: np.maximum(case.start_frame - 1 + np.arange(case.n_frames), 1e-3) * case.dt,
        60,
    ),
    "window's age forgotten": ("ages", lambda case: (1 + np.arange(case.n_frames)) * case.dt, 2),
    "J doubled": ("factor", lambda: 2.0, 60),
    "J halved": ("factor", lambda: 0.5, 60),
    "no 1/2 in the cross term": ("cross_decay", lambda exponent: np.exp(-exponent), 60),
    "left rectangles": ("cumulate", lambda f, dt: np.concatenate([[0.0], np.cumsum(dt * f[:-1])]), 60),
    "right rectangles": ("cumulate", lambda f, dt: np.concatenate([[0.0], np.cumsum(dt * f[1:])]), 60),
    "half of the first frame in the sum": ("cumulate", lambda f, dt: np.cumsum(dt * f), 60),
    "smoothed absolute value": ("distance", lambda d: np.sqrt(d**2 + 1.0), 50),
    "no absolute value": ("distance", lambda d: d, 50),
    "no floor on J": ("transport", lambda raw: raw, 4),
    "smooth floor on J": ("transport", lambda raw: np.logaddexp(0.0, raw / 50) * 50, 8),
    "floor on v": ("velocity", lambda raw: np.maximum(raw, 0.0), 3),
    "|v|": ("velocity", np.abs, 1),
    "no clip of x": ("fraction", lambda raw: np.minimum(raw, 10.0), 4),
    "clip of x short of 0 and 1": ("fraction", lambda raw: np.clip(raw, 1e-3, 1 - 1e-3), 5),
    "no norm": ("norm", lambda x: np.ones_like(x), 60),
    "norm of intensities": ("norm", lambda x: (x + (1 - x)) ** 2, 60),
}


def mutate(method: str, replacement: Callable[..., Any]) -> Straightforward:
    implementation = Straightforward()
    setattr(implementation, method, replacement)
    return implementation


def largest_differences(implementation: Straightforward) -> dict[str, float]:
    with np.errstate(over="ignore"):
        return {case.id: float(np.abs(implementation.c2(case) - case.c2).max()) for case in VECTORS.cases}


def results() -> dict[str, Any]:
    """A results document of the vectors' own values."""
    values = {case.id: case.c2.tolist() for case in VECTORS.cases}
    return {"model": "two-component", "model_version": VECTORS.model_version, "results": values}


def generator() -> ModuleType:
    specification = importlib.util.spec_from_file_location("make_vectors", SCRIPT)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[module.__name__] = module  # dataclasses look their module up there
    specification.loader.exec_module(module)
    return module


def readme() -> str:
    return resources.files("heterodyne_spec").joinpath("vectors", "README.md").read_text(encoding="utf-8")


# --- the file --------------------------------------------------------------------------------------------------------


def test_the_vectors_are_those_of_the_shipped_model() -> None:
    spec = load_model("two-component")
    assert (VECTORS.model, VECTORS.model_version) == (spec.id, spec.version)
    assert VECTORS.tolerance == 1e-10
    assert all(tuple(case.parameters) == spec.names for case in VECTORS.cases)


def test_every_parameter_stands_at_each_bound_with_the_others_inside() -> None:
    spec = load_model("two-component")
    for p in (*spec.parameters, *spec.scaling):
        for side, bound in zip(("lower", "upper"), p.bounds, strict=True):
            case = VECTORS.case(f"bound-{p.name}-{side}")
            values = {**case.parameters, "contrast": case.contrast, "offset": case.offset}
            assert values.pop(p.name) == bound
            others = {name: spec.parameter(name).bounds for name in values}
            assert all(low < values[name] < high for name, (low, high) in others.items()), case.id
    for name, column in (("all-lower", 0), ("all-upper", 1)):
        np.testing.assert_array_equal(list(VECTORS.case(name).parameters.values()), spec.bounds[:, column])


def test_the_cases_reach_every_regime() -> None:
    by_id = {case.id: case for case in VECTORS.cases}
    assert len(by_id) == len(VECTORS.cases)
    assert {case.n_frames for case in VECTORS.cases} >= {3, 4000}
    assert {case.dt for case in VECTORS.cases} >= {2e-5, 1.0}
    assert {case.start_frame for case in VECTORS.cases} >= {1, 201, 5001}
    assert by_id["zero-q"].q == 0
    assert (by_id["x-zero"].functions["x"] == 0).all() and (by_id["x-one"].functions["x"] == 1).all()
    turning = by_id["velocity-turns"].functions["v"]
    assert turning.min() < 0 < turning.max()
    for name in ("J_r", "J_s"):
        values = by_id["floors"].functions[name]
        assert values.min() == 0 < values.max()
    assert by_id["clip-at-one"].functions["x"][0] == 1 > by_id["clip-at-one"].functions["x"][-1]
    overflows = [case for case in VECTORS.cases if case.id.startswith("overflow")]
    assert {case.parameters["f0"] == 0 for case in overflows} == {True, False}
    pairs = [case.pairs for case in VECTORS.cases]
    assert all((p[:, 0] > p[:, 1]).any() and (p[:, 0] == p[:, 1]).any() for p in pairs)
    assert all((p >= 0).all() and (p < case.n_frames).all() for p, case in zip(pairs, VECTORS.cases, strict=True))


@pytest.mark.parametrize(
    "ids",
    [
        ("perpendicular-phi+87.5-v0-470", "perpendicular-phi+87.5-v0-9000", "perpendicular-phi-92.5-v0-470"),
        ("period-phi-45.0", "period-phi+315.0"),
        ("period-phi-180.0", "period-phi+180.0"),
        ("parallel", "antiparallel"),
        ("sign-phi+60.0-phi0+8.0", "sign-phi-60.0-phi0-8.0"),
        ("sign-phi+60.0-phi0-8.0", "sign-phi-60.0-phi0+8.0"),
    ],
    ids=lambda ids: ids[0],
)
def test_partner_cases_are_equal_to_the_last_bit(ids: tuple[str, ...]) -> None:
    first, *others = (VECTORS.case(name) for name in ids)
    for other in others:
        np.testing.assert_array_equal(first.c2, other.c2)


def test_the_sign_of_phi0_shows_clearly() -> None:
    plus, minus = (VECTORS.case(f"sign-phi+60.0-phi0{sign}8.0") for sign in "+-")
    assert np.abs(plus.c2 - minus.c2).max() > 0.05


# --- the values ------------------------------------------------------------------------------------------------------


def test_plain_numpy_agrees_far_within_the_tolerance() -> None:
    differences = largest_differences(Straightforward())
    # Measured 2e-15; a hundredth of the tolerance leaves room for another libm or order of summation.
    assert max(differences.values()) < VECTORS.tolerance / 100, max(differences, key=lambda name: differences[name])


def test_intermediate_values_agree_with_the_model_in_numpy() -> None:
    spec, plain = load_model("two-component"), Straightforward()
    for case in VECTORS.cases:
        np.testing.assert_allclose(case.t, plain.ages(case), rtol=1e-15)
        functions = {name: spec.evaluate(name, case.parameters, case.t) for name in case.functions}
        for name, expected in case.functions.items():
            # Floors and offsets cancel digits of J: an absolute term of the size of the rounded terms.
            scale = 1e-14 * (1e6 if name.startswith("J") else 1.0)
            np.testing.assert_allclose(functions[name][case.frames], expected, rtol=1e-12, atol=scale, err_msg=case.id)
        for name, expected in case.integrals.items():
            found = plain.cumulate(functions[name], case.dt)[case.frames]
            np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-8, err_msg=case.id)


@pytest.mark.parametrize("mistake", MUTANTS)
def test_a_wrong_implementation_fails(mistake: str) -> None:
    method, replacement, least = MUTANTS[mistake]
    differences = largest_differences(mutate(method, replacement))
    failed = [name for name, apart in differences.items() if not apart < 1000 * VECTORS.tolerance]
    assert len(failed) >= least


def test_an_exponential_that_overflows_gives_nan_where_the_vectors_are_finite() -> None:
    with np.errstate(invalid="ignore"):
        naive = largest_differences(mutate("exponential", np.exp))
    assert {name for name, apart in naive.items() if np.isnan(apart)} == {
        "overflow-f1+10-f0-zero",
        "overflow-f1-10-f0-zero",
    }


@pytest.mark.parametrize("name", ["three-frames", "all-lower", "velocity-turns", "dt-20us"])
def test_the_generator_gives_the_shipped_case(name: str) -> None:
    make = generator()
    text = resources.files("heterodyne_spec").joinpath("vectors", "two-component.json").read_text(encoding="utf-8")
    shipped = next(case for case in json.loads(text)["cases"] if case["id"] == name)
    asked = next(case for case in make.all_cases() if case.id == name)
    assert make.case_document(asked, load_model("two-component")) == shipped


@pytest.mark.parametrize("name", ["sign-phi+60.0-phi0+8.0", "clip-at-one", "bound-D_offset_ref-upper"])
def test_a_longhand_computation_at_80_digits_rounds_to_the_shipped_values(name: str) -> None:
    case = VECTORS.case(name)
    with mpmath.workdps(80):
        exact = [longhand(case, int(i), int(j)) for i, j in case.pairs]
    np.testing.assert_array_equal([float(value) for value in exact], case.c2)


def longhand(case: VectorCase, i: int, j: int) -> Any:
    """c2 from the equations alone: each integral summed anew between the two frames, the bracket as |field|^2."""
    m = mpmath.mpf
    p = {name: m(value) for name, value in case.parameters.items()}
    q, dt = m(case.q), m(case.dt)

    def age(k: int) -> Any:
        return m(case.start_frame + k) * dt

    def x(k: int) -> Any:
        return max(m(0), min(m(1), p["f0"] * mpmath.exp(p["f1"] * (age(k) - p["f2"])) + p["f3"]))

    def integral(f: Callable[[Any], Any]) -> Any:
        low, high = min(i, j), max(i, j)
        return sum(((f(age(k)) + f(age(k + 1))) * dt / 2 for k in range(low, high)), m(0))

    int_r = integral(lambda t: max(p["D0_ref"] * t ** p["alpha_ref"] + p["D_offset_ref"], m(0)))
    int_s = integral(lambda t: max(p["D0_sample"] * t ** p["alpha_sample"] + p["D_offset_sample"], m(0)))
    int_v = integral(lambda t: p["v0"] * t ** p["beta"] + p["v_offset"])
    phase = q * mpmath.cos(mpmath.radians(m(case.phi) + p["phi0"])) * int_v
    field = (1 - x(i)) * (1 - x(j)) * mpmath.exp(-(q**2) * int_r / 2)
    field += x(i) * x(j) * mpmath.exp(mpmath.mpc(-(q**2) * int_s / 2, phase))
    norm = (x(i) ** 2 + (1 - x(i)) ** 2) * (x(j) ** 2 + (1 - x(j)) ** 2)
    return m(case.offset) + m(case.contrast) * abs(field) ** 2 / norm


# --- the check of results --------------------------------------------------------------------------------------------


def test_conforming_results_pass() -> None:
    document = results()
    document["results"]["defaults"] = VECTORS.case("defaults").c2 + 0.9e-10  # an array, and almost at the tolerance
    assert check_results(document, VECTORS) == []
    outcome = report(document, VECTORS)
    assert outcome.passed and outcome.n_passed == outcome.n_cases == len(IDS)
    assert outcome.largest == pytest.approx(0.9e-10, rel=1e-5) and "defaults" in str(outcome)


def test_every_departure_is_reported_at_once() -> None:
    document = results()
    values = document["results"]
    document["model_version"] = "0.9.0"
    document["comment"] = "x"
    values["defualts"] = values.pop("defaults")
    values["three-frames"].pop()
    values["x-one"] = "none"
    values["x-zero"][4] = float("nan")
    values["zero-q"][2:4] = [None, 10**400]
    values["parallel"][6] += 2e-10
    values["full-contrast"] = [value + 0.5 + 0.001 * k for k, value in enumerate(values["full-contrast"])]
    found = [(problem.path, problem.rule) for problem in check_results(document, VECTORS)]
    last = len(values["full-contrast"]) - 1
    assert sorted(found) == sorted(
        [
            ("model_version", "Version"),
            ("comment", "UnknownField"),
            ("results.defualts", "UnknownCase"),
            ("results.defaults", "MissingCase"),
            ("results.three-frames", "Length"),
            ("results.x-one", "Shape"),
            ("results.x-zero[4]", "NotFinite"),
            ("results.zero-q[2]", "NotFinite"),
            ("results.zero-q[3]", "NotFinite"),
            ("results.parallel[6]", "Difference"),
            *((f"results.full-contrast[{last - k}]", "Difference") for k in range(WORST_PER_CASE)),
            ("results.full-contrast", "Difference"),
        ]
    )
    outcome = report(document, VECTORS)
    assert outcome.n_passed == len(IDS) - 7
    assert outcome.largest == pytest.approx(0.5 + 0.001 * last)
    assert "did you mean 'defaults'?" in str(outcome) and f"{last + 1} of {last + 1} values" in str(outcome)


def test_a_difference_is_reported_with_pair_found_expected_and_what_the_case_shows() -> None:
    document = results()
    document["results"]["three-frames"][5] += 1e-3
    (problem,) = check_results(document, VECTORS)
    case = VECTORS.case("three-frames")
    assert case.pairs[5].tolist() == [1, 2]
    assert "pair [1, 2]" in problem.found and repr(float(case.c2[5])) in problem.expected
    assert "difference 0.001" in problem.expected and case.shows in problem.remedy


@pytest.mark.parametrize("document", [None, [], {}, {"results": [1.0]}])
def test_something_else_than_results_is_reported(document: Any) -> None:
    assert check_results(document, VECTORS)
    outcome = report(document, VECTORS)
    assert outcome.n_passed == 0 and outcome.largest is None and "no value" in str(outcome)


def test_unknown_names_are_refused_with_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="did you mean 'two-component'"):
        load_vectors("two_component")
    with pytest.raises(KeyError, match="did you mean 'defaults'"):
        VECTORS.case("default")


# --- the README ------------------------------------------------------------------------------------------------------


def test_the_numbers_of_the_worked_example_are_those_of_the_file() -> None:
    case = VECTORS.case("three-frames")
    example = readme().split("## Worked example", 1)[1].split("\n## ", 1)[0]
    for values in (case.t, *case.functions.values(), *case.integrals.values(), case.c2):
        assert all(f"{value:.12g}" in example for value in values)
    assert all(f"{name} = {value:g}" in example for name, value in case.parameters.items())


def test_the_fields_of_the_file_are_all_described_and_its_snippets_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = resources.files("heterodyne_spec").joinpath("vectors", "two-component.json").read_text(encoding="utf-8")
    document = json.loads(text)
    assert all(f"| `{name}`" in readme() for name in (*document, *document["cases"][0]))
    monkeypatch.chdir(tmp_path)
    Path("results.json").write_text(json.dumps(results()), encoding="utf-8")
    snippets = re.findall(r"```python\n(.*?)```", readme(), flags=re.DOTALL)
    assert snippets
    for snippet in snippets:
        exec(snippet, {})
