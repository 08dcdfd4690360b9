"""Languages of OCR: doubtful letters, the script of a page, and what the command line says."""

from __future__ import annotations

import pytest

from omnipipe.cli.choice import choose_pipeline
from omnipipe.errors import ConfigError
from omnipipe.stages.ocr import Ocr
from omnipipe.tasks.ocr_extraction.alphabet import settled
from omnipipe.tasks.ocr_extraction.languages import LETTERS, letters_of, parse_languages, script_tag
from omnipipe.tasks.ocr_extraction.recognition import Doubt, Reading


def _reading(text: str, doubtful: str = "", others: tuple[tuple[str, float], ...] = ()) -> Reading:
    chances = tuple(0.5 if character == doubtful else 0.99 for character in text)
    doubts = (Doubt(text.index(doubtful), others),) if doubtful else ()
    return Reading(text, chances, doubts)


def test_a_speck_over_a_letter_is_no_accent() -> None:
    assert settled([_reading("expêditiously", "ê", (("è", 0.2), ("e", 0.1)))]) == ["expeditiously"]


def test_an_accent_that_the_page_surely_has_stays_in_doubt() -> None:
    texts = settled([_reading("für den"), _reading("müsste", "ü", (("u", 0.3),))])

    assert texts == ["für den", "müsste"]


def test_a_letter_is_left_where_the_next_choice_is_none() -> None:
    assert settled([_reading("İt took", "İ", (("", 0.4), ("I", 0.1)))]) == ["It took"]


def test_signs_stay_whatever_the_page_has() -> None:
    assert settled([_reading("• one", "•", (("-", 0.3),))]) == ["• one"]


def test_pages_of_han_keep_their_rare_characters() -> None:
    assert settled([_reading("漢字漢字漢"), _reading("齉", "齉", (("a", 0.3),))]) == ["漢字漢字漢", "齉"]


@pytest.mark.parametrize(
    ("read", "text"),
    [
        ("3 0rchard Close, 0ne of 40", "3 Orchard Close, One of 40"),
        ("0n or 0f 0ld", "On or Of Old"),
        (
            "0xbeef 0m 0cm 0h 30 £0.50 2.0 A0 a0ne 10rder -0ne 0x",
            "0xbeef 0m 0cm 0h 30 £0.50 2.0 A0 a0ne 10rder -0ne 0x",
        ),
    ],
)
def test_a_zero_that_begins_a_word_is_a_letter(read: str, text: str) -> None:
    assert settled([Reading(read, (0.99,) * len(read), ())]) == [text]


def test_named_languages_decide_over_what_the_page_seems_to_have() -> None:
    readings = [_reading("für"), _reading("müsste", "ü", (("u", 0.3),))]

    assert settled(readings, letters_of(("eng",))) == ["für", "musste"]
    assert settled(readings, letters_of(("eng", "deu"))) == ["für", "müsste"]


def test_languages_without_an_alphabet_leave_all_letters() -> None:
    assert letters_of(("eng", "jpn")) is None


@pytest.mark.parametrize("name", sorted(LETTERS))
def test_letters_are_small_beyond_ascii_and_named_once(name: str) -> None:
    letters = LETTERS[name]

    assert len(set(letters)) == len(letters)
    assert not any(letter.isascii() for letter in letters)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("the quick brown fox " * 5, "und-Latn"),
        ("Übungsstelle für Königsberg " * 5, "und-Latn"),
        ("το κείμενο είναι γραμμένο " * 5, "und-Grek"),
        ("漢字仮名交じり文です" * 10, "ja"),
        ("学而时习之不亦说乎" * 10, "und-Hani"),
        ("latin и кириллица " * 10, None),
        ("too short", None),
        ("12345 67890 " * 20, None),
    ],
)
def test_a_script_is_named_only_where_it_is_certain(text: str, tag: str | None) -> None:
    assert script_tag([text]) == tag


@pytest.mark.parametrize("given", ["eng+deu", "eng,deu", " eng + deu+eng "])
def test_languages_are_parsed(given: str) -> None:
    assert parse_languages(given) == ("eng", "deu")


def test_lang_reaches_the_ocr_stage() -> None:
    stages = choose_pipeline("default", lang="deu+fra").stages

    assert [stage.languages for stage in stages if isinstance(stage, Ocr)] == [("deu", "fra")]


@pytest.mark.parametrize(
    ("pipeline", "lang", "message"),
    [
        ("default", "+", "names no language"),
        ("text_layer", "eng", "has no OCR"),
        ("default", "rus", "no letters of rus"),
    ],
)
def test_a_lang_that_cannot_be_followed_is_refused(pipeline: str, lang: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        choose_pipeline(pipeline, lang=lang)
