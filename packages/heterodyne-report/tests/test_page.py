"""Pages: what people wrote is escaped, every link leads somewhere, colours can be told apart."""

from html.parser import HTMLParser

import numpy as np
import pytest

from heterodyne_data import FittedData
from heterodyne_report.page import (
    Markup,
    Picture,
    Report,
    Section,
    bullet_list,
    element,
    facts,
    paragraph,
    pictures,
    provenance_section,
    render,
    table,
    write_report,
)
from heterodyne_report.panels import SERIES_COLOURS, page_width

NASTY = '<script>alert("1 & 2")</script>'


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that every element is closed in its place."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    def ids(self, name):
        return [value for key, value in self.attributes if key == name]


def nasty_page():
    picture = Picture("data:image/png;base64,AA==", NASTY, 3, 2)
    body = [paragraph(NASTY), bullet_list([NASTY]), facts({NASTY: NASTY}), pictures([picture], caption=NASTY)]
    body.append(table([NASTY, "b"], [[NASTY, NASTY]], caption=NASTY))
    sections = [Section("First", Markup("".join(body))), Section(NASTY, element("p", "x"))]
    one, other = (Report(name, NASTY, name == "A", sections) for name in ("A", "B"))
    return render(NASTY, [one, other], [Section("Last", element("p", "y"))])


def test_what_people_wrote_is_text():
    read = Reader(nasty_page())
    assert "script" not in read.tags
    assert read.ids("alt") == [NASTY] * 2
    # Of each report nine parts, verdict, link and heading; of the page its title twice.
    assert "".join(read.words).count(NASTY) == 2 * (9 + 4)


def test_every_link_leads_to_one_section():
    read = Reader(nasty_page())
    targets = read.ids("id")
    assert [link.removeprefix("#") for link in read.ids("href")] == targets
    assert len(set(targets)) == len(targets) == 5


def test_the_verdict_is_said_in_a_word_and_not_in_a_colour_alone():
    text = "".join(Reader(nasty_page()).words)
    assert "A, usable. " in text
    assert "B, look closer. " in text


def test_origin_has_all_that_makes_the_result_again(tmp_path):
    data = FittedData(0.0054, np.array([0.0, 45.0]), 100, 11, 0.1, ("a note",), {"file": "m.h5", "sha256": "ab12"})
    section = provenance_section(
        data,
        model={"id": "two", "version": "1", "sha256": "cd34"},
        command="heterodyne --data m.h5",
        seed=17,
        versions={"jax": "0.1"},
        timings={"fit": 2.0},
        config={"data": {"q": 0.0054}},
    )
    page = write_report(tmp_path / "new" / "report.html", data, Report("A", "Fine.", True, [section]))
    text = "".join(Reader(page.read_text(encoding="utf-8")).words)
    for word in (
        "m.h5 at q = 0.0054",
        "ab12",
        "cd34",
        "11 to 110",
        "17",
        "jax 0.1",
        '"q": 0.0054',
        "a note",
        "doi:10.1073",
    ):
        assert word in text


def luminance(colour):
    channels = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


@pytest.mark.parametrize("ground", ["#ffffff", "#14171b"], ids=["light", "dark"])
def test_lines_stand_out_from_either_ground(ground):
    for colour in SERIES_COLOURS:
        low, high = sorted([luminance(colour), luminance(ground)])
        assert (high + 0.05) / (low + 0.05) >= 3, colour


def test_maps_of_a_page_stay_small_however_many_there_are():
    assert page_width(400, 12) == 2
    assert page_width(60, 12) == 1
    for n_t, n_panels in ((4800, 12), (4800, 90), (400, 90)):
        side = n_t // page_width(n_t, n_panels)
        assert side**2 * n_panels <= 480_000
        assert side >= 60
