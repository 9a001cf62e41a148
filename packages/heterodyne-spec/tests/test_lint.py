"""Every rule finds its breach and nothing else; all problems come at once; no document makes a rule fail."""

import pytest
from documents import CONFIG, GONE, RESULT, changed, json_documents, spoiled
from hypothesis import given, settings

from heterodyne_spec.lint import CONFIG_RULES, MODEL_RULES, RESULT_RULES, lint_config, lint_model, lint_result
from heterodyne_spec.lint.rule import run
from heterodyne_spec.model import load_model

MODEL = load_model().document
P = ("model", "parameters")
NAMES = list(load_model().names)

# Rule, changes to a valid document, path of the problem, part of its text.
MODEL_BREACHES = [
    ("FollowsSchema", [(("title",), GONE)], "", "no key 'title'"),
    ("FollowsSchema", [(("parameters", 0, "defualt"), 1)], "parameters[0].defualt", "did you mean 'default'?"),
    ("FollowsSchema", [(("model_version",), "1.0")], "model_version", "a string matching"),
    ("OnlyFiniteNumbers", [(("parameters", 0, "default"), float("nan"))], "parameters[0].default", "NaN"),
    ("UniqueNames", [(("functions", 0, "name"), "v")], "v", "the name 'v' 2 times"),
    ("OrderedBounds", [(("parameters", 1, "bounds"), [2.0, -2.0])], "parameters.alpha_ref.bounds", "lower < upper"),
    ("DefaultInsideBounds", [(("scaling", 0, "default"), 2)], "scaling.contrast.default", "within [0.0, 1.0]"),
    ("PositiveWhereLogarithmic", [(("parameters", 0, "bounds"), [0.0, 1e6])], "parameters.D0_ref.bounds[0]", "above 0"),
    ("ExpressionFollowsGrammar", [(("functions", 2, "expression"), "v0 **")], "functions.v.expression", "character 5"),
    ("ExpressionNamesKnown", [(("functions", 2, "expression"), "v_0 * t")], "functions.v.expression", "'v0'?"),
    (
        "EveryParameterUsed",
        [(("functions", 2, "expression"), "v0 * t^beta")],
        "parameters.v_offset",
        "at least one use",
    ),
    ("CorrelationFunctionsKnown", [(("correlation", "functions", 0), "Jr")], "correlation.functions[0]", "'J_r'?"),
    ("AmbiguityNamesKnown", [(("ambiguities", 0, "parameters", 1), "f_2")], "ambiguities[0].parameters", "'f2'?"),
    ("SourceNamesLiterature", [(("functions", 3, "source"), "folklore")], "functions.x.source", "He2025"),
]
CONFIG_BREACHES = [
    ("FollowsSchema", [(("dtaa",), {})], "dtaa", "did you mean 'data'?"),
    ("FollowsSchema", [(("data", "q"), "0.0054")], "data.q", "wavevector in 1/Å"),
    ("FollowsSchema", [(("nlsq", "loss"), "huber")], "nlsq.loss", "one of linear, soft_l1"),
    ("FollowsSchema", [(("scaling",), {"fourier": -1})], "scaling.fourier", "at least 0"),
    ("OnlyFiniteNumbers", [((*P, "D0_ref", "bounds", 1), 10**400)], "model.parameters.D0_ref.bounds[1]", "finite"),
    ("ModelInstalled", [(("model", "name"), "two-components")], "model.name", "did you mean 'two-component'?"),
    ("ParameterNamesKnown", [((*P, "D0ref"), {})], "model.parameters.D0ref", "did you mean 'D0_ref'?"),
    ("ParameterBoundsOrdered", [((*P, "f0"), {"bounds": [1, 1]})], "model.parameters.f0.bounds", "lower < upper"),
    ("ValueInsideBounds", [((*P, "f0"), {"value": 1.5})], "model.parameters.f0.value", "within [0, 1]"),
    ("ValueInsideBounds", [((*P, "f0"), {"bounds": [0.6, 1]})], "model.parameters.f0.value", "within [0.6, 1]"),
    ("OneValuePerPhysicalParameter", [((*P, "f0"), {"value": [0, 1]})], "model.parameters.f0.value", "one number"),
    ("TieNamesFreeParameter", [((*P, "D0_sample", "tie"), "D0")], "model.parameters.D0_sample.tie", "a parameter"),
    ("TieNamesFreeParameter", [((*P, "D0_sample", "value"), 1e4)], "model.parameters.D0_sample.value", "remove value"),
    ("TieNamesFreeParameter", [((*P, "v0"), {"tie": "D0_sample"})], "model.parameters.v0.tie", "itself tied"),
    ("TieNamesFreeParameter", [((*P, "v0"), {"tie": "v0"})], "model.parameters.v0.tie", "another parameter"),
    ("TieNamesFreeParameter", [((*P, "offset"), {"tie": "v0"})], "model.parameters.offset.tie", "scaling: shared"),
    ("ScalingParametersFollowScaling", [((*P, "offset"), {"vary": False})], "model.parameters.offset.vary", "fixed"),
    ("FixedScalingHasValues", [(("scaling",), "fixed")], "model.parameters.offset.value", "the fixed value"),
    (
        "FixedScalingHasValues",
        [((*P, "offset"), {"value": [1, 1, 1]})],
        "model.parameters.offset.value",
        "found 3 values",
    ),
    ("FramesOrdered", [(("data", "frames"), [9, 2])], "data.frames", "found [9, 2], expected first < last"),
    ("FramesOrdered", [(("data", "frames"), [float("nan"), 2])], "data.frames", "found [nan, 2]"),
    ("LognormalPriorPositive", [((*P, "v0"), {"bounds": [0, 2e3]})], "model.parameters.v0.bounds", "above 0"),
]
RESULT_BREACHES = [
    ("FollowsSchema", [(("kind",), "cmc_result")], "kind", "nlsq_result"),
    ("AgesComplete", [(("bands", "values", "v"), GONE)], "bands.values", "J_r, J_s, v, x"),
    ("OneScalingPerAngle", [(("noise", "excess"), [1.0])], "noise.excess", "expected 2"),
    ("AgesComplete", [(("age_resolved", "sd", "v"), [0.5])], "age_resolved.sd.v", "2"),
    ("AgesComplete", [(("age_resolved", "values", "x"), GONE)], "age_resolved.values", "J_r, J_s, v, x"),
    ("FollowsSchema", [(("age_resolved", "sd", "v", 0), -0.5)], "age_resolved.sd.v[0]", "at least 0"),
    ("AlternativesComplete", [(("alternatives", 0, "parameters", "v0"), GONE)], "alternatives[0].parameters", "no v0"),
    ("FollowsSchema", [(("parameters", 0, "sd"), -1.0)], "parameters[0].sd", "at least 0"),
    ("OnlyFiniteNumbers", [(("cost",), float("inf"))], "cost", "a finite number"),
    ("ResultNamesKnown", [(("parameters", 13, "name"), "phi_0")], "parameters.phi_0", "did you mean 'phi0'?"),
    ("ResultNamesKnown", [(("parameters", 13), GONE)], "parameters", "list all in canonical order"),
    ("VaryingAreFree", [(("parameters", 0, "status"), "fixed")], "varying", "the free parameters ['v0']"),
    ("CovarianceMatches", [(("covariance", 1), GONE)], "covariance", "2 x 2"),
    ("CovarianceMatches", [(("covariance", 0, 0), -1.0)], "covariance", "a negative variance"),
    ("CovarianceMatches", [(("covariance_iid", 0, 1), 0.5)], "covariance_iid", "an asymmetric matrix"),
    ("OneScalingPerAngle", [(("noise_sd", 1), GONE)], "noise_sd", "found 1 values, expected 2"),
]
ALL = [
    *((lint_model, MODEL, *breach) for breach in MODEL_BREACHES),
    *((lint_config, CONFIG, *breach) for breach in CONFIG_BREACHES),
    *((lint_result, RESULT, *breach) for breach in RESULT_BREACHES),
]


