"""Pictures whose sides are multiples of a model's grid: exactly so, as near as can be, never above the caps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from omnipipe.page import Pixels
from omnipipe.reading.facts import RenderPolicy
from omnipipe.reading.process import ReaderProcess
from tests.pdfs import pdf_of_contents

CORNERS = b"0 0 1 rg 0 702 90 90 re f 1 0 0 rg 522 0 90 90 re f"
"""A blue square in the upper left corner of a page of 612 x 792 points, a red one in the lower right."""


@pytest.fixture(scope="module")
def reader() -> Iterator[ReaderProcess]:
    with ReaderProcess() as reader:
        yield reader


def drawn(reader: ReaderProcess, path: Path, policy: RenderPolicy) -> Image.Image:
    (found,) = reader.render_pages(str(path), [0], policy)
    assert isinstance(found, Pixels), found
    return Image.frombytes(found.mode, (found.width, found.height), found.data)


@settings(deadline=None)
@given(
    st.integers(1, 30_000),
    st.integers(1, 30_000),
    st.sampled_from((14, 16, 28, 32)),
    st.integers(64, 4000),
    st.integers(4096, 9_000_000),
)
def test_sides_are_multiples_within_the_caps(width: int, height: int, step: int, side: int, pixels: int) -> None:
    policy = RenderPolicy(multiple_of=step, longest_side=side, max_pixels=pixels)

    across, down = policy.fit(width, height)

    assert across % step == down % step == 0
    assert 0 < max(across, down) <= side
    assert across * down <= pixels


@settings(deadline=None)
@given(st.integers(200, 3000), st.integers(200, 3000))
def test_a_side_moves_by_half_a_step_at_most_where_no_cap_is_near(width: int, height: int) -> None:
    across, down = RenderPolicy(multiple_of=28, longest_side=4000, max_pixels=16_000_000).fit(width, height)

    assert max(abs(across - width), abs(down - height)) <= 14


@settings(deadline=None)
@given(st.integers(1, 30_000), st.integers(1, 30_000))
def test_without_a_grid_sizes_are_as_they_were(width: int, height: int) -> None:
    scale = min(1.0, 2400 / max(width, height), (6_000_000 / (width * height)) ** 0.5)

    assert RenderPolicy().fit(width, height) == (max(1, int(width * scale)), max(1, int(height * scale)))


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("rotate", [0, 90])
def test_a_pdf_page_is_drawn_on_the_grid_up_to_its_edges(
    reader: ReaderProcess, tmp_path: Path, mode: str, rotate: int
) -> None:
    path = tmp_path / "page.pdf"
    path.write_bytes(pdf_of_contents([CORNERS], rotate=rotate))
    policy = RenderPolicy(dpi=100, small_side=0, multiple_of=28, mode=mode)  # type: ignore[arg-type]
    plain = drawn(reader, path, replace(policy, multiple_of=1)).convert("RGB")

    picture = drawn(reader, path, policy).convert("RGB")

    assert sorted(picture.size) == [840, 1092]
    far = (picture.width - 1, picture.height - 1)
    assert [picture.getpixel(at) for at in ((0, 0), far, (far[0], 0), (0, far[1]))] == [
        plain.getpixel(at)
        for at in ((0, 0), (plain.width - 2, plain.height - 2), (plain.width - 2, 0), (0, plain.height - 2))
    ]


def test_an_image_is_brought_to_the_grid(reader: ReaderProcess, tmp_path: Path) -> None:
    Image.new("RGB", (100, 75), "red").save(tmp_path / "image.png")

    picture = drawn(reader, tmp_path / "image.png", RenderPolicy(multiple_of=32))

    assert picture.size == (96, 64)
    assert picture.getpixel((95, 63)) == (255, 0, 0)
