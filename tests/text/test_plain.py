"""The text of blocks without the markup of markdown."""

from __future__ import annotations

import pytest

from omnipipe.text.plain import plain_page, plain_text


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (
            "text",
            "**Key words:** one [two three](https://example.org/%28) and *four*.",
            "Key words: one two three and four.",
        ),
        ("text", "2 * 3 * 4 and 5*6*7", "2 * 3 * 4 and 5*6*7"),
        ("text", "\\# of foxes\n\\> 5", "# of foxes\n> 5"),
        ("code", "```\nx = **y\n  z\n```", "x = **y\n  z"),
        ("table", "| a | b |\n| --- | --- |\n| 1 | 2 |", "a\tb\n1\t2"),
    ],
)
def test_markup_of_the_text_layer_is_taken_out(kind: str, text: str, expected: str) -> None:
    assert plain_text(text, kind) == expected


def test_what_others_found_stays_as_it_is() -> None:
    assert plain_text("**not** ours", "text", "rapidocr") == "**not** ours"


def test_the_text_of_a_page_has_running_heads_where_its_markdown_has_them() -> None:
    blocks = [("header", "Of foxes", "text_layer"), ("title", "Hounds", "text_layer"), ("hidden", "x", "text_layer")]

    assert plain_page(blocks, "# Hounds") == "Hounds"
    assert plain_page(blocks, "Of foxes\n\n# Hounds") == "Of foxes\n\nHounds"
