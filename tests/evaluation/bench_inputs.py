"""Made pages with tests on them, of every type and awkward on purpose, to compare our verdicts and the bench's on.

`python -m tests.evaluation.bench_inputs PYTHON` writes the fixture anew, where PYTHON has olmocr installed.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

FIXTURE = Path(__file__).with_name("bench_verdicts.json")
Input = tuple[str, dict[str, object]]

_SENTENCE = """
river stone Café naïve cafe\u0301 3.14 11.8B 47.2B “quoted” ‘single’ it’s range–of—dashes co‑op 50−60 5µm 5μm _under_
*star* **bold text** __strong__ <b>fat</b> <i>slant</i> a*b snake_case_name x_1 line<br>break <br/> Words Bytes
"""
_WORDS = tuple(_SENTENCE.split())
_LOOPS = ("ab", "1", "la la ", "xyz", "\n", "five5", "- ")
_SPANS = ("1", "1", "1", "1", "2", "2", "3")


def make_inputs(seed: int, count: int) -> list[Input]:
    """`count` pages, each with one test; the same for the same seed."""
    rng = random.Random(seed)
    makers: Sequence[Callable[[random.Random], Input]] = (_text, _text, _order, _pipes, _html, _html, _mixed, _baseline)
    made: list[Input] = []
    for number in range(count):
        markdown, test = rng.choice(makers)(rng)
        made.append((markdown, {"pdf": "a.pdf", "page": 1, "id": f"t{number}", **test}))
    return made


def original_verdicts(python: str, inputs: Sequence[Input]) -> list[bool | None]:
    """What olmocr, installed in the environment of `python`, says; None where it raises."""
    done = subprocess.run([python, "-c", _JUDGE], input=json.dumps(inputs), capture_output=True, text=True, check=True)
    verdicts: list[bool | None] = json.loads(done.stdout.splitlines()[-1])
    return verdicts


_JUDGE = """
import json, sys
from olmocr.bench.tests import load_single_test
verdicts = []
for markdown, test in json.load(sys.stdin):
    try:
        verdicts.append(bool(load_single_test(test).run(markdown)[0]))
    except Exception:
        verdicts.append(None)
