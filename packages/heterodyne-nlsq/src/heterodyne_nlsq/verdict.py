"""The verdict on a fit, and its sentence with the values that can be quoted.

The rules, first match:

* ``no-signal``: the maps show no contrast, or do not decay. The sentence states what was tested, and no value
  of the functions of age. A fit that does not describe the maps forbids that conclusion.
* ``caution``: the fit did not converge; the residuals have structure beyond the expected noise; the estimates with
  equal weights and with weights from the noise differ by more than chance; the data need something that was held; there
  is no evidence of a feature of the model, or it ended at a bound. The sentence begins with the reasons.
* ``usable``: otherwise.

Results of versions that did not test for these features are judged by convergence and residuals alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from heterodyne_data import NestedTest, NLSQResult
from heterodyne_data.setup import structured
from heterodyne_nlsq.courses import courses_of_fit
from heterodyne_nlsq.models import of_result
from heterodyne_nlsq.stated import RISES, SCORE_TEST, absent, differing_estimates, undescribed, unstated_functions
from heterodyne_report import TimeCourse, describe_courses, format_number, format_p_value

USABLE, CAUTION, NO_SIGNAL = "usable", "caution", "no-signal"
"""The verdicts, as in `NLSQResult.verdict`."""

VERDICT_TITLES: Mapping[str, str] = {USABLE: "Usable", CAUTION: "Caution", NO_SIGNAL: "No signal"}
"""Titles of the verdicts; results without a verdict (``""``) are not included."""


def judge(result: NLSQResult, courses: Sequence[TimeCourse] | None = None) -> tuple[str, str]:
    """Return the verdict on a fit and its sentence.

    Parameters
    ----------
    result : a finished result: `signal`, `nested`, `noise`, `bands` and `success` are used, its own verdict is not.
    courses : the functions of age that the sentence describes; by default those of the result.

    Returns
    -------
    ``usable``, ``caution`` or ``no-signal``, and the same in words with the numbers that can be quoted.
    """
    if not result.signal:
        return _judge_untested(result)
    if undescribed(result):
        return CAUTION, _undescribed(result)
    if absent(result, "contrast") or absent(result, "dynamics"):
        return NO_SIGNAL, _no_signal(result)
    doubts = list(_doubts(result))
    course = _course(result, courses_of_fit(result) if courses is None else courses)
    if not doubts:
        said = f"{course}; the fit converged" if course else "the fit converged"
        return USABLE, f"{_capital(result, said)}{_residuals(result)}."
    numbers = f" {_capital(result, course)}." if course else ""
    return CAUTION, f"{_capital(result, '; '.join(doubts))}.{numbers}"


def verdict_and_sentence(result: NLSQResult) -> tuple[str, str]:
    """Return verdict and sentence of a result; those of versions without one have ``""`` and the words of that time."""
    return (result.verdict, result.sentence) if result.verdict else ("", judge(result)[1])


def is_good(result: NLSQResult) -> bool:
    """Return whether the numbers of a result can be quoted without further thought."""
    return (result.verdict or judge(result)[0]) == USABLE


def structured_angles(result: NLSQResult) -> str:
    """Return the azimuths (degree) whose residuals have structure beyond the expected noise, as text."""
    if result.noise is None:
        return ""
    return ", ".join(f"{phi:g}" for phi in result.data.phi[structured(result.noise)])


def with_size(test: NestedTest) -> str:
    """Return the words of a nested test and its size: ``x held constant: the data need it to vary, Δχ² = 96``.

    That of a score test is an estimate from the gradient and can differ from a comparison of two fits.
    """
    is_ = "about" if SCORE_TEST in test.words else "="
    return test.words if "χ²" in test.words else f"{test.words}, Δχ² {is_} {format_number(test.delta_chi2, 3)}"


def _judge_untested(result: NLSQResult) -> tuple[str, str]:
    """Return the verdict of results that do not say which features the maps show."""
    course = describe_courses(courses_of_fit(result))
    angles = structured_angles(result)
    left = f"the residuals at φ = {angles}° show structure that noise does not explain" if angles else ""
    if not result.success:
        also = f", and {left}" if left else ""
        return CAUTION, f"The fit did not converge{also}: the values are those at which it stopped; there, {course}."
    end = f", but {left}" if left else _residuals(result)
    return CAUTION if left else USABLE, f"{_capital(result, course)}; the fit converged{end}."


def _undescribed(result: NLSQResult) -> str:
    """Return the sentence on a fit that does not show whether the maps decay, since it does not describe them."""
    nothing = of_result(result).nothing
    if angles := structured_angles(result):
        left = f"The residuals at φ = {angles}° have structure that noise does not explain"
        return f"{left}: whether c2 decays cannot be said while there is such structure; {nothing}."
    left = "The maps change by more than their noise, and the model describes them no better than a constant"
    return f"{left}: whether c2 decays cannot be said; {nothing}."


def _no_signal(result: NLSQResult) -> str:
    dynamics = result.signal.get("dynamics")
    if dynamics is not None and dynamics.words.startswith(RISES):
        cause = "the maps may be wrongly normalised, or not correlations"
        return f"The maps do not decay: {dynamics.words}; {cause}; {of_result(result).nothing}."
    question = "contrast" if absent(result, "contrast") else "dynamics"
    found = "the maps are flat" if question == "contrast" else "the maps have contrast but do not decay"
    # Both sentences are about the change with lag; the level of c2 has its own p-value.
    p_value = format_p_value(result.signal["dynamics" if "dynamics" in result.signal else question].p_value)
    nothing = of_result(result).nothing
    return f"{_capital(result, found)}: c2 does not change with lag by more than the noise ({p_value}); {nothing}."


def _doubts(result: NLSQResult) -> Iterator[str]:
    """Yield why the numbers of a fit need caution."""
    if not result.success:
        yield "the fit did not converge; the values are those at which it stopped"
    if angles := structured_angles(result):
        yield f"the residuals at φ = {angles}° have structure that noise does not explain"
    if differ := differing_estimates(result.weighting):
        yield differ
    needed = [test for test in result.nested if test.held and test.needed]
    # One wrong restriction affects the tests of others; the one with the largest statistic is the most likely.
    yield from (with_size(test) for test in sorted(needed, key=lambda test: -test.delta_chi2))
    yield from of_result(result).doubts(result)


def _course(result: NLSQResult, courses: Sequence[TimeCourse]) -> str:
    """Return what the functions do for which there is evidence, ``""`` when there is none."""
    subjects = of_result(result).subjects(result)
    return describe_courses(
        courses, leave_out=unstated_functions(result), subjects=subjects, steady=absent(result, "ageing")
    )


def _residuals(result: NLSQResult) -> str:
    # Older results have no noise estimates.
    return "" if result.noise is None else " and the residuals are consistent with noise"


def _capital(result: NLSQResult, text: str) -> str:
    """Return a text as the beginning of a sentence; names of functions and parameters keep their letters."""
    model = of_result(result).spec
    first = text.partition(" ")[0].strip(",:;")
    return text if first in {*model.names, *(f.name for f in model.functions)} else text[:1].upper() + text[1:]
