"""The grammar of a model's pointwise functions: parser and evaluation.

::

    sum     := product (("+" | "-") product)*
    product := signed  (("*" | "/") signed)*
    signed  := "-" signed | power
    power   := atom ("^" signed)?
    atom    := NUMBER | NAME | NAME "(" sum ("," sum)* ")" | "(" sum ")"

``^`` binds to the right and tighter than a sign before it (``-a^b`` is ``-(a^b)``).
Functions: ``max(a, b)``, ``min(a, b)``, ``clip(a, low, high)``, ``exp(a)``. By convention of the model, ``0^a`` is 0
for every ``a``, and ``exp`` clips its argument to [-150, 150], so that no parameter vector inside the bounds overflows.

Why not Python's own parser (`ast`): it accepts more (``1_000``, ``0x1f``, ``1j``, comments), which another language
does not read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

EXP_LIMIT = 150.0
"""|argument| at which ``exp`` is clipped: large enough not to affect any realistic fraction, small enough that
derivatives and their squares, summed over all pairs, remain finite in binary64."""

FUNCTIONS: Mapping[str, int] = {"max": 2, "min": 2, "clip": 3, "exp": 1}
"""Functions of the grammar and their number of arguments."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<sign>[-+*/^(),]))",
    re.ASCII,
)
# Trees are traversed recursively: the limits keep parentheses and long chains of operators from exhausting the stack.
_MAX_DEPTH = 50
_MAX_TOKENS = 500


class ExpressionError(ValueError):
    """An expression does not follow the grammar; the message states the character."""


@dataclass(frozen=True)
class Number:
    """A literal."""

    value: float


@dataclass(frozen=True)
class Name:
    """A parameter or variable."""

    name: str


@dataclass(frozen=True)
class Negative:
    """Minus an expression."""

    operand: Expression


@dataclass(frozen=True)
class Binary:
    """``left operator right`` with operator one of + - * / ^."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Call:
    """A function of the grammar applied to arguments."""

    function: str
    arguments: tuple[Expression, ...]


type Expression = Number | Name | Negative | Binary | Call


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int


def _tokens(text: str) -> list[_Token]:
    found, position = [], 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            position += len(stripped[position:]) - len(stripped[position:].lstrip())
            raise ExpressionError(f"character {position + 1}: '{stripped[position]}' is not part of the grammar")
        kind = str(match.lastgroup)
        found.append(_Token(kind, match.group(kind), match.start(kind) + 1))
        position = match.end()
        if len(found) > _MAX_TOKENS:
            raise ExpressionError(f"character {found[-1].position}: more than {_MAX_TOKENS} names, numbers and signs")
    return [*found, _Token("end", "", len(text) + 1)]


class _Parser:
    """Recursive descent, one method per rule of the grammar."""

    def __init__(self, text: str):
        self.tokens = _tokens(text)
        self.index = 0
        self.depth = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.index]

    def accept(self, *signs: str) -> str | None:
        if self.token.kind == "sign" and self.token.text in signs:
            self.index += 1
            return self.tokens[self.index - 1].text
        return None

    def expect(self, sign: str) -> None:
        if self.accept(sign) is None:
            raise self.error(f"'{sign}'")

    def error(self, expected: str) -> ExpressionError:
        found = f"'{self.token.text}'" if self.token.text else "the end"
        return ExpressionError(f"character {self.token.position}: found {found}, expected {expected}")

    def sum(self) -> Expression:
        left = self.product()
        while operator := self.accept("+", "-"):
            left = Binary(operator, left, self.product())
        return left

    def product(self) -> Expression:
        left = self.signed()
        while operator := self.accept("*", "/"):
            left = Binary(operator, left, self.signed())
        return left

    def signed(self) -> Expression:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise ExpressionError(f"character {self.token.position}: nested deeper than {_MAX_DEPTH}")
        result = Negative(self.signed()) if self.accept("-") else self.power()
        self.depth -= 1
        return result

    def power(self) -> Expression:
        base = self.atom()
        return Binary("^", base, self.signed()) if self.accept("^") else base

    def atom(self) -> Expression:
        token = self.token
        if token.kind == "number":
            if math.isinf(float(token.text)):
                raise self.error("a number within binary64")
            self.index += 1
            return Number(float(token.text))
        if token.kind == "name":
            self.index += 1
            return self.call(token) if self.accept("(") else Name(token.text)
        if self.accept("("):
            inside = self.sum()
            self.expect(")")
            return inside
        raise self.error("a number, a name or '('")

    def call(self, function: _Token) -> Expression:
        if function.text not in FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            raise ExpressionError(f"character {function.position}: no function '{function.text}'; known: {known}")
        arguments = [self.sum()]
        while self.accept(","):
            arguments.append(self.sum())
        self.expect(")")
        if len(arguments) != FUNCTIONS[function.text]:
            wanted = f"{FUNCTIONS[function.text]} arguments, found {len(arguments)}"
            raise ExpressionError(f"character {function.position}: {function.text} takes {wanted}")
        return Call(function.text, tuple(arguments))


def parse(text: str) -> Expression:
    """Return the syntax tree of `text`.

    Raises
    ------
    ExpressionError : with the character at which parsing fails.
    """
    parser = _Parser(text)
    tree = parser.sum()
    if parser.token.kind != "end":
        raise parser.error("the end")
    return tree


def names(tree: Expression) -> Iterator[str]:
    """Yield every name in `tree` in reading order, with repetitions."""
    match tree:
        case Name(name):
            yield name
        case Negative(operand):
            yield from names(operand)
        case Binary(_, left, right):
            yield from names(left)
            yield from names(right)
        case Call(_, arguments):
            for argument in arguments:
                yield from names(argument)


def power(base: npt.ArrayLike, exponent: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return base^exponent for base >= 0, with 0^a = 0 for every a."""
    base = np.asarray(base, float)
    return np.where(base > 0, np.power(np.where(base > 0, base, 1.0), exponent), 0.0)


