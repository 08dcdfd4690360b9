"""An evaluation as one HTML file that needs nothing else: scores, and each page's picture beside its text."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from omnipipe.errors import OutputError
from omnipipe.evaluation.evaluate import Evaluation, JudgedCase, JudgedTruth
from omnipipe.evaluation.html_marks import compared_text, marked_text
from omnipipe.evaluation.page_picture import PagePictures
from omnipipe.evaluation.summary import badness, error_rows, percent, score_rows
from omnipipe.page import PageError

# About 25 MB of pictures; the worst pages come first.
_MOST_PICTURES = 300
_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:1500px;padding:0 1em;color:#1a1a1a;background:#fff}
h1{font-size:1.4em}table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .8em;border-bottom:1px solid #ddd;
text-align:right}td:first-child,th:first-child{text-align:left}details{border:1px solid #ccc;border-radius:6px;
margin:.8em 0;padding:.4em 1em}summary{cursor:pointer;font-weight:600;overflow-wrap:anywhere}
.pair{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:1.2em;margin-top:.8em}
img{max-width:100%;border:1px solid #ddd}pre{white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.5 ui-monospace,
monospace;background:#f7f7f7;padding:.8em;border-radius:4px;margin:.5em 0}ul{padding-left:1.2em;margin:.3em 0}
.failed{color:#b00020}.passed{color:#0a6b2d}.open{color:#8a5a00}mark{background:#ffd6d6;outline:1px solid #b00020}
del{background:#ffd6d6}ins{background:#d6f5d6;text-decoration:none}.note{color:#666}
@media(max-width:900px){.pair{grid-template-columns:1fr}}
"""


@dataclass(slots=True)
class _Sheet:
    """What is known of one page, or of a whole document where `page` is None."""

    path: str
    page: int | None
    cases: list[JudgedCase] = field(default_factory=list)
    truth: JudgedTruth | None = None

    @property
    def num_failed(self) -> int:
        return sum(judged.verdict.passed is False for judged in self.cases)

    @property
    def is_good(self) -> bool:
        return self.num_failed == 0 and (self.truth is None or badness(self.truth) == 0)


def write_html(evaluation: Evaluation, target: Path, folders: Sequence[Path]) -> None:
    """Write the report to `target`; pictures are of documents found in `folders`, the worst 300 pages' at most.

    Raises:
        OutputError: `target` cannot be written.
    """
    made = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        try:
            with made.open("w", encoding="utf-8") as file, PagePictures(folders) as pictures:
                for piece in _pieces(evaluation, pictures):
                    file.write(piece)
            made.replace(target)
        finally:
            made.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror}. Choose another --html.") from error


def _pieces(evaluation: Evaluation, pictures: PagePictures) -> Iterator[str]:
    title = f"Evaluation of {evaluation.source}"
    yield '<!doctype html>\n<html lang="en"><meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width">\n'
    yield f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n<h1>{escape(title)}</h1>\n"
    if evaluation.cases:
        yield _table(score_rows(evaluation))
    if evaluation.truths:
        yield _table(error_rows(evaluation))
    if evaluation.missing:
        reasons = "".join(f"<li>{escape(reason)}" for reason in evaluation.missing)
        yield f"<details><summary>{len(evaluation.missing)} not there</summary><ul>{reasons}</ul></details>\n"
    sheets = sorted(_sheets(evaluation), key=_rank)
    if any(sheet.cases for sheet in sheets):
        yield '<p class="note">Marked in red: what failed tests ask for, where the text has it.</p>\n'
    for number, sheet in enumerate(sheets):
        yield from _section(sheet, pictures if number < _MOST_PICTURES else None)


def _sheets(evaluation: Evaluation) -> list[_Sheet]:
    sheets: dict[tuple[str, int | None], _Sheet] = {}
    for judged in evaluation.cases:
        sheet = _Sheet(judged.case.pdf, judged.case.page)
        sheets.setdefault((sheet.path, sheet.page), sheet).cases.append(judged)
    for judged_truth in evaluation.truths:
        sheet = _Sheet(judged_truth.truth.path, judged_truth.truth.page)
        sheets.setdefault((sheet.path, sheet.page), sheet).truth = judged_truth
    return [sheet for sheet in sheets.values() if sheet.cases or (sheet.truth and sheet.truth.found)]


def _rank(sheet: _Sheet) -> tuple[int, float]:
    return -sheet.num_failed, -(badness(sheet.truth) if sheet.truth is not None else 0.0)


def _section(sheet: _Sheet, pictures: PagePictures | None) -> Iterator[str]:
    page = "" if sheet.page is None else f" page {sheet.page}"
    figures = f"{len(sheet.cases) - sheet.num_failed} of {len(sheet.cases)} tests passed" if sheet.cases else ""
    if sheet.truth is not None and sheet.truth.rates is not None:
        rates = sheet.truth.rates
        ordered = (
            f"CER {percent(rates.cer, 2)}, WER {percent(rates.wer, 2)}, " if sheet.truth.truth.order_checked else ""
        )
        figures = ", ".join(filter(None, [figures, f"{ordered}word F1 {percent(rates.word_f1)}"]))
    yield f"<details{'' if sheet.is_good else ' open'}><summary>{escape(sheet.path)}{page}: {figures}</summary>\n"
    yield f'<div class="pair"><div>{_picture(sheet, pictures)}</div><div>\n'
    if sheet.cases:
        yield f"<ul>{''.join(map(_case_line, sheet.cases))}</ul>\n"
    yield from _texts(sheet)
    yield "</div></div></details>\n"


def _picture(sheet: _Sheet, pictures: PagePictures | None) -> str:
    if pictures is None:
        return f'<p class="note">Only the first {_MOST_PICTURES} pages have pictures.</p>'
    found = pictures.find(sheet.path, sheet.page or 1)
    if isinstance(found, PageError):
        return f'<p class="note">No picture: {escape(found.message)}. --documents says where documents lie.</p>'
    return f'<img alt="the page" loading="lazy" src="{found}">'


def _texts(sheet: _Sheet) -> Iterator[str]:
    found = next((judged.found for judged in sheet.cases if judged.found is not None), None)
    if sheet.cases and found is not None:
        yield f"<pre>{marked_text(found.text, sheet.cases)}</pre>\n"
    judged = sheet.truth
    if judged is not None and judged.found is not None:
        truth = judged.truth
        shown = compared_text(truth.text, judged.found.text, truth_format=truth.format, text_format=judged.found.format)
        yield f'<p class="note">Against the true text: <del>missing</del> <ins>too many</ins></p><pre>{shown}</pre>\n'


def _case_line(judged: JudgedCase) -> str:
    state = {True: "passed", False: "failed", None: "open"}[judged.verdict.passed]
    word = "not judged" if state == "open" else state
    reason = f": {escape(judged.verdict.reason)}" if judged.verdict.reason else ""
    return f'<li class="{state}">{word} <b>{judged.case.type}</b> {escape(judged.case.id)}{reason}'


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *others = rows
    first = "".join(f"<th>{escape(cell)}" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}" for cell in row) for row in others)
    return f"<table><tr>{first}{body}</table>\n"
