"""Kinds of pages with a text layer to trust."""

from __future__ import annotations

import random

from PIL import Image

from benchmarks.text_layer_pdfs import Run, pdf_of_runs, photo, prose, scan_of, set_lines, words_of
from benchmarks.text_layer_texts import ARTICLES, CODE, FORMULAS, LATIN

_NAMES = (
    "geometry graphics hyperref microtype captions booktabs enumerate comments listings multirow subfigures tables "
    "languages symbols printing encoding balance references footnotes environment spacing letters titles floating "
    "pages watermark libertine drawing colours fonts verbatim appendix citation bibliography glossary parallel"
)
"""What packages and commands are named."""


def good_prose(rng: random.Random) -> bytes:
    """One column, any language."""
    return pdf_of_runs(
        set_lines(prose(rng, rng.choice(list(ARTICLES)), rng.randint(1, 50)), size=rng.choice([8, 10, 12]))
    )


def good_columns(rng: random.Random) -> bytes:
    """Two columns under a title."""
    language = rng.choice(list(ARTICLES))
    title = [Run(60, 790, 18, " ".join(words_of(rng, language, 6)))]
    columns = [set_lines(prose(rng, language, 40, 40), x=x, top=750, size=9) for x in (60, 310)]
    return pdf_of_runs([*title, *columns[0], *columns[1]], rotate=rng.choice([0, 0, 90, 180, 270]))


def good_table(rng: random.Random) -> bytes:
    """Numbers and short labels."""
    runs = []
    for i in range(rng.randint(4, 40)):
        y = 760 - i * 16
        runs.append(
            Run(50, y, 9, rng.choice(["Total", "Q1", "EBITDA", "USD", "Net", "kWh", "Zürich", "North", "A-17"]))
        )
        runs += [
            Run(150 + 70 * j, y, 9, f"{rng.randint(0, 10**6):,}".replace(",", rng.choice([",", ".", " "])))
            for j in range(6)
        ]
    return pdf_of_runs(runs)


def good_parts(rng: random.Random) -> bytes:
    """Part numbers, codes, identifiers with prose between."""

    def code() -> str:
        letters = "".join(rng.choice("ABCDEFGHKLMNPRSTUVWXZ") for _ in range(rng.randint(2, 4)))
        return f"{letters}-{rng.randint(10, 99999)}{rng.choice(['', '/B', 'X', '-R2'])}"

    lines = [
        f"{code()}  {' '.join(words_of(rng, rng.choice(LATIN), 4))}  {rng.randint(1, 99)} pcs"
        for _ in range(rng.randint(5, 40))
    ]
    return pdf_of_runs(set_lines(lines))


def good_code(rng: random.Random) -> bytes:
    """Program text."""
    lines = CODE.split("\n") * rng.randint(1, 4)
    return pdf_of_runs(set_lines(lines[: rng.randint(6, 40)], size=9))


def good_formulas(rng: random.Random) -> bytes:
    """Mathematics and prose."""
    lines = [line for pair in zip(prose(rng, "en", 20), FORMULAS.split("\n") * 4, strict=True) for line in pair]
    return pdf_of_runs(set_lines(lines[: rng.randint(6, 40)]))


def good_short(rng: random.Random) -> bytes:
    """Nearly empty pages: a title, a page number, a notice."""
    text = rng.choice(
        [
            "Annex II",
            "This page intentionally left blank.",
            "12",
            "- 3 -",
            "Contents",
            "Q&A",
            "Thank you!",
            "§ 5 (3)",
            "iv",
            "Kapitel 3",
            "第三章",
            "Глава 2",
            "الفصل الثاني",
            "www.example.org",
        ]
    )
    return pdf_of_runs([Run(rng.randint(60, 300), rng.randint(60, 780), rng.choice([9, 12, 24]), text)])


def good_photo(rng: random.Random) -> bytes:
    """A photograph with a caption or a paragraph."""
    height = rng.randint(200, 640)
    lines = prose(rng, rng.choice(list(ARTICLES)), rng.randint(1, 12))
    return pdf_of_runs(set_lines(lines, top=150), image=photo(rng), box=(40, 800 - height, 555, 800))


