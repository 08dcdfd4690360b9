"""Documents of every kind that a server meets, small and drawn for a test."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from tests.pdfs import image_of_lines, pdf_of_contents, pdf_of_texts

SAMPLES = Path(__file__).resolve().parent.parent.parent / "docs" / "samples"

_PAD = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


def text_pdf(num_pages: int, *, lines: int = 12, word: str = "page") -> bytes:
    """A PDF with a good text layer; each page says its number."""
    return pdf_of_texts(
        [
            "\n".join(f"The words of line {line} on {word} {number} make a sentence." for line in range(lines))
            for number in range(1, num_pages + 1)
        ]
    )


def blank_pdf() -> bytes:
    """One page without ink."""
    return pdf_of_contents([b""])


def scan_png() -> bytes:
    """A page image that needs OCR."""
    return image_of_lines(["Invoice number 4711", "Total due 128 euro"])


def encrypted_pdf(password: str) -> bytes:
    """A PDF of one page that opens with `password` only: RC4 with 40 bits, as PDF 1.1 has it."""
    file_id = b"0123456789abcdef"
    padded = (password.encode() + _PAD)[:32]
    owner = _rc4(hashlib.md5(padded).digest()[:5], padded)
    permissions = struct.pack("<i", -4)
    key = hashlib.md5(padded + owner + permissions + file_id).digest()[:5]
    user = _rc4(key, _PAD)
    content = b"BT /F1 12 Tf 72 700 Td (The words behind the password make a sentence.) Tj ET"
    locked = _rc4(hashlib.md5(key + struct.pack("<I", 5)[:3] + b"\0\0").digest()[:10], content)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [4 0 R] >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R"
        b" /Resources << /Font << /F1 3 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(locked), locked),
        b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (owner.hex().encode(), user.hex().encode()),
    ]
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    named = file_id.hex().encode()
    out += b"trailer\n<< /Size %d /Root 1 0 R /Encrypt 6 0 R /ID [<%s> <%s>] >>\n" % (len(objects) + 1, named, named)
    return bytes(out) + b"startxref\n%d\n%%%%EOF\n" % start


def _rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
