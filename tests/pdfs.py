"""Small real documents, drawn for a test: PDFs written by hand and page images by Pillow."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence

Line = tuple[float, float, float, str]
"""x and y of the baseline in points from the lower left corner, font size in points, text (Latin-1)."""


def pdf_of_lines(pages: Sequence[Sequence[Line]], *, width: float = 612, height: float = 792, rotate: int = 0) -> bytes:
    """A PDF with one page for each list of lines, set in Helvetica, with a right text layer."""
    contents = [text_content(lines) for lines in pages]
    return pdf_of_contents(contents, width=width, height=height, rotate=rotate)


def pdf_of_texts(texts: Sequence[str], **kwargs: float) -> bytes:
    """A PDF with one page for each text; its lines are set in 11 points from the top."""
    pages = [[(72.0, 700.0 - 16 * i, 11.0, line) for i, line in enumerate(text.split("\n"))] for text in texts]
    return pdf_of_lines(pages, **kwargs)  # type: ignore[arg-type]


def pdf_of_contents(contents: Sequence[bytes], *, width: float = 612, height: float = 792, rotate: int = 0) -> bytes:
    """A PDF with one page for each content stream; /F1 is Helvetica."""
    count = len(contents)
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (count, b" ".join(b"%d 0 R" % (4 + 2 * i) for i in range(count))),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for i, content in enumerate(contents):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %g %g] /Rotate %d /Resources << /Font << /F1 3 0 R >> >>"
            b" /Contents %d 0 R >>" % (width, height, rotate, 5 + 2 * i)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    return pdf_of_objects(objects)


def pdf_of_objects(objects: Sequence[bytes]) -> bytes:
    """A PDF file of numbered objects; the first is the catalog."""
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.writelines(b"%010d 00000 n \n" % offset for offset in offsets)
    out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
    return out.getvalue()


def image_of_lines(
    lines: Sequence[str], *, size: tuple[int, int] = (1000, 600), points: int = 36, format: str = "PNG", angle: int = 0
) -> bytes:
    """A page image with black lines on white; `angle` turns it counter-clockwise."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("L", size, 255)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(points)
    for i, line in enumerate(lines):
        draw.text((60, 60 + i * points * 1.6), line, fill=0, font=font)
    out = io.BytesIO()
    (image.rotate(angle, expand=True) if angle else image).save(out, format)
    return out.getvalue()


def text_content(lines: Sequence[Line]) -> bytes:
    """The content stream of a page with `lines`."""
    parts = []
    for x, y, size, text in lines:
        escaped = text.encode("latin-1").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
        parts.append(b"BT /F1 %g Tf %g %g Td (%s) Tj ET" % (size, x, y, escaped))
    return b"\n".join(parts)


def locked_pdf(texts: Sequence[str], password: str) -> bytes:
    """A PDF with one page for each text that needs `password`: RC4 with 40 bits, as PDF 1.4 has it."""
    pad = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
    padded = (password.encode("latin-1") + pad)[:32]
    owner = _rc4(hashlib.md5(padded, usedforsecurity=False).digest()[:5], padded)
    made = hashlib.md5(padded + owner + b"\xff\xff\xff\xff" + b"0" * 16, usedforsecurity=False)
    key = made.digest()[:5]
    count = len(texts)
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (count, b" ".join(b"%d 0 R" % (4 + 2 * i) for i in range(count))),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for text in texts:
        number = len(objects) + 2
        salted = key + number.to_bytes(3, "little") + b"\0\0"
        content = text_content([(72.0, 700.0, 11.0, text)])
        content = _rc4(hashlib.md5(salted, usedforsecurity=False).digest()[:10], content)
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>"
            b" /Contents %d 0 R >>" % number,
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        ]
    lock = b"<< /Filter /Standard /V 1 /R 2 /P -1 /O <%s> /U <%s> >>"
    objects.append(lock % (owner.hex().encode(), _rc4(key, pad).hex().encode()))
    named = b"/Encrypt %d 0 R /ID [<%s> <%s>] /Root" % (len(objects), b"30" * 16, b"30" * 16)
    return pdf_of_objects(objects).replace(b"/Root", named)


def _rc4(key: bytes, content: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    i = j = 0
    for byte in content:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
