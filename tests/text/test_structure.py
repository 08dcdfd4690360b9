"""Structure of text layers: headings, lists, code, captions, notes, emphasis, links, formulas, accents."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pypdfium2
import pytest

from benchmarks.text_layer_pdfs import Run, pdf_of_runs
from omnipipe.text.layer import TextLayer, read_text_layer
from omnipipe.text.options import TextOptions
from omnipipe.text.words.ligatures import mend_ligatures
from tests.pdfs import pdf_of_contents, pdf_of_objects

PROSE = [
    "The quick brown fox jumps over the lazy dog while the sun goes down",
    "behind the hills and the river runs on to the sea, where the ships are",
    "waiting for the evening wind that carries them far out to the islands",
    "that nobody has seen for a long while, and nobody will see again soon.",
]
FONTS = ("Helvetica", "Helvetica-Bold", "Helvetica-Oblique", "Courier", "ABCDEF+CMMI10")

Text = tuple[float, float, float, int, str]
"""x and y of the baseline in points, size, place of the font in `FONTS`, text (Latin-1)."""


def pdf(texts: Sequence[Text], links: Sequence[tuple[tuple[float, float, float, float], str]] = ()) -> bytes:
    """A PDF of one page, with links over boxes."""
    content = b"\n".join(
        b"BT /F%d %g Tf %g %g Td (%s) Tj ET"
        % (font, size, x, y, text.encode("latin-1").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)"))
        for x, y, size, font, text in texts
    )
    first = 5 + len(FONTS)
    names = b" ".join(b"/F%d %d 0 R" % (i, 5 + i) for i in range(len(FONTS)))
    annotations = b" ".join(b"%d 0 R" % (first + i) for i in range(len(links)))
    return pdf_of_objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Annots [%s]"
            b" /Resources << /Font << %s >> >> >>" % (annotations, names),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
            *(
                b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>" % font.encode()
                for font in FONTS
            ),
            *(
                b"<< /Type /Annot /Subtype /Link /Rect [%g %g %g %g] /A << /S /URI /URI (%s) >> >>"
                % (*box, address.encode())
                for box, address in links
            ),
        ]
    )


def lines(texts: Sequence[str], y: float, *, x: float = 72, size: float = 10, font: int = 0) -> list[Text]:
    """Lines one below the other."""
    return [(x, y - 1.3 * size * i, size, font, text) for i, text in enumerate(texts)]


def read(
    texts: Sequence[Text],
    options: TextOptions | None = None,
    links: Sequence[tuple[tuple[float, float, float, float], str]] = (),
) -> TextLayer:
    """The text layer of such a page."""
    document = pypdfium2.PdfDocument(pdf(texts, links))
    try:
        return read_text_layer(document[0], options or TextOptions())
    finally:
        document.close()


def read_contents(content: bytes) -> TextLayer:
    """The text layer of a page with this content; /F1 is Helvetica."""
    document = pypdfium2.PdfDocument(pdf_of_contents([content]))
    try:
        return read_text_layer(document[0], TextOptions())
    finally:
        document.close()


def slanted(texts: Sequence[str], angle: float, size: float) -> bytes:
    """Lines that run up at `angle` degrees, one below the other."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    x, y = 300 - 150 * cos, 400 - 150 * sin
    return b"\n".join(
        b"BT /F1 %g Tf %.5f %.5f %.5f %.5f %.3f %.3f Tm (%s) Tj ET"
        % (size, cos, sin, -sin, cos, x + 1.3 * size * i * sin, y - 1.3 * size * i * cos, text.encode())
        for i, text in enumerate(texts)
    )


def kinds(layer: TextLayer) -> list[str]:
    """The types of the blocks."""
    return [block[0] for block in layer.blocks]


def test_bold_words_within_running_text_are_marked() -> None:
    texts = [*lines(PROSE, 700), (72, 648, 10, 0, "It is"), (97, 648, 10, 1, "very late"), (142, 648, 10, 0, "now.")]

    assert read(texts).text.endswith("It is **very late** now.")
    assert read(texts, TextOptions(emphasis=False)).text.endswith("It is very late now.")


