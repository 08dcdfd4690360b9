"""Pipelines as files: YAML or Python, checked before anything starts, with the place of every mistake."""

from __future__ import annotations

import difflib
import importlib.resources
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import yaml
from pydantic import ValidationError

from omnipipe.errors import ConfigError
from omnipipe.pipeline import Pipeline, find_conflict
from omnipipe.stages.base import Stage
from omnipipe.stages.registry import checked_stage, find_stage, stage_at, stage_names
from omnipipe.user_module import load_user_file, load_user_module

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_SUFFIXES = (".yaml", ".yml", ".py")
_KEYS = ("name", "stages")


def load(name_or_path: str | Path) -> Pipeline:
    """The pipeline in a YAML or Python file, or the shipped one of that name. See `omnipipe.load_pipeline`."""
    path = _find(name_or_path)
    return _load_python(path) if path.suffix == ".py" else _load_yaml(path)


def shipped_pipelines() -> list[str]:
    """The names that work without a file, such as `default`."""
    return sorted({path.stem for path in _shipped_folder().iterdir() if path.suffix in _SUFFIXES})


def _shipped_folder() -> Path:
    package = Path(str(importlib.resources.files("omnipipe")))
    # In a wheel the pipelines lie inside the package, in the source tree beside it.
    inside = package / "_pipelines"
    return inside if inside.is_dir() else package.parent / "pipelines"


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix in _SUFFIXES:
        if path.is_file():
            return path
        shipped_names = ", ".join(shipped_pipelines())
        wrong = "is a folder" if path.is_dir() else "does not exist"
        raise ConfigError(f"pipeline file {str(path)[:200]!r} {wrong}. Shipped pipelines: {shipped_names}.")
    if len(path.parts) == 1:
        for suffix in _SUFFIXES:
            shipped = _shipped_folder() / f"{path.name}{suffix}"
            if shipped.is_file():
                return shipped
    names = shipped_pipelines()
    raise ConfigError(
        f"unknown pipeline {str(name_or_path)[:200]!r}{_did_you_mean(str(name_or_path), names)} "
        f"Shipped pipelines: {', '.join(names)}; or name a .yaml or .py file."
    )


def _load_python(path: Path) -> Pipeline:
    module = load_user_file(path)
    pipeline = getattr(module, "pipeline", None)
    if not isinstance(pipeline, Pipeline):
        found = (
            "has no variable 'pipeline'" if pipeline is None else f"has a 'pipeline' of type {type(pipeline).__name__}"
        )
        raise ConfigError(f"{path}: the file {found}. Write: pipeline = Pipeline('name', (Read(), ...)).")
    conflict = find_conflict(pipeline.stages)
    if conflict is not None:
        raise ConfigError(f"{path}: stage {conflict.position + 1}: {conflict.message}")
    return pipeline


def _load_yaml(path: Path) -> Pipeline:
    text = ""
    try:
        text = path.read_text(encoding="utf-8-sig")
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}. Save the file as UTF-8.") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}{place}: not YAML: {error.problem or error.context}.") from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position].split("\n")
        place = f":{len(before)}:{len(before[-1]) + 1}"
        raise ConfigError(f"{path}{place}: not YAML: the character U+{error.character:04X} is not allowed.") from error
    except RecursionError:
        # No chain: it would be a thousand lines.
        raise ConfigError(f"{path}: lists or mappings stand in one another too deep. {_SHAPE}") from None
    return _YamlPipeline(path, loader).build(root)


