"""The grammar of the pointwise functions: what it means, what it refuses, and that nothing is ever executed."""

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import heterodyne_spec
from heterodyne_spec import load_model
from heterodyne_spec.expression import (
    EXP_LIMIT,
    Binary,
    ExpressionError,
    Name,
    evaluate,
    evaluate_with_slopes,
    names,
    parse,
)

VALUES = {"a": 2.0, "b": 3.0, "t": 0.25, "x_1": 7.0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 - 2 - 3", -4),
        ("8 / 4 / 2", 1),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("2 ^ 3 ^ 2", 512),
        ("(2 ^ 3) ^ 2", 64),
        ("-2 ^ 2", -4),
        ("2 ^ -1", 0.5),
        ("2 ^ -a ^ b", 2.0**-8),
        ("2 * -3", -6),
        ("2 - -3", 5),
        ("--2", 2),
        ("2 * 3 ^ 2", 18),
        ("1e3 + .5 + 2. + 1E-1", 1002.6),
        ("max(a, b) - min(a, b)", 1),
        ("clip(x_1, a, b)", 3),
        ("clip(-1, 0, 1)", 0),
        ("exp(0) * x_1", 7),
        ("t^0.5", 0.5),
    ],
)
def test_meaning(text, value):
    assert evaluate(parse(text), VALUES) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "character 1: found the end, expected a number, a name or '('"),
        ("1 +", "character 4: found the end, expected a number, a name or '('"),
        ("a b", "character 3: found 'b', expected the end"),
        ("(a", "character 3: found the end, expected ')'"),
        ("a)", "character 2: found ')', expected the end"),
        ("a ** b", "character 4: found '*', expected a number, a name or '('"),
        ("+a", "character 1: found '+', expected a number, a name or '('"),
        ("  a % b", "character 5: '%' is not part of the grammar"),
        ("a.b", "character 2: '.' is not part of the grammar"),
        ("sin(a)", "character 1: no function 'sin'; known: max, min, clip, exp"),
        ("1 + max(a)", "character 5: max takes 2 arguments, found 1"),
        ("exp()", "character 5: found ')', expected a number, a name or '('"),
        ("a + 1e999", "character 5: found '1e999', expected a number within binary64"),
        ("(" * 60 + "a" + ")" * 60, "character 51: nested deeper than 50"),
        ("-" * 60 + "a", "nested deeper than 50"),
        ("a" + "+a" * 300, "character 501: more than 500 names, numbers and signs"),
        ("٣", "character 1: '٣' is not part of the grammar"),
        ("__import__('os')", "is not part of the grammar"),
    ],
)
def test_what_leaves_the_grammar_is_named_with_its_character(text, error):
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert error in str(caught.value)


def test_longest_chain_is_walked():
    tree = parse("a" + "+a" * 249)
    assert evaluate(tree, VALUES) == 500
    assert len(list(names(tree))) == 250


# A drawn expression is its text, the rank of its outermost operation, and its value, made together: the value
# is computed on the way up, the parentheses are only those that the grammar asks for.
SUM, PRODUCT, SIGNED, POWER, ATOM = range(1, 6)


def grouped(part, rank):
    return part[0] if part[1] >= rank else f"({part[0]})"


def joined(operator, left, right, spaces):
    with np.errstate(all="ignore"):
        return _joined(operator, left, right, spaces)


def _joined(operator, left, right, spaces):
    (_, _, a), (_, _, b) = left, right
    if operator == "^":
        assume(a >= 0)
        value = np.power(a, b) if a > 0 else np.float64(0)
        ranks = (POWER, ATOM, SIGNED)
    elif operator in "+-":
        value = a + b if operator == "+" else a - b
        ranks = (SUM, SUM, PRODUCT)
    else:
        assume(operator == "*" or b != 0)
        value = a * b if operator == "*" else a / b
        ranks = (PRODUCT, PRODUCT, SIGNED)
    # Beyond binary64 Python's max and NumPy's differ (NaN).
    assume(np.isfinite(value))
    rank, inner_left, inner_right = ranks
    return f"{grouped(left, inner_left)}{spaces}{operator}{spaces}{grouped(right, inner_right)}", rank, value


def called(name, parts):
    values = [part[2] for part in parts]
    value = {"max": max, "min": min, "clip": lambda v, low, high: min(max(v, low), high)}.get(name)
    result = np.exp(np.clip(values[0], -150.0, 150.0)) if value is None else value(*values)
    return f"{name}({', '.join(part[0] for part in parts)})", ATOM, result


