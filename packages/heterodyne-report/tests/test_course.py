"""Functions of age in words, and numbers as people quote them."""

import re
from dataclasses import replace

import numpy as np
import pytest

from heterodyne_data import Bands
from heterodyne_report.number_format import (
    format_interval,
    format_number,
    format_p_value,
    format_plus_minus,
    format_value,
    format_value_and_sd,
)
from heterodyne_report.time_course import TimeCourse, describe_courses, fixed_functions, time_courses

T = np.linspace(0.1, 40, 50)


def course(value, sd, name="v", unit="Å/s"):
    value, sd = np.broadcast_to(value, T.shape), np.broadcast_to(sd, T.shape)
    return TimeCourse(name, unit, T, value + np.array([-2.0, -1, 0, 1, 2])[:, None] * sd)


@pytest.mark.parametrize(
    ("value", "sd", "text"),
    [
        (468.2982, 1.779, "468.3 ± 1.8"),
        (17050.0, 21000.0, "17000 ± 21000"),
        (0.68382, 0.0087, "0.6838 ± 0.0087"),
        (-0.001, 1.2, "0.0 ± 1.2"),
        (1.0047e5, 2.25e7, "1e+05 ± 2.2e+07"),
        (1183.0, 490.0, "1180 ± 490"),
        (-100000.0, float("nan"), "-100000"),
        (3.0, float("nan"), "3"),
        (0.12345, 0.0, "0.1235"),
    ],
)
def test_numbers_end_where_their_standard_deviation_does(value, sd, text):
    assert format_plus_minus(value, sd) == text


def test_ends_of_an_interval_have_the_digits_of_the_value_between_them():
    assert format_value(8420.3, 290.0) == "8420"
    assert format_value(1.2345, 0.01) == "1.234"


def test_a_value_and_its_standard_deviation_are_cells_of_a_table():
    assert format_value_and_sd(57412.0, 9500.0) == ("57400", "9500")
    assert format_value_and_sd(2e-5, 1e-6) == ("2e-05", "1.0e-06")
    assert format_value_and_sd(100000.0, float("nan")) == ("100000", "")
    # A held exponent in a derived quantity.
    assert format_plus_minus(-0.4 + 1e-16, 1.4e-20) == "-0.4"


def test_numbers_that_people_read_have_no_power_of_ten():
    assert format_number(5700.0, 2) == "5700"
    assert format_interval(5683.0, 6410.0) == "5700–6400"
    assert format_interval(76.2, 99.8) == "76–100"
    assert format_interval(5683.0, 5702.0) == "5700"
    assert format_interval(-3.0, 5.0) == "-3 to 5"


@pytest.mark.parametrize(
    ("p_value", "text"), [(0.0, "p < 0.001"), (9e-4, "p < 0.001"), (0.03, "p = 0.03"), (0.4, "p = 0.4"), (1, "p = 1")]
)
def test_probabilities_are_readable(p_value, text):
    assert format_p_value(p_value) == text


@pytest.mark.parametrize(
    ("value", "sd", "words"),
    [
        (np.linspace(468.3, 120.1, 50), 1.5, "the velocity falls from 468.3 ± 1.5 to 120.1 ± 1.5 Å/s"),
        (np.linspace(100.0, 300.0, 50), 2.5, "the velocity rises from 100.0 ± 2.5 to 300.0 ± 2.5 Å/s"),
        (np.linspace(200.0, 203.0, 50), 2.5, "the velocity stays at 200.0 ± 2.5 Å/s"),
        (200.0, 0.0, "the velocity is not determined"),
        (100.0 + 100 * np.sin(T / 40 * np.pi), 3.5, "rises from 100.8 ± 3.5 to 200.0 ± 3.5 and falls to 100.0 ± 3.5"),
        (200.0 - 100 * np.sin(T / 40 * np.pi), 3.5, "falls from 199.2 ± 3.5 to 100.0 ± 3.5 and rises to 200.0 ± 3.5"),
        (100.0, 80.0, "the velocity is not determined"),
    ],
)
def test_what_a_function_does_is_said(value, sd, words):
    assert words in describe_courses([course(value, sd)])
    assert describe_courses([course(value, sd)]).startswith("over 40 s ")