def evaluate(tree: Expression, values: Mapping[str, npt.ArrayLike]) -> npt.NDArray[np.float64]:
    """Return the value of `tree` in NumPy, names looked up in `values` (scalars or arrays that broadcast).

    Raises
    ------
    KeyError : if a name has no value.
    """
    return np.asarray(_evaluate(tree, values), float)


def _evaluate(tree: Expression, values: Mapping[str, npt.ArrayLike]) -> Any:
    match tree:
        case Number(value):
            return value
        case Name(name):
            return np.asarray(values[name], float)
        case Negative(operand):
            return -_evaluate(operand, values)
        case Binary(operator, left, right):
            a, b = _evaluate(left, values), _evaluate(right, values)
            match operator:
                case "+":
                    return a + b
                case "-":
                    return a - b
                case "*":
                    return a * b
                case "/":
                    return a / b
                case _:
                    return power(a, b)
        case Call(function, arguments):
            inside = [_evaluate(argument, values) for argument in arguments]
            match function:
                case "max":
                    return np.maximum(*inside)
                case "min":
                    return np.minimum(*inside)
                case "clip":
                    return np.minimum(np.maximum(inside[0], inside[1]), inside[2])
                case _:
                    return np.exp(np.clip(inside[0], -EXP_LIMIT, EXP_LIMIT))


class Slopes(NamedTuple):
    """An expression's `value`, and its derivatives `by` the names that it depends on."""

    value: Any
    by: Mapping[str, Any]


def evaluate_with_slopes(tree: Expression, values: Mapping[str, npt.ArrayLike], constants: Container[str]) -> Slopes:
    """Return the value of `tree` and its derivatives by all names but `constants`, in NumPy, by forward mode.

    On a kink of ``max``, ``min`` or ``clip`` the derivative is the mean of those of both sides.

    Raises
    ------
    KeyError : if a name has no value.
    """
    match tree:
        case Number(value):
            return Slopes(value, {})
        case Name(name):
            return Slopes(np.asarray(values[name], float), {} if name in constants else {name: 1.0})
        case Negative(operand):
            a = evaluate_with_slopes(operand, values, constants)
            return Slopes(-a.value, _chained((-1.0, a)))
        case Binary(operator, left, right):
            a, b = (evaluate_with_slopes(one, values, constants) for one in (left, right))
            match operator:
                case "+":
                    return Slopes(a.value + b.value, _chained((1.0, a), (1.0, b)))
                case "-":
                    return Slopes(a.value - b.value, _chained((1.0, a), (-1.0, b)))
                case "*":
                    return Slopes(a.value * b.value, _chained((b.value, a), (a.value, b)))
                case "/":
                    return Slopes(a.value / b.value, _chained((1 / b.value, a), (-a.value / b.value**2, b)))
                case _:
                    return _power_with_slopes(a, b)
        case Call(function, arguments):
            a, *others = (evaluate_with_slopes(argument, values, constants) for argument in arguments)
            match function:
                case "max":
                    return _greater(a, others[0])
                case "min":
                    return _lesser(a, others[0])
                case "clip":
                    return _lesser(_greater(a, others[0]), others[1])
                case _:
                    value = np.exp(np.clip(a.value, -EXP_LIMIT, EXP_LIMIT))
                    return Slopes(value, _chained((value * (np.abs(a.value) <= EXP_LIMIT), a)))


def _chained(*terms: tuple[Any, Slopes]) -> dict[str, Any]:
    """Return the derivatives of an expression from its derivatives by its operands."""
    found: dict[str, Any] = {}
    for factor, operand in terms:
        for name, slope in operand.by.items():
            found[name] = found.get(name, 0.0) + factor * slope
    return found


def _power_with_slopes(base: Slopes, exponent: Slopes) -> Slopes:
    value, positive = power(base.value, exponent.value), np.asarray(base.value) > 0
    safe = np.where(positive, base.value, 1.0)
    by_base = np.where(positive, exponent.value * safe ** (np.asarray(exponent.value) - 1.0), 0.0)
    return Slopes(value, _chained((by_base, base), (value * np.log(safe), exponent)))


def _greater(a: Slopes, b: Slopes) -> Slopes:
    share = (np.sign(a.value - b.value) + 1.0) / 2.0
    return Slopes(np.maximum(a.value, b.value), _chained((share, a), (1.0 - share, b)))


def _lesser(a: Slopes, b: Slopes) -> Slopes:
    share = (np.sign(b.value - a.value) + 1.0) / 2.0
    return Slopes(np.minimum(a.value, b.value), _chained((share, a), (1.0 - share, b)))
