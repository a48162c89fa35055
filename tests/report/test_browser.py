"""The planets of a report in a real browser: a click, a filter, keys, dark, on a phone."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ariel_kit import report as report_room
from ariel_kit.core.config import RunSettings
from ariel_kit.core.parallel import PlanetFailure
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import LABEL_COLUMNS, Labels
from ariel_kit.data.submission import make_submission
from ariel_kit.pipeline import run_pipeline
from ariel_kit.report import write_report
from ariel_kit.report.browser import STEPS, Shown, as_page_json, browser_data, packed
from ariel_kit.report.tables import planet_rows
from ariel_kit.run.folder import RunFolder

pytestmark = pytest.mark.usefixtures("calibrations")

MANY = 1100
HOSTILE = '</script><img src=x onerror="document.title=1">'
_made: dict[str, Any] = {}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium as the system has it."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is a dev extra")
    if (path := shutil.which("chromium")) is None:
        pytest.skip("chromium is not installed")
    with api.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def run(tiny, tmp_path_factory) -> Path:
    """A run of 1100 planets, made of two that were fitted: every hundredth failed, some graze."""
    if "run" not in _made:
        path = tmp_path_factory.mktemp("many")
        result = run_pipeline(tiny, path, settings=RunSettings())
        folder, spectra, failures = RunFolder(path), [], []
        for i in range(MANY):
            one = result.spectra[i % 2]
            planet = 100_000 + i
            mean = one.mean * (1 + 0.001 * (i % 7))
            flags = ("grazing",) if i % 50 == 1 else ()
            fit = replace(one.fit, flags=flags)
            if i % 100 == 3:
                failures.append(PlanetFailure(planet, "DataFileError", f"no flat: {HOSTILE}"))
                spectra.append(Spectrum(planet, one.wavelength, mean, one.sigma))
            else:
                spectra.append(replace(one, planet_id=planet, mean=mean, fit=fit))
        make_submission(spectra, [s.planet_id for s in spectra], folder.submission)
        record = folder.read().record
        changes = {"planets": MANY, "failures": tuple(failures)}
        changes["stars"] = {s.planet_id: s.planet_id % 3 for s in spectra}
        folder.finish(record.model_copy(update=changes), spectra)
        _made["run"] = path
    return _made["run"]


@pytest.fixture
def page_path(run, monkeypatch) -> Path:
    """Its page, with truths 10 ppm below the answers; pictures are tried elsewhere."""
    if "page" not in _made:
        import polars as pl

        read = RunFolder(run).read()
        table = pl.DataFrame(np.array([s.mean for s in read.spectra]) - 1e-5, schema=LABEL_COLUMNS)
        ids = pl.Series("planet_id", [s.planet_id for s in read.spectra])
        table.insert_column(0, ids).write_csv(run / "labels.csv")
        monkeypatch.setattr(report_room, "collect", lambda *_: ([], []))
        _made["page"] = write_report(run, labels=run / "labels.csv")
    return _made["page"]


@pytest.fixture
def page(browser, page_path) -> Iterator[Any]:
    """The page, opened; at the end no word may be on its console."""
    yield from opened(browser, page_path)


def opened(browser, path: Path, **options: Any) -> Iterator[Any]:
    said: list[str] = []
    tab = browser.new_page(viewport={"width": 1200, "height": 900}, **options)
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: said.append(request.url) if "file:" not in request.url else 0)
    tab.goto(path.as_uri())
    if options.get("java_script_enabled", True):
        tab.wait_for_selector("#list tbody tr")
    yield tab
    tab.close()
    assert [word for word in said if not word.startswith("data:")] == []


def listed(page) -> list[str]:
    return page.locator("#list tbody tr th").all_inner_texts()


def ink_of(page, place: str) -> int:
    """How many pixels of a chart are painted."""
    return page.evaluate(
        """(id) => { const c = document.querySelector(`#${id} canvas`);
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; }""",
        place,
    )


def test_a_packed_curve_is_the_curve_but_for_half_a_step(rng):
    for values in (rng.normal(4000, 30, 283), np.full(5, 3.0), np.array([-1e-6, 1e6])):
        least, step, text = packed(values)
        steps = np.frombuffer(base64.b64decode(text), "<u2")
        np.testing.assert_allclose(least + step * steps, values, atol=2 * np.ptp(values) / STEPS)


def test_the_data_are_those_of_the_run(run):
    read = RunFolder(run).read()
    truth = Labels(np.array([s.planet_id for s in read.spectra]), np.full((MANY, 283), 0.004))
    data = browser_data([Shown(read, planet_rows(read, None), truth)])
    found = {planet["id"]: planet for planet in data["planets"]}
    assert len(found) == MANY
    for spectrum in read.spectra[:5]:
        planet = found[str(spectrum.planet_id)]
        for part, values in zip(planet["spectrum"], (spectrum.mean, spectrum.sigma), strict=False):
            least, step, text = part
            steps = np.frombuffer(base64.b64decode(text), "<u2")
            np.testing.assert_allclose(least + step * steps, 1e6 * values, atol=0.05)
        assert ("failure" in planet) == (spectrum.planet_id in read.failures)
        assert bool(planet["light"]) == (spectrum.fit is not None)
    json.dumps(data, allow_nan=False)


def test_a_thousand_planets_are_a_small_page(page_path):
    assert page_path.stat().st_size < 10_000_000


def test_hostile_words_end_no_script(page_path):
    assert as_page_json([HOSTILE]).count("<") == 0
    assert page_path.read_text().count("<script") == page_path.read_text().count("</script>") == 3


def test_the_first_picture_is_there_within_a_second(browser, page_path):
    seconds = []
    for _ in range(3):  # the machine may be busy
        for page in opened(browser, page_path):
            mark = "performance.getEntriesByName('first picture')[0].startTime"
            seconds.append(page.evaluate(mark) / 1000)
            assert ink_of(page, "spectrum") > 1000
    assert min(seconds) < 1


def test_a_click_shows_the_planet(page):
    assert len(listed(page)) == MANY
    row = page.locator("#list tbody tr", has_text="100150")
    row.click()
    assert page.inner_text("#planet-name") == "Planet 100150"
    assert row.get_attribute("aria-current") == "true"
    assert page.url.endswith("#planet-100150")
    assert all(ink_of(page, place) > 1000 for place in ("spectrum", "light", "residual"))
    assert "Limb darkening" in page.inner_text("#planet-limb")
    stages = page.locator("#planet-stages tbody th").all_inner_texts()
    assert {"calibration", "jitter", "fit", "uncertainty"} <= set(stages)
    assert "white_residual" in page.inner_text("#planet-stages")


def test_the_readout_under_the_pointer_is_the_spectrum_with_its_sigma_and_truth(page, run):
    page.locator("#list tbody tr", has_text="100150").click()
    over = page.locator("#spectrum .u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.5 * box["height"])
    page.wait_for_function("document.querySelector('#spectrum + figcaption output').textContent")
    said = page.inner_text("#spectrum + figcaption output")
    micron, depth, sigma, true = map(float, re.findall(r"[\d.]+", said))
    (spectrum,) = (s for s in RunFolder(run).read().spectra if s.planet_id == 100150)
    i = int(np.argmin(abs(spectrum.wavelength - micron)))
    assert depth == pytest.approx(1e6 * spectrum.mean[i], abs=1)
    assert sigma == pytest.approx(1e6 * spectrum.sigma[i], abs=1)
    assert depth - true == pytest.approx(10, abs=1.1)


def test_filters_and_the_search_leave_what_they_name(page):
    page.select_option("#by-star", "1")
    star = [str(p) for p in range(100_000, 100_000 + MANY) if p % 3 == 1]
    assert sorted(listed(page)) == star
    assert page.inner_text("#count") == f"{len(star)} of {MANY} planets"
    page.select_option("#by-star", "")
    page.select_option("#by-flag", "grazing")
    assert len(listed(page)) == len([i for i in range(MANY) if i % 50 == 1 and i % 100 != 3])
    page.select_option("#by-flag", "safe prior")
    assert len(listed(page)) == 11
    page.select_option("#by-risk", "low")
    assert listed(page) == []
    page.select_option("#by-risk", "")
    page.select_option("#by-flag", "")
    page.fill("#find", "10109")
    assert sorted(listed(page)) == [f"10109{i}" for i in range(10)]


def test_a_failed_planet_tells_why_and_draws_no_light(page):
    page.select_option("#by-flag", "safe prior")
    page.locator("#list tbody tr").first.click()
    assert f"DataFileError: no flat: {HOSTILE}" in page.inner_text("#planet-why")
    assert page.inner_text("#planet-risk") == "risk: high"
    assert page.is_hidden("#light")
    assert ink_of(page, "spectrum") > 1000
    assert page.title() != "1"


def test_headings_sort_both_ways(page):
    heading = page.locator("#list thead button", has_text="depth")
    for direction in ("ascending", "descending"):
        heading.click()
        cell = page.locator("#list thead th", has_text="depth")
        assert cell.get_attribute("aria-sort") == direction
        depths = [
            float(t) for t in page.locator("#list tbody tr td:nth-child(4)").all_inner_texts()
        ]
        assert depths == sorted(depths, reverse=direction == "descending")


def test_ids_beyond_53_bits_are_shown_exactly(browser, run, tmp_path, monkeypatch):
    read = RunFolder(run).read()
    most = 2**60 + 7
    spectra = [replace(read.spectra[0], planet_id=most - i) for i in range(3)]
    changes = {"planets": 3, "failures": (), "stars": {s.planet_id: 1 for s in spectra}}
    few = RunFolder(tmp_path)
    shutil.copytree(run, few.path, dirs_exist_ok=True)
    make_submission(spectra, [s.planet_id for s in spectra], few.submission)
    few.finish(read.record.model_copy(update=changes), spectra)
    monkeypatch.setattr(report_room, "collect", lambda *_: ([], []))
    for page in opened(browser, write_report(few.path)):
        page.locator("#list thead button", has_text="planet").click()
        assert listed(page) == [str(most - 2), str(most - 1), str(most)]


def test_keys_lead_through_the_list(page):
    ids = listed(page)
    page.locator("#list tbody tr").first.click()
    for key, place in {"ArrowDown": 1, "PageDown": 11, "ArrowUp": 10, "End": -1, "Home": 0}.items():
        page.keyboard.press(key)
        assert page.inner_text("#planet-name") == f"Planet {ids[place]}"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
    page.keyboard.type("100777")
    assert listed(page) == ["100777"]


def test_an_address_opens_its_planet(browser, page_path):
    for page in opened(browser, page_path):
        page.goto(f"{page_path.as_uri()}#planet-100042")
        page.reload()
        assert page.inner_text("#planet-name") == "Planet 100042"


def test_dark_paper_redraws_in_its_own_colours(page):
    script = "getComputedStyle(document.body).backgroundColor"
    light, ink = (
        page.evaluate(script),
        page.evaluate("document.querySelector('canvas').toDataURL()"),
    )
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{script} !== '{light}'")
    assert page.evaluate(script) == "rgb(22, 25, 29)"
    page.wait_for_function("(old) => document.querySelector('canvas').toDataURL() !== old", arg=ink)


def test_a_phone_shows_it_without_moving_sideways(browser, page_path):
    for page in opened(browser, page_path):
        page.set_viewport_size({"width": 360, "height": 740})
        page.wait_for_function("document.querySelector('#spectrum canvas').clientWidth <= 340")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.locator("#list tbody tr").nth(3).click()
        assert ink_of(page, "light") > 1000


def test_without_scripts_the_worst_planets_are_a_table(browser, page_path):
    for page in opened(browser, page_path, java_script_enabled=False):
        assert page.is_hidden("#browser")
        assert page.locator(".unscripted tbody tr").count() == 20
        assert page.is_visible(".unscripted table")


def test_runs_of_two_editions_are_told_apart(browser, run, tmp_path, monkeypatch):
    other = Path(shutil.copytree(run, tmp_path / "second"))
    record = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps({**record, "edition": 2025}))
    monkeypatch.setattr(report_room, "collect", lambda *_: ([], []))
    path = write_report(run, output=tmp_path / "both.html", others=[other])
    for page in opened(browser, path):
        assert len(listed(page)) == 2 * MANY
        page.select_option("#by-edition", "2025")
        assert page.inner_text("#count") == f"{MANY} of {2 * MANY} planets"
        page.locator("#list tbody tr", has_text="100150").click()
        assert "edition 2025" in page.inner_text("#planet-facts")
        assert page.url.endswith("#planet-100150-1")
        page.reload()
        assert "edition 2025" in page.inner_text("#planet-facts")
        page.select_option("#by-run", str(run))
        page.select_option("#by-edition", "2024")
        assert page.inner_text("#count") == f"{MANY} of {2 * MANY} planets"


def test_one_run_needs_no_filter_by_run_or_edition(page):
    assert page.is_hidden("#by-edition")
    assert page.is_hidden("#by-run")
    assert "edition" not in page.inner_text("#list thead")
    assert "edition 2024" in page.inner_text("#planet-facts")
