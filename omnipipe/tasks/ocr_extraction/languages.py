"""Languages by Tesseract's names: which ones RapidOCR's model can read, their letters, and the script of a text."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from omnipipe.errors import ConfigError

LETTERS: Mapping[str, str] = {
    "eng": "",
    "afr": "áäéèêëíîïóôöúûüý",
    "cat": "àçéèíïóòúü·ŀ",
    "ces": "áčďéěíňóřšťúůýž",
    "dan": "åæøéäöü",
    "deu": "äöüß",
    "ell": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",
    "est": "äöõüšž",
    "eus": "ñçü",
    "fin": "äöåšž",
    "fra": "àâæçéèêëîïôœùûüÿ",
    "gle": "áéíóú",
    "glg": "áéíñóúü",
    "hrv": "čćđšž",
    "hun": "áéíóöőúüű",
    "ind": "",
    "isl": "áðéíóúýþæö",
    "ita": "àèéìíîòóùú",
    "lat": "āēīōūæœ",
    "lav": "āčēģīķļņšūž",
    "lit": "ąčęėįšųūž",
    "msa": "",
    "nld": "áäéèêëíïóöúüĳ",
    "nor": "åæøéèêóòâôü",
    "pol": "ąćęłńóśźż",
    "por": "àáâãçéêíóôõúü",
    "ron": "ăâîșşțţ",
    "slk": "áäčďéíĺľňóôŕšťúýž",
    "slv": "čšž",
    "spa": "áéíñóúü",
    "sqi": "çë",
    "swa": "",
    "swe": "åäöéà",
    "tur": "çğıİöşüâîû",
    "vie": "àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ",
}
"""The letters beyond ASCII, in small, of languages that the model reads with an alphabet."""

WITHOUT_ALPHABET = frozenset({"chi_sim", "chi_tra", "jpn"})
"""Languages that the model reads and whose characters are too many to name."""

_SCRIPTS = {"LATIN": "und-Latn", "GREEK": "und-Grek", "CYRILLIC": "und-Cyrl", "HIRAGANA": "ja", "KATAKANA": "ja"}
_HAN = "und-Hani"
_MIN_LETTERS = 60
_MOST = 0.97


def letters_of(languages: Sequence[str]) -> frozenset[str] | None:
    """All letters beyond ASCII that pages in `languages` have; None where they have no alphabet or none is named.

    Raises:
        ConfigError: RapidOCR's model does not know one of them; the message says what does.
    """
    unknown = [name for name in languages if name not in LETTERS and name not in WITHOUT_ALPHABET]
    if unknown:
        names = " ".join(f"tesseract-ocr-{name.replace('_', '-')}" for name in unknown)
        raise ConfigError(
            f"RapidOCR's model has no letters of {', '.join(unknown)[:80]}. Use --ocr tesseract (engine: tesseract) and"
            f" its data: apt-get install {names}, or brew install tesseract-lang. RapidOCR reads"
            f" {', '.join(sorted({*LETTERS, *WITHOUT_ALPHABET}))}."
        )
    if not languages or not WITHOUT_ALPHABET.isdisjoint(languages):
        return None
    small = "".join(LETTERS[name] for name in languages)
    return frozenset(small) | frozenset(small.upper())


def parse_languages(given: str) -> tuple[str, ...]:
    """`eng+deu` or `eng,deu` as names, each once."""
    return tuple(dict.fromkeys(name for name in given.replace(",", "+").replace(" ", "").split("+") if name))


def script_tag(texts: Iterable[str]) -> str | None:
    """The BCP 47 tag of the script of `texts`: `und-Latn`, `und-Grek`, `und-Hani`, `ja`; None where it is not certain.

    Certain are at least 60 letters of which 97 in 100 are of one script; kana beside Han make Japanese.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        if text.isascii():
            counts["und-Latn"] += sum(map(str.isalpha, text))
            continue
        counts.update(tag for character in text if character.isalpha() and (tag := _tag(character)))
    if counts["ja"] >= 0.05 * (counts[_HAN] + counts["ja"]):
        counts["ja"] += counts.pop(_HAN, 0)
    total = counts.total()
    tag, num = max(counts.items(), key=lambda entry: entry[1], default=("", 0))
    return tag if total >= _MIN_LETTERS and num >= _MOST * total else None


def _tag(character: str) -> str:
    word = unicodedata.name(character, "").partition(" ")[0]
    return _HAN if word == "CJK" else _SCRIPTS.get(word, "other")
