"""Check that JAX finds a device; this module does not import JAX."""

from __future__ import annotations

import os
from collections.abc import Callable

from heterodyne_spec import HeterodyneError

ASKING = ("JAX_PLATFORMS", "JAX_PLATFORM_NAME")
"""Environment variables that select a kind of device."""


class DeviceError(HeterodyneError):
    """JAX finds no device of the kind requested by the environment."""


def check_devices(devices: Callable[[], object]) -> None:
    """Check that JAX finds devices, by calling `devices` (``jax.devices``), and name the setting that prevents it.

    Raises
    ------
    DeviceError : if it finds none.
    """
    try:
        devices()
    except Exception as error:  # unavailable platforms raise RuntimeError, or AssertionError without a message
        asked = " and ".join(f"{name}={os.environ[name]}" for name in ASKING if os.environ.get(name))
        why = " ".join(str(error).split())[:200]
        raise DeviceError(
            f"JAX finds no device{f' with {asked}' if asked else ''}{f' ({why})' if why else ''}; "
            "set JAX_PLATFORMS=cpu, or unset it to use any available device"
        ) from error
