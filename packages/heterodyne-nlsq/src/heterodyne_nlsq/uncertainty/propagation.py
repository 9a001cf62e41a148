"""Propagation of the parameter covariance to bands of the functions of age and derived quantities."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from heterodyne_data import Bands, Derived
from heterodyne_data.setup import band_ages, reference_age
from heterodyne_nlsq.at_ages import Found
from heterodyne_nlsq.models import knowledge_of
from heterodyne_nlsq.setup import Setup

type FloatArray = npt.NDArray[np.float64]


def _propagated(
    of: Callable[..., Found], setup: Setup, values: FloatArray, root: FloatArray, *given: float
) -> tuple[FloatArray, FloatArray]:
    """Return quantities `of` the functions of age and the `given` arguments, with standard deviations to first order.

    `root` (n_free, k) times its transpose is the covariance of the free parameters: variances that cancel keep their
    digits.
    """
    found = of(functools.partial(setup.spec.functions_with_slopes, values), *given)
    return found.value, np.linalg.norm(found.slopes @ setup.free.expand @ root, axis=1)


def bands(setup: Setup, values: FloatArray, root: FloatArray) -> Bands:
    """Return the functions of age with standard deviations; `root` (n_free, k) is that of the covariance."""
    t, names = setup.data.t, [f.name for f in setup.spec.functions]
    # The age of quoted results among them.
    ages = np.unique(np.append(band_ages(t), reference_age(t)))
    value, slopes = setup.spec.functions_with_slopes(values, ages)
    sd = np.linalg.norm(slopes @ (setup.free.expand @ root), axis=-1)
    return Bands(ages, dict(zip(names, value, strict=True)), dict(zip(names, sd, strict=True)))


def headline(setup: Setup, values: FloatArray, root: FloatArray) -> tuple[Derived, ...]:
    """Return what is quoted at the reference age; `root` (n_free, k) is that of the covariance."""
    age = reference_age(setup.data.t)
    labels, of = knowledge_of(setup.spec.id).headline(f"at {age:.4g} s")
    return _named(labels, *_propagated(of, setup, values, root, age))


def derived(setup: Setup, values: FloatArray, root: FloatArray) -> tuple[Derived, ...]:
    """Return what people quote of the whole measurement, or at its middle."""
    t, q = setup.data.t, setup.data.q
    labels, of = knowledge_of(setup.spec.id).derived(f"at age {(t[0] + t[-1]) / 2:.4g} s")
    return _named(labels, *_propagated(of, setup, values, root, t[0], t[-1], q))


def _named(labels: Iterable[tuple[str, str, str]], value: FloatArray, sd: FloatArray) -> tuple[Derived, ...]:
    return tuple(
        Derived(name, float(v), float(s), unit, meaning)
        for (name, unit, meaning), v, s in zip(labels, value, sd, strict=True)
        if np.isfinite(v) and np.isfinite(s)
    )
