"""Units stated in attributes: converted or refused, never ignored or guessed from the numbers.

Why not pint 0.26: it reads ``1/A`` as one over ampere, does not read ``chi_deg`` or ``inverse angstrom``, and takes
270 ms to load.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.source import Source
from heterodyne_spec import DataError

ATTRIBUTES = ("units", "unit")
"""NeXus uses ``units``, files of two beamlines ``unit``; case does not matter. Archives have no attributes: a string
``q_unit`` beside ``q`` is equivalent."""

MOST_NAMED = 4
"""Maximum number of fields named in a message, the usual ones first."""

# Divisors: 0.054 / 10 is 0.0054 to the last digit, 0.054 * 0.1 is not.
_LENGTHS = {"å": 1.0, "nm": 10.0, "um": 1e4, "m": 1e10}
_SYNONYMS = {
    **dict.fromkeys(("a", "\\aa", "aa", "\\mathrm\\aa", "\\mathrma", "ang", "ang."), "å"),
    **dict.fromkeys(("angstrom", "angstroms", "ångström", "ångstrom"), "å"),
    **dict.fromkeys(("nanometer", "nanometers", "nanometre", "nanometres"), "nm"),
    **dict.fromkeys(("\N{GREEK SMALL LETTER MU}m", "micron", "microns", "micrometer", "micrometre"), "um"),
    **dict.fromkeys(("meter", "meters", "metre", "metres"), "m"),
}
_TIMES = {
    **dict.fromkeys(("s", "sec", "sec.", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), 1e3),
    **dict.fromkeys(("us", "\N{GREEK SMALL LETTER MU}s", "usec", "\N{GREEK SMALL LETTER MU}sec"), 1e6),
    **dict.fromkeys(("microsecond", "microseconds"), 1e6),
    **dict.fromkeys(("ns", "nsec", "nanosecond", "nanoseconds"), 1e9),
}
_ANGLES = {
    # pyFAI names the unit after the angle.
    **dict.fromkeys(("deg", "deg.", "degs", "degree", "degrees", "°", "o", "chi_deg"), 1.0),
    **dict.fromkeys(("rad", "radian", "radians", "chi_rad"), math.pi / 180),
}
# 1/Å, Å^-1, Å**-1, inverse angstrom; q_Å^-1 in pyFAI.
_RECIPROCAL = re.compile(r"(?:q_)?(?:(?:1?/|inverse|inv\.?|reciprocal|per)(?P<over>.+?)|(?P<power>.+?)(?:\^|\*\*)?-1)")


@dataclass(frozen=True)
class Kind:
    """A kind of quantity: its unit here, the units allowed in files, and the divisor (None if unknown).

    `short` is the name of lists of it in the names of their units.
    """

    unit: str
    expected: str
    divisor: Callable[[str], float | None]
    short: str = ""

    def same(self, one: str, other: str) -> bool:
        """Return whether two strings denote the same unit in any spelling."""
        texts = normalised(one), normalised(other)
        factors = self.divisor(texts[0]), self.divisor(texts[1])
        return texts[0] == texts[1] or (factors[0] is not None and factors[0] == factors[1])


def _reciprocal(text: str) -> float | None:
    match = _RECIPROCAL.fullmatch(text)
    length = (match["over"] or match["power"]) if match else ""
    return _LENGTHS.get(_SYNONYMS.get(length, length))


_METRES = {
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1.0),
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), 1e3),
    **dict.fromkeys(("um", "\N{GREEK SMALL LETTER MU}m", "micron", "microns", "micrometer", "micrometers"), 1e6),
}
_ENERGIES = {"kev": 1.0, "ev": 1e3}

WAVEVECTOR = Kind("1/Å", "1/Å, 1/nm or 1/m", _reciprocal, "q")
TIME = Kind("s", "s, ms, us or ns", _TIMES.get)
ANGLE = Kind("degrees", "degrees or radians", _ANGLES.get, "phi")
LENGTH = Kind("m", "m, mm or um", _METRES.get)
ENERGY = Kind("keV", "keV or eV", _ENERGIES.get)


_SHORT = {
    **dict.fromkeys(("dynamic_q_list", "wavevector_q_list", "q_values", "dqlist", "qval_dict"), "q"),
    **dict.fromkeys(("dynamic_phi_list", "phi_angles_list", "dphilist"), "phi"),
    **dict.fromkeys(("t1", "t2"), "t"),
    **dict.fromkeys(("frame_time", "exposure_period"), "dt"),
}
"""Names of fields in the names of their units, if not their own."""


def stated_unit(source: Source, key: str, kind: Kind | None = None) -> str | None:
    """Return the unit of a field, from an attribute or a string beside it; None if there is none.

    Units in attributes of its group and of the file, and in strings in its group, count if their name contains that of
    the field; a plain ``units`` there counts if it is a unit of `kind`.
    """
    texts: dict[str, str] = {}
    for name in sorted(source.attribute_names(key), reverse=True):
        if name.casefold() not in ATTRIBUTES:
            continue
        value = source.attribute(key, name)
        if not isinstance(value, str | None):
            raise DataError(f"{key}@{name}: found {value.tolist()}, expected the name of a unit; correct the attribute")
        if value and value.strip():
            texts[name] = value.strip()
    for beside in (f"{key}_{name}" for name in ATTRIBUTES):
        if source.has(beside):
            if len(words := source.texts(beside)) != 1:
                raise DataError(f"{beside}: found no string, expected the name of the unit of {key}; correct the file")
            texts[beside] = words[0].strip()
    texts |= around(source, key, kind)
    if len({normalised(text) for text in texts.values()}) > 1 and not _all_same(list(texts.values()), kind):
        listed = " and ".join(f"{name} = {text!r}" for name, text in texts.items())
        raise DataError(f"{key}: found {listed}, expected one of them; correct the attributes")
    return next(iter(texts.values()), None)


def _all_same(texts: Sequence[str], kind: Kind | None) -> bool:
    return kind is not None and all(kind.same(texts[0], text) for text in texts[1:])


def around(source: Source, key: str, kind: Kind | None) -> dict[str, str]:
    """Return the units that the group of a field and the file state for it, by place."""
    group, _, name = key.rpartition("/")
    short = kind.short if kind is not None and kind.short and name.startswith("dynamic_v_list") else _SHORT.get(name)
    whose = {name, short or name}
    wanted = {f"{one}_{word}".casefold() for one in whose for word in ATTRIBUTES}
    found: dict[str, str] = {}
    for where in dict.fromkeys((key, group or "/", "/")):
        for attribute in source.attribute_names(where):
            spelled = attribute.casefold()
            mere = where != key and spelled in ATTRIBUTES
            if spelled not in wanted and not mere:
                continue
            text = source.attribute(where, attribute)
            if not isinstance(text, str):
                if mere or text is None:
                    continue
                raise DataError(f"{where}@{attribute}: found no string, expected the name of a unit; correct the file")
            if not text.strip():
                continue
            if not mere or (kind is not None and kind.divisor(normalised(text)) is not None):
                found[f"{where}@{attribute}"] = text.strip()
    for beside in (f"{group}/{one}_{word}" if group else f"{one}_{word}" for one in whose for word in ATTRIBUTES):
        if beside.rpartition("/")[2] not in (f"{name}_{word}" for word in ATTRIBUTES) and source.has(beside):
            found |= dict.fromkeys((beside,) if source.texts(beside) else (), source.texts(beside)[0].strip())
    return found


def check_units_known(source: Source, fields: Sequence[str]) -> None:
    """Refuse units at the top of a file that belong to no field that is read, because they would be ignored."""
    known = {f"{field}_{name}" for field in fields for name in ATTRIBUTES}
    for name in source.names():
        if "unit" in name.casefold() and name not in known:
            raise DataError(
                f"{name}: is not the unit of a field that is read, expected {fields[0]}_unit and the like, of "
                f"{', '.join(fields[:MOST_NAMED])}; rename it, or convert the numbers and remove it"
            )


def convert(
    key: str, values: NDArray[np.float64], unit: str | None, kind: Kind
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return numbers in the unit of `kind` (theirs when none is stated), and a note when they were converted."""
    by = 1.0 if unit is None else kind.divisor(normalised(unit))
    if by is None:
        raise DataError(f"{key}: found the unit {unit!r}, expected {kind.expected}; correct the attribute")
    return (values, ()) if by == 1 else (values / by, (f"{key}: converted from {unit} to {kind.unit}",))


def normalised(unit: str) -> str:
    """Return one spelling for Å (two code points), superscripts, minus signs, blanks, braces, and case."""
    text = unicodedata.normalize("NFKC", unit).replace("\N{MINUS SIGN}", "-").casefold()
    return re.sub(r"[\s(){}$]", "", text)