def test_symbols_of_a_formula_are_no_emphasis() -> None:
    texts = [*lines(PROSE, 700), (72, 648, 10, 0, "Here e +"), (115, 648, 10, 2, "ip"), (126, 648, 10, 0, "1 = 0 is")]
    texts += [(162, 648, 10, 2, "so"), (175, 648, 10, 0, "nice.")]

    assert read(texts).text.endswith("Here e + ip 1 = 0 is *so* nice.")


def test_all_emphasis_written_is_emphasis_to_commonmark() -> None:
    """Touching runs, and runs whose edge is punctuation, within words."""
    runs = [
        ("It was", 0, 30),
        ("90%", 1, 19),
        ("5%less", 2, 33),
        ("than", 0, 25),
        ("the first", 1, 40),
        ("now.", 0, 30),
    ]
    x, texts = 72.0, lines(PROSE, 700)
    for text, font, width in runs:
        texts.append((x, 648, 10, font, text))
        x += width + (0 if text == "90%" else 4)
    markdown = pytest.importorskip("markdown_it")
    tokens = markdown.MarkdownIt("commonmark").parse(read(texts).text.split("\n\n")[-1])
    shown = "".join(token.content for token in tokens[1].children or [])

    assert "*" not in shown
    assert shown.endswith("than the first now.")


def test_signs_in_a_row_are_no_item() -> None:
    assert read([*lines(PROSE, 700), (72, 640, 10, 0, "* * * * *")]).text.endswith("\n\n\\* * * * *")


def test_text_in_italics_throughout_is_not_marked() -> None:
    assert read(lines(PROSE, 700, font=2)).text == " ".join(PROSE)


def test_words_under_a_link_become_one() -> None:
    texts = [*lines(PROSE, 700), (72, 648, 10, 0, "See the handbook for more.")]
    box = (91, 645, 154, 657)

    assert (
        "the [handbook](https://example.org/a%28b%29) for"
        in read(texts, links=[((105, 645, 154, 657), "https://example.org/a(b)")]).text
    )
    assert "](" not in read(texts, links=[(box, "javascript:alert(1)")]).text
    assert "](" not in read(texts, TextOptions(links=False), [(box, "https://example.org")]).text


def test_an_address_under_its_own_link_stays_as_it_is() -> None:
    texts = [*lines(PROSE, 700), (72, 648, 10, 0, "See https://example.org/page now.")]

    layer = read(texts, links=[((90, 645, 210, 657), "https://example.org/page")])

    assert layer.text.endswith("See https://example.org/page now.")


@pytest.mark.parametrize(("sign", "blocks"), [("// ", 1), ("", 2)])
def test_comments_in_a_column_of_their_own_stay_with_their_code(sign: str, blocks: int) -> None:
    names = ["alpha", "beta", "gamma", "delta", "omega", "sigma", "kappa", "theta"]
    code = [f"load({name}[{i}]);" for i, name in enumerate(names)]
    notes = [f"{sign}fetch {name} from the store of things" for name in names]

    layer = read(
        [*lines(PROSE, 700), *lines(code, 630, font=3), *lines(notes, 630, x=300, font=3), *lines(PROSE, 500)],
        TextOptions(tables=False),
    )

    found = [block[4] for block in layer.blocks if "load" in block[4] or "fetch" in block[4]]
    assert len(found) == blocks
    assert found[0].split("\n")[1].split("  ")[0] == "load(alpha[0]);"
    assert ("fetch theta" in found[0]) == (blocks == 1)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ("Figure 3: The fox jumps over the dog.", "caption"),
        ("Table 12. The fox jumps over the dog.", "caption"),
        ("Abb. 4: Der Fuchs.", "caption"),
        ("Figure 3 shows how the fox jumps over the dog.", "text"),
        ("Tables are made of wood.", "text"),
    ],
)
def test_captions_are_told_from_sentences_about_figures(first: str, expected: str) -> None:
    layer = read([*lines(PROSE, 700), *lines([first], 600)])

    assert kinds(layer) == ["text", expected]


