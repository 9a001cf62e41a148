"""What a fit and a posterior begin with."""

from __future__ import annotations

import numpy as np
import pytest

from heterodyne_data import TwoTimeData
from heterodyne_data.setup.ages import band_ages
from heterodyne_data.setup.free import free_parameters, released
from heterodyne_data.setup.noise import data_noise, noise_sd
from heterodyne_data.setup.scaling import make_scaling
from heterodyne_spec import ConfigError, load_config, load_model

PHI = np.array([0.0, 30.0, 75.0])


def test_all_parameters_follow_the_free_ones() -> None:
    spec = load_model()
    fixed = [p.name for p in spec.parameters if not p.vary]
    settings = {
        "D0_ref": {"value": 2e3, "bounds": [1e3, 3e3]},
        "D0_sample": {"tie": "D0_ref"},
        "beta": {"value": -0.3, "vary": False},
        "v_offset": {"tie": "beta"},
    }
    free = free_parameters(spec, load_config({"model": {"parameters": settings}}).model, {"f3": 0.25})
    assert set(spec.names) - set(free.free_names) == {"D0_sample", "beta", "v_offset", "f3", *fixed}
    assert free.bounds[free.free_names.index("D0_ref")].tolist() == [1e3, 3e3]
    vectors = np.arange(1.0, 1 + 2 * len(free.free)).reshape(2, -1)
    for vector, full in zip(vectors, free.full(vectors), strict=True):
        of = dict(zip(spec.names, full.tolist(), strict=True))
        assert of["D0_sample"] == of["D0_ref"] == vector[free.free_names.index("D0_ref")]
        assert (of["beta"], of["v_offset"], of["f3"], of["f2"]) == (-0.3, -0.3, 0.25, 0.0)
        np.testing.assert_array_equal(free.full(vector), full)
    everything = released(free, ("f2",))
    assert set(spec.names) - set(everything.free_names) == {"D0_sample", "v_offset", "f2"}


@pytest.mark.parametrize(("mode", "n"), [("individual", 3), ("shared", 1), ({"fourier": 1}, 3)])
def test_contrast_and_offset_are_linear_in_their_coefficients(mode: object, n: int) -> None:
    scaling = make_scaling(load_config({"scaling": mode}), load_model(), PHI)
    assert scaling.lower.shape == scaling.upper.shape == (2, n)
    assert scaling.mean.shape == scaling.scale.shape == scaling.precision.shape == (2 * n,)
    # Of a series only the constant is around the prior's middle.
    assert np.count_nonzero(scaling.mean) == (2 if isinstance(mode, dict) else 2 * n)
    several = np.random.default_rng(1).normal(size=(2, 4, 2 * n))
    contrast, offset = scaling.per_angle(several)
    assert contrast.shape == offset.shape == (2, 4, 3)
    np.testing.assert_allclose(contrast, several[..., :n] @ scaling.basis.T, rtol=1e-15)
    np.testing.assert_allclose(scaling.per_angle(several[1, 2])[1], offset[1, 2], rtol=1e-15)


def test_every_list_of_another_length_is_told() -> None:
    values = {"contrast": {"value": [0.1, 0.2]}, "offset": {"value": [1.0, 1.0]}}
    with pytest.raises(ConfigError) as caught:
        make_scaling(load_config({"model": {"parameters": values}}), load_model(), PHI)
    assert [problem.path for problem in caught.value.problems] == [f"model.parameters.{name}.value" for name in values]


def test_noise_of_a_map_is_seen_through_a_smooth_signal() -> None:
    rng = np.random.default_rng(2)
    age = np.arange(300)
    smooth = np.exp(-abs(age - age[:, None]) / 30) * (1 + age / 300)
    valid = np.ones((300, 300), bool)
    assert noise_sd(smooth + rng.normal(0, 0.01, smooth.shape), valid) == pytest.approx(0.01, rel=0.02)
    valid[100] = valid[:, 100] = False
    spoiled = smooth + rng.normal(0, 0.01, smooth.shape)
    spoiled[100] = spoiled[:, 100] = np.nan
    assert noise_sd(spoiled, valid) == pytest.approx(0.01, rel=0.02)


def test_noise_of_a_measurement_is_that_of_all_its_maps() -> None:
    rng, t = np.random.default_rng(3), 0.1 * np.arange(1, 301)
    noise = rng.normal(0, 1, (2, 300, 300)) * np.array([0.01, 0.02])[:, None, None]
    maps = 1 + np.triu(noise) + np.swapaxes(np.triu(noise, 1), 1, 2)
    data = TwoTimeData(c2=maps, t=t, q=0.005, phi=PHI[:2])
    every = np.ones((300, 300), bool)
    expected = np.sqrt(np.mean([noise_sd(one, every) ** 2 for one in maps]))
    assert data_noise(data) == pytest.approx(expected, rel=1e-6)
    assert expected == pytest.approx(np.sqrt((0.01**2 + 0.02**2) / 2), rel=0.02)


@pytest.mark.parametrize("first", [0.0, 0.1, 500.0])
def test_bands_have_the_ages_of_the_first_and_the_last_frame(first: float) -> None:
    t = first + 0.1 * np.arange(300)
    ages = band_ages(t)
    assert (ages[0], ages[-1]) == (t[0], pytest.approx(t[-1], rel=1e-12))
    assert np.all(np.diff(ages) > 0)