print(json.dumps(verdicts))
"""


def _prose(rng: random.Random, words: int) -> str:
    text = ""
    for _ in range(words):
        text += rng.choice(_WORDS) + rng.choice(("  ", " ", " ", " ", "\n", "\n\n", "\t", ". ", ", "))
    return text


def _changed(rng: random.Random, text: str) -> str:
    """`text` with a few wrong characters."""
    letters = list(text)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 4))):
        at = rng.randrange(len(letters) + 1)
        letters[at : at + rng.choice((0, 1))] = rng.choice(("", "e", "X", " ", "-"))
    return "".join(letters)


def _part(rng: random.Random, text: str) -> str:
    for _ in range(20):
        start = rng.randrange(max(1, len(text)))
        part = _changed(rng, text[start : start + rng.randint(4, 60)])
        if len(part.strip(" \n\t*_<>/bir")) > 2:
            return part
    return "nothing of the kind"


def _text(rng: random.Random) -> Input:
    markdown = _prose(rng, rng.choice((0, 3, 30, 80)))
    wanted = _part(rng, markdown)
    test: dict[str, object] = {"type": rng.choice(("present", "absent")), "text": wanted}
    test["max_diffs"] = rng.choice((0, 0, 0, 1, 2, 5))
    if rng.random() < 0.3:
        test["case_sensitive"] = False
        test["text"] = wanted.upper()
    for name in ("first_n", "last_n"):
        if rng.random() < 0.2:
            test[name] = rng.choice((0, 10, 40, 400))
    return markdown, test


def _order(rng: random.Random) -> Input:
    markdown = _prose(rng, rng.choice((5, 30, 80)))
    before, after = _part(rng, markdown), _part(rng, markdown)
    return markdown, {"type": "order", "before": before, "after": after, "max_diffs": rng.choice((0, 0, 0, 1, 2))}


def _cells(rng: random.Random) -> list[list[str]]:
    pool = [*rng.sample(_WORDS, 8), "", "", "Total", "12 %", "12%", "a & b", "x &lt; y"]
    return [[rng.choice(pool) for _ in range(rng.randint(1, 5))] for _ in range(rng.randint(1, 5))]


def _pipe_text(rng: random.Random, cells: list[list[str]]) -> str:
    lines = []
    for row in cells:
        line = rng.choice((" | ", "|", "  |  ")).join(row)
        lines.append(rng.choice((f"| {line} |", f"|{line}|", line, f"{line} |", f"  | {line} |\t")))
    rule = rng.choice(("|---|---|", "| :-- | --: |", "---|---", "\t|-|-|", "|   |", "", "- - -"))
    lines.insert(rng.choice((1, 1, 1, 0, 2)), rule)
    return "\n".join(lines)


def _html_text(rng: random.Random, cells: list[list[str]]) -> str:
    rows = []
    for number, row in enumerate(cells):
        made = ""
        for cell in row:
            tag = "th" if rng.random() < (0.6 if number == 0 else 0.15) else "td"
            spans = f' rowspan="{rng.choice(_SPANS)}"' if rng.random() < 0.2 else ""
            spans += f" colspan={rng.choice(_SPANS)}" if rng.random() < 0.2 else ""
            close = f"</{tag}>" if rng.random() < 0.93 else ""
            made += f"<{tag}{spans}>{rng.choice((cell, f'<p>{cell}</p>', f' {cell}<br>{cell} '))}{close}"
        rows.append(f"<tr>{made}</tr>" if rng.random() < 0.95 else f"<tr>{made}")
    if rng.random() < 0.4:
        rows[0] = f"<thead>{rows[0]}</thead>"
    body = rng.choice(("\n", "")).join(rows)
    return rng.choice((f"<table>{body}</table>", f"<TABLE border='1'>{body}</TABLE>", f"<table>{body}"))


def _asked(rng: random.Random, cells: list[list[str]]) -> dict[str, object]:
    row = rng.randrange(len(cells))
    column = rng.randrange(len(cells[row]))
    test: dict[str, object] = {"type": "table", "cell": _changed(rng, cells[row][column])}

    def near(down: int, right: int) -> str:
        there = 0 <= row + down < len(cells) and 0 <= column + right < len(cells[row + down])
        text = cells[row + down][column + right] if there and rng.random() < 0.8 else rng.choice(rng.choice(cells))
        return _changed(rng, text)

    for name, place in (("up", (-1, 0)), ("down", (1, 0)), ("left", (0, -1)), ("right", (0, 1))):
        if rng.random() < 0.25:
            test[name] = near(*place)
    if rng.random() < 0.35:
        test["top_heading"] = near(-row, 0)
    if rng.random() < 0.35:
        test["left_heading"] = near(0, -column)
    test["max_diffs"] = rng.choice((0, 0, 0, 1, 2, 3))
    if rng.random() < 0.1:
        test["ignore_markdown_tables"] = True
    return test


def _pipes(rng: random.Random) -> Input:
    cells = _cells(rng)
    return f"{_prose(rng, 3)}\n{_pipe_text(rng, cells)}\n{_prose(rng, 3)}", _asked(rng, cells)


def _html(rng: random.Random) -> Input:
    cells = _cells(rng)
    return f"{_prose(rng, 3)}\n{_html_text(rng, cells)}\n{_prose(rng, 3)}", _asked(rng, cells)


def _mixed(rng: random.Random) -> Input:
    cells, others = _cells(rng), _cells(rng)
    nested = _html_text(rng, [[*rng.choice(cells)], [_html_text(rng, others)]])
    return f"{_pipe_text(rng, cells)}\n\n{nested}\n\n{_pipe_text(rng, others)}", _asked(
        rng, rng.choice((cells, others))
    )


def _baseline(rng: random.Random) -> Input:
    markdown = rng.choice(("", "\n\n", "![picture of a page](a.png)", "....", _prose(rng, 4), _prose(rng, 20)))
    if rng.random() < 0.5:
        markdown += rng.choice(_LOOPS) * rng.choice((1, 20, 31, 32, 40))
    if rng.random() < 0.2:
        markdown += rng.choice(("漢", "カ", "\U0001f600", "é"))
    test: dict[str, object] = {"type": "baseline"}
    if rng.random() < 0.5:
        test["max_length"] = rng.choice((0, 10, 20))
        test["max_length_skips_image_alt_tags"] = rng.random() < 0.5
    if rng.random() < 0.2:
        test["check_disallowed_characters"] = False
    return markdown, test


def main() -> None:
    """Judge made inputs with the original and write those that it could judge, with its verdicts."""
    inputs = make_inputs(seed=6, count=250)
    verdicts = original_verdicts(sys.argv[1], inputs)
    kept = [[markdown, test, verdict] for (markdown, test), verdict in zip(inputs, verdicts, strict=True)]
    lines = [json.dumps(entry, ensure_ascii=False) for entry in kept if entry[2] is not None]
    FIXTURE.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