@dataclass(frozen=True, slots=True)
class _YamlPipeline:
    """Builds a pipeline from YAML nodes, which know their places."""

    path: Path
    loader: yaml.SafeLoader

    def build(self, root: yaml.Node | None) -> Pipeline:
        if not isinstance(root, yaml.MappingNode):
            message = f"{self.path}: {'the file is empty' if root is None else 'the file is no mapping'}. {_SHAPE}"
            raise ConfigError(message)
        entries = self._entries(root)
        for key, (key_node, _) in entries.items():
            if key not in _KEYS:
                self._fail(key_node, f"unknown key {key!r}{_did_you_mean(key, _KEYS)} Known keys: {', '.join(_KEYS)}.")
        stages = self._stages(entries["stages"][1] if "stages" in entries else None, root)
        return Pipeline(self._name(entries["name"][1] if "name" in entries else None), stages)

    def _name(self, node: yaml.Node | None) -> str:
        name = self.path.stem if node is None else self._value(node)
        if node is not None and (not isinstance(name, str) or not name.strip()):
            self._fail(node, f"name: {_short(name)} is no name. Write a text, such as name: {self.path.stem}")
        return str(name)

    def _stages(self, node: yaml.Node | None, root: yaml.Node) -> tuple[Stage, ...]:
        if node is None:
            self._fail(root, f"the key 'stages' is missing. {_SHAPE}")
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self._fail(node, f"'stages' is {'an empty list' if _is_list(node) else 'no list'}. {_SHAPE}")
        stages = tuple(self._stage(entry) for entry in node.value)
        conflict = find_conflict(stages)
        if conflict is not None:
            self._fail(node.value[conflict.position], conflict.message)
        return stages

    def _stage(self, node: yaml.Node) -> Stage:
        if isinstance(node, yaml.ScalarNode):
            return self._build(node, node, None)
        if not isinstance(node, yaml.MappingNode) or len(node.value) != 1:
            self._fail(node, "a stage is one name with its settings. Write: - read: {text_layer: true}")
        ((name_node, settings),) = node.value
        return self._build(name_node, settings, settings)

    def _build(self, name_node: yaml.Node, place: yaml.Node, settings: yaml.Node | None) -> Stage:
        name = self._value(name_node)
        stage = self._class(name_node, name)
        is_empty = settings is None or (isinstance(settings, yaml.ScalarNode) and self._value(settings) is None)
        if not is_empty and not isinstance(settings, yaml.MappingNode):
            assert settings is not None
            value = _short(self._value(settings))
            self._fail(settings, f"the settings of stage {name!r} are {value}, not a mapping. {_known(stage)}")
        values = {} if is_empty or settings is None else self._value(settings)
        try:
            return stage.model_validate(values)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            found = name_node if is_empty or settings is None else _place(settings, problem)
            self._fail(found, setting_message(str(name), stage, problem))

    def _class(self, node: yaml.Node, name: object) -> type[Stage]:
        if not isinstance(name, str):
            self._fail(node, f"{_short(name)} is no stage name. Known stages: {', '.join(stage_names())}.")
        try:
            found = self._own_class(name) if ":" in name else find_stage(name)
        except ConfigError as error:
            self._fail(node, str(error))
        if found is None:
            names = stage_names()
            self._fail(node, f"unknown stage {name!r}{_did_you_mean(name, names)} Known stages: {', '.join(names)}.")
        return found

    def _own_class(self, target: str) -> type[Stage]:
        place, _, class_name = target.rpartition(":")
        folder = self.path.parent
        if place.endswith(".py"):
            file = folder / place
            if not file.is_file():
                raise ConfigError(f"stage {target!r}: {file} does not exist. Name the file as seen from {folder}.")
            return checked_stage(getattr(load_user_file(file), class_name, None), target)
        load_user_module(place, folder)
        return stage_at(target)

    def _entries(self, node: yaml.MappingNode) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        entries: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key_node, value_node in node.value:
            key = str(self._value(key_node))
            if key in entries:
                self._fail(key_node, f"the key {key!r} is there twice. Keep one of them.")
            entries[key] = (key_node, value_node)
        return entries

    def _value(self, node: yaml.Node) -> object:
        self._refuse_doubles(node, set())
        try:
            return self.loader.construct_document(node)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or node.start_mark
            raise ConfigError(f"{self._at(mark)}: {error.problem}.") from error
        except ValueError as error:
            self._fail(node, f"{error}.")

    def _refuse_doubles(self, node: yaml.Node, seen: set[int]) -> None:
        if id(node) in seen:
            return
        seen.add(id(node))
        keys: set[str] = set()
        for key_node, value_node in _children(node):
            if isinstance(key_node, yaml.ScalarNode):
                if key_node.value in keys and key_node.value != "<<":
                    self._fail(key_node, f"the key {key_node.value!r} is there twice. Keep one of them.")
                keys.add(key_node.value)
            self._refuse_doubles(value_node, seen)

    def _at(self, mark: yaml.Mark) -> str:
        return f"{self.path}:{mark.line + 1}:{mark.column + 1}"

    def _fail(self, node: yaml.Node, message: str) -> NoReturn:
        raise ConfigError(f"{self._at(node.start_mark)}: {message}")


_SHAPE = "Write: stages: and below it a list of stages, such as - read: {text_layer: true}"


def setting_message(name: str, stage: type[Stage], problem: ErrorDetails) -> str:
    """One or two sentences on a setting that pydantic refused: which, with its value, and what would be right."""
    path, kind = ".".join(str(step) for step in problem["loc"]), problem["type"]
    if kind == "extra_forbidden":
        return f"unknown setting {path!r} of stage {name!r}{_did_you_mean(path, stage.model_fields)} {_known(stage)}"
    if kind == "missing":
        return f"stage {name!r} needs the setting {path!r}. Write: - {name}: {{{path}: ...}}"
    rest = problem["msg"].removeprefix("Value error, ").rstrip(".")
    # The file's word for it.
    rest = (rest[:1].lower() + rest[1:]).replace("valid tuple", "valid list")
    return f"{path} of stage {name!r} is {_short(problem['input'])}: {rest}." if path else f"stage {name!r}: {rest}."


def _place(node: yaml.Node, problem: ErrorDetails) -> yaml.Node:
    loc = problem["loc"]
    for depth, step in enumerate(loc):
        is_last = depth == len(loc) - 1
        if isinstance(node, yaml.MappingNode):
            found = next((pair for pair in node.value if pair[0].value == step), None)
            if found is None:
                return node
            node = found[0] if is_last and problem["type"] == "extra_forbidden" else found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
    return node


def _known(stage: type[Stage]) -> str:
    names = list(stage.model_fields)
    return f"Known settings: {', '.join(names)}." if names else "It has no settings."


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word.lower(), list(known), n=1)
    return f". Did you mean {close[0]!r}?" if close else "."


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _is_list(node: yaml.Node) -> bool:
    return isinstance(node, yaml.SequenceNode)


def _children(node: yaml.Node) -> Iterator[tuple[yaml.Node | None, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from node.value
    elif isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            yield None, entry
