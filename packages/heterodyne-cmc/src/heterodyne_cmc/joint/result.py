"""The posterior of several measurements of one sample, and its files.

``joint_posterior.json`` in a folder holds what the measurements have in common; in the folder of every measurement is
its part, the posterior of that measurement given all of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heterodyne_cmc.posterior import SummaryRow
from heterodyne_cmc.result import NETCDF_NAME, CMCResult
from heterodyne_data import member_folders, remove_member, short_text, to_json_values
from heterodyne_spec import ConfigError, Problem, ResultError, count_noun, read_document, text_writer, write_together

KIND = "joint_posterior"
JOINT_POSTERIOR_NAME = "joint_posterior.json"
"""File name of the common part."""


@dataclass(frozen=True)
class PosteriorMember:
    """A measurement of a joint posterior: its part, with the draws of the common parameters that all parts have."""

    label: str
    posterior: CMCResult


@dataclass(frozen=True, repr=False)
class JointPosterior:
    """The posterior of several measurements of one sample: several q, repeats, or both.

    Attributes
    ----------
    success : whether the draws can be used; `message` says why, or why not.
    shared : names of the parameters that are common.
    members : the measurements, each with its part: common draws, and those of what is its own.
    method : ``exact``, if all maps were sampled at once; ``consensus``, if one shard per measurement was.
    warnings : what limits the use of the values.
    """

    success: bool
    message: str
    shared: tuple[str, ...]
    members: tuple[PosteriorMember, ...]
    method: str
    warnings: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    command: str = ""

    def __repr__(self) -> str:
        size = f"{count_noun(len(self.members), 'measurement')}: {', '.join(m.label for m in self.members)}"
        head = f"JointPosterior: {'usable' if self.success else 'not reliable'}"
        return short_text(head, [self.message, size, count_noun(len(self.warnings), "warning")])

    @property
    def common(self) -> tuple[SummaryRow, ...]:
        """The rows of the common parameters that are not fixed."""
        return tuple(row for row in self.members[0].posterior.summary if row.name in self.shared)

    def row(self, name: str) -> SummaryRow:
        """Return the row of a common parameter.

        Raises
        ------
        KeyError : if there is none.
        """
        found = {row.name: row for row in self.common}
        if name not in found:
            raise KeyError(f"no common parameter {name}; common: {', '.join(found) or 'nothing'}")
        return found[name]

    def save(self, folder: str | Path) -> Path:
        """Write the files of all measurements and the common part into a folder; return the path of the latter.

        Raises
        ------
        OutputError : when a file cannot be written.
        """
        folder = Path(folder)
        names = [f"{k + 1:02d}" for k in range(len(self.members))]
        for name, member in zip(names, self.members, strict=True):
            (folder / name).mkdir(parents=True, exist_ok=True)
            member.posterior.save(folder / name)
        document = {
            "schema_version": 1,
            "kind": KIND,
            "success": self.success,
            "message": self.message,
            "shared": list(self.shared),
            "method": self.method,
            "warnings": list(self.warnings),
            "timings": dict(self.timings),
            "command": self.command,
            "common": [to_json_values(vars(row)) for row in self.common],
            "members": [{"label": m.label, "folder": name} for m, name in zip(self.members, names, strict=True)],
        }
        text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        path = folder / JOINT_POSTERIOR_NAME
        before = member_folders(path, KIND)
        # The common part last: it never refers to what is missing.
        write_together({path: text_writer(text)})
        for name in before - set(names):
            remove_member(folder / name, [NETCDF_NAME])
        return path

    @classmethod
    def load(cls, path: str | Path) -> JointPosterior:
        """Read a joint posterior from its folder or the path of its JSON file.

        Raises
        ------
        ResultError : when a file is missing or damaged.
        """
        path = Path(path)
        path = path / JOINT_POSTERIOR_NAME if path.suffix != ".json" else path
        try:
            document: dict[str, Any] = dict(read_document(path))
            if document.get("kind") != KIND:
                wanted = f'"{KIND}"'
                problem = Problem("kind", repr(document.get("kind")), wanted, "give the folder of a joint posterior")
                raise ResultError(str(path), [problem])
            return cls(
                **{name: document[name] for name in ("success", "message", "method", "timings", "command")},
                shared=tuple(document["shared"]),
                warnings=tuple(document["warnings"]),
                members=tuple(
                    PosteriorMember(one["label"], CMCResult.load(path.parent / one["folder"]))
                    for one in document["members"]
                ),
            )
        except ConfigError as error:
            raise ResultError(error.source, error.problems) from None
        except (KeyError, TypeError, AttributeError) as error:
            found = f"{type(error).__name__}: {error}"
            problem = Problem("joint posterior", found, "the keys that it was written with", "sample again")
            raise ResultError(str(path), [problem]) from None
