"""Options that several commands share: one spelling, one help text, one variable in the environment."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class OcrChoice(StrEnum):
    """What reads pages without a usable text layer."""

    rapidocr = "rapidocr"
    tesseract = "tesseract"
    fast = "fast"
    off = "off"


class LayoutChoice(StrEnum):
    """Which pages a layout model looks at."""

    always = "always"
    auto = "auto"
    never = "never"


PipelineName = Annotated[
    str,
    typer.Option(
        "--pipeline",
        "-p",
        metavar="NAME|FILE",
        envvar="OMNIPIPE_PIPELINE",
        help="A shipped pipeline (default, text_layer, ocr, vlm, hybrid) or a .yaml or .py file.",
    ),
]
Pages = Annotated[
    str | None,
    typer.Option(metavar="RANGES", envvar="OMNIPIPE_PAGES", help="Pages of each document, from 1, such as 1-4,9,12-."),
]
Passwords = Annotated[
    list[str] | None,
    typer.Option(
        "--password",
        metavar="PASSWORD",
        help="Password to try on encrypted documents; may be given more than once. Other users of the machine see it: "
        "--password-file and OMNIPIPE_PASSWORD are safer.",
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", envvar="OMNIPIPE_PASSWORD_FILE", help="File with one password a line."),
]
Ocr = Annotated[
    OcrChoice | None,
    typer.Option(
        metavar="rapidocr|tesseract|fast|off",
        envvar="OMNIPIPE_OCR",
        help="OCR for pages without a usable text layer, instead of what the pipeline says. fast: Tesseract first.",
    ),
]
Layout = Annotated[
    LayoutChoice | None,
    typer.Option(
        metavar="always|auto|never",
        envvar="OMNIPIPE_LAYOUT",
        help="A layout model for every page; for pages that OCR reads and text layers in doubt; or for none.",
    ),
]
Lang = Annotated[
    str | None,
    typer.Option(
        "--lang",
        metavar="LANG[+LANG]",
        envvar="OMNIPIPE_LANG",
        help="Languages of pages that OCR reads, by Tesseract's names: eng, deu+fra.",
    ),
]
ForceOcr = Annotated[
    bool,
    typer.Option("--force-ocr", envvar="OMNIPIPE_FORCE_OCR", help="Leave text layers aside: OCR for every page."),
]
KeepHeaders = Annotated[
    bool,
    typer.Option(
        "--keep-headers",
        envvar="OMNIPIPE_KEEP_HEADERS",
        help="Leave running heads, feet, page numbers, watermarks and line numbers in the text.",
    ),
]
Json = Annotated[bool, typer.Option("--json", envvar="OMNIPIPE_JSON", help="Print the result as JSON.")]
RunDir = Annotated[Path, typer.Argument(metavar="RUN", help="The output directory of omnipipe run.")]
