"""Prints omnipipe/text/trust/letters.py's tables: how likely a letter follows another, over many languages.

    python -m benchmarks.text_letter_tables FOLDER    # FOLDER holds gettext catalogues, LANGUAGE/LC_MESSAGES/*.po

The committed tables were made from the catalogues of Django 5's translations (BSD-3-Clause), each language of equal
weight. Only counts of letter pairs are kept.
"""

from __future__ import annotations

import itertools
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

ALPHABETS = {
    "latin": "abcdefghijklmnopqrstuvwxyz",
    "cyrillic": "абвгдежзийклмнопрстуфхцчшщъыьэюяіїєјѓ",
    "greek": "αβγδεζηθικλμνξοπρστυφχψω",
}
LEVELS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LOW, HIGH = -6.0, 4.0
"""Range of the table's values: bits above or below chance."""


def fold(text: str) -> str:
    """Lower case without accents."""
    text = text.lower().replace("й", "\0").replace("ї", "\1")
    text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return (
        text.replace("\0", "й")
        .replace("\1", "ї")
        .replace("ς", "σ")
        .replace("ß", "ss")
        .replace("ø", "o")
        .replace("ł", "l")
        .replace("đ", "d")
        .replace("æ", "ae")
        .replace("œ", "oe")
        .replace("ı", "i")
    )


def catalogue_text(path: Path) -> str:
    """The translated messages of a catalogue, without markup."""
    source = path.read_text(encoding="utf-8", errors="replace")
    found = re.findall(r'^msgstr(?:\[\d\])? ((?:"(?:[^"\\]|\\.)*"\s*)+)', source, re.M)
    text = " ".join("".join(re.findall(r'"((?:[^"\\]|\\.)*)"', part)) for part in found[1:])
    return re.sub(r"%\(\w+\)[sd]|%[sd]|&\w+;|<[^>]+>|\{\w*\}|\\n|\\.", " ", text)


def table(texts: list[str], alphabet: str) -> str:
    """Pairs of letters (and the edge of a word, last) as one character each, in rows by the first letter."""
    size = len(alphabet) + 1
    code = {c: i for i, c in enumerate(alphabet)}
    total = np.zeros((size, size))
    for text in texts:
        codes = [code.get(c, size - 1) for c in fold(text)]
        counts = Counter(pair for pair in itertools.pairwise(codes) if pair != (size - 1, size - 1))
        matrix = np.zeros((size, size))
        for (a, b), number in counts.items():
            matrix[a, b] = number
        total += matrix / matrix.sum()
    total = total / total.sum() + 2e-6
    joint = total / total.sum()
    chance = 1 / (size * size - 1)
    bits = np.clip(np.log2(joint / chance), LOW, HIGH)
    steps = np.rint((bits - LOW) / (HIGH - LOW) * (len(LEVELS) - 1)).astype(int)
    return "".join(LEVELS[i] for i in steps.ravel())


def main() -> None:
    """Print the tables."""
    texts: dict[str, str] = defaultdict(str)
    for path in sorted(Path(sys.argv[1]).rglob("*.po")):
        texts[path.parent.parent.name] += " " + catalogue_text(path)
    for name, alphabet in ALPHABETS.items():
        letters = set(alphabet)
        fitting = [t for t in texts.values() if len(t) > 3000 and sum(c in letters for c in fold(t)) > 0.7 * len(t)]
        print(f"# {name}: {len(fitting)} languages")
        print(f"{name.upper()} = (")
        flat = table(fitting, alphabet)
        for i in range(0, len(flat), 100):
            print(f'    "{flat[i : i + 100]}"')
        print(")")


if __name__ == "__main__":
    main()
