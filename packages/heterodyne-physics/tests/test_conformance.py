"""The vectors of heterodyne-spec: c2, pointwise functions and integrals, computed there in 50-digit arithmetic."""

import numpy as np
import pytest
from backends import Backend

from heterodyne_spec.conformance import VectorCase, load_vectors, report

VECTORS = load_vectors()
CASES = pytest.mark.parametrize("case", VECTORS.cases, ids=VECTORS.ids)


def test_c2_of_every_case(backend: Backend, capsys: pytest.CaptureFixture[str]) -> None:
    results = {
        case.id: np.asarray(
            backend.at_pairs(
                backend.model(**case.parameters),
                case.t,
                case.q,
                case.phi,
                case.contrast,
                case.offset,
                np.array(case.pairs),
            )
        )
        for case in VECTORS.cases
    }
    outcome = report({"model": VECTORS.model, "model_version": VECTORS.model_version, "results": results}, VECTORS)
    with capsys.disabled():
        print(f"\n  {str(outcome).splitlines()[0]}")
    assert outcome.passed, str(outcome)
    assert VECTORS.tolerance <= 1e-10


@CASES
def test_pointwise_functions(backend: Backend, case: VectorCase) -> None:
    model = backend.model(**case.parameters)
    for name, expected in case.functions.items():
        found = np.asarray(getattr(model, name)(case.t[case.frames]))
        # Some ulp of a power, and |f1 (t - f2)| ulp of an exponential, at most 150 of them before the clip.
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * np.max(np.abs(expected)), err_msg=name)


@CASES
def test_integrals_from_the_first_frame(backend: Backend, case: VectorCase) -> None:
    model = backend.model(**case.parameters)
    for name, expected in case.integrals.items():
        values = getattr(model, name)(case.t)
        found = np.asarray(backend.integral_from_first(values, case.t))[case.frames]
        # A sum of n terms loses at most n ulp of the sum of their moduli, and 4000 frames are the most.
        scale = case.dt * float(np.sum(np.abs(values)))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * scale, err_msg=name)
