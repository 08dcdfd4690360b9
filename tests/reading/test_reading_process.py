"""The reader process: what it answers, and what is left when it dies, hangs or grows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from omnipipe.page import PageError, Pixels, ProblemError
from omnipipe.reading.facts import PageFacts, ReadOptions, RenderPolicy
from omnipipe.reading.process import ReaderLimits, ReaderProcess
from tests.pdfs import pdf_of_contents, pdf_of_objects, pdf_of_texts

OPTIONS = ReadOptions()
PICTURE = RenderPolicy(dpi=36, mode="L")
TEXT = b"BT /F1 12 Tf 72 700 Td (a page of words) Tj ET"


@pytest.fixture
def reader() -> Iterator[ReaderProcess]:
    with ReaderProcess(ReaderLimits(page_seconds=10, document_seconds=20)) as reader:
        yield reader


@pytest.fixture
def book(tmp_path: Path) -> str:
    path = tmp_path / "book.pdf"
    path.write_bytes(pdf_of_texts([f"page number {i}" for i in range(6)]))
    return str(path)


def texts(answers: Iterator[PageFacts | PageError]) -> list[str]:
    return [a.code if isinstance(a, PageError) else a.layer.text.strip() if a.layer else "" for a in answers]


def child_pid(reader: ReaderProcess) -> int:
    reader.start()
    return reader._slot.get().pid


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def hanging_content() -> bytes:
    """A page that PDFium draws for minutes: finely dashed curves."""
    return TEXT + b" 0.01 w [0.01 0.01] 0 d " + b"0 0 m 9000 9000 0 9000 600 700 c S " * 20_000


def with_nested_forms(num_pages: int, bad: int) -> bytes:
    """Pages of words; page `bad` draws forms within forms, ten in each and nine deep: PDFium never ends to load it."""
    kids = b" ".join(b"%d 0 R" % (4 + i) for i in range(num_pages))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (num_pages, kids),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    good, forms = 4 + num_pages, 6 + num_pages
    for i in range(num_pages):
        content = good + 1 if i == bad else good
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> /XObject << /X %d 0 R >> >> >>" % (content, forms)
        )
    for content_stream in (TEXT, b"/X Do"):
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content_stream), content_stream))
    for level in range(9):
        inner = b"/X Do " * 10
        objects.append(
            b"<< /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Length %d"
            b" /Resources << /XObject << /X %d 0 R >> >> >>\nstream\n%s\nendstream"
            % (len(inner), forms + level + 1, inner)
        )
    objects.append(b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 9 >>\nstream\n0 0 9 9 re\nendstream")
    return pdf_of_objects(objects)


def test_a_page_that_does_not_load_fails_alone_among_pages_that_are_read(tmp_path: Path) -> None:
    path = tmp_path / "nested.pdf"
    path.write_bytes(with_nested_forms(7, bad=3))

    with ReaderProcess(ReaderLimits(page_seconds=1)) as reader:
        found = texts(reader.read_pages(str(path), range(7), OPTIONS))

    assert found == [*["a page of words"] * 3, "render_timeout", *["a page of words"] * 3]


def test_a_page_that_crashes_the_child_fails_alone_among_pages_that_are_read(tmp_path: Path) -> None:
    path = tmp_path / "nested.pdf"
    path.write_bytes(with_nested_forms(7, bad=3))

    with ReaderProcess(ReaderLimits(page_seconds=30, memory_bytes=600 * 2**20)) as reader:
        found = texts(reader.read_pages(str(path), range(7), OPTIONS))

    assert found == [*["a page of words"] * 3, "oom", *["a page of words"] * 3]


def test_pages_come_in_the_order_they_are_asked_for(reader: ReaderProcess, book: str) -> None:
    found = texts(reader.read_pages(book, [4, 0, 2], OPTIONS))

    assert found == ["page number 4", "page number 0", "page number 2"]


def test_a_page_that_is_not_there_fails_alone(reader: ReaderProcess, book: str) -> None:
    found = texts(reader.read_pages(book, [5, 6, 0, -1], OPTIONS))

    assert found == ["page number 5", "corrupt", "page number 0", "corrupt"]


def test_a_killed_child_costs_no_page(reader: ReaderProcess, book: str) -> None:
    pages = reader.read_pages(book, range(6), OPTIONS)
    first = texts(islice(pages, 1))
    os.kill(child_pid(reader), signal.SIGKILL)
    time.sleep(0.2)

    assert first + texts(pages) == [f"page number {i}" for i in range(6)]


def test_a_page_that_hangs_is_given_up_and_its_neighbours_are_drawn(tmp_path: Path) -> None:
    path = tmp_path / "hang.pdf"
    path.write_bytes(pdf_of_contents([TEXT, hanging_content(), TEXT]))

    with ReaderProcess(ReaderLimits(page_seconds=1.5)) as reader:
        found = list(reader.render_pages(str(path), range(3), RenderPolicy(dpi=150)))

    assert [a.code if isinstance(a, PageError) else "drawn" for a in found] == ["drawn", "render_timeout", "drawn"]


def test_a_document_of_hanging_pages_is_given_up_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "hang.pdf"
    path.write_bytes(pdf_of_contents([hanging_content()] * 4))

    with ReaderProcess(ReaderLimits(page_seconds=0.6, document_seconds=1.2)) as reader:
        found = list(reader.render_pages(str(path), range(4), RenderPolicy(dpi=150)))

    codes = [a.code for a in found if isinstance(a, PageError)]
    assert codes == ["render_timeout", "render_timeout", "document_timeout", "document_timeout"]


def test_a_page_that_takes_too_much_memory_fails_alone(tmp_path: Path) -> None:
    """A picture of 30,000 x 30,000 pixels is asked of a child that may take 700 MB."""
    path = tmp_path / "large.pdf"
    path.write_bytes(pdf_of_contents([TEXT, TEXT], width=14_400, height=14_400))
    huge = RenderPolicy(dpi=150, longest_side=40_000, max_pixels=2_000_000_000, mode="RGB")

    with ReaderProcess(ReaderLimits(memory_bytes=700 * 2**20)) as reader:
        (failed,) = reader.render_pages(str(path), [0], huge)
        (drawn,) = reader.render_pages(str(path), [1], PICTURE)

    assert isinstance(failed, PageError)
    assert failed.code == "oom"
    assert isinstance(drawn, Pixels)


def test_answers_that_are_not_used_up_do_not_disturb_the_next_call(reader: ReaderProcess, book: str) -> None:
    unused = reader.read_pages(book, range(6), OPTIONS)
    next(unused)
    unused.close()  # type: ignore[attr-defined]

    assert texts(reader.read_pages(book, [3], OPTIONS)) == ["page number 3"]


def test_an_older_call_is_told_when_a_newer_one_took_its_place(reader: ReaderProcess, book: str) -> None:
    older = reader.read_pages(book, range(6), OPTIONS)
    next(older)
    newer = texts(reader.read_pages(book, [5], OPTIONS))

    assert newer == ["page number 5"]
    with pytest.raises(RuntimeError, match="something else"):
        next(older)


def test_the_child_is_replaced_after_its_share_of_pages(book: str) -> None:
    with ReaderProcess(ReaderLimits(recycle_pages=4)) as reader:
        first = child_pid(reader)
        texts(reader.read_pages(book, range(3), OPTIONS))
        same = child_pid(reader)
        texts(reader.read_pages(book, range(3), OPTIONS))
        other = child_pid(reader)

    assert first == same != other


def test_the_child_is_replaced_when_it_has_grown(book: str) -> None:
    with ReaderProcess(ReaderLimits(recycle_bytes=1)) as reader:
        first = child_pid(reader)
        texts(reader.read_pages(book, range(3), OPTIONS))

        assert child_pid(reader) != first


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
@pytest.mark.parametrize("known", [None, "glibc.malloc.check=0"])
def test_the_child_has_huge_pages_unless_tunables_are_set(
    known: str | None, book: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    if known is not None:
        monkeypatch.setenv("GLIBC_TUNABLES", known)

    with ReaderProcess(ReaderLimits()) as reader:
        num_pages = len(texts(reader.read_pages(book, range(6), OPTIONS)))
        environment = Path(f"/proc/{child_pid(reader)}/environ").read_text().split("\0")

    assert num_pages == 6
    assert f"GLIBC_TUNABLES={known or 'glibc.malloc.hugetlb=1'}" in environment


def test_the_child_outlives_the_thread_that_asked_first(reader: ReaderProcess, book: str) -> None:
    thread = threading.Thread(target=lambda: reader.inspect(book))
    thread.start()
    thread.join()
    pid = child_pid(reader)
    time.sleep(0.3)

    assert is_alive(pid)
    assert texts(reader.read_pages(book, [0], OPTIONS)) == ["page number 0"]


def test_close_ends_the_child(book: str) -> None:
    reader = ReaderProcess()
    texts(reader.read_pages(book, [0], OPTIONS))
    pid = child_pid(reader)

    reader.close()

    assert not is_alive(pid)


@pytest.mark.parametrize("is_busy", [False, True])
def test_the_child_dies_with_its_parent(tmp_path: Path, is_busy: bool) -> None:
    path = tmp_path / "document.pdf"
    path.write_bytes(pdf_of_contents([hanging_content() if is_busy else TEXT]))
    program = f"""
