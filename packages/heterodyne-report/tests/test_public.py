"""The names that the package exports."""

import subprocess
import sys

import heterodyne_report
import heterodyne_report.page


def test_every_public_name_is_there_and_documented():
    for package in (heterodyne_report, heterodyne_report.page):
        for name in package.__all__:
            assert name == "__version__" or getattr(package, name).__doc__, name
    assert dir(heterodyne_report) == sorted(heterodyne_report.__all__)
    assert {*heterodyne_report._MODULE_OF, "__version__"} == set(heterodyne_report.__all__)


def test_a_name_loads_only_its_module():
    probe = "import sys, heterodyne_report; heterodyne_report.Stage; print('heterodyne_report.panels' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_help_shows_what_users_call():
    run = subprocess.run(
        [sys.executable, "-c", "import heterodyne_report; help(heterodyne_report)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "class Console" in run.stdout and "TYPE_CHECKING" not in run.stdout
