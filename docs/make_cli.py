"""Writes docs/cli.md from what the commands say of themselves: python docs/make_cli.py"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import typer

from omnipipe.cli.main import app

TARGET = Path(__file__).resolve().parent / "cli.md"
_HEAD = """# The command line

Made by `python docs/make_cli.py` from what `--help` shows; a test compares.

The command line wins over the environment, the environment over the pipeline file, the file over the defaults.
`omnipipe config show` prints the settings of a pipeline that are in effect.

| exit code | meaning |
|---|---|
| 0 | done; `extract`: at least one page was read |
| 1 | pages are missing, too many failed, a run stopped early (full disk), `verify` or `doctor` found something wrong, \
`extract` read no page, or there was a warning under `--strict` |
| 2 | a mistake in the command, a setting, an input or the output; nothing was started |
| 130 | interrupted by Ctrl-C; what is committed stays valid and the same command goes on |
| 141 | the reader of standard output went away |
"""


def reference() -> str:
    """The whole page."""
    return _HEAD + "".join(_sections(typer.main.get_command(app), "omnipipe"))


def _sections(command: object, path: str) -> Iterator[str]:
    children: dict[str, object] = getattr(command, "commands", {})
    if not children:
        parameters = [_row(parameter) for parameter in getattr(command, "params", []) if parameter.name != "help"]
        about = inspect.cleandoc(getattr(command, "help", None) or "")
        yield f"\n## {path}\n\n{about}\n\n| | environment | |\n|---|---|---|\n" + "".join(parameters)
    for name, child in children.items():
        yield from _sections(child, f"{path} {name}")


def _row(parameter: object) -> str:
    names = [name for name in getattr(parameter, "opts", []) if name.startswith("-")]
    value = getattr(parameter, "metavar", None) or _choices(getattr(parameter, "type", None))
    is_flag = bool(getattr(parameter, "is_flag", False))
    shown = f"{', '.join(names)} {'' if is_flag else value}".strip()
    about = getattr(parameter, "help", None) or ""
    default = getattr(parameter, "default", None)
    if getattr(parameter, "required", False):
        about += " Required."
    elif names and default not in (None, False, ()):
        about += f" Default: {getattr(default, 'value', default)}."
    named = getattr(parameter, "envvar", None) or ()
    variables = ", ".join(f"`{name}`" for name in ([named] if isinstance(named, str) else named))
    return f"| `{_cell(shown)}` | {variables} | {_cell(about)} |\n"


def _choices(kind: object) -> str:
    return "|".join(str(getattr(choice, "value", choice)) for choice in getattr(kind, "choices", ())) or "VALUE"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
    sys.stderr.write(f"{TARGET}\n")
