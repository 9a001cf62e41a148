"""Maps by products of factors against those of all pairs."""

import numpy as np
import pytest
from test_pair_products import FAST, GENTLE

from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid
from heterodyne_physics_meshgrid.models import physics_of

PHI, CONTRAST, OFFSET = np.array([0.0, 70.0, -92.1]), np.array([0.1, 0.2, 0.4]), np.array([1.0, 1.01, 0.99])


@pytest.mark.parametrize("vector", [GENTLE, FAST], ids=["gentle", "decays of 1e5, many fringes"])
@pytest.mark.parametrize("n_t", [2, 300])
def test_maps_are_those_of_all_pairs_in_float32(vector: list[float], n_t: int) -> None:
    values, t = np.array(vector, float), 0.1 * np.arange(1, n_t + 1)
    found = physics_of("two-component").model_maps(values, t, 0.0054, PHI, CONTRAST, OFFSET)
    expected = np.asarray(c2_meshgrid(HeterodyneModel.from_vector(values), t, 0.0054, PHI, CONTRAST, OFFSET))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-7)
    np.testing.assert_array_equal(found, found.swapaxes(1, 2))
