"""Texts made comparable: what counts as the same in tests (olmOCR's rules) and in error rates."""

from __future__ import annotations

import re
import unicodedata

_SPACE = re.compile(r"\s+")
# In this order: the later patterns meet what the earlier ones left.
_MARKUP: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"<br/?>"), " "),
    (_SPACE, " "),
    (re.compile(r"\*\*(.*?)\*\*"), r"\1"),
    (re.compile(r"__(.*?)__"), r"\1"),
    (re.compile(r"</?[bi]>"), ""),
    (re.compile(r"\*(.*?)\*"), r"\1"),
    (re.compile(r"_(.*?)_"), r"\1"),
)
_PLAIN_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a", "'"),
        **dict.fromkeys("\u201c\u201d\u201e", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        "\uff3f": "_",
        "\u00b5": "\u03bc",
    }
)
# The bench leaves U+2010 (hyphen) as it is.
_BENCH_SIGNS = {code: sign for code, sign in _PLAIN_SIGNS.items() if code != 0x2010}

# What stands between two signs is bounded: a page of lone signs must not take the square of its length.
_BLOCK_MARKUP: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r"<!--.{0,2000}?-->", re.DOTALL), " "),
    (re.compile(r"^ {0,3}(```|~~~).*$", re.MULTILINE), ""),
    (re.compile(r"^ {0,3}#{1,6}[ \t]+", re.MULTILINE), ""),
    (re.compile(r"^ {0,3}>[ \t]?", re.MULTILINE), ""),
    (re.compile(r"^ {0,3}([-*_][ \t]*){3,}$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*\|?([ \t]*:?-+:?[ \t]*\|)+[ \t]*(:?-+:?)?[ \t]*$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*[-*+][ \t]+", re.MULTILINE), ""),
    (re.compile(r"!\[([^\]\n]{0,500})\]\([^)\n]{0,500}\)"), r"\1"),
    (re.compile(r"\[([^\]\n]{1,500})\]\([^)\n]{0,500}\)"), r"\1"),
    (re.compile(r"</?(table|thead|tbody|tr|td|th|br|sup|sub|b|i|u|p|caption)\b[^<>\n]{0,200}>", re.IGNORECASE), " "),
    (re.compile(r"(?<!\\)\|"), " "),
    (re.compile(r"(\*\*|__)(?=\S)(.{1,500}?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]+?)(?<=\S)\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w_])_(?=[^\s_])([^_\n]+?)(?<=\S)_(?![\w_])"), r"\1"),
    (re.compile(r"`([^`\n]+)`"), r"\1"),
    (re.compile(r"\\([\\`*_{}\[\]()#+\-.!|<>~$])"), r"\1"),
)
_HYPHEN_AT_END = re.compile(r"(?<=[^\W\d_])[-\u00ad\u2010]\s+(?=[^\W\d_])")


def normalise(text: str) -> str:
    """`text` as olmOCR's tests compare it: one line, no bold or italics, plain quotes and dashes, Unicode NFC."""
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    return unicodedata.normalize("NFC", text).translate(_BENCH_SIGNS)


def collapse(text: str) -> str:
    """`text` with every run of white space as one space, and none at its ends."""
    return _SPACE.sub(" ", text).strip()


def plain_text(markdown: str) -> str:
    """The words of `markdown` without its markup: headings, lists, tables (pipes and HTML), emphasis, links, code.

    Formulas stay as they are written.
    """
    for pattern, replacement in _BLOCK_MARKUP:
        markdown = pattern.sub(replacement, markdown)
    return markdown


def fold(text: str) -> str:
    """`text` with what readers hardly see made alike: kinds of quotes and dashes, ligatures, hyphens at line ends.

    A hyphen between letters and white space goes with the white space, whether a line ended there or not.
    """
    return _HYPHEN_AT_END.sub("", unicodedata.normalize("NFKC", text).translate(_PLAIN_SIGNS))
