"""`manifest.json`: which pipeline a run belongs to, and what it held when it was last finished."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from typing import Self

from omnipipe.errors import OutputError
from omnipipe.ledger.files import write_json
from omnipipe.ledger.layout import RunLayout
from omnipipe.pipeline import Pipeline

LAYOUT_VERSION = 1
_KIND = "omnipipe run"
_PACKAGES = (
    "omnipipe",
    "ray",
    "pyarrow",
    "pypdfium2",
    "pillow",
    "rapidocr",
    "onnxruntime",
    "opencv-python-headless",
    "tesserocr",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What `manifest.json` says. `finished` is None until the first finish."""

    run_id: str
    pipeline: str
    config_hash: str
    settings: Sequence[Mapping[str, object]]
    versions: Mapping[str, str]
    created_at: str
    is_clearing: bool = False
    finished: Mapping[str, object] | None = field(default=None)

    @classmethod
    def of(cls, run_id: str, pipeline: Pipeline) -> Self:
        """The manifest of a run that begins now."""
        return cls(
            run_id=run_id,
            pipeline=pipeline.name,
            config_hash=pipeline.config_hash,
            settings=pipeline.settings,
            versions=versions(),
            created_at=now(),
        )

    @classmethod
    def load(cls, layout: RunLayout) -> Self | None:
        """The manifest of the run in `layout`, None where there is none.

        Raises:
            OutputError: The file is no manifest of ours, or of a later layout.
        """
        try:
            text = layout.manifest.read_text(encoding="utf-8")
            plain = json.loads(text)
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as error:
            raise OutputError(
                f"{layout.manifest} cannot be read: {error}. Put back a copy of it, or begin anew there with --fresh."
            ) from error
        if not isinstance(plain, dict) or plain.get("kind") != _KIND:
            raise OutputError(f"{layout.manifest} is not the manifest of a run. Choose another output with -o.")
        if plain.get("layout") != LAYOUT_VERSION:
            known = plain.get("versions")
            writer = f"omnipipe {known.get('omnipipe')}" if isinstance(known, dict) else "the omnipipe that wrote it"
            raise OutputError(
                f"{layout.root} was written with layout {plain.get('layout')}, this omnipipe knows {LAYOUT_VERSION}. "
                f"Use {writer}, or choose another output with -o."
            )
        return cls._checked(text, layout)

    @classmethod
    def _checked(cls, text: str, layout: RunLayout) -> Self:
        from pydantic import TypeAdapter, ValidationError

        try:
            return TypeAdapter(cls).validate_json(text, strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise OutputError(
                f"{layout.manifest} is damaged: {place}: {first['msg']}. Put back a copy of it, or begin anew "
                "there with --fresh."
            ) from error

    def write(self, layout: RunLayout) -> None:
        """Write this as the run's manifest, atomically."""
        plain = {
            "kind": _KIND,
            "layout": LAYOUT_VERSION,
            "run_id": self.run_id,
            "pipeline": self.pipeline,
            "config_hash": self.config_hash,
            "created_at": self.created_at,
            "is_clearing": self.is_clearing,
            "versions": dict(self.versions),
            "settings": list(self.settings),
            "finished": self.finished,
        }
        write_json(layout.manifest, layout.tmp, plain)

    def check(self, layout: RunLayout, pipeline: Pipeline) -> list[str]:
        """Warnings about versions that differ from those that began the run.

        Raises:
            OutputError: The run belongs to a pipeline with other settings; the message names them.
        """
        if self.config_hash != pipeline.config_hash:
            changes = changed_settings(self.settings, pipeline.settings)
            shown = "; ".join(changes[:6]) + (f"; and {len(changes) - 6} more" if len(changes) > 6 else "")
            raise OutputError(
                f"{layout.root} holds a run of another pipeline ({self.pipeline}): {shown or 'its settings differ'}. "
                "Choose another output with -o, or begin anew there with --fresh."
            )
        installed = versions()
        return [
            f"{name} is {installed.get(name, 'not installed')} now and was {self.versions.get(name, 'not installed')} "
            f"when the run in {layout.root} began: new rows may differ from old ones."
            for name in sorted(installed.keys() | self.versions.keys())
            if installed.get(name) != self.versions.get(name)
        ]

    def with_finished(self, finished: Mapping[str, object]) -> Self:
        """This manifest with the numbers of a finished run."""
        return replace(self, finished=finished)


def versions() -> dict[str, str]:
    """Versions of what decides rows, of the packages that are installed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def now() -> str:
    """The time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def changed_settings(old: Sequence[Mapping[str, object]], new: Sequence[Mapping[str, object]]) -> list[str]:
    """`stage.setting: old -> new` for each setting that differs."""
    stages = [str(stage.get("stage")) for stage in old], [str(stage.get("stage")) for stage in new]
    if stages[0] != stages[1]:
        return [f"stages: {', '.join(stages[0])} -> {', '.join(stages[1])}"]
    before, after = _flat(old), _flat(new)
    return [
        f"{path}: {_short(before, path)} -> {_short(after, path)}"
        for path in sorted(before.keys() | after.keys())
        if before.get(path, ...) != after.get(path, ...)
    ]


def _flat(settings: Sequence[Mapping[str, object]]) -> dict[str, object]:
    flat: dict[str, object] = {}
    for place, stage in enumerate(settings):
        name = str(stage.get("stage", place))
        twins = sum(other.get("stage") == stage.get("stage") for other in settings)
        _flatten(f"{name}[{place}]" if twins > 1 else name, stage, flat)
    return flat


def _flatten(path: str, value: object, flat: dict[str, object]) -> None:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            _flatten(f"{path}.{key}", entry, flat)
    else:
        flat[path] = value


def _short(flat: Mapping[str, object], path: str) -> str:
    return json.dumps(flat[path], ensure_ascii=False)[:60] if path in flat else "(unset)"
