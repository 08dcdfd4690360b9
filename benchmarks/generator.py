"""Documents with known text, as many as wanted: python -m benchmarks.generator FOLDER --pages 10000

Born-digital PDFs of about 2,500 characters a page: headings, paragraphs, one or two columns.
The same seed gives the same bytes, and `page_text` gives the text that a page must come to.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import textwrap
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_NOUNS = _words(
    "river harbour council engine market season letter garden winter station library machine teacher village "
    "report valley bridge signal island kitchen journal factory window doctor forest company captain morning "
    "picture mountain railway student museum pattern surface weather problem history country evening planet "
    "harvest account measure"
)
_ADJECTIVES = _words(
    "early narrow careful northern quiet recent heavy public simple distant annual common broad gentle modern "
    "formal local useful strong former separate ordinary complete wooden private serious familiar regular central "
    "foreign"
)
_VERBS = _words(
    "described followed reached opened carried measured replaced observed repaired supported recorded crossed "
    "improved connected supplied examined separated finished protected surprised remembered answered delayed "
    "produced divided"
)
_TEMPLATES = (
    "The {a} {n} {v} the {m} before the {b} {o} was ready.",
    "In {y} the {n} of the {a} {m} {v} every {o} that it had.",
    "It was the {a} {n} which {v} the {m}, and not the {b} {o}.",
    "Nobody had {v} the {n} since the {a} {m} and its {b} {o} were moved to the other side of the {p}.",
    "There were {k} of them, and each {n} {v} a {a} {m}.",
    "When the {n} {v} the {a} {m}, the people of the {o} thought about the {b} {p} for a long time.",
    "As Table {k} shows, the {a} {n} {v} less than the {m}; the {b} {o} did so more often.",
)

_WIDTH, _HEIGHT, _MARGIN = 612, 792, 66
_SIZE, _LEADING = 10, 12.5


class PageText(NamedTuple):
    """What is printed on one page, in reading order."""

    heading: str
    paragraphs: tuple[str, ...]
    columns: int


def page_text(seed: int, document: int, page: int) -> PageText:
    """The text of page `page` (0-based) of document `document`, about 2,500 characters."""
    chance = random.Random(f"{seed}/{document}/{page}")
    heading = f"{chance.choice(_ADJECTIVES)} {chance.choice(_NOUNS)} and {chance.choice(_NOUNS)}".capitalize()
    paragraphs: list[str] = []
    while sum(map(len, paragraphs)) < 2_350:
        paragraphs.append(" ".join(_sentence(chance) for _ in range(chance.randint(3, 7))))
    return PageText(heading, tuple(paragraphs), chance.choice((1, 1, 1, 2)))


def _sentence(chance: random.Random) -> str:
    nouns = chance.sample(_NOUNS, 4)
    return chance.choice(_TEMPLATES).format(
        n=nouns[0],
        m=nouns[1],
        o=nouns[2],
        p=nouns[3],
        a=chance.choice(_ADJECTIVES),
        b=chance.choice(_ADJECTIVES),
        v=chance.choice(_VERBS),
        y=chance.randint(1850, 2020),
        k=chance.randint(2, 900),
    )


def document_bytes(seed: int, document: int, num_pages: int) -> bytes:
    """A PDF of `num_pages` pages."""
    count = num_pages
    kids = b" ".join(b"%d 0 R" % (5 + 2 * i) for i in range(count))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (count, kids),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
    ]
    for page in range(count):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>" % (_WIDTH, _HEIGHT, 6 + 2 * page)
        )
        packed = zlib.compress(_content(page_text(seed, document, page), page + 1), 1)
        objects.append(
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed),
        )
    return _file(objects)


def _content(text: PageText, number: int) -> bytes:
    lines = [f"BT /F2 16 Tf {_MARGIN} {_HEIGHT - 80} Td ({text.heading}) Tj ET"]
    lines.append(f"BT /F1 9 Tf {_WIDTH / 2:g} 40 Td ({number}) Tj ET")
    width = (_WIDTH - 2 * _MARGIN - 20 * (text.columns - 1)) / text.columns
    # Helvetica's letters in English text are about half as wide as the size.
    rows: list[str] = []
    for paragraph in text.paragraphs:
        rows += [*textwrap.wrap(paragraph, int(width / (_SIZE * 0.5))), ""]
    per_column = -(-len(rows) // text.columns)
    for column in range(text.columns):
        x = _MARGIN + column * (width + 20)
        lines.append(f"BT /F1 {_SIZE} Tf {_LEADING} TL {x:g} {_HEIGHT - 110} Td")
        part = rows[column * per_column : (column + 1) * per_column]
        lines += [f"({row}) Tj T*" if row else "0 -6 Td" for row in part]
        lines.append("ET")
    return "\n".join(lines).encode("latin-1")


def _file(objects: Sequence[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        out += b"%010d 00000 n \n" % offset
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def generate(
    folder: Path, pages: int, *, pages_per_document: int = 10, seed: int = 1, scans: bool = False
) -> list[Path]:
    """Write documents of `pages` pages in all below `folder`, a thousand files a subfolder; done work is kept."""
    wanted = {"pages": pages, "pages_per_document": pages_per_document, "seed": seed, "scans": scans, "form": 1}
    make = scan_bytes if scans else document_bytes
    paths = list(_paths(folder, -(-pages // pages_per_document)))
    # Beside the folder: what is in it is read as documents.
    mark = folder.parent / f"{folder.name}.json"
    if mark.exists() and json.loads(mark.read_text()) == wanted:
        return paths
    for document, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        size = min(pages_per_document, pages - document * pages_per_document)
        path.write_bytes(make(seed, document, size))
    mark.write_text(json.dumps(wanted))
    return paths


def scan_bytes(seed: int, document: int, num_pages: int, *, dpi: int = 150) -> bytes:
    """The same pages as pictures without a text layer: grey, with noise, as JPEG."""
    import numpy as np
    import pypdfium2
    from PIL import Image

    noise = np.random.default_rng([seed, document])
    printed = pypdfium2.PdfDocument(document_bytes(seed, document, num_pages))
    kids = b" ".join(b"%d 0 R" % (3 + 3 * i) for i in range(num_pages))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (num_pages, kids),
    ]
    for number, page in enumerate(printed):
        pixels = page.render(scale=dpi / 72, grayscale=True).to_numpy().squeeze().astype(np.float32)
        grey = np.clip(pixels * 0.85 + 20 + noise.normal(0, 6, pixels.shape), 0, 255).astype(np.uint8)
        packed = io.BytesIO()
        Image.fromarray(grey).save(packed, "JPEG", quality=80)
        content = b"q %d 0 0 %d 0 0 cm /I Do Q" % (_WIDTH, _HEIGHT)
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R"
            b" /Resources << /XObject << /I %d 0 R >> >> >>" % (_WIDTH, _HEIGHT, 4 + 3 * number, 5 + 3 * number),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
            b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8"
            b" /Filter /DCTDecode /Length %d >>\nstream\n%s\nendstream"
            % (grey.shape[1], grey.shape[0], packed.tell(), packed.getvalue()),
        ]
    printed.close()
    return _file(objects)


def _paths(folder: Path, count: int) -> Iterator[Path]:
    return (folder / f"{i // 1000:03d}" / f"document-{i:06d}.pdf" for i in range(count))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--pages-per-document", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scans", action="store_true", help="pictures of the pages, without a text layer")
    args = parser.parse_args()
    started = time.perf_counter()
    paths = generate(
        args.folder, args.pages, pages_per_document=args.pages_per_document, seed=args.seed, scans=args.scans
    )
    print(f"{len(paths)} documents, {args.pages} pages in {time.perf_counter() - started:.1f} s: {args.folder}")


if __name__ == "__main__":
    main()