def test_notes_come_after_the_columns_and_the_sentence_goes_on() -> None:
    left = [
        *lines([line[:36] for line in PROSE * 8], 700),
        *lines(["1 A note on foxes, of which", "there are many."], 90, size=7),
    ]
    right = lines([line[:36] for line in PROSE * 6], 700, x=320)
    right[0] = (*right[0][:4], "and ran on over the fields and hills")

    layer = read([*left, *right])

    assert kinds(layer)[-1] == "footnote"
    assert layer.text.endswith("1 A note on foxes, of which there are many.")
    assert f"{PROSE[3][:36]} and ran on" in layer.text


@pytest.mark.parametrize(("mark", "expected"), [("2", "footnote"), ("1", "footnote"), ("", "text")])
def test_what_is_in_bold_is_no_mark_of_a_note(mark: str, expected: str) -> None:
    notes: list[Text] = [(72, 90, 8, 1, f"{mark} Reign:"), (110, 90, 8, 0, "the years of the fox and its heirs")]

    assert kinds(read([*lines(PROSE * 10, 700), *notes]))[-1] == expected


def test_items_are_nested_by_their_indent() -> None:
    items = [(72, "- first"), (90, "- inner"), (90, "- other"), (72, "- second")]

    layer = read([(x, 700 - 14 * i, 10, 0, text) for i, (x, text) in enumerate(items)])

    assert layer.text.split("\n\n") == ["- first", "  - inner", "  - other", "- second"]


def test_numbered_headings_take_their_level_from_the_number() -> None:
    texts = [
        (72, 740, 18, 1, "On foxes"),
        (72, 715, 12, 1, "1 Fields"),
        *lines(PROSE, 695),
        (72, 630, 12, 1, "1.1 Hills"),
        *lines(PROSE, 610),
        (72, 545, 12, 1, "2 Rivers"),
        *lines(PROSE, 525),
    ]

    titles = [line for line in read(texts).text.split("\n") if line.startswith("#")]

    assert titles == ["# On foxes", "## 1 Fields", "### 1.1 Hills", "## 2 Rivers"]


def test_a_good_structure_tree_names_the_headings() -> None:
    content = [b"/H2 << /MCID 0 >> BDC BT /F1 10 Tf 72 700 Td (Of foxes) Tj ET EMC"]
    content += [
        b"/P << /MCID %d >> BDC BT /F1 10 Tf 72 %d Td (%s) Tj ET EMC" % (i, 700 - 13 * i, line.encode())
        for i, line in enumerate(PROSE, 1)
    ]
    stream = b"\n".join(content)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /MarkInfo << /Marked true >> /StructTreeRoot 6 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /StructParents 0 /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /StructTreeRoot /K [7 0 R 8 0 R] /ParentTree 9 0 R >>",
        b"<< /Type /StructElem /S /H2 /P 6 0 R /Pg 3 0 R /K 0 >>",
        b"<< /Type /StructElem /S /P /P 6 0 R /Pg 3 0 R /K [1 2 3 4] >>",
        b"<< /Nums [0 [7 0 R 8 0 R 8 0 R 8 0 R 8 0 R]] >>",
    ]
    document = pypdfium2.PdfDocument(pdf_of_objects(objects))

    layer = read_text_layer(document[0], TextOptions())

    document.close()
    assert layer.text == "## Of foxes\n\n" + " ".join(PROSE)


def test_a_line_of_text_that_looks_like_markup_is_escaped() -> None:
    layer = read([*lines(PROSE, 700), (72, 640, 10, 0, "# of foxes seen"), (72, 600, 10, 0, "> 50 percent")])

    assert layer.text.endswith("\\# of foxes seen\n\n\\> 50 percent")


def test_accents_beside_their_letter_are_joined() -> None:
    layer = read([(72, 700, 10, 0, "A na\xa8ive idea, and a caf\xb4e.")])

    assert layer.text == "A naïve idea, and a caf´e."


def test_accents_after_their_letter_are_told_by_where_they_are_drawn() -> None:
    texts = [(72.0 + x, 700.0, 10.0, 0, one) for x, one in [(0, "Ag"), (12.2, "e"), (14.2, "\xa8"), (17.8, "nia")]]

    assert read(texts).text == "Agënia"