@pytest.mark.parametrize(("lint", "valid", "rule", "changes", "path", "text"), ALL, ids=[case[2] for case in ALL])
def test_breach_is_found_by_its_rule_with_place_and_remedy(lint, valid, rule, changes, path, text):
    found = [problem for problem in lint(changed(valid, *changes)) if problem.rule == rule]
    assert [problem.path for problem in found] == [path]
    assert text in str(found[0])
    assert found[0].expected
    assert found[0].remedy


@pytest.mark.parametrize(
    ("rules", "valid", "breaches"),
    [
        (MODEL_RULES, MODEL, MODEL_BREACHES),
        (CONFIG_RULES, CONFIG, CONFIG_BREACHES),
        (RESULT_RULES, RESULT, RESULT_BREACHES),
    ],
    ids=["model", "config", "result"],
)
def test_valid_document_passes_and_every_rule_has_a_breach(rules, valid, breaches):
    assert run(rules, valid) == []
    assert {type(rule).__name__ for rule in rules} == {breach[0] for breach in breaches}
    assert all(type(rule).__doc__ for rule in rules)


def test_all_problems_of_all_rules_come_at_once():
    spoilt = changed(
        CONFIG,
        (("data", "frames"), [9, 2]),
        (("nlsq", "seed"), -1),
        ((*P, "f0"), {"value": 7}),
        ((*P, "D0ref"), {}),
        (("outputs",), {}),
    )
    assert {(p.path, p.rule) for p in lint_config(spoilt)} == {
        ("data.frames", "FramesOrdered"),
        ("nlsq.seed", "FollowsSchema"),
        ("model.parameters.f0.value", "ValueInsideBounds"),
        ("model.parameters.D0ref", "ParameterNamesKnown"),
        ("outputs", "FollowsSchema"),
    }


@pytest.mark.parametrize(
    ("lint", "valid"),
    [(lint_model, MODEL), (lint_config, CONFIG), (lint_result, RESULT)],
    ids=["model", "config", "result"],
)
def test_no_document_makes_a_rule_fail(lint, valid):
    @settings(max_examples=60, deadline=None)
    @given(json_documents | spoiled(valid))
    def check(document):
        for problem in lint(document):
            assert problem.rule
            assert str(problem).isprintable()

    check()


def test_problem_is_one_printable_line_whatever_the_document_holds():
    (problem,) = lint_config({"a\nb\x1b[31m\ud800": 1})
    assert str(problem).startswith("a\\nb\\x1b[31m\\ud800: found unknown key")
    assert str(problem).isprintable()


@pytest.mark.parametrize("section", ["data", "model", "nlsq", "cmc", "output"])
def test_section_without_keys_is_null_in_yaml_and_valid(section):
    assert lint_config({section: None}) == []