def good_slide(rng: random.Random) -> bytes:
    """A few large lines over a picture that fills the page."""
    backdrop = Image.new("L", (200, 280), 235)
    backdrop.paste(photo(rng).resize((200, 60)), (0, rng.choice([0, 220])))
    runs = set_lines(
        [" ".join(words_of(rng, rng.choice(LATIN), 5)) for _ in range(rng.randint(2, 6))], size=24, top=600
    )
    return pdf_of_runs(runs, image=backdrop)


def good_chart(rng: random.Random) -> bytes:
    """A drawn chart with labels, and a sentence or two."""
    bars = b"\n".join(
        b"%.2f g %d 300 30 %d re f" % (rng.random(), 80 + 45 * i, rng.randint(20, 300)) for i in range(10)
    )
    lines = b"\n".join(b"0 G .5 w 70 %d m 530 %d l S" % (y, y) for y in range(300, 620, 40))
    labels = [Run(82 + 45 * i, 285, 8, str(2010 + i)) for i in range(10)]
    return pdf_of_runs(
        [*labels, *set_lines(prose(rng, rng.choice(LATIN), rng.randint(1, 15)), top=240)],
        drawn=lines + b"\n" + bars + b"\n0 g",
    )


def good_ocr(rng: random.Random) -> bytes:
    """A scan with an invisible layer of good quality: a wrong character in a hundred."""
    runs = set_lines(prose(rng, rng.choice(LATIN), rng.randint(6, 45)), size=10)
    layer = [
        r._replace(
            says="".join(rng.choice("eaolI1.") if c.isalpha() and rng.random() < 0.008 else c for c in r.text), mode=3
        )
        for r in runs
    ]
    if rng.random() < 0.3:
        return pdf_of_runs([r._replace(mode=0) for r in layer], image=scan_of(rng, runs), over=True)
    return pdf_of_runs(layer, image=scan_of(rng, runs))


def good_bullets(rng: random.Random) -> bytes:
    """Lists whose bullets are characters of a symbol font."""
    bullet = rng.choice(["\uf0b7", "\uf0a7", "•", "\uf0d8", "➢"])
    lines = [f"{bullet} {line}" for line in prose(rng, rng.choice(LATIN), rng.randint(2, 30), 50)]
    return pdf_of_runs(set_lines(lines))


def good_contents(rng: random.Random) -> bytes:
    """A table of contents with leaders."""
    lines = [
        f"{i + 1}.{rng.randint(1, 9)} {' '.join(words_of(rng, rng.choice(LATIN), 4))} {'.' * rng.randint(20, 60)} {i * 3 + 1}"
        for i in range(rng.randint(5, 35))
    ]
    return pdf_of_runs(set_lines(lines))


def good_capitals(rng: random.Random) -> bytes:
    """Forms and notices in capitals, abbreviations, names, two languages beside each other."""
    lines = [line.upper() for line in prose(rng, rng.choice([*LATIN, "ru", "el"]), 10)] + prose(
        rng, rng.choice(list(ARTICLES)), 10
    )
    rng.shuffle(lines)
    return pdf_of_runs(set_lines(lines[: rng.randint(3, 20)]))


def good_addresses(rng: random.Random) -> bytes:
    """Packages and where they are: letters that no language has, and words between them."""
    names = rng.sample(_NAMES.split(), rng.randint(12, 30))
    return pdf_of_runs(set_lines([f"{name}, http://www.ctan.org/pkg/{name}" for name in names]))


def good_commands(rng: random.Random) -> bytes:
    """Commands of a macro package with a word on each, and a frame of asterisks."""
    names = ["".join(rng.choices("bcdfgklmnpstvxz", k=rng.randint(2, 4))) for _ in range(30)]
    lines = [f"\\{name} {' '.join(rng.sample(_NAMES.split(), 2))} \\{name}xp" for name in names]
    return pdf_of_runs(set_lines(["*" * 61, "* " + _NAMES[:50], "*" * 61, *lines]))


GOOD = [good_prose, good_columns, good_table, good_parts, good_code, good_formulas, good_short, good_photo, good_slide, good_chart, good_ocr, good_bullets, good_contents, good_capitals, good_addresses, good_commands]  # fmt: skip