from omnipipe.reading.facts import RenderPolicy
from omnipipe.reading.process import ReaderProcess
reader = ReaderProcess()
reader.inspect({str(path)!r})
print(reader._slot.get().pid, flush=True)
list(reader.render_pages({str(path)!r}, [0], RenderPolicy(dpi=150)))
__import__("time").sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    time.sleep(0.3)
    assert is_alive(pid)

    parent.kill()
    parent.wait()
    parent.stdout.close()

    deadline = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)


def test_a_million_pages_from_a_few_objects_are_refused_before_any_is_read(
    reader: ReaderProcess, tmp_path: Path
) -> None:
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    for level in range(6):
        kids = b" ".join([b"%d 0 R" % (3 + level)] * 10)
        objects.append(b"<< /Type /Pages /Count %d /Kids [%s] >>" % (10 ** (6 - level), kids))
    objects.append(b"<< /Type /Page /MediaBox [0 0 100 100] >>")
    path = tmp_path / "many.pdf"
    path.write_bytes(pdf_of_objects(objects))

    with pytest.raises(ProblemError) as caught:
        reader.inspect(str(path))

    assert caught.value.error.code == "too_large"
    assert "1,000,000 pages" in caught.value.error.message


def test_a_document_that_vanished_is_missing(reader: ReaderProcess, tmp_path: Path) -> None:
    with pytest.raises(ProblemError) as caught:
        list(reader.read_pages(str(tmp_path / "gone.pdf"), [0], OPTIONS))

    assert caught.value.error.code == "missing"


