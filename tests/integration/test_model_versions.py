"""Installed distributions that implement different versions of the model are told apart, with what to upgrade."""

import pytest

import heterodyne_physics_elementwise as elementwise
import heterodyne_physics_meshgrid as meshgrid
from heterodyne_spec import ModelVersionError, check_model_versions, load_model

MESHGRID, ELEMENTWISE = "heterodyne-physics-meshgrid", "heterodyne-physics-elementwise"
INSTALLED = {MESHGRID: meshgrid.MODEL_VERSION, ELEMENTWISE: elementwise.MODEL_VERSION}


def other(part: int, change: int) -> str:
    """Return the version of the model with one of its three numbers changed."""
    numbers = [int(number) for number in load_model().version.split(".")]
    numbers[part] += change
    return ".".join(map(str, numbers))


def test_the_distributions_of_this_repository_agree() -> None:
    assert check_model_versions(INSTALLED) == load_model().version
    assert check_model_versions({}) == load_model().version


@pytest.mark.parametrize("part", [0, 1, 2])
def test_the_distribution_that_lags_behind_is_to_be_upgraded(part: int) -> None:
    newer = other(part, +1)
    with pytest.raises(ModelVersionError) as raised:
        check_model_versions({**INSTALLED, MESHGRID: newer})
    text = str(raised.value)
    assert f"{MESHGRID} has {newer}" in text
    assert f"upgrade heterodyne-spec, {ELEMENTWISE} to model {newer}" in text
    assert f"pip install --upgrade heterodyne-spec {ELEMENTWISE}" in text


def test_an_old_backend_is_named_alone() -> None:
    with pytest.raises(ModelVersionError, match=rf"upgrade {ELEMENTWISE} to model {load_model().version}, e.g. pip"):
        check_model_versions({**INSTALLED, ELEMENTWISE: other(0, -1)})


def test_versions_are_compared_as_numbers() -> None:
    with pytest.raises(ModelVersionError, match=r"to model 10\.0\.0"):
        check_model_versions({MESHGRID: "9.0.0", ELEMENTWISE: "10.0.0"})
