"""The programs whose files are known, and their conventions as their code has them (not always as their texts have)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_PLAIN_NAMES = {
    "D0_reference": "D0_ref",
    "D0_ref_value": "D0_ref",
    "alpha_reference": "alpha_ref",
    "D_offset_reference": "D_offset_ref",
    "velocity": "v0",
    "v_0": "v0",
    "velocity_offset": "v_offset",
    "fraction_0": "f0",
    "fraction_1": "f1",
    "fraction_2": "f2",
    "fraction_3": "f3",
    "angle_phi0": "phi0",
}


@dataclass(frozen=True)
class Program:
    """A program whose configurations are read.

    Parameters
    ----------
    name : what it is called in reports.
    other_model : why its parameters are not translated; None when its model is this one.
    aliases : its names of parameters, where they are not ours.
    phi0_sign : +1 where it computes cos(phi + phi0), -1 where it computes cos(phi0 - phi).
    first_age : age of the first frame of a window in units of dt, by its clock, which begins anew with every window.
    differs : what it understands differently in any file, as (subject, sentence).
    """

    name: str
    other_model: str | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    phi0_sign: int = 1
    first_age: int = 1
    differs: tuple[tuple[str, str], ...] = ()


_SMOOTH_CLIP = (
    "fraction",
    "recent versions there bend the fraction smoothly into 0..1, by up to 0.014 at the limits; here it is cut",
)

HETERODYNE = Program("heterodyne", None, _PLAIN_NAMES, differs=(_SMOOTH_CLIP,))

XPCSJAX = Program("xpcsjax", None, {**_PLAIN_NAMES, "v_beta": "beta", "phi0_het": "phi0"}, differs=(_SMOOTH_CLIP,))

# The predecessor of heterodyne; its files are JSON.
HETERODYNE_ANALYSIS = Program(
    "heterodyne-analysis",
    phi0_sign=-1,
    first_age=0,
    differs=(
        ("integrals", "sums over frames there, the trapezoid rule here; they differ where rates change with age"),
    ),
)

# Its form with 11 parameters has one transport coefficient for both components.
ONE_TRANSPORT = {"D0": "D0_ref", "alpha": "alpha_ref", "D_offset": "D_offset_ref"}

_SHEAR_MODEL = "belongs to another model: one component with diffusion and shear, not two with a velocity"

HOMODYNE = Program("homodyne", _SHEAR_MODEL)
XPCSJAX_HOMODYNE = Program("xpcsjax (homodyne)", _SHEAR_MODEL)
ANY = Program("homodyne, heterodyne or xpcsjax", "the file does not say which model it belongs to")