def test_a_document_that_was_replaced_is_opened_anew(reader: ReaderProcess, tmp_path: Path) -> None:
    path = tmp_path / "same_name.pdf"
    path.write_bytes(pdf_of_texts(["before"]))
    before = texts(reader.read_pages(str(path), [0], OPTIONS))
    path.write_bytes(pdf_of_texts(["afterwards"]))

    assert before + texts(reader.read_pages(str(path), [0], OPTIONS)) == ["before", "afterwards"]


def test_a_page_of_kilometres_is_drawn_within_the_limits(reader: ReaderProcess, tmp_path: Path) -> None:
    path = tmp_path / "wide.pdf"
    path.write_bytes(pdf_of_contents([TEXT], width=900_000, height=800))

    (facts,) = reader.read_pages(str(path), [0], OPTIONS)
    (picture,) = reader.render_pages(str(path), [0], RenderPolicy(longest_side=1000, max_pixels=10_000, mode="L"))

    assert isinstance(facts, PageFacts)
    assert facts.layer is not None
    assert facts.layer.text.strip() == "a page of words"
    assert isinstance(picture, Pixels)
    assert (picture.width, picture.height, len(picture.data)) == (1000, 1, 1000)


def test_metadata_and_on_request_the_share_of_pages_without_text_are_known(
    reader: ReaderProcess, tmp_path: Path
) -> None:
    path = tmp_path / "mixed.pdf"
    path.write_bytes(pdf_of_contents([b"0 0 100 100 re f", TEXT] * 40))

    plain = reader.inspect(str(path))
    facts = reader.inspect(str(path), with_ocr_share=True)

    assert (facts.format, facts.page_count) == ("pdf", 80)
    assert facts.ocr_share is not None
    assert 0.25 <= facts.ocr_share <= 0.75
    assert plain == facts._replace(ocr_share=None)