def test_lam_and_alef_of_one_glyph_change_places() -> None:
    glyph = {4: (5, 0, 9, 9), 5: (5, 0, 9, 9)}

    mended = mend_ligatures(
        "\u0645\u0646 \u0627\u0623\u0644 \u0648\u0627\u0644",
        lambda places: np.array([glyph.get(i, (i, 0, i, 0)) for i in places], np.float32),
    )

    assert mended == "\u0645\u0646 \u0627\u0644\u0623 \u0648\u0627\u0644"


def test_korean_words_go_on_in_the_next_line() -> None:
    lines = [
        "\uac00\ub098\ub2e4\ub77c \ub9c8\ubc14\uc0ac\uc544" * 3,
        "\uc790\ucc28\uce74 \ud0c0\ud30c\ud558\uac70 " * 3,
    ]
    lines.append("\uc624\uc18c\uc11c\ub2e4 \ubaa8\ub450\uac00\uc57c" * 3)

    document = pypdfium2.PdfDocument(pdf_of_runs([Run(60, 700 - 14 * i, 11, line) for i, line in enumerate(lines)]))

    layer = read_text_layer(document[0], TextOptions())
    document.close()
    assert layer.text == "".join(lines)


def test_formulas_keep_their_text_and_set_a_flag() -> None:
    formula = [(72 + 20 * i, 640, 10, 4, sign) for i, sign in enumerate(["a", "b", "c", "x", "y", "z"])]

    assert read([*lines(PROSE, 700), *formula]).flags == ("formula",)
    assert read(lines(PROSE, 700)).flags == ()


def test_cards_in_a_grid_are_read_one_by_one() -> None:
    cards = [(x, y, f"{name} card") for y in (700, 550) for x, name in ((72, "left"), (330, "right"))]
    texts = [
        (x, y - 13 * i, 10.0, 0, text)
        for x, y, name in cards
        for i, text in enumerate([f"{name} {y}", *(line[:38] for line in PROSE)])
    ]

    text = read(texts, TextOptions(tables=False)).text

    places = [text.index(f"{name} {y}") for _, y, name in cards]
    assert places == sorted(places)


def test_addresses_side_by_side_do_not_alternate() -> None:
    sender = ["Orange Fruits Incorporated", "23 Main Street", "Central City"]
    receiver = ["Bayside Wholesale Company", "7 Harbour Road", "Western Shore"]

    text = read([*lines(sender, 700), *lines(receiver, 696, x=330), *lines(PROSE, 600)], TextOptions(tables=False)).text

    assert text.split() == [*" ".join(sender + receiver + PROSE).split()]


def test_columns_a_narrow_gap_apart_are_read_one_after_the_other() -> None:
    left, right = ([f"{side}{i:02} abcdefghij klmnopqrst uvwxyz" for i in range(12)] for side in "LR")
    rows = [
        (*lines([a], 700 - 13 * i), *lines([b], 700 - 13 * i, x=236))
        for i, (a, b) in enumerate(zip(left, right, strict=True))
    ]

    text = read([one for row in rows for one in row], TextOptions(tables=False)).text

    assert " ".join(text.split()) == " ".join(left + right)


@pytest.mark.parametrize("angle", [20, 37, 60, 143, 217, 323])
def test_slanted_text_is_read_line_by_line_with_a_flag(angle: int) -> None:
    layer = read_contents(slanted(PROSE * 2, angle, 10))

    assert " ".join(layer.text.split()) == " ".join(PROSE * 2)
    assert layer.flags == ("text:slanted",)
    assert all(0 <= side <= 1 for block in layer.blocks for side in block[1] or ())


def test_a_word_in_large_letters_across_the_page_is_a_watermark() -> None:
    straight = "".join(f"BT /F1 10 Tf 72 {700 - 13 * i} Td ({line}) Tj ET\n" for i, line in enumerate(PROSE * 2))

    layer = read_contents(straight.encode() + slanted(["DRAFT"], 45, 90))

    assert layer.text == " ".join(PROSE * 2)
    assert [(block[0], block[4]) for block in layer.blocks][1:] == [("watermark", "DRAFT")]


def test_a_page_of_many_words_is_read_in_bounded_time() -> None:
    texts = [(20 + 11 * (i % 50), 780 - 0.76 * (i // 50), 2.0, i % 3, f"w{i}") for i in range(50_000)]

    layer = read(texts, TextOptions(tables=False))

    assert "w49999" in layer.text
