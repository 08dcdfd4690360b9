"""Python files and modules of the user's own, that no worker machine has installed."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from omnipipe.errors import ConfigError

_BY_VALUE: dict[str, ModuleType] = {}
_NEVER = sys.stdlib_module_names | {"omnipipe", "__main__"}


def modules_by_value() -> tuple[ModuleType, ...]:
    """Modules that exist only on this machine, as files beside a pipeline.

    A runner that sends stages to other processes must pickle their classes by value
    (`ray.cloudpickle.register_pickle_by_value`).
    """
    return tuple(_BY_VALUE.values())


def load_user_file(path: Path) -> ModuleType:
    """The module that the Python file `path` makes; it may import its neighbours in the same folder.

    Raises:
        ConfigError: The code has an error; the message has its line.
    """
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    name = f"pipeline_file_{''.join(c if c.isalnum() else '_' for c in path.stem)}_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path}: not a Python file. Use a name that ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with _folder_on_path(path.parent):
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            del sys.modules[name]
            raise ConfigError(f"{_place(path, error)}: {_said(error)}") from error
    # Its made-up name can be imported nowhere, even where the file is installed (a shipped pipeline).
    _BY_VALUE[name] = module
    return module


def load_user_module(name: str, folder: Path) -> ModuleType:
    """The module `name`, found as Python finds it or in `folder`.

    Raises:
        ConfigError: It cannot be imported.
    """
    with _folder_on_path(folder):
        try:
            return importlib.import_module(name)
        except (Exception, SystemExit) as error:
            raise ConfigError(f"module {name!r} cannot be imported: {_said(error)}") from error


@contextmanager
def _folder_on_path(folder: Path) -> Iterator[None]:
    # What is imported from `folder` meanwhile is the user's, and is recorded to travel by value.
    resolved = folder.resolve()
    sys.path.insert(0, str(resolved))
    try:
        yield
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if file and name.partition(".")[0] not in _NEVER and _is_loose(Path(file), resolved):
                _BY_VALUE[name] = module
    finally:
        sys.path.remove(str(resolved))


def _is_loose(file: Path, folder: Path) -> bool:
    # An environment may lie inside the user's folder (.venv): what is installed there is not the user's code.
    return folder in file.parents and not {"site-packages", "dist-packages"} & set(file.parts)


def _place(path: Path, error: BaseException) -> str:
    # Python compiles a file under its absolute name.
    names = {str(path), str(path.absolute())}
    if isinstance(error, SyntaxError) and error.filename in names:
        return f"{path}:{error.lineno}:{error.offset}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename in names]
    return f"{path}:{lines[-1]}" if lines else str(path)


def _said(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"sys.exit({error.code!r:.80}) ends the program. Put it below: if __name__ == '__main__':"
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {text.strip().split(chr(10))[0][:200]}"
