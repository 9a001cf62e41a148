"""A run in the viewer as its users see it: maps, cuts, sliders, the form, on a desk and on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from viewing import HELPERS, Viewer, click, click_at, click_until, enter, of_fit

pytest.importorskip("panel", reason="the extra view is not installed")

PHONE = 400


# The contrast of every text that is seen against the ground behind it, and the worst of them (WCAG 2.2, 1.4.3).
CONTRAST = """(() => {
    const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const light = rgb => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
    const colour = text => text.match(/[\\d.]+/g).map(Number);
    const above = e => e.parentElement ?? e.getRootNode().host;
    const ground = e => {
        for (; e; e = above(e)) {
            const found = colour(getComputedStyle(e).backgroundColor);
            if (found.length < 4 || found[3] > 0.5) return found;
        }
        return [255, 255, 255];
    };
    let worst = [99, ""];
    for (const e of deep("*")) {
        // A cross whose words stand outside of what is seen.
        if (e.matches(".choices__button")) continue;
        if (!e.checkVisibility() || e.disabled || e.tagName === "STYLE" || e.tagName === "SCRIPT") continue;
        const text = [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data).join("").trim() || e.value;
        if (!/[\\p{L}\\d]/u.test(text ?? "") || e.type === "checkbox") continue;
        const [a, b] = [light(colour(getComputedStyle(e).color)), light(ground(e))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < worst[0]) worst = [ratio, text];
    }
    return worst;
})()"""

# A step of the slider that has the focus, and what the sliders have asked the server for.
ARROW = (
    "deep('.noUi-handle').filter(e => e.checkVisibility()).at(-4)"
    ".dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}));"
)


def test_a_click_into_a_map_sets_the_age_and_the_cut_is_that_of_numpy(viewer: Viewer, viewed: Path) -> None:
    page, fit = viewer.open_run(str(viewed / "run"), height=1000), of_fit(viewed)
    assert fit.maps is not None
    data, model = (maps[0] for maps in fit.maps)
    t = fit.data.t
    shown = np.array(page.value("Array.from(model('image of data').data.image[0])")).reshape(data.shape)
    off = ~np.eye(len(data), dtype=bool)
    assert np.allclose(shown[off], data[off])
    click_until(page, "data", t[15], t[9], f"column('cut of data', 'c2').length == {len(t) - 10}")
    assert np.allclose(page.value("column('cut of data', 'lag')"), t[10:] - t[9])
    assert np.allclose(page.value("column('cut of data', 'c2')"), data[9, 10:], atol=1e-6)
    assert np.allclose(page.value("column('cut of model', 'c2')"), model[9, 10:], atol=1e-6)
    # Without a number of frames, the cut is that of one.
    enter(page, "averaged frames", "")
    click_until(page, "data", t[15], t[8], f"column('cut of data', 'c2').length == {len(t) - 9}")
    # Colour limits are those that are typed; a pair that is none is refused.
    for label, value, side in (("data from", "1.01", "low"), ("residual to", "0.02", "high")):
        enter(page, label, value)
        name = label.split()[0]
        page.wait(f"model('{name}').renderers[0].glyph.color_mapper.{side} == {value}")
    assert page.value("model('model').renderers[0].glyph.color_mapper.low") == 1.01
    enter(page, "data to", "1")
    page.wait("words('[role=alert]').some(e => e.includes('Colours of the data: enter two numbers'))")
    enter(page, "data to", "1.3")
    page.wait("model('model').renderers[0].glyph.color_mapper.high == 1.3 && words('[role=alert]').length == 0")
    # The same in another azimuth, at a constant mean age.
    page.value("(e => { e.value = e.options[1].value; e.dispatchEvent(new Event('change')) })(field('azimuth φ / °'))")
    page.value("(e => { e.value = e.options[1].value; e.dispatchEvent(new Event('change')) })(field('cut'))")
    click_at(page, "residual", t[14], t[10])
    expected = [fit.maps[0][1][12 - k, 12 + k] for k in range(1, 12)]

    def even_lags() -> Any:
        return page.value("column('cut of data', 'c2')")[1:22:2]

    page.until(lambda: len(even_lags()) == 11 and np.allclose(even_lags(), expected, atol=1e-6), "the cut")


def test_sliders_show_the_model_and_its_cost_and_reset_returns_to_the_fit(viewer: Viewer, viewed: Path) -> None:
    from heterodyne_data import TwoTimeData
    from heterodyne_nlsq import cost_function
    from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid

    page, fit = viewer.open_run(str(viewed / "run")), of_fit(viewed)
    assert fit.maps is not None
    before = page.value("Array.from(model('image of model').data.image[0])")
    enter(page, "v0 / Å/s^(β+1)", "800")
    page.wait("words('p').some(e => e.includes('relative to the fit'))")
    moved = {**fit.parameters, "v0": 800.0}
    data = fit.data
    c2 = np.asarray(c2_meshgrid(HeterodyneModel(**moved), data.t, data.q, 0.0, fit.contrast[0], fit.offset[0]))
    shown = np.array(page.value("Array.from(model('image of model').data.image[0])")).reshape(c2.shape)
    off = ~np.eye(len(c2), dtype=bool)
    assert np.allclose(shown[off], c2[off], atol=1e-6)
    measured = TwoTimeData(c2=fit.maps[0].astype(float), q=data.q, phi=data.phi, t=data.t)
    cost = cost_function(measured, fit.config)(moved, fit.contrast, fit.offset)
    line = next(one for one in page.value("words('p')") if "relative to the fit" in one)
    assert float(line.split()[1].rstrip(",")) == pytest.approx(cost, rel=1e-4)
    # An arrow key on the slider of f3 moves it too.
    page.value("deep('.noUi-handle').filter(e => e.checkVisibility()).at(-4).focus()")
    page.key("ArrowRight", 39)
    page.until(
        lambda: page.value("words('p').find(e => e.includes('relative to the fit'))") != line, "another cost", 10
    )
    # Of moves faster than the answers, the latest is drawn.
    page.value("window.answers = 0, model('image of model').properties.data.change.connect(() => answers++), 0")
    page.value(
        f"(async () => {{ for (let k = 0; k < 30; k++) {{ {ARROW} await new Promise(f => setTimeout(f, 5)) }} }})()"
    )
    page.wait("!asked().busy && !asked().more && asked().slid.size == 0")
    assert 0 < page.value("answers") < 30
    numbers = page.value("asked().latest")
    moved = dict(zip(fit.parameters, numbers, strict=False))
    assert moved["f3"] > fit.parameters["f3"] and moved["v0"] == 800.0
    c2 = np.asarray(c2_meshgrid(HeterodyneModel(**moved), data.t, data.q, 0.0, fit.contrast[0], fit.offset[0]))
    shown = np.array(page.value("Array.from(model('image of model').data.image[0])")).reshape(c2.shape)
    left = np.array(page.value("Array.from(model('image of residual').data.image[0])")).reshape(c2.shape)
    assert np.allclose(shown[off], c2[off], atol=1e-6)
    assert np.allclose(left[off], (fit.maps[0][0] - c2)[off], atol=1e-6)
    click(page, "button('Start the next fit from here')")
    page.wait("words('pre').some(e => e.includes('value: 800'))")
    click(page, "button('Reset to the fit')")
    page.wait("words('p').some(e => e.includes('at the fit'))")
    assert np.allclose(page.value("Array.from(model('image of model').data.image[0])")[1], before[1])
    assert page.value("field('v0 / Å/s^(β+1)').value").startswith("698.8")


@pytest.mark.slow
def test_frames_are_chosen_and_masked_by_dragging(viewer: Viewer, viewed: Path) -> None:
    page, t = viewer.open_run(str(viewed / "run")), of_fit(viewed).data.t
    step = t[1] - t[0]

    def drag(first: int, last: int) -> None:
        ends = [
            page.value(f"at('data', {t[k - 1] + side * step}, {t[11]})") for k, side in ((first, -0.3), (last, 0.3))
        ]
        page.drag(*ends)

    click(page, "button('chooses frames')")
    page.wait("model('data').toolbar.active_drag.type == 'BoxSelectTool'")
    drag(3, 20)
    page.wait("field('first frame').value == '3' && field('last frame').value == '20'")
    click(page, "button('masks frames')")
    page.wait("button('masks frames').classList.contains('bk-active')")
    drag(7, 8)
    page.wait("field('masked frames, such as 12, 40-45').value == '7-8'")
    drag(12, 12)
    page.wait("field('masked frames, such as 12, 40-45').value == '7-8, 12'")
    # Hatched along both sides: before 3, after 20, 7 to 8, 12.
    page.wait("column('marks', 'left').length == 8")
    text = page.value("words('pre')[0]")
    assert "frames:" in text and "mask_frames:" in text
    # Azimuths: a drag chooses those between both ends, a click adds or removes one.
    phi = of_fit(viewed).data.phi
    page.drag(page.value(f"at('azimuths', {phi[1] - 3}, 0.5)"), page.value(f"at('azimuths', {phi[1] + 3}, -0.5)"))
    page.until(lambda: f"phi:\n  - {phi[1]}\nmodel" in page.value("words('pre')[0]"), "one azimuth", 10)
    click_at(page, "azimuths", phi[0], 0)
    page.wait("model('azimuths').renderers[0].data_source.selected.indices.length == 2")
    page.until(lambda: "phi:" not in page.value("words('pre')[0]"), "all azimuths again", 10)
    click(page, "button('zooms')")
    page.wait("model('data').toolbar.active_drag.type == 'BoxZoomTool'")
    page.drag(page.value(f"at('data', {t[4]}, {t[4]})"), page.value(f"at('data', {t[14]}, {t[14]})"))
    # The model follows.
    page.wait(
        f"Math.abs(model('model').x_range.start - {t[4]}) < {step}"
        " && model('image of model').data.image[0].length < 200"
    )


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
def test_it_is_legible_on_a_phone_in_light_and_dark(viewer: Viewer, viewed: Path, dark: bool) -> None:
    page = viewer.page
    page.open(viewer.address, PHONE, 800, dark=dark)
    page.wait(f"(() => {{ {HELPERS} return deep('.tabulator-row').length > 2 }})()")
    assert ("theme=dark" in page.value("location.href")) == dark
    assert page.value("document.documentElement.scrollWidth") <= PHONE
    ratio, text = page.value(CONTRAST)
    assert ratio >= 4.5, text
    viewer.open_run(str(viewed / "run"), width=PHONE, height=800, dark=dark)
    assert page.value("document.documentElement.scrollWidth") <= PHONE
    ratio, text = page.value(CONTRAST)
    assert ratio >= 4.5, text


@pytest.mark.slow
def test_the_keyboard_reaches_every_control(viewer: Viewer, viewed: Path) -> None:
    page = viewer.open_run(str(viewed / "run"))
    # Names in the form's rows are for assistive programs; a row is as high as its fields.
    heights = page.value("deep('input[type=checkbox]').slice(-14).map(e => e.getRootNode().host.offsetHeight)")
    assert max(heights) < 40
    page.value("document.activeElement.blur()")
    # The innermost element with the focus, and what a user can operate.
    active = (
        "(() => { let e = document.activeElement; while (e.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;"
    )
    controls = (
        "window.left = new Set(deep('button, input, select, a[href], .noUi-handle').filter(e => e.checkVisibility()"
        " && !e.disabled && e.tabIndex >= 0 && !e.closest('.bk-Toolbar, .bk-toolbar')))"
    )
    page.value(f"{controls}, 0")
    wanted = page.value("left.size")
    assert wanted > 100
    for _ in range(3 * wanted):
        page.key("Tab", 9)
        if page.value(active + " left.delete(e); return left.size })()") == 0:
            break
    assert page.value("[...left].map(e => e.outerHTML.slice(0, 100))") == []
