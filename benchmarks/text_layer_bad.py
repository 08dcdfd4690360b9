"""Kinds of pages with a wrong text layer."""

from __future__ import annotations

import random

from benchmarks.text_layer_pdfs import Run, outlines, pdf_of_runs, prose, scan_of, set_lines, words_of
from benchmarks.text_layer_texts import ARTICLES, LATIN

_JUNK = "|~\\/{}[]^_*<>;:.,'`1l!I0Oo5S8B§«»°•"


def bad_shifted(rng: random.Random) -> bytes:
    """Every letter off by a constant, as subset fonts are where their map was lost."""
    shift = rng.choice([-29, -31, 1, -1, 3, 13, 29, 31, -3, 5, 28, 2])
    lines = prose(rng, rng.choice(LATIN), rng.randint(3, 45))
    return pdf_of_runs(
        set_lines(lines, says=lambda s: "".join(c if c == " " else chr(max(33, ord(c) + shift)) for c in s))
    )


def bad_permuted(rng: random.Random) -> bytes:
    """Every letter another one, without system."""
    alphabet = [chr(i) for i in range(33, 127)]
    keys = "".join(sorted(set("".join(ARTICLES.values()))))
    target = (
        {c: rng.choice(alphabet) for c in keys if c != " "}
        if rng.random() < 0.5
        else dict(
            zip(
                "etaoinshrdlucmfwypvbgkjqxzETAOINSHRDLU.,",
                rng.sample("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP", 40),
                strict=True,
            )
        )
    )
    lines = prose(rng, rng.choice(LATIN), rng.randint(3, 45))
    return pdf_of_runs(set_lines(lines, says=lambda s: "".join(target.get(c, c) for c in s)))


def bad_in_order(rng: random.Random) -> bytes:
    """Codes in the order of first use, counted from a first one: subset fonts without a map."""
    first = rng.choice([0x21, 0x22, 0x41, 0xC0, 0x01, 0x100])
    seen: dict[str, str] = {}
    lines = prose(rng, rng.choice(LATIN), rng.randint(3, 45))
    return pdf_of_runs(
        set_lines(
            lines,
            says=lambda s: "".join(
                c if c == " " and first > 1 else seen.setdefault(c, chr(first + len(seen))) for c in s
            ),
        )
    )


def bad_private(rng: random.Random) -> bytes:
    """Private-use characters, for all or a part of the text."""
    base, share = rng.choice([0xE000, 0xF000, 0xF700]), rng.choice([1.0, 1.0, 0.5, 0.3])
    lines = prose(rng, rng.choice(list(ARTICLES)), rng.randint(2, 40))
    wrong = [rng.random() < share or i == 0 for i in range(len(lines))]
    runs = set_lines(lines)
    return pdf_of_runs(
        [
            r._replace(says="".join(c if c == " " else chr(base + ord(c) % 256) for c in r.text)) if w else r
            for r, w in zip(runs, wrong, strict=True)
        ]
    )


def bad_replaced(rng: random.Random) -> bytes:
    """U+FFFD for all or many characters."""
    share = rng.choice([1.0, 0.6, 0.3, 0.2])
    lines = prose(rng, rng.choice(list(ARTICLES)), rng.randint(2, 40))
    return pdf_of_runs(
        set_lines(lines, says=lambda s: "".join("\ufffd" if c != " " and rng.random() < share else c for c in s))
    )


def bad_control(rng: random.Random) -> bytes:
    """Control characters: glyph numbers taken for characters."""
    lines = prose(rng, rng.choice(LATIN), rng.randint(2, 40))
    return pdf_of_runs(
        set_lines(
            lines, says=lambda s: "".join(chr(1 + ord(c) % 30) if c.isalpha() and rng.random() < 0.7 else c for c in s)
        )
    )


def bad_cid(rng: random.Random) -> bytes:
    """(cid:12) junk, as tools write it into layers."""
    lines = prose(rng, rng.choice(LATIN), rng.randint(2, 25), 20)
    share = rng.choice([1.0, 0.4])
    return pdf_of_runs(
        set_lines(lines, says=lambda s: "".join(f"(cid:{ord(c)})" if rng.random() < share else c for c in s), size=5)
    )


def bad_mixed(rng: random.Random) -> bytes:
    """Letters of many scripts in one word."""
    blocks = [0x3B1, 0x430, 0x5D0, 0x627, 0x905, 0xE01, 0x61, 0x531, 0xC85]
    target = {chr(i): chr(rng.choice(blocks) + rng.randrange(20)) for i in range(33, 1200)}
    lines = prose(rng, rng.choice(LATIN), rng.randint(2, 40))
    return pdf_of_runs(set_lines(lines, says=lambda s: "".join(target.get(c, c) for c in s)))


def bad_han(rng: random.Random) -> bytes:
    """Ideographs at random: two bytes read as one, or a map of another font."""
    lines = prose(rng, rng.choice([*LATIN, "zh", "ja", "ko"]), rng.randint(3, 40), 50)
    swap = rng.random() < 0.5
    target = {chr(i): chr(rng.randrange(0x4E00, 0x9FA0)) for i in range(33, 0x10000)}
    return pdf_of_runs(
        set_lines(
            lines,
            says=lambda s: "".join(
                chr((ord(c) & 0xFF) << 8 | ord(c) >> 8) if swap and 0x40 <= ord(c) < 0x80 else target.get(c, c)
                for c in s
            ),
        )
    )


def bad_mojibake(rng: random.Random) -> bytes:
    """Cyrillic and Greek in the upper half of Latin-1."""
    language = rng.choice(["ru", "uk", "el"])
    codec = {"ru": rng.choice(["cp1251", "koi8-r", "iso8859-5"]), "uk": "cp1251", "el": "iso8859-7"}[language]
    lines = prose(rng, language, rng.randint(2, 40))
    return pdf_of_runs(set_lines(lines, says=lambda s: s.encode(codec, "ignore").decode("latin-1")))


