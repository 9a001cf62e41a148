import pytest

from heterodyne_physics_meshgrid.devices import ASKING, DeviceError, check_devices


@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        ("JAX_PLATFORMS", AssertionError(), r"JAX finds no device with JAX_PLATFORMS=cuda; set JAX_PLATFORMS=cpu"),
        ("JAX_PLATFORM_NAME", RuntimeError("Unknown\nbackend"), r"JAX_PLATFORM_NAME=cuda \(Unknown backend\); set "),
    ],
)
def test_a_device_that_is_not_there_is_told_with_the_setting_that_asks_for_it(monkeypatch, name, error, text):
    def devices():
        raise error

    for one in ASKING:
        monkeypatch.delenv(one, raising=False)
    monkeypatch.setenv(name, "cuda")
    with pytest.raises(DeviceError, match=text):
        check_devices(devices)
    check_devices(lambda: ["cpu"])
