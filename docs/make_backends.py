"""Writes the tables of docs/backends.md and write_a_backend.md, and docs/models.md: python docs/make_backends.py"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic.fields import FieldInfo

from omnipipe.cli.backends import about, capability_rows, presets
from omnipipe.cli.models import families, picture, size
from omnipipe.engines.base import EngineConfig, Readiness
from omnipipe.engines.registry import ENGINES, PLANNED, PRESETS, Backend, find_engine
from omnipipe.generation import ALIASES, GenerationParams

DOCS = Path(__file__).resolve().parent
_EXAMPLE = DOCS.parent / "tests" / "plugin_example"
_ALWAYS = {"max_tokens", "temperature"}

_MODELS_HEAD = """# Models

Made by `python docs/make_backends.py` from what `omnipipe models` shows; a test compares.

A family is what models have in common: how they are asked, which picture of a page they want, and how their answer is
read. A config is a family on a backend. Any checkpoint of a family works with its configs, your own ones too:
`omnipipe extract scan.pdf --config QwenTextPyTorchConfig --model ./my-checkpoint`.
"""


def pages() -> dict[Path, str]:
    """Every page with something made in it, as it should be."""
    made = {DOCS / "models.md": _MODELS_HEAD + "".join(_models())}
    for name in ("backends.md", "write_a_backend.md"):
        path = DOCS / name
        made[path] = re.sub(
            r"(<!-- made: (\S+) -->\n).*?(<!-- end -->)",
            lambda found: f"{found[1]}{_block(found[2])}{found[3]}",
            path.read_text(encoding="utf-8"),
            flags=re.DOTALL,
        )
    return made


def _block(name: str) -> str:
    kind, _, what = name.partition(":")
    if kind == "settings":
        return _table(["setting", "default", "about"], _settings(find_engine(what)))
    if kind == "file":
        source = (_EXAMPLE / what).read_text(encoding="utf-8")
        return f"```{'python' if what.endswith('.py') else 'toml'}\n{source}```\n"
    blocks = {"engines": _engines, "servers": _servers, "capabilities": _capabilities, "parameters": _parameters}
    return blocks[kind]()


def _engines() -> str:
    rows = [[f"`{name}`", find_engine(name).label, about(find_engine(name))] for name in ENGINES]
    rows += [[f"`{name}`", "", f"{what}: planned"] for name, what in PLANNED.items()]
    return _table(["backend", "name", "what it is"], rows)


def _servers() -> str:
    rows = []
    for name, said in presets():
        default = find_engine(name).model_fields["base_url"].default
        rows.append(
            [f"`--backend {name}`", said, f"`{default}`" if isinstance(default, str) else "`--base-url` needed"]
        )
    return _table(["", "server", "address by default"], rows)


def _capabilities() -> str:
    ready = Readiness("ready", "")
    columns = [Backend(name, find_engine(name), ready) for name in (*ENGINES, *list(PRESETS)[:3])]
    head, *rows = capability_rows(columns)
    return _table(head, rows)


def _parameters() -> str:
    names = [*ENGINES, "remote-vllm", "sglang"]
    kinds = [find_engine(name) for name in names]
    rows = []
    for name, field in GenerationParams.model_fields.items():
        other = sorted(theirs for theirs, ours in ALIASES.items() if ours == name)
        has = ["yes" if name in kind.supports or name in _ALWAYS else "-" for kind in kinds]
        rows.append([f"`{name}`", f"{_default(field)}", *has, ", ".join(f"`{theirs}`" for theirs in other)])
    return _table(["parameter", "default", *names, "also called"], rows)


def _settings(kind: type[EngineConfig]) -> Iterator[list[str]]:
    for name, field in kind.model_fields.items():
        if name != "generation":
            yield [f"`{name}`", _default(field), field.description or ""]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.default
    return "" if value is None or value in ((), {}) else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _models() -> Iterator[str]:
    for family, kinds in families():
        rows = [[f"`{entry.model}`", size(entry), entry.licence] for entry in family.checkpoints]
        yield f"\n## {family.label}\n\n{_table(['checkpoint', 'size', 'licence'], rows)}\n"
        yield _table(
            ["", ""],
            [
                ["configs", ", ".join(f"`{name}`" for name, _ in kinds)],
                ["picture", picture(family.picture)],
                ["formats", ", ".join(family.output_formats)],
            ],
        )


def _table(head: Sequence[str], rows: Iterator[list[str]] | Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        sys.stderr.write(f"{path}\n")
