"""From what a command line says to the pipeline, the passwords and the bounds that it means."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from omnipipe.cli.option import LayoutChoice, OcrChoice
from omnipipe.errors import ConfigError, InputError, OutputError

if TYPE_CHECKING:
    from omnipipe.pipeline import Pipeline
    from omnipipe.stages.base import Stage


def choose_pipeline(
    name: str,
    *,
    ocr: OcrChoice | None = None,
    lang: str | None = None,
    layout: LayoutChoice | None = None,
    force_ocr: bool = False,
    keep_headers: bool = False,
) -> Pipeline:
    """The pipeline called `name`, changed as the options say.

    Raises:
        ConfigError: There is none, something in it is wrong, or the options do not fit it.
    """
    from omnipipe.pipeline import load_pipeline

    pipeline = load_pipeline(name)
    if force_ocr and ocr is OcrChoice.off:
        raise ConfigError("--force-ocr and --ocr off exclude each other. Leave one of them out.")
    if ocr is None and lang is None and layout is None and not force_ocr and not keep_headers:
        return pipeline
    stages = pipeline.stages
    if ocr is OcrChoice.off:
        stages = _without_ocr(stages)
    elif ocr is not None:
        stages = _with_ocr(stages, ocr.value)
    if lang is not None:
        stages = _with_languages(stages, lang, pipeline.name)
    if force_ocr:
        stages = _without_text_layer(stages, pipeline.name)
    if layout is not None:
        stages = _with_layout(stages, layout.value)
    if keep_headers:
        stages = _with_headers(stages)
    return replace(pipeline, stages=stages)


def _with_ocr(stages: tuple[Stage, ...], engine: str) -> tuple[Stage, ...]:
    from omnipipe.stages.layout import Layout
    from omnipipe.stages.ocr import Ocr
    from omnipipe.stages.render import Render

    if not any(stage.makes_pixels for stage in stages):
        stages = (*stages, Render())
    if not any(isinstance(stage, Ocr) for stage in stages):
        others = tuple(stage for stage in stages if not isinstance(stage, Layout))
        layouts = tuple(stage for stage in stages if isinstance(stage, Layout))
        stages = (*others, Ocr(), *(layouts or (Layout(),)))
    changed = tuple(changed_stage(stage, {"engine": engine}) if isinstance(stage, Ocr) else stage for stage in stages)
    # Each engine reads another size of picture best; what the pipeline file says of it stays.
    wanted = asdict(next(stage for stage in changed if isinstance(stage, Ocr)).picture)
    return tuple(
        changed_stage(stage, {name: value for name, value in wanted.items() if name not in stage.model_fields_set})
        if isinstance(stage, Render)
        else stage
        for stage in changed
    )


def _with_languages(stages: tuple[Stage, ...], given: str, name: str) -> tuple[Stage, ...]:
    from omnipipe.stages.ocr import Ocr
    from omnipipe.tasks.ocr_extraction.languages import parse_languages

    languages = parse_languages(given)
    if not languages:
        raise ConfigError(f"--lang {given[:80]!r} names no language. Write --lang eng, or --lang deu+fra.")
    if not any(isinstance(stage, Ocr) for stage in stages):
        raise ConfigError(f"--lang {given[:80]}: pipeline {name!r} has no OCR. Add --ocr rapidocr, or use -p default.")
    return tuple(
        changed_stage(stage, {"languages": languages}) if isinstance(stage, Ocr) else stage for stage in stages
    )


def _without_ocr(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    from omnipipe.stages.ocr import Ocr
    from omnipipe.stages.render import Render

    kept = [stage for stage in stages if not isinstance(stage, Ocr)]
    # Pictures that no stage looks at would be drawn for nothing.
    return tuple(
        stage
        for index, stage in enumerate(kept)
        if not isinstance(stage, Render) or any(later.needs_pixels for later in kept[index + 1 :])
    )


def _with_layout(stages: tuple[Stage, ...], mode: str) -> tuple[Stage, ...]:
    from omnipipe.stages.layout import Layout
    from omnipipe.stages.ocr import Ocr
    from omnipipe.stages.read import Read

    if not any(isinstance(stage, Layout) for stage in stages):
        # Behind OCR, whose pages it puts in order; before what judges and escalates them.
        last = max((i for i, stage in enumerate(stages) if isinstance(stage, (Read, Ocr))), default=-1)
        stages = (*stages[: last + 1], Layout(), *stages[last + 1 :])
    return tuple(changed_stage(stage, {"mode": mode}) if isinstance(stage, Layout) else stage for stage in stages)


def _without_text_layer(stages: tuple[Stage, ...], name: str) -> tuple[Stage, ...]:
    from omnipipe.stages.read import Read

    if not any(stage.needs_pixels for stage in stages):
        raise ConfigError(f"--force-ocr: pipeline {name!r} has no OCR. Add --ocr rapidocr, or use -p default.")
    return tuple(changed_stage(stage, {"text_layer": False}) if isinstance(stage, Read) else stage for stage in stages)


def _with_headers(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    return tuple(
        changed_stage(stage, {"keep_headers": True}) if "keep_headers" in type(stage).model_fields else stage
        for stage in stages
    )


def changed_stage(stage: Stage, changes: Mapping[str, object]) -> Stage:
    """`stage` with `changes`, checked.

    Raises:
        ConfigError: They do not fit it.
    """
    # Built anew, because pydantic's model_copy does not check what it is given.
    from pydantic import ValidationError

    settings = {name: getattr(stage, name) for name in stage.model_fields_set}
    try:
        return type(stage).model_validate({**settings, **changes})
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"the options do not fit stage {type(stage).__name__} of the pipeline: {reason}") from error


def read_passwords(given: Sequence[str] | None, file: Path | None) -> tuple[str, ...]:
    """All passwords, each once: those of the command line (else `OMNIPIPE_PASSWORD`), then those of the file.

    Raises:
        InputError: The file cannot be read, or holds none.
    """
    # Not through the option: click would cut a password with blanks into several.
    given = given or [os.environ.get("OMNIPIPE_PASSWORD", "")]
    lines: list[str] = []
    if file is not None:
        try:
            # With the mark that Windows puts before a text, and without other ends of lines than those of editors.
            lines = file.read_text(encoding="utf-8-sig").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise InputError(f"--password-file {file}: {reason}. Name a text file with one password a line.") from error
        if not any(lines):
            raise InputError(f"--password-file {file} is empty. Name a text file with one password a line.")
    return tuple(dict.fromkeys(filter(None, [*given, *lines])))


def local_folder(output: str) -> Path:
    """`output` as a local path.

    Raises:
        OutputError: It is the uri of an object store, or empty.
    """
    if not output:
        raise OutputError("-o is an empty text. Name a folder.")
    if "://" in output:
        raise OutputError(
            f"-o {output[:80]}: object storage is for inputs only. Name a local folder, and copy it there."
        )
    return Path(output)


def parse_concurrency(text: str | None) -> tuple[int, int] | None:
    """Least and most workers of `MIN:MAX` or `N`; None for None.

    Raises:
        ConfigError: It is neither, or MAX is less than MIN.
    """
    if text is None:
        return None
    low, colon, high = text.partition(":")
    if low.strip().isdecimal() and (high.strip().isdecimal() or not colon):
        bounds = int(low), int(high) if colon else int(low)
        if 1 <= bounds[0] <= bounds[1]:
            return bounds
    raise ConfigError(f"--concurrency {text[:40]!r} is not MIN:MAX with 1 <= MIN <= MAX. Write 4 or 1:8.")
