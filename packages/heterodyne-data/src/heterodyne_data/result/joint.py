"""The result of a joint fit of several measurements of one sample, and its files.

``joint_result.json`` in a folder holds what the measurements have in common; in the folder of every measurement are its
part of the joint estimate, as the result of a fit, and below ``alone`` its estimate by itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from heterodyne_data.json_values import from_json_values, to_json_values
from heterodyne_data.presentation import short_text
from heterodyne_data.result.members import member_folders, remove_member
from heterodyne_data.result.nlsq import NLSQResult
from heterodyne_data.result.parts import Derived
from heterodyne_spec import ConfigError, Problem, ResultError, count_noun, read_document, text_writer, write_together

KIND = "joint_result"
JOINT_NAME = "joint_result.json"
"""File name of the common part of a joint fit."""

ALONE = "alone"
"""Folder, in that of a measurement, of its estimate by itself."""


@dataclass(frozen=True)
class JointParameter:
    """A parameter of a joint fit: common to all, or that of a `member` (``""`` if common); `sd` is NaN if it was held
    or is not determined.
    """

    name: str
    member: str
    unit: str
    value: float
    sd: float
    determined: bool
    status: str


@dataclass(frozen=True)
class Agreement:
    """Whether the measurements agree on what they have in common.

    `statistic` is the decrease of the calibrated chi-square if every measurement is fitted by itself, `expected` its
    mean by chance and `p_value` the probability that it is as large by chance. `words` states it. `freedom` are the
    degrees of freedom of a chi-square that scatters as much, NaN in results that did not state them.
    """

    statistic: float
    expected: float
    p_value: float
    words: str
    freedom: float = math.nan


@dataclass(frozen=True)
class FittedExponent:
    """The exponent of q in a function, `expected` by the model (2 in q² J, 1 in q v); `p_value` is that of the
    difference.
    """

    name: str
    expected: float
    value: float
    sd: float
    p_value: float
    words: str


@dataclass(frozen=True)
class Scatter:
    """The scatter between repeats over the calibrated noise: the ratio of their standard deviations, and its own."""

    ratio: float
    sd: float
    words: str


@dataclass(frozen=True)
class JointMember:
    """A measurement of a joint fit: its part of the joint estimate, and its estimate by itself."""

    label: str
    joint: NLSQResult
    alone: NLSQResult


@dataclass(frozen=True, repr=False)
class JointResult:
    """A joint least-squares fit of several measurements of one sample: several q, repeats, or both.

    Attributes
    ----------
    verdict : ``usable``, ``caution`` or ``no-signal``.
    sentence : the verdict in words.
    shared : names of the parameters that are common.
    parameters : all parameters: the common ones, then those of every measurement.
    headline : what is quoted of the common functions at the reference age.
    agreement : the test of what is common; None if nothing is, or if there is one measurement.
    exponents : of q in the functions, as free parameters; empty if all q are equal.
    scatter : between repeats, from three measurements of one q on; None otherwise.
    members : the measurements, each with its part of the joint estimate and its estimate by itself.
    warnings : what limits the use of the values.
    chi2 : of the joint fit, in units of the noise with what pairs share included.
    """

    shared: tuple[str, ...]
    parameters: tuple[JointParameter, ...]
    headline: tuple[Derived, ...]
    members: tuple[JointMember, ...]
    chi2: float
    success: bool
    message: str
    verdict: str
    sentence: str
    warnings: tuple[str, ...] = ()
    agreement: Agreement | None = None
    exponents: tuple[FittedExponent, ...] = ()
    scatter: Scatter | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    command: str = ""

    def __repr__(self) -> str:
        agree = "" if self.agreement is None else self.agreement.words
        size = f"{count_noun(len(self.members), 'measurement')}: {', '.join(m.label for m in self.members)}"
        return short_text(f"JointResult: {self.verdict}", [self.sentence, size, agree])

    def save(self, folder: str | Path) -> Path:
        """Write the files of all measurements and the common part into a folder; return the path of the latter.

        Raises
        ------
        OutputError : when a file cannot be written.
        """
        folder = Path(folder)
        folders = [f"{k + 1:02d}" for k in range(len(self.members))]
        for name, member in zip(folders, self.members, strict=True):
            member.joint.save(folder / name)
            member.alone.save(folder / name / ALONE)
        own = [one.name for one in fields(self) if one.name != "members"]
        document = {
            "schema_version": 1,
            "kind": KIND,
            **{name: to_json_values(_plain(getattr(self, name))) for name in own},
            "members": [{"label": m.label, "folder": f} for m, f in zip(self.members, folders, strict=True)],
        }
        text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        path = folder / JOINT_NAME
        before = member_folders(path, KIND)
        # The common part last: it never refers to what is missing.
        write_together({path: text_writer(text)})
        for name in before - set(folders):
            remove_member(folder / name, _OF_MEMBER)
        return path

    @classmethod
    def load(cls, path: str | Path, *, maps: bool = True) -> JointResult:
        """Read a joint result from its folder or the path of its JSON file.

        Raises
        ------
        ResultError : when a file is missing or damaged.
        """
        path = Path(path)
        path = path / JOINT_NAME if path.suffix != ".json" else path
        try:
            document = read_document(path)
            if document.get("kind") != KIND:
                raise ResultError(
                    str(path),
                    [Problem("kind", repr(document.get("kind")), f'"{KIND}"', "give the folder of a joint fit")],
                )
            members = tuple(
                JointMember(
                    one["label"],
                    NLSQResult.load(path.parent / one["folder"], maps=maps),
                    NLSQResult.load(path.parent / one["folder"] / ALONE, maps=maps),
                )
                for one in document["members"]
            )
            return cls(
                **{name: document[name] for name in ("chi2", "success", "message", "verdict", "sentence", "command")},
                shared=tuple(document["shared"]),
                parameters=tuple(from_json_values(JointParameter, row) for row in document["parameters"]),
                headline=tuple(from_json_values(Derived, row) for row in document["headline"]),
                members=members,
                warnings=tuple(document["warnings"]),
                agreement=_maybe(Agreement, document["agreement"]),
                exponents=tuple(from_json_values(FittedExponent, row) for row in document["exponents"]),
                scatter=_maybe(Scatter, document["scatter"]),
                timings=document["timings"],
            )
        except ConfigError as error:
            raise ResultError(error.source, error.problems) from None
        except (KeyError, TypeError, AttributeError) as error:
            found = f"{type(error).__name__}: {error}"
            problem = Problem("joint result", found, "the keys that it was written with", "fit again")
            raise ResultError(str(path), [problem]) from None


_FILES = ("nlsq_result.json", "nlsq_result.h5")
_OF_MEMBER = (*_FILES, *(f"{ALONE}/{name}" for name in _FILES))
"""What a joint fit writes into the folder of a measurement."""


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return dict(vars(value)) if hasattr(value, "__dataclass_fields__") else value


def _maybe[T](kind: type[T], document: Any) -> T | None:
    return None if document is None else from_json_values(kind, document)
