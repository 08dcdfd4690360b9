"""Jobs and rows as bytes, in the forms that clients ask for. Rows are JSON already and are only joined."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from starlette.responses import Response

from omnipipe.online.job import Job, Row
from omnipipe.online.web.errors import ApiProblem
from omnipipe.text.blocks.paragraphs import PageJoiner
from omnipipe.text.plain import plain_page

Form = Literal["json", "ndjson", "sse", "markdown", "text"]
FORMS: tuple[Form, ...] = get_args(Form)
STREAMS: frozenset[Form] = frozenset({"ndjson", "sse"})

MEDIA_TYPES: dict[Form, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "sse": "text/event-stream",
    "markdown": "text/markdown",
    "text": "text/plain",
}
_BY_RANGE: dict[str, Form] = {
    **{media_type: form for form, media_type in MEDIA_TYPES.items()},
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/*": "json",
    "text/*": "markdown",
    "*/*": "json",
}
_ROWS_AT_ONCE = 16


def choose_form(asked: Form | None, accept: str | None) -> Form:
    """The form that `format=` asks for, else the one that the Accept header likes best, else JSON.

    Raises:
        ApiProblem: 406, where the header likes none of them.
    """
    if asked is not None:
        return asked
    if accept is None or accept == "*/*" or not accept.strip():
        return "json"
    best: tuple[float, int] = (0.0, 0)
    form: Form | None = None
    for part in accept.split(","):
        name, _, rest = part.partition(";")
        name = name.strip().lower()
        liked = (_quality(rest), 2 - name.count("*"))
        if name in _BY_RANGE and liked[0] > 0 and liked > best:
            best, form = liked, _BY_RANGE[name]
    if form is None:
        known = ", ".join(MEDIA_TYPES.values())
        raise ApiProblem(406, "not_acceptable", f"Accept: {accept[:80]!r} names none of these forms: {known}.")
    return form


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0


def job_json(job: Job, pages: Sequence[Row] | None = None) -> bytes:
    """`job` as JSON, with the rows `pages` in page order where they are given."""
    plain = {
        "id": job.id,
        "state": job.state,
        "file_name": job.file_name,
        "size": job.size,
        "page_count": job.page_count,
        "num_pages": job.num_pages,
        "num_rows": job.num_rows,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
        "reason": job.reason,
    }
    head = json.dumps(plain, ensure_ascii=False).encode("utf-8", "replace")
    if pages is None:
        return head
    return b'%s, "pages": [%s]}' % (head[:-1], b",\n".join(row.json for row in in_page_order(pages)))


def in_page_order(rows: Iterable[Row]) -> list[Row]:
    """`rows` by page; those of one page stay in their order."""
    return sorted(rows, key=lambda row: row.page_index)


def text_of(rows: Sequence[Row], form: Literal["markdown", "text"]) -> bytes:
    """The text of `rows` as `omnipipe extract` prints it: in page order, an empty line between two pages.

    A paragraph that runs on over a page's end is one.
    """
    pages = PageJoiner()
    texts = [pages.add(_page_text(row, form), row.page_index) for row in in_page_order(rows)]
    whole = "".join([*texts, pages.end()])
    return (whole + "\n" if whole else "").encode("utf-8", "replace")


def _page_text(row: Row, form: Literal["markdown", "text"]) -> str:
    plain = json.loads(row.json)
    blocks = plain.get("blocks")
    if form == "text" and blocks:
        return plain_page(((block["type"], block["text"], block["source"]) for block in blocks), plain.get("text"))
    return plain.get("text") or ""


async def result_response(job: Job, rows: Sequence[Row], form: Form) -> Response:
    """A job and rows of it as one answer, in a form that is no stream."""
    if form not in ("markdown", "text"):
        body = job_json(job, rows)
    elif len(rows) <= _ROWS_AT_ONCE:
        body = text_of(rows, form)
    else:
        # Thousands of rows are parsed for their text: others would wait for that.
        body = await asyncio.to_thread(text_of, rows, form)
    # Starlette adds a charset to text/*.
    return Response(body, headers={"x-job-id": job.id, "x-job-state": job.state}, media_type=MEDIA_TYPES[form])


def pending_response(job: Job) -> Response:
    """202: the job, where it will be found, and when to ask again."""
    headers = {"location": f"/v1/jobs/{job.id}", "retry-after": "1", "x-job-id": job.id, "x-job-state": job.state}
    return Response(job_json(job), 202, headers, media_type="application/json")


def line_of(row: Row, form: Form, count: int) -> bytes:
    """One row of a stream; `count` is the number of rows including it."""
    if form == "sse":
        return b"event: page\nid: %d\ndata: %s\n\n" % (count, row.json)
    return row.json + b"\n"


def last_line(body: bytes, form: Form) -> bytes:
    """The end of a stream."""
    return b"event: done\ndata: %s\n\n" % body if form == "sse" else body + b"\n"