def test_a_course_stays_only_where_a_change_would_show():
    assert describe_courses([course(200.0, 16.0)]) == "over 40 s the velocity stays at 200 ± 16 Å/s"
    blurred = course(200.0, np.linspace(80.0, 20.0, 50))
    words = "the velocity is 200 ± 20 Å/s at 40 s, any change with age unresolved"
    assert describe_courses([blurred]) == f"over 40 s {words}"
    assert describe_courses([blurred], steady=True).endswith("stays at 200 ± 20 Å/s")


def test_ages_that_are_not_determined_are_named():
    sd = np.where(T < 10, 500.0, 2.5)
    assert describe_courses([course(np.linspace(400, 100, 50), sd)]).endswith("Å/s (not determined before 10.7 s)")
    # At a floor nothing is known of the spread: no age of it is called determined.
    floored = course(np.where(T < 20, 100.0, 0.0), np.where(T < 20, 5.0, 0.0), "J_s", "Å²/s")
    assert "(not determined after 19.6 s)" in describe_courses([floored])
    # Both ends of what is known have the same digits, and one age is no course.
    window = course(np.linspace(400, 100, 50), np.where(abs(T - 4) < 1.5, 2.5, 500.0))
    assert re.search(
        r"the velocity is 381.6 ± 2.5 Å/s at 2.54 s \(not determined at other ages\)$", describe_courses([window])
    )


def test_what_was_held_has_no_spread_and_is_known():
    held = replace(course(200.0, 0.0), held=True)
    assert describe_courses([held]) == "over 40 s the velocity stays at 200 Å/s"
    assert fixed_functions(["D0_ref", "alpha_ref", "D_offset_ref", "v0", "phi0"]) == {"J_r"}


def test_a_fraction_is_known_by_its_absolute_error():
    assert "stays at 0.020 ± 0.015" in describe_courses([course(0.02, 0.015, "x", "1")])


def test_courses_of_a_fit_are_normal_bands_in_the_order_of_a_report():
    bands = Bands(T, dict.fromkeys(("J_r", "J_s", "v", "x"), T), dict.fromkeys(("J_r", "J_s", "v", "x"), 0.1 * T))
    found = time_courses(bands)
    assert [c.name for c in found] == ["v", "J_r", "J_s", "x"]
    np.testing.assert_allclose(found[0].sd, 0.1 * T)
    np.testing.assert_allclose(found[0].quantiles[[0, 4]], [0.8 * T, 1.2 * T])
    assert found[0].at(20.0) == (pytest.approx(20.0), pytest.approx(2.0))
    *_, last = describe_courses(found).split(", ")
    assert re.fullmatch(r"and the sample's field fraction is .* s \(not determined at other ages\)", last)


def test_functions_are_left_out_renamed_and_held_steady():
    found = [course(np.linspace(400, 100, 50), 2.5), course(np.linspace(10, 30, 50), 0.12 * T, "J_s", "Å²/s")]
    assert describe_courses(found, leave_out={"v"}).startswith("over 40 s J of the sample ")
    assert describe_courses(found, leave_out={"v", "J_s"}) == ""
    assert "over 40 s the flow falls from 400.0" in describe_courses(
        found, leave_out={"J_s"}, subjects={"v": "the flow"}
    )
    # The best known age is the first.
    assert describe_courses(found[1:], steady=True).startswith("over 40 s J of the sample stays at 10.000 ± 0.012 Å²/s")


@pytest.mark.parametrize("unknown", [np.inf, np.nan])
def test_ages_without_a_finite_standard_deviation_say_nothing(unknown):
    sd = np.where(T < 10, unknown, 2.5)
    (found,) = time_courses(Bands(T, {"v": np.linspace(400, 100, 50)}, {"v": sd}))
    assert np.array_equal(found.known, T >= 10)
    assert describe_courses([found]).endswith("Å/s (not determined before 10.7 s)")


def test_runs_that_continue_each_other_have_one_course_at_all_ages() -> None:
    parts = [TimeCourse("v", "Å/s", np.array(t), np.tile(t, (5, 1))) for t in ([4.0, 5.0], [1.0, 2.0], [4.0])]
    found = TimeCourse.joined(parts)
    assert found.t.tolist() == [1.0, 2.0, 4.0, 5.0]
    assert found.value.tolist() == found.t.tolist()
    assert describe_courses([found]).startswith("over 5 s the velocity")
