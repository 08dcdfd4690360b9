"""Structure trees of tagged PDFs: lists, headings, captions; trees that are no good, or made to take long."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import pypdfium2

from omnipipe.text.layer import TextLayer, read_text_layer
from omnipipe.text.options import TextOptions
from tests.pdfs import pdf_of_objects

PROSE = (
    "The quick brown fox jumps over the lazy dog while the sun goes down",
    "behind the hills and the river runs on to the sea, where the ships are",
    "waiting for the evening wind that carries them far out to the islands.",
)

Line = tuple[float, float, str] | tuple[float, float, str, float]
"""x and y of the baseline in points, text, font size in points (10 if left out)."""


@dataclass
class Node:
    """An element: its type, and its kids: elements, or lines of text."""

    type: str
    kids: Sequence[Node | Line] = ()
    number: int = field(default=0, init=False)


def tagged(*roots: Node, loose: Sequence[Line] = (), num_pages: int = 1) -> bytes:
    """A tagged PDF, its first page drawn in the order of the tree, then the `loose` lines that are in no element.

    Further pages are empty.
    """
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /MarkInfo << /Marked true >> /StructTreeRoot 6 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [3 0 R %s] >>" % (num_pages, b"8 0 R " * (num_pages - 1)),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /StructParents 0 /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"",
        b"",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] >>",
    ]
    content: list[bytes] = []
    owners: list[int] = []

    def add(node: Node, parent: int) -> None:
        objects.append(b"")
        node.number = number = len(objects)
        kids = []
        for kid in node.kids:
            if isinstance(kid, Node):
                add(kid, number)
                kids.append(b"%d 0 R" % kid.number)
                continue
            kids.append(b"%d" % len(owners))
            content.append(b"/P << /MCID %d >> BDC %s EMC" % (len(owners), _line(kid)))
            owners.append(number)
        objects[number - 1] = b"<< /Type /StructElem /S /%s /P %d 0 R /Pg 3 0 R /K [%s] >>" % (
            node.type.encode(),
            parent,
            b" ".join(kids),
        )

    for root in roots:
        add(root, 6)
    content += [_line(line) for line in loose]
    stream = b"\n".join(content)
    objects[3] = b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream)
    objects[5] = b"<< /Type /StructTreeRoot /K [%s] /ParentTree 7 0 R >>" % b" ".join(
        b"%d 0 R" % root.number for root in roots
    )
    objects[6] = b"<< /Nums [0 [%s]] >>" % b" ".join(b"%d 0 R" % owner for owner in owners)
    return pdf_of_objects(objects)


def _line(line: Line) -> bytes:
    size = line[3] if len(line) == 4 else 10.0
    return b"BT /F1 %g Tf %g %g Td (%s) Tj ET" % (size, line[0], line[1], line[2].encode("latin-1"))


def prose(y: float, x: float = 72) -> Node:
    """A paragraph of three lines."""
    return Node("P", [(x, y - 13 * i, line) for i, line in enumerate(PROSE)])


def item(x: float, y: float, *texts: str, label: str = "", inner: Sequence[Node] = ()) -> Node:
    """An item as word processors tag it, with a list within."""
    labels = [Node("Lbl", [(x - 12, y, label)])] if label else []
    body = Node("LBody", [Node("P", [(x, y - 13 * i, text) for i, text in enumerate(texts)]), *inner])
    return Node("LI", [*labels, body])


def read(document: bytes, options: TextOptions | None = None) -> TextLayer:
    """The text layer of the first page."""
    opened = pypdfium2.PdfDocument(document)
    try:
        return read_text_layer(opened[0], options or TextOptions())
    finally:
        opened.close()


def test_items_without_a_bullet_in_the_text_are_named_by_the_tree() -> None:
    items = [item(90, 640, "apples and pears"), item(90, 627, "a plum"), item(90, 614, "Step by step")]
    document = tagged(Node("Document", [prose(700), Node("L", items), prose(570)]))

    whole = " ".join(PROSE)
    assert read(document).text.split("\n\n") == [whole, "- apples and pears", "- a plum", "- Step by step", whole]
    assert [block[0] for block in read(document).blocks] == ["text", "list", "list", "list", "text"]
    assert "- " not in read(document, TextOptions(lists=False)).text


def test_signs_that_are_no_usual_bullets_are_bullets_where_they_label_items() -> None:
    items = [
        item(90, 640, "apples", label="\xa7"),
        item(90, 627, "plums", label="\xa7"),
        item(90, 614, "figs", label="3."),
    ]

    assert read(tagged(Node("L", items), prose(580))).text.split("\n\n")[:3] == ["- apples", "- plums", "3. figs"]


def test_lists_within_items_are_nested_wherever_they_stand() -> None:
    inner = Node("L", [item(72, 627, "a plum", label="-"), item(72, 614, "a fig", label="-")])
    document = tagged(Node("L", [item(72, 640, "fruit", label="-", inner=[inner]), item(72, 601, "nuts", label="-")]))

    assert read(document).text.split("\n\n") == ["- fruit", "  - a plum", "  - a fig", "- nuts"]


def test_items_in_large_type_are_items_where_the_tree_has_headings() -> None:
    def slide(kind: str) -> bytes:
        texts = ["- of foxes", "- of hounds", "- of hills"]
        items = [Node("LI", [(72, 640 - 30.0 * i, text, 20.0)]) for i, text in enumerate(texts)]
        return tagged(Node(kind, [(72, 720, "Tales", 30.0)]), Node("L", items), prose(500), prose(400))

    assert read(slide("H1")).text.startswith("# Tales\n\n- of foxes\n\n- of hounds")
    assert read(slide("P")).text.startswith("# Tales\n\n## ")


def test_the_lines_of_an_item_stay_together() -> None:
    items = [item(90, 640, "Apples and pears.", "Plums as well", label="-"), item(90, 614, "Figs", label="-")]

    text = read(tagged(prose(700), Node("L", items))).text

    assert text.split("\n\n")[1:] == ["- Apples and pears.\nPlums as well", "- Figs"]


def test_the_second_paragraph_of_an_item_is_no_item() -> None:
    first = Node("P", [(90, 640, "Apples and pears.")])
    second = Node("P", [(90, 610, "They grow on trees.")])
    document = tagged(Node("L", [Node("LI", [Node("LBody", [first, second])])]))

    assert read(document).text.split("\n\n") == ["- Apples and pears.", "They grow on trees."]


def test_lists_in_cells_of_a_table_are_left_to_the_table() -> None:
    rows = [Node("TR", [Node("TD", [Node("L", [item(90, 640 - 20 * i, f"apples {i}")])])]) for i in range(3)]

    assert "- " not in read(tagged(Node("Table", rows), prose(560))).text


def beside_a_box(*, shuffled: bool = False) -> bytes:
    """A paragraph beside a box, whose last line runs below both."""
    words = " ".join(PROSE).split() * 2
    lines = [(72.0, 700 - 13.0 * i, " ".join(words[6 * i : 6 * i + 6])) for i in range(10)]
    lines.append((72.0, 570.0, "and the last line of all runs on below the box as far as the other margin of the page"))
    box = [Node("P", [(350, 700 - 13.0 * i, f"Fact {i} of the fox and of its hounds")]) for i in range(10)]
    if shuffled:
        rows = [Node("P", [line]) for line in lines]
        return tagged(*rows[::-1], *box[::-1])
    return tagged(Node("Document", [*box, Node("P", lines)]))


def test_a_paragraph_that_geometry_tears_apart_is_mended_by_the_tree() -> None:
    text = " ".join(read(beside_a_box(), TextOptions(tables=False)).text.split())

    assert text.startswith("Fact 0 of")
    assert text.endswith("and the last line of all runs on below the box as far as the other margin of the page")
    assert text.index("Fact 9") < text.index("The quick brown")


def test_two_texts_without_a_gutter_between_them_are_read_as_the_tree_has_them() -> None:
    def page(*, is_tagged: bool) -> TextLayer:
        left = [(72.0, 700 - 13.0 * i, "the fox ran over the hill" + " and on" * (i % 3)) for i in range(10)]
        right = [(200 + 36.0 * (i % 3), 700 - 13.0 * i, f"{i} a dog slept in the deep shade") for i in range(10)]
        tree = [Node("P", left), Node("P", right)] if is_tagged else []
        loose = [] if is_tagged else [line for pair in zip(left, right, strict=True) for line in pair]
        return read(tagged(*tree, loose=loose), TextOptions(tables=False))

    assert page(is_tagged=False).flags == ("layout:doubt",)
    assert page(is_tagged=True).flags == ()
    assert page(is_tagged=True).text.index("0 a dog") > page(is_tagged=True).text.rindex("the fox")


def test_a_tree_that_goes_up_the_page_is_not_followed() -> None:
    text = read(beside_a_box(shuffled=True), TextOptions(tables=False)).text

    assert text.index("The quick brown") < text.index("and the last line")
    assert text.index("Fact 0") < text.index("Fact 9")


def test_a_tree_that_lacks_much_of_the_text_is_not_believed() -> None:
    items = [item(90, 640, "apples and pears"), item(90, 627, "a plum")]
    loose = [(72, 500 - 13.0 * i, line) for i, line in enumerate(PROSE * 3)]

    assert "- apples" in read(tagged(Node("L", items))).text
    assert "- apples" not in read(tagged(Node("L", items), loose=loose)).text


def test_long_documents_are_read_without_their_tree() -> None:
    items = [item(90, 640, "apples and pears")]

    assert "- apples" in read(tagged(Node("L", items), num_pages=200)).text
    assert "- apples" not in read(tagged(Node("L", items), num_pages=201)).text


def test_neighbouring_headings_are_two() -> None:
    document = tagged(Node("H1", [(72, 720, "On foxes")]), Node("H1", [(72, 707, "and dogs")]), prose(680))

    assert read(document).text == "# On foxes\n\n# and dogs\n\n" + " ".join(PROSE)


def test_trees_made_to_take_long_are_given_up() -> None:
    deep = prose(700)
    for _ in range(300):
        deep = Node("Sect", [deep])
    wide = Node("L", [*(Node("LI") for _ in range(5000)), item(90, 700, "apples")])
    start = time.process_time()

    assert read(tagged(deep)).text == " ".join(PROSE)
    assert read(tagged(wide)).text == "apples"
    assert time.process_time() - start < 2


def test_a_tree_that_bites_its_tail_ends() -> None:
    document = tagged(Node("L", [Node("LI", [(90, 700, "apples and pears")])]))
    bitten = document.replace(b"/S /L /P 6 0 R /Pg 3 0 R /K [10 0 R]", b"/S /L /P 10 0 R /Pg 3 0 R /K [9 0 R]")
    assert bitten != document

    assert "apples and pears" in read(bitten).text
