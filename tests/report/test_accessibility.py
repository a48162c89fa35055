"""The report can be read by everyone: order, words for pictures, contrast in both schemes."""

from __future__ import annotations

import base64
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

pytestmark = pytest.mark.usefixtures("calibrations")


def test_headings_and_tables_have_an_order_that_can_be_heard(page):
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(attributes.get("scope") in ("row", "col") for attributes in page.all("th"))
    boxes = [
        attributes for attributes in page.all("div") if "box" in attributes.get("class", "").split()
    ]
    assert len(boxes) == len(page.all("table"))
    assert all(box["aria-label"] and box["tabindex"] == "0" for box in boxes)
    assert page.all("html")[0]["lang"] == "en"
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all(
        "meta"
    )


def test_every_picture_has_words_a_place_and_a_dark_twin(page, tmp_path):
    pictures, twins = page.all("img"), page.all("source")
    assert len(pictures) == len(twins) == len({each["alt"] for each in pictures}) == 12
    for picture, twin in zip(pictures, twins, strict=True):
        assert len(picture["alt"]) > 20
        assert twin["media"] == "(prefers-color-scheme: dark)"
        light, dark = (read_png(source, tmp_path) for source in (picture["src"], twin["srcset"]))
        assert light.shape == dark.shape
        assert light.shape[:2] == (int(picture["height"]), int(picture["width"]))
        corner = {"light": light[0, 0, :3], "dark": dark[0, 0, :3]}
        for scheme, colours in schemes(page.text).items():
            np.testing.assert_allclose(corner[scheme], channels(colours["paper"]), atol=1e-6)


def read_png(source: str, folder: Path) -> np.ndarray:
    path = folder / "picture.png"
    path.write_bytes(base64.b64decode(source.partition(",")[2]))
    return image.imread(path)


def channels(colour: str) -> np.ndarray:
    """Red, green, blue of ``#rgb`` or ``#rrggbb``, 0 to 1."""
    digits = colour.removeprefix("#")
    digits = "".join(2 * d for d in digits) if len(digits) == 3 else digits
    return np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)]) / 255


def schemes(text: str) -> dict[str, dict[str, str]]:
    """The CSS colours of the light and of the dark scheme."""
    blocks = [re.findall(r"--(\w+): (#\w+)", block) for block in re.findall(r":root {(.*?)}", text)]
    light, dark = (dict(block) for block in blocks if block)
    return {"light": light, "dark": dark}


def luminance(colour: str) -> float:
    value = channels(colour)
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_words_stand_out_from_their_ground_in_both_schemes(page):
    assert page.open == []
    for colours in schemes(page.text).values():
        for ink in ("ink", "soft", "accent", "bad"):
            for ground in ("paper", "card", "wash"):
                light, dark = sorted(
                    (luminance(colours[ink]), luminance(colours[ground])), reverse=True
                )
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)
