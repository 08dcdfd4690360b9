"""Files of tests and truth: read as they are meant, or refused with the line and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omnipipe.errors import InputError
from omnipipe.evaluation.jsonl import load_cases, load_truths

PRESENT = {"pdf": "a.pdf", "page": 1, "id": "one", "type": "present", "text": "word"}
ORDER = {"pdf": "a.pdf", "page": 1, "id": "one", "type": "order", "before": "abc", "after": "defghi"}
TRUTH = {"path": "a.pdf", "page": 1, "text": "word"}


def written(folder: Path, *lines: object) -> Path:
    file = folder / "tests.jsonl"
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")
    return file


def test_the_tests_of_a_folder_are_told_apart_by_file(tmp_path: Path) -> None:
    (tmp_path / "tables.jsonl").write_text(json.dumps({**PRESENT, "id": "two"}), "utf-8")
    (tmp_path / "headers.jsonl").write_text("\n" + json.dumps(PRESENT) + "\n\n", "utf-8")

    filed = load_cases([tmp_path])

    assert [(entry.case.id, entry.category) for entry in filed] == [("one", "headers.jsonl"), ("two", "tables.jsonl")]


def test_documents_without_a_baseline_get_one_if_asked(tmp_path: Path) -> None:
    other = {"pdf": "b.pdf", "page": 3, "id": "two", "type": "baseline", "max_length": 10}
    file = written(tmp_path, PRESENT, other)

    added = load_cases([file], with_baseline=True)[2:]

    assert [(entry.case.pdf, entry.case.page, entry.category) for entry in added] == [("a.pdf", 1, "added baselines")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{not json", "not JSON"),
        ("[1, 2]", "[1, 2] is no JSON object"),
        ('"' + "x" * 500 + '"', "is no JSON object"),
        ("[" * 100_000, "nested too deeply"),
        ({"pdf": "a.pdf"}, "the field 'type' is missing. Known types: present, absent"),
        ({**PRESENT, "type": "presence"}, "unknown type 'presence'"),
        ({**PRESENT, "type": ["present"]}, "unknown type ['present']"),
        ({**PRESENT, "max_dif": 1}, "unknown field 'max_dif'. Did you mean 'max_diffs'?"),
        ({"pdf": "a.pdf", "page": 1, "id": "x", "type": "present"}, "the field 'text' is missing"),
        ({**PRESENT, "page": 0}, "'page' is 0"),
        ({**PRESENT, "page": "1"}, "'page' is '1'"),
        ({**PRESENT, "text": " ** ** "}, "nothing is left of it"),
        ({**PRESENT, "max_diffs": -1}, "'max_diffs' is -1"),
        (
            {"pdf": "a", "page": 1, "id": "x", "type": "order", "before": "ab", "after": "cd", "max_diffs": 2},
            "over half",
        ),
        ({"pdf": "a", "page": 1, "id": "x", "type": "math", "math": " "}, "it is blank"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_wrong(tmp_path: Path, line: object, message: str) -> None:
    file = written(tmp_path, {**PRESENT, "id": "first"}, "", line)

    with pytest.raises(InputError) as raised:
        load_cases([file])

    assert str(raised.value).startswith(f"{file}:3: ")
    assert message in str(raised.value)
    assert len(str(raised.value)) < len(str(file)) + 450


def test_bytes_that_are_no_text_are_named_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "tests.jsonl"
    file.write_bytes(b'{"pdf": "\xff"}\n')

    with pytest.raises(InputError, match=r"tests\.jsonl:1: byte 10 is not UTF-8"):
        load_cases([file])


def test_a_file_of_utf_16_is_refused_though_it_has_one_line_only(tmp_path: Path) -> None:
    """Python's JSON reads bytes of UTF-16 too, and the same file with a second line would be refused."""
    file = tmp_path / "tests.jsonl"
    file.write_bytes('{"pdf": "a.pdf", "page": 1, "id": "a", "type": "baseline"}\n'.encode("utf-16"))

    with pytest.raises(InputError, match=r"tests\.jsonl:1: byte 1 is not UTF-8"):
        load_cases([file])


def test_two_tests_of_one_id_are_refused_with_both_places(tmp_path: Path) -> None:
    file = written(tmp_path, PRESENT, PRESENT)

    with pytest.raises(InputError, match=r"tests\.jsonl:2: the id 'one' is taken by .*tests\.jsonl:1"):
        load_cases([file])


@pytest.mark.parametrize("loader", [lambda path: load_cases([path]), load_truths], ids=["tests", "truth"])
def test_a_file_that_is_missing_or_empty_is_refused(tmp_path: Path, loader: object) -> None:
    assert callable(loader)
    empty = written(tmp_path, "")

    with pytest.raises(InputError, match="holds no"):
        loader(empty)
    with pytest.raises(InputError, match="No such file"):
        loader(tmp_path / "nowhere.jsonl")


def test_a_page_with_two_truths_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, TRUTH, {**TRUTH, "page": None}, TRUTH)

    with pytest.raises(InputError, match=r":3: page 1 of 'a\.pdf' is there already, at .*:1"):
        load_truths(file)


def test_truth_of_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r":1: 'format' is 'html'"):
        load_truths(written(tmp_path, {**TRUTH, "format": "html"}))