literals = st.integers(0, 9).map(lambda n: (f"{n}", ATOM, np.float64(n)))
decimals = st.floats(0, 1e3).map(lambda v: (repr(v), ATOM, np.float64(v)))
variables = st.sampled_from(list(VALUES)).map(lambda name: (name, ATOM, np.float64(VALUES[name])))


def larger(inner):
    return st.one_of(
        inner.map(lambda part: (f"-{grouped(part, SIGNED)}", SIGNED, -part[2])),
        st.builds(joined, st.sampled_from("+-*/^"), inner, inner, st.sampled_from(["", " "])),
        st.builds(lambda a, b: called("max", [a, b]), inner, inner),
        st.builds(lambda a, b: called("min", [a, b]), inner, inner),
        st.builds(lambda *parts: called("clip", list(parts)), inner, inner, inner),
        inner.map(lambda part: called("exp", [part])),
    )


@given(st.recursive(literals | decimals | variables, larger, max_leaves=12))
def test_any_expression_has_the_value_that_it_was_built_with(drawn):
    text, _, value = drawn
    with np.errstate(all="ignore"):
        found = evaluate(parse(text), VALUES)
    np.testing.assert_array_equal(found, value)


@given(st.text(alphabet="ab1.e^*-+/(), maxexp", max_size=20) | st.text(max_size=8))
def test_any_text_is_an_expression_or_an_expression_error(text):
    try:
        parse(text)
    except ExpressionError as error:
        assert str(error).startswith("character ")


@pytest.mark.parametrize("exponent", [-2.0, -0.5, 0.0, 1.0, 2.0])
def test_zero_to_any_power_is_zero(exponent):
    tree = parse("t^a")
    np.testing.assert_array_equal(evaluate(tree, {"t": [0.0, 1.0], "a": exponent}), [0.0, 1.0])


def test_exponential_is_clipped_and_never_overflows():
    values = evaluate(parse("exp(a)"), {"a": [-1e300, -EXP_LIMIT, 0.0, EXP_LIMIT, 1e300]})
    np.testing.assert_array_equal(values, np.exp([-150.0, -150.0, 0.0, 150.0, 150.0]))


def test_names_broadcast_and_are_listed_in_reading_order():
    tree = parse("a * t^b + max(a, 0)")
    assert list(names(tree)) == ["a", "t", "b", "a"]
    assert evaluate(tree, {"a": 1, "b": 2, "t": np.ones((2, 3))}).shape == (2, 3)
    with pytest.raises(KeyError, match="b"):
        evaluate(tree, {"a": 1, "t": 1})


@pytest.mark.parametrize(
    "text",
    [
        "-a * b / (t - x_1) + a ^ (b / x_1) * t",
        "exp(-a * t) ^ b",
        "max(a, b) * min(a * t, b)",
        "clip(a * t, 0, 1) + clip(b, t, x_1) + clip(x_1, a, b)",
        "exp(a * 100)",
    ],
)
def test_derivatives_are_those_of_differences(text):
    tree = parse(text)
    value, by = evaluate_with_slopes(tree, VALUES, ("t",))
    assert value == evaluate(tree, VALUES)
    assert "t" not in by
    for name in {"a", "b", "x_1"} & set(names(tree)):
        step = 1e-6 * VALUES[name]
        ends = (evaluate(tree, {**VALUES, name: VALUES[name] + s}) for s in (step, -step))
        assert by.get(name, 0.0) == pytest.approx(np.subtract(*ends) / (2 * step), rel=1e-8, abs=1e-9)


def test_derivatives_of_the_model_are_finite_at_age_zero_and_on_its_kinks():
    spec = load_model()
    vector = {**dict(zip(spec.names, spec.defaults, strict=True)), "D0_ref": 100.0, "D_offset_ref": -100.0}
    value, slopes = spec.functions_with_slopes(list(vector.values()), [0.0, 1.0])
    assert value.shape == (4, 2)
    assert np.isfinite(slopes).all()
    # J_r is max(100 - 100, 0) at 1 s: half of what D0_ref does above.
    assert slopes[0, 1, spec.names.index("D0_ref")] == 0.5


def test_trees_compare_by_value():
    assert parse("a+b") == Binary("+", Name("a"), Name("b"))


def test_package_never_executes_text():
    for path in Path(heterodyne_spec.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.id if isinstance(node, ast.Name) else ""
            assert name not in ("eval", "exec", "compile", "__import__"), f"{path}, line {node.lineno}"
