"""One-page PDFs whose text layer says something else than what is printed, and what to print."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from benchmarks.text_layer_texts import ARTICLES

WIDTH, HEIGHT = 595, 842


class Run(NamedTuple):
    """A line: baseline, size, text as printed, text as its layer says (None: as printed), text render mode."""

    x: float
    y: float
    size: float
    text: str
    says: str | None = None
    mode: int = 0


def pdf_of_runs(
    runs: Sequence[Run],
    *,
    image: Image.Image | None = None,
    box: Sequence[float] = (0, 0, WIDTH, HEIGHT),
    drawn: bytes = b"",
    rotate: int = 0,
    over: bool = False,
) -> bytes:
    """A one-page PDF; every distinct character of the layer is a code of a font of its own, with a ToUnicode map."""
    codes: dict[str, int] = {}
    content = [drawn] if drawn else []
    if image is not None and not over:
        content.append(_placed(box))
    for run in runs:
        text = run.text if run.says is None else run.says
        string = "".join(f"{codes.setdefault(c, len(codes) + 1):04x}" for c in text)
        content.append(f"BT {run.mode} Tr /F {run.size:g} Tf {run.x:g} {run.y:g} Td <{string}> Tj ET".encode())
    if image is not None and over:
        content.append(_placed(box))
    widths = " ".join(f"{code} [{_width(c)}]" for c, code in codes.items())
    stream = zlib.compress(b"\n".join(content))
    cmap = _cmap(codes).encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Rotate %d /Contents 4 0 R /Resources << /Font << /F 5 0 R >>"
        b"%s >> >>" % (WIDTH, HEIGHT, rotate, b" /XObject << /Im 8 0 R >>" if image is not None else b""),
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Helvetica /Encoding /Identity-H /DescendantFonts [6 0 R] /ToUnicode 7 0 R >>",
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Helvetica /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity)"
        b" /Supplement 0 >> /DW 500 /W [%s] /FontDescriptor << /Type /FontDescriptor /FontName /Helvetica /Flags 32 /FontBBox"
        b" [-166 -225 1000 931] /ItalicAngle 0 /Ascent 718 /Descent -207 /CapHeight 718 /StemV 88 >> >>"
        % widths.encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(cmap), cmap),
    ]
    if image is not None:
        out = io.BytesIO()
        image.convert("L").save(out, "JPEG", quality=80)
        data = out.getvalue()
        objects.append(
            b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8"
            b" /Filter /DCTDecode /Length %d >>\nstream\n%s\nendstream" % (image.width, image.height, len(data), data)
        )
    return _file(objects)


def _placed(box: Sequence[float]) -> bytes:
    x0, y0, x1, y1 = box
    return b"q %g 0 0 %g %g %g cm /Im Do Q" % (x1 - x0, y1 - y0, x0, y0)


def _file(objects: Sequence[bytes]) -> bytes:
    out = io.BytesIO(b"%PDF-1.7\n")
    out.seek(0, io.SEEK_END)
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.writelines(b"%010d 00000 n \n" % place for place in places)
    out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
    return out.getvalue()


def _width(c: str) -> int:
    return 1000 if ord(c) >= 0x2E80 else 280 if c in " .,;:ilj'|!" else 520


def _cmap(codes: dict[str, int]) -> str:
    pairs = [f"<{code:04x}> <{c.encode('utf-16-be', 'surrogatepass').hex()}>" for c, code in codes.items()]
    parts = [
        f"{len(some)} beginbfchar\n" + "\n".join(some) + "\nendbfchar"
        for some in (pairs[i : i + 100] for i in range(0, len(pairs), 100))
    ]
    head = "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
    return head + "1 begincodespacerange <0000> <ffff> endcodespacerange\n" + "\n".join(parts) + "\nendcmap end end"


def words_of(rng: random.Random, language: str, count: int) -> list[str]:
    """`count` words (characters, where a language has no spaces) of a language, in small stretches as written."""
    words = ARTICLES[language].split()
    out: list[str] = []
    while len(out) < count:
        start = rng.randrange(len(words))
        out += words[start : start + rng.randint(3, 9)]
    return out[:count]


def prose(rng: random.Random, language: str, lines: int, chars: int = 80) -> list[str]:
    """Lines of about `chars` characters."""
    stream = iter(words_of(rng, language, lines * 40))
    out = []
    for _ in range(lines):
        line = ""
        for word in stream:
            line += " " * bool(line) + word
            if len(line) * (2 if ord(word[0]) > 0x2E80 else 1) > chars - 6:
                break
        out.append(line)
    return out


def set_lines(
    lines: Iterable[str],
    *,
    x: float = 60,
    top: float = 770,
    size: float = 10,
    says: Callable[[str], str] | None = None,
    mode: int = 0,
) -> list[Run]:
    """Lines one below the other."""
    return [
        Run(x, top - i * size * 1.35, size, line, says(line) if says else None, mode) for i, line in enumerate(lines)
    ]


def scan_of(rng: random.Random, runs: Sequence[Run], noise: int = 12) -> Image.Image:
    """A grey picture of the page with the runs printed."""
    scale = 1.6
    image = Image.new("L", (int(WIDTH * scale), int(HEIGHT * scale)), rng.randint(232, 252))
    draw = ImageDraw.Draw(image)
    for run in runs:
        draw.text(
            (run.x * scale, (HEIGHT - run.y - run.size) * scale),
            run.text,
            fill=rng.randint(10, 60),
            font=ImageFont.load_default(run.size * scale),
        )
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.8))).point(
        lambda v: max(0, min(255, v - noise // 2))
    )


def photo(rng: random.Random) -> Image.Image:
    """Something like a photograph."""
    image = Image.new("L", (240, 180), 128)
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y, r = rng.randint(0, 240), rng.randint(0, 180), rng.randint(8, 60)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=rng.randint(20, 235))
    return image.filter(ImageFilter.GaussianBlur(4))


def outlines(runs: Sequence[Run]) -> bytes:
    """The runs as filled paths, a path for each letter."""
    out = []
    for run in runs:
        font = ImageFont.load_default(run.size * 2)
        x = run.x
        for c in run.text:
            mask = font.getmask(c)
            width, height = mask.size
            ascent = -font.getbbox(c, anchor="ls")[1]
            parts = []
            for row in range(height):
                inked = [col for col in range(width) if mask.getpixel((col, row)) > 110]
                parts += [f"{x + col / 2:g} {run.y + (ascent - row) / 2:g} .5 .5 re" for col in inked]
            if parts:
                out.append(" ".join(parts) + " f")
            x += font.getlength(c) / 2
    return "\n".join(out).encode()
