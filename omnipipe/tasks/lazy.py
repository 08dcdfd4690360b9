"""Module functions for packages whose names are loaded when they are asked for (PEP 562)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping


def loads(package: str, modules: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of `package`: each name of `modules` comes from the module below it called so."""

    def load(name: str) -> object:
        if name in modules:
            return getattr(importlib.import_module(f"{package}.{modules[name]}"), name)
        raise lacking(package, name, modules)

    return load, lambda: sorted(modules)


def lacking(module: str, name: str, names: Iterable[str]) -> Exception:
    """What asking `module` for `name`, which it has not, raises: for a config it says which of `names` there are."""
    # Only for configs: whoever asks for other names (`hasattr`, pickle, inspect) counts on an AttributeError.
    if name.endswith("Config"):
        known = ", ".join(sorted(known for known in names if known.endswith("Config") and "Backend" not in known))
        return ImportError(f"there is no {name} in {module}. Its backends are: {known}")
    return AttributeError(f"module {module!r} has no attribute {name!r}")
