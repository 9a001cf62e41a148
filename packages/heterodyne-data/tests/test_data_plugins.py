"""Layouts of other packages: the reader of the documentation, and readers that are broken."""

import re
from pathlib import Path

import numpy as np
import pytest
from data_files import make_map, write_apsu, write_fields

from heterodyne_data import describe_data, load_data
from heterodyne_spec import DataError

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "write-a-reader.md"
READER = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that puts a distribution with one module on the path, its layout among the entry points."""
    folder = tmp_path / "site"
    monkeypatch.syspath_prepend(folder)

    def one(module, code, point="{module}"):
        info = folder / f"{module}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dist-{module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[heterodyne.layouts]\n{module} = {point.format(module=module)}\n")
        (folder / f"{module}.py").write_text(code, encoding="utf-8")

    return one


@pytest.fixture
def mine(tmp_path):
    """Return a file of the layout of the documentation."""
    maps = {f"/maps/map_{k:04d}": np.triu(make_map(seed=k)) for k in (1, 3)}
    return write_fields(
        tmp_path / "mine.h5",
        maps | {"/q": [0.05, 0.05, 0.08], "/phi": [0.0, 5.0, 10.0], "/dt": 100.0},
        {"/q@units": "1/nm", "/dt@units": "ms"},
    )


def test_reader_of_the_documentation_is_found_when_installed(install, mine):
    with pytest.raises(DataError, match="has an unknown layout: found dt, maps, phi, q at the top"):
        load_data(mine)
    install("reader_of_docs", READER)
    description = describe_data(mine)
    assert (description["layout"], description["dt"], description["populated_elements"]) == (
        "my-beamline",
        0.1,
        "upper_half",
    )
    data = load_data(mine, q=0.008)
    np.testing.assert_array_equal(data.c2[0], make_map(seed=3))
    assert (data.q, data.phi.tolist(), data.provenance["labels"]) == (0.008, [10.0], (3,))


GOOD = "NAME, DATA_KEY = 'x', '/x'\ndef matches(source): return {matches}\ndef contents(source): {contents}\n"
BROKEN = {
    "absent": (
        "import no_such_module",
        "import of absent fails .ModuleNotFoundError: No module named 'no_such_module'",
    ),
    "half": ("NAME = DATA_KEY = 'x'", "half has no matches, contents; fix or uninstall it"),
    "clumsy": (GOOD.format(matches="1 / 0", contents="return 1"), "matches fails .ZeroDivisionError: division by zero"),
    "wrong": (GOOD.format(matches="True", contents="return source['q']"), "contents fails .TypeError: "),
    "empty": (
        GOOD.format(matches="True", contents="return None"),
        "contents gave NoneType, expected Contents with maps",
    ),
}


@pytest.mark.parametrize("module", BROKEN)
def test_a_broken_reader_is_named_in_one_line_and_leaves_other_files_readable(install, tmp_path, mine, module):
    code, text = BROKEN[module]
    install(module, code)
    with pytest.raises(DataError, match=f"layout plug-in {module} of dist-{module}: .*{text}") as caught:
        load_data(mine)
    assert "\n" not in str(caught.value)
    assert describe_data(write_apsu(tmp_path / "a.h5"))["layout"] == "aps-u"


@pytest.mark.parametrize("module", ["absent", "half", "clumsy"])
def test_a_broken_reader_leaves_those_after_it_readable(install, mine, module):
    install(module, BROKEN[module][0])
    install("reader_of_docs", READER)
    assert load_data(mine, q=0.008).provenance["layout"] == "my-beamline"


def test_a_reader_that_takes_every_file_does_not_get_those_of_known_layouts(install, tmp_path):
    install("greedy", GOOD.format(matches="True", contents="return None"))
    assert describe_data(write_apsu(tmp_path / "a.h5"))["layout"] == "aps-u"


def test_error_of_a_reader_comes_with_the_file(install, mine):
    install("reader_of_docs", READER)
    write_fields(mine, {"/maps/map_0001": make_map(), "/q": [0.1], "/phi": [1.0], "/dt": 1.0}, {"/q@units": "px"})
    with pytest.raises(DataError, match=rf"^{mine}: /q: found the unit 'px', expected 1/Å, 1/nm or 1/m"):
        load_data(mine)