def bad_half(rng: random.Random) -> bytes:
    """A good heading and running head over a body whose font has lost its map."""
    language = rng.choice(LATIN)
    head = set_lines(prose(rng, language, 2), size=14)
    shift = rng.choice([-29, 31, 1])
    body = set_lines(
        prose(rng, language, rng.randint(8, 40)),
        top=700,
        says=lambda s: "".join(c if c == " " else chr(max(33, ord(c) + shift)) for c in s),
    )
    return pdf_of_runs([*head, *body])


def bad_ocr(rng: random.Random) -> bytes:
    """A scan with a layer full of misread characters: invisible, or printed and hidden under the picture."""
    runs = set_lines(prose(rng, rng.choice(LATIN), rng.randint(8, 45)), size=10)
    share = rng.uniform(0.2, 0.5)
    hidden = rng.random() < 0.4

    def misread(c: str) -> str:
        if c != " " and rng.random() < share:
            return rng.choice(_JUNK)
        return " " if rng.random() < 0.06 else c

    layer = [r._replace(says="".join(map(misread, r.text)), mode=0 if hidden else 3) for r in runs]
    return pdf_of_runs(layer, image=scan_of(rng, runs), over=hidden)


def bad_one_word(rng: random.Random) -> bytes:
    """A scan with one or a few invisible words."""
    runs = set_lines(prose(rng, rng.choice(LATIN), rng.randint(10, 45)))
    word = " ".join(words_of(rng, "en", rng.randint(1, 4)))
    return pdf_of_runs([Run(60, 400, 10, word, None, 3)], image=scan_of(rng, runs))


def bad_stamped(rng: random.Random) -> bytes:
    """A scan with a visible stamp: case number, page number, download notice."""
    runs = set_lines(prose(rng, rng.choice(LATIN), rng.randint(12, 45)), top=740)
    stamp = rng.choice(
        [
            "Case 1:20-cv-01234 Document 17 Filed 03/04/20 Page 3 of 12",
            "EXHIBIT A",
            "Downloaded from archive.example on 4 May 2021 by guest",
            "- 12 -",
            "CONFIDENTIAL  BATES000123",
        ]
    )
    return pdf_of_runs([Run(60, rng.choice([815, 20]), rng.choice([8, 9, 12]), stamp)], image=scan_of(rng, runs))


def bad_outlined(rng: random.Random) -> bytes:
    """Most of the text turned into paths, a heading or footer left as text."""
    lines = prose(rng, rng.choice(["en", "es", "nl", "id", "la"]), rng.randint(8, 25), 60)
    drawn = outlines([Run(60, 720 - i * 15, 10, line) for i, line in enumerate(lines)])
    return pdf_of_runs([Run(60, 790, 12, " ".join(words_of(rng, "en", rng.randint(2, 8))))], drawn=drawn)


def bad_rotated_alphabet(rng: random.Random) -> bytes:
    """Letters moved on within the alphabet, z after a; Latin or Cyrillic."""
    language = rng.choice([*LATIN, "ru"])
    first, count = (0x430, 32) if language == "ru" else (0x61, 26)
    shift = rng.randint(1, count - 1)

    def turn(text: str) -> str:
        return "".join(
            chr(first + (ord(c) - first + shift) % count) if 0 <= ord(c) - first < count else c for c in text
        )

    return pdf_of_runs(set_lines([x.lower() for x in prose(rng, language, rng.randint(3, 40))], says=turn))


def bad_one_character(rng: random.Random) -> bytes:
    """Every character the same."""
    same = rng.choice("?\u25a1\u25a0xo*#")
    return pdf_of_runs(
        set_lines(
            prose(rng, rng.choice(LATIN), rng.randint(2, 40)),
            says=lambda s: "".join(c if c == " " else same for c in s),
        )
    )


def bad_ocr_letters(rng: random.Random) -> bytes:
    """A scan with a layer whose letters are guessed: invisible, or printed and hidden under the picture."""
    runs = set_lines(prose(rng, rng.choice(LATIN), rng.randint(8, 45)), size=10)
    share = rng.uniform(0.25, 0.7)
    guess = "abcdefghijklmnopqrstuvwxyzILTHRESO"
    says = ["".join(rng.choice(guess) if c != " " and rng.random() < share else c for c in r.text) for r in runs]
    hidden = rng.random() < 0.5
    runs = [r._replace(says=text, mode=0 if hidden else 3) for r, text in zip(runs, says, strict=True)]
    return pdf_of_runs(runs, image=scan_of(rng, runs), over=hidden)


def bad_bare(rng: random.Random) -> bytes:
    """A page of prose whose layer has neither capitals nor marks, as some old OCR wrote it."""
    runs = set_lines(prose(rng, rng.choice(LATIN), rng.randint(35, 45)), size=10)
    keep = rng.uniform(0.0, 0.1)

    def flat(c: str) -> str:
        return c if c.isalnum() or c.isspace() or rng.random() < keep else ""

    runs = [r._replace(says="".join(map(flat, r.text)).lower()) for r in runs]
    return pdf_of_runs(runs)


BAD = [bad_shifted, bad_permuted, bad_in_order, bad_private, bad_replaced, bad_control, bad_cid, bad_mixed, bad_han, bad_mojibake, bad_half, bad_ocr, bad_one_word, bad_stamped, bad_outlined, bad_rotated_alphabet, bad_one_character, bad_ocr_letters, bad_bare]  # fmt: skip
