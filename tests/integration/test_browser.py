"""Reports as their readers see them: in a browser, on a desk, on a phone, in the dark and on paper."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Page, open_page
from made import N_T, PHI, fit_result, posterior_result
from matplotlib.image import imread

from heterodyne_cli import command

PHONE = 390

FACTS = """({
    title: document.title,
    verdicts: [...document.querySelectorAll(".verdict")].map(v => v.innerText),
    headings: [...document.querySelectorAll("h2")].map(h => h.innerText),
    pictures: [...document.images].map(i => [i.alt, i.complete ? i.naturalWidth : 0]),
    addresses: [...document.querySelectorAll("[src], [href]")].map(e => e.getAttribute(e.src ? "src" : "href")),
    broken: [...document.querySelectorAll("a")].filter(a => !document.querySelector(a.getAttribute("href"))).length,
    scripts: document.scripts.length,
    problems: [...document.querySelectorAll("td")].filter(c => /nan|None|inf/.test(c.innerText)).map(c => c.innerText),
})"""

# The ratio of contrast of every text against the ground behind it, and the worst of them (WCAG 2.2, 1.4.3).
CONTRAST = """(() => {
    const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const light = rgb => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
    const colour = text => text.match(/[\\d.]+/g).map(Number);
    const ground = e => {
        for (; e; e = e.parentElement) {
            const found = colour(getComputedStyle(e).backgroundColor);
            if (found.length < 4 || found[3] > 0) return found;
        }
        return [255, 255, 255];
    };
    let worst = [99, ""];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let n = texts.nextNode(); n; n = texts.nextNode()) {
        if (!n.data.trim()) continue;
        const e = n.parentElement;
        const [a, b] = [light(colour(getComputedStyle(e).color)), light(ground(e))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < worst[0]) worst = [ratio, n.data];
    }
    return worst;
})()"""

OVERFLOW = "document.documentElement.scrollWidth - innerWidth"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    # Some file of the profile may appear while it is removed.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, open_page(Path(profile)) as opened:
        yield opened


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the reports of a fit with its posterior, of a fit that went wrong, and of a comparison of all three."""
    run, bad = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("bad")
    fit_result().save(run)
    posterior_result().save(run)
    fit_result(success=False, message="not converged", values={"v0": 900.0}, maps=None).save(bad)
    both = bad / "comparison.html"
    assert command.main(["report", str(run), "--quiet"]) == 0
    assert command.main(["report", str(bad), "--quiet"]) == 0
    assert command.main(["compare", str(run), str(bad), "--output", str(both), "--quiet"]) == 0
    return {"run": run / "report.html", "bad": bad / "report.html", "comparison": both}


def test_a_report_shows_verdict_sections_and_every_picture(page: Page, reports: dict[str, Path]) -> None:
    page.show(reports["run"])
    facts = page.value(FACTS)
    assert facts["title"] == 'flow <b>&"run".h5 at q = 0.0054 1/Å'
    posterior, fit = facts["verdicts"]
    for verdict in (posterior, fit):
        assert "velocity falls from 17" in verdict
        assert "J of the reference rises from 9" in verdict
        assert "field fraction falls from 0.64" in verdict
    assert "chains converged (R-hat 1.004" in posterior
    assert "residuals are consistent with noise" in fit
    assert fit.count(".") - len(re.findall(r"\d\.\d", fit)) == 2  # "Usable." and one sentence
    # Functions, maps and curves of the fit; functions, pairs, maps, ranks, energies and shards of the posterior.
    n_phi = len(PHI)
    assert len(facts["pictures"]) == (4 + 3 * n_phi + n_phi) + (4 + 1 + 3 * n_phi + 3)
    assert all(width > 0 and len(alt) > 20 for alt, width in facts["pictures"])
    for heading in ("Posterior: pairs of parameters", "Point estimate: other minima", "How to cite"):
        assert heading in facts["headings"]
    assert facts["problems"] == []


@pytest.mark.parametrize("name", ["run", "bad", "comparison"])
def test_a_report_needs_nothing_but_itself(page: Page, reports: dict[str, Path], name: str) -> None:
    page.show(reports[name])
    facts = page.value(FACTS)
    assert page.requests == [reports[name].as_uri()]
    assert all(address.startswith(("data:", "#")) for address in facts["addresses"])
    assert facts["scripts"] == facts["broken"] == 0
    assert reports[name].stat().st_size < 3e6


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["run", "bad", "comparison"])
def test_a_phone_shows_all_of_a_report(page: Page, reports: dict[str, Path], name: str, dark: bool) -> None:
    for width in (320, PHONE):
        page.show(reports[name], width=width, height=844, dark=dark)
        assert page.value(OVERFLOW) <= 0
    # What is wider scrolls in its own box.
    assert page.value("[...document.querySelectorAll('.wide')].some(box => box.scrollWidth > box.clientWidth)")
    worst, text = page.value(CONTRAST)
    assert worst >= 4.5, text


def test_drawings_are_dark_in_the_dark(page: Page, reports: dict[str, Path], tmp_path: Path) -> None:
    for dark in (False, True):
        page.show(reports["run"], dark=dark)
        place = page.value("(r => [r.left, r.top, r.right, r.bottom])(document.images[0].getBoundingClientRect())")
        page.picture(tmp_path / "page.png")
        left, top, right, bottom = (round(edge) for edge in place)
        seen = imread(tmp_path / "page.png")[top:bottom, left:right, :3].mean(axis=2)
        ground, ink = (seen.min(), seen.max()) if dark else (seen.max(), seen.min())
        assert abs(ground - ink) > 0.7
        # Most of a drawing is its ground.
        assert abs(float(seen.mean()) - ground) < 0.2


def test_paper_is_light_and_has_all_of_the_tables(page: Page, reports: dict[str, Path]) -> None:
    page.show(reports["run"], width=680, dark=True)
    page.dress("print", dark=True)
    assert page.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.value("getComputedStyle(document.querySelector('nav')).display") == "none"
    cut = "[...document.querySelectorAll('.wide')].filter(box => box.scrollWidth > box.clientWidth + 1).length"
    assert page.value(cut) == 0
    printed = page.printed()
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 3


def test_what_went_wrong_comes_first(page: Page, reports: dict[str, Path]) -> None:
    page.show(reports["bad"])
    facts = page.value(FACTS)
    (verdict,) = facts["verdicts"]
    assert verdict.startswith("!")
    assert "did not converge" in verdict
    assert len(facts["pictures"]) == 4
    assert "maps are missing" in page.value("document.body.innerText")


def test_a_comparison_overlays_the_functions(page: Page, reports: dict[str, Path]) -> None:
    page.show(reports["comparison"])
    facts = page.value(FACTS)
    (verdict,) = facts["verdicts"]
    assert "A and B agree" in verdict
    assert "A and C differ: " in verdict
    assert "C did not converge" in verdict
    assert len(facts["pictures"]) == 4
    assert all(f"{letter}: " in alt for alt, _ in facts["pictures"] for letter in "ABC")
    assert f"{N_T * 0.1:.3g} s" in page.value("document.body.innerText")
