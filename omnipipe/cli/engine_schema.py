"""The JSON schema of engine settings, as pipeline files may write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omnipipe.engines.base import EngineConfig

_SECTIONS = ("decoder", "quantization", "batching", "sharding", "model_kwargs")


def config_schema(kind: type[EngineConfig], definitions: dict[str, Any]) -> dict[str, object]:
    """The settings of a config class: its fields, generation parameters beside them, and other tools' sections.

    What it refers to is put into `definitions`.
    """
    from omnipipe.generation import GenerationParams, known_names

    schema = hoisted(kind.model_json_schema(), definitions)
    flat = hoisted(GenerationParams.model_json_schema(), definitions)["properties"]
    properties: dict[str, Any] = dict(schema.get("properties", {}))
    for name in sorted(known_names()):
        properties.setdefault(name, flat.get(name, {"description": "Another tool's name of a generation parameter."}))
    for name in _SECTIONS:
        section = {"type": "object", "description": "Settings as other tools nest them."}
        own = properties.get(name)
        properties[name] = {"anyOf": [own, section]} if own else section
    return {**schema, "title": kind.__name__, "properties": properties}


def engine_schema(definitions: dict[str, Any]) -> dict[str, object]:
    """What a pipeline file may say of an engine: the name of a config, or that name and settings."""
    from omnipipe.cli.backends import configs

    listed = configs()
    shapes = []
    for name, kind in listed:
        schema = config_schema(kind, definitions)
        properties = {"config": {"const": name}, **schema["properties"]}  # type: ignore[dict-item]
        definitions[name] = {**schema, "properties": properties, "required": ["config"]}
        shapes.append({"$ref": f"#/$defs/{name}"})
    return {"anyOf": [{"enum": [name for name, _ in listed]}, *shapes]}


def hoisted(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """`schema` without its definitions, which are put into `definitions`: they are looked up in the whole."""
    definitions.update(schema.pop("$defs", {}))
    return schema
