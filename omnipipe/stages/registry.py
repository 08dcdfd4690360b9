"""The names that pipeline files use for stages, and the classes behind them, loaded when they are asked for."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points

from omnipipe.errors import ConfigError
from omnipipe.stages.base import Stage

ENTRY_POINT_GROUP = "omnipipe.stages"
"""Packages name their stages in this entry-point group; a built-in name cannot be taken."""

_BUILT_IN = {
    "read": "omnipipe.stages.read:Read",
    "render": "omnipipe.stages.render:Render",
    "ocr": "omnipipe.stages.ocr:Ocr",
    "layout": "omnipipe.stages.layout:Layout",
    "verify": "omnipipe.stages.verify:Verify",
    "extract": "omnipipe.stages.extract:Extract",
}


def stage_names() -> list[str]:
    """All names that `find_stage` knows: the built-in ones first, then those of installed packages."""
    plugins = {entry.name for entry in entry_points(group=ENTRY_POINT_GROUP)}
    return [*_BUILT_IN, *sorted(plugins - set(_BUILT_IN))]


def find_stage(name: str) -> type[Stage] | None:
    """The stage class called `name`, built in or of an installed package; None where there is none.

    Raises:
        ConfigError: An installed package names something that cannot be imported or is no stage.
    """
    target = _BUILT_IN.get(name)
    if target is None:
        entry = next(iter(entry_points(group=ENTRY_POINT_GROUP, name=name)), None)
        if entry is None:
            return None
        target = entry.value
    return stage_at(target)


def stage_at(target: str) -> type[Stage]:
    """The stage class at `module:Class`.

    Raises:
        ConfigError: The module cannot be imported, or has no such stage.
    """
    module_name, _, class_name = target.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ConfigError(f"stage {target!r} cannot be imported: {error}. Install the package that has it.") from error
    return checked_stage(getattr(module, class_name, None), target)


def checked_stage(found: object, target: str) -> type[Stage]:
    """`found`, if it is a stage class.

    Raises:
        ConfigError: It is something else, or nothing.
    """
    if isinstance(found, type) and issubclass(found, Stage):
        return found
    what = "does not exist" if found is None else "is no stage"
    raise ConfigError(f"stage {target!r} {what}. Name a class that inherits from omnipipe.Stage, as MODULE:CLASS.")


def built_in_name(stage: type[Stage]) -> str:
    """The name that pipeline files use for `stage`, or MODULE:CLASS where it has none."""
    target = f"{stage.__module__}:{stage.__qualname__}"
    return next((name for name, place in _BUILT_IN.items() if place == target), target)
