"""Rules for a result file."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from heterodyne_spec.errors import Problem, did_you_mean
from heterodyne_spec.lint.rule import Rule, items, mapping, number, run
from heterodyne_spec.lint.schema import FollowsSchema, OnlyFiniteNumbers
from heterodyne_spec.model import DEFAULT, ModelSpec, load_model
from heterodyne_spec.models import model_names


def _list(document: Any, *path: str) -> list[Any]:
    found = mapping(document, *path[:-1]).get(path[-1])
    return found if isinstance(found, list) else []


def _model(document: Any) -> ModelSpec:
    """Return the model that a result is of, the usual one where that is not installed."""
    name = mapping(document, "model").get("id")
    return load_model(name if name in model_names() else DEFAULT)


class ResultNamesKnown(Rule):
    """The parameters are those of the model, in canonical order."""

    def check(self, document: Any) -> Iterator[Problem]:
        known = list(_model(document).names)
        found = [str(item.get("name")) for item in items(document, "parameters")]
        for name in found:
            if name not in known:
                yield self.problem(f"parameters.{name}", f"'{name}'", "a parameter", did_you_mean(name, known))
        if found != known and all(name in known for name in found):
            yield self.problem("parameters", ", ".join(found), ", ".join(known), "list all in canonical order")


class VaryingAreFree(Rule):
    """The rows of the covariance are named after the free parameters."""

    def check(self, document: Any) -> Iterator[Problem]:
        free = [item.get("name") for item in items(document, "parameters") if item.get("status") == "free"]
        if (found := _list(document, "varying")) != free:
            yield self.problem("varying", found, f"the free parameters {free}", "correct the list")


class CovarianceMatches(Rule):
    """A covariance is square, one row per varying parameter, symmetric, its diagonal not negative.

    A joint one has a row more for every contrast and offset.
    """

    def check(self, document: Any) -> Iterator[Problem]:
        varying = len(_list(document, "varying"))
        joint = varying + 2 * len(_list(document, "scaling", "contrast"))
        paths = {("covariance",): varying, ("covariance_iid",): varying}
        given = (("scaling", "joint_covariance"), ("scaling", "joint_covariance_iid"))
        for path, size in (paths | {path: joint for path in given if _list(document, *path)}).items():
            key, rows = ".".join(path), _list(document, *path)
            if len(rows) != size or any(not isinstance(row, list) or len(row) != size for row in rows):
                yield self.problem(key, f"{len(rows)} rows", f"{size} x {size}", "write the result again")
                continue
            values = [[number(value) or 0.0 for value in row] for row in rows]
            if any(values[i][i] < 0 for i in range(size)):
                yield self.problem(key, "a negative variance", "a covariance", "write the result again")
            if any(values[i][j] != values[j][i] for i in range(size) for j in range(i)):
                yield self.problem(key, "an asymmetric matrix", "a covariance", "write the result again")


class OneScalingPerAngle(Rule):
    """Contrast, offset and what is said of the noise have one value per angle."""

    def check(self, document: Any) -> Iterator[Problem]:
        n_phi = len(_list(document, "data", "phi"))
        lists = [("scaling", key) for key in ("contrast", "offset", "contrast_sd", "offset_sd")]
        if mapping(document, "noise"):
            lists += [("noise", key) for key in ("effective_pixels", "own_share", "excess")]
        for path in [*lists, ("noise_sd",)]:
            if len(found := _list(document, *path)) != n_phi:
                yield self.problem(".".join(path), f"{len(found)} values", f"{n_phi}", "write the result again")


class AgesComplete(Rule):
    """What is given by age has one value per age for every function of the model."""

    def check(self, document: Any) -> Iterator[Problem]:
        names = sorted(f.name for f in _model(document).functions)
        for key, part in itertools.product(("age_resolved", "bands"), ("values", "sd")):
            if not mapping(document, key):
                continue
            n_age, found = len(_list(document, key, "t")), mapping(document, key, part)
            if sorted(found) != names:
                yield self.problem(f"{key}.{part}", ", ".join(found), ", ".join(names), "write the result again")
            for name in found:
                if len(values := _list(document, key, part, name)) != n_age:
                    where = f"{key}.{part}.{name}"
                    yield self.problem(where, f"{len(values)} values", f"{n_age}", "write the result again")


class AlternativesComplete(Rule):
    """An alternative gives every parameter of the model."""

    def check(self, document: Any) -> Iterator[Problem]:
        known = sorted(_model(document).names)
        for k, item in enumerate(items(document, "alternatives")):
            if sorted(found := mapping(item, "parameters")) != known:
                missing = ", ".join(name for name in known if name not in found) or "others"
                yield self.problem(f"alternatives[{k}].parameters", f"no {missing}", "all parameters", "give them")


RESULT_RULES: tuple[Rule, ...] = (
    FollowsSchema("result"),
    OnlyFiniteNumbers(),
    ResultNamesKnown(),
    VaryingAreFree(),
    CovarianceMatches(),
    OneScalingPerAngle(),
    AgesComplete(),
    AlternativesComplete(),
)


def lint_result(document: Any) -> list[Problem]:
    """Return every problem of a result document (plain data, as read from nlsq_result.json)."""
    return run(RESULT_RULES, document)
