"""Supported programs and their conventions, taken from their code (their documentation may differ)."""

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
    """A program whose configurations can be translated.

    Parameters
    ----------
    name : its name in reports.
    other_model : why its parameters are not translated; None if it has the same model.
    aliases : its names of parameters that differ from ours.
    phi0_sign : +1 if it computes cos(phi + phi0), -1 if it computes cos(phi0 - phi).
    first_age : its age of the first frame of a window in units of dt.
    differs : differences in meaning that apply to every file, as (subject, sentence).
    """

    name: str
    other_model: str | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    phi0_sign: int = 1
    first_age: int = 1
    differs: tuple[tuple[str, str], ...] = ()


_SMOOTH_CLIP = (
    "fraction",
    "recent versions limit the fraction smoothly to 0..1 (deviations up to 0.014 at the limits); here it is clipped",
)

HETERODYNE = Program("heterodyne", None, _PLAIN_NAMES, differs=(_SMOOTH_CLIP,))

XPCSJAX = Program("xpcsjax", None, {**_PLAIN_NAMES, "v_beta": "beta", "phi0_het": "phi0"}, differs=(_SMOOTH_CLIP,))

# The predecessor of heterodyne; its files are JSON.
HETERODYNE_ANALYSIS = Program(
    "heterodyne-analysis",
    phi0_sign=-1,
    first_age=0,
    differs=(("integrals", "sums over frames there, the trapezoid rule here; they differ if rates change with age"),),
)

# The variant with 11 parameters has one transport coefficient for both components.
ONE_TRANSPORT = {"D0": "D0_ref", "alpha": "alpha_ref", "D_offset": "D_offset_ref"}

_SHEAR_MODEL = "belongs to another model: one component with diffusion and shear, not two with a velocity"

HOMODYNE = Program("homodyne", _SHEAR_MODEL)
XPCSJAX_HOMODYNE = Program("xpcsjax (homodyne)", _SHEAR_MODEL)
ANY = Program("homodyne, heterodyne or xpcsjax", "the file does not state its model")
