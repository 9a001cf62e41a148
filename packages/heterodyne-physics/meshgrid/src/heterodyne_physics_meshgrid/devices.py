"""The check that JAX finds a device, for whoever computes with it; JAX itself is not imported here."""

from __future__ import annotations

import os
from collections.abc import Callable

from heterodyne_spec import HeterodyneError

ASKING = ("JAX_PLATFORMS", "JAX_PLATFORM_NAME")
"""Variables of the environment that ask for a kind of device."""


class DeviceError(HeterodyneError):
    """JAX finds no device of the kind that the environment asks for."""


def check_devices(devices: Callable[[], object]) -> None:
    """Check that JAX finds its devices, with ``jax.devices``, and say which setting keeps it from them.

    Raises
    ------
    DeviceError : when it finds none.
    """
    try:
        devices()
    except Exception as error:  # of a platform that is not there: RuntimeError, or an AssertionError without a word
        asked = " and ".join(f"{name}={os.environ[name]}" for name in ASKING if os.environ.get(name))
        why = " ".join(str(error).split())[:200]
        raise DeviceError(
            f"JAX finds no device{f' with {asked}' if asked else ''}{f' ({why})' if why else ''}; "
            "set JAX_PLATFORMS=cpu, or unset it to use any device that is there"
        ) from error
