"""A plan as plain values and back: what a file for `serve deploy` says of the application."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue, ValidationError

from omnipipe.config import Config
from omnipipe.engines.base import EngineConfig
from omnipipe.errors import ConfigError
from omnipipe.online.settings import ServeSettings
from omnipipe.online.web.auth import Keys
from omnipipe.pipeline import Pipeline, load_pipeline
from omnipipe.runners.serve_door import check_keys
from omnipipe.runners.serve_plan import ServePlan, Width
from omnipipe.stages.base import Stage
from omnipipe.stages.registry import built_in_name
from omnipipe.user_module import modules_by_value

DEFAULT_REPLICAS = (1, 4)
DEFAULT_ENGINES = (1, 1)


class ServeArgs(Config):
    """The arguments of `omnipipe.runners.serve_app:build`."""

    pipeline: str | dict[str, JsonValue] = Field(description="A shipped pipeline's name, a file, or what a file says.")
    settings: ServeSettings = Field(ServeSettings(), description="How documents are taken and answered.")
    name: str = Field("", description="The application's name.")
    replicas: tuple[int, int] = Field(DEFAULT_REPLICAS, description="Least and most document workers.")
    engines: tuple[int, int] = Field(DEFAULT_ENGINES, description="Least and most replicas of each engine.")
    ingresses: int = Field(2, ge=1, description="Replicas that answer HTTP.")
    no_auth: bool = Field(False, description="Answer other machines without API keys.")

    @classmethod
    def of(cls, plan: ServePlan, *, no_auth: bool = False) -> ServeArgs:
        """The arguments that make `plan`.

        Raises:
            ConfigError: A stage of it is in a file of this machine.
        """
        return cls(
            pipeline=_plain(plan.pipeline),
            settings=plan.settings,
            name=plan.name,
            replicas=plan.replicas or DEFAULT_REPLICAS,
            engines=plan.engines or DEFAULT_ENGINES,
            ingresses=plan.ingresses,
            no_auth=no_auth,
        )

    @classmethod
    def of_file(cls, given: Mapping[str, JsonValue]) -> ServeArgs:
        """The arguments that a file gives.

        Raises:
            ConfigError: One is unknown or wrong.
        """
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            name = ".".join(str(step) for step in problem["loc"])
            reason = problem["msg"].removeprefix("Value error, ")
            raise ConfigError(f"args.{name} is {str(problem['input'])[:80]!r}: {reason}.") from error

    def plan(self) -> ServePlan:
        """What is to be served.

        Raises:
            ConfigError: The pipeline is wrong.
        """
        return ServePlan(
            pipeline=_loaded(self.pipeline),
            settings=self.settings,
            name=self.name,
            replicas=self.replicas,
            engines=self.engines,
            ingresses=self.ingresses,
        )

    def keys(self) -> Keys:
        """The API keys.

        Raises:
            ConfigError: They cannot be read, or there are none where there must be.
        """
        keys = Keys.load(self.settings)
        check_keys(self.settings, num_keys=len(keys), no_auth=self.no_auth)
        return keys

    def widths(self, plan: ServePlan) -> tuple[Width, list[Width]]:
        """How many document workers, and how many replicas of each engine."""
        return Width(*self.replicas), [Width(*self.engines, config.num_cpus) for config in plan.engine_configs]


def _loaded(pipeline: str | Mapping[str, JsonValue]) -> Pipeline:
    if isinstance(pipeline, str):
        return load_pipeline(pipeline)
    import yaml

    with tempfile.TemporaryDirectory(prefix="omnipipe-") as folder:
        path = Path(folder) / "pipeline.yaml"
        path.write_text(yaml.safe_dump(dict(pipeline), allow_unicode=True), encoding="utf-8")
        return load_pipeline(path)


def _plain(pipeline: Pipeline) -> dict[str, JsonValue]:
    """What a pipeline file says that makes `pipeline`: only what differs from the defaults was said."""
    stages: list[JsonValue] = [{_stage_name(type(stage)): _said(stage) or None} for stage in pipeline.stages]
    return {"name": pipeline.name, "stages": stages}


def _said(stage: Stage) -> dict[str, Any]:
    said: dict[str, Any] = stage.model_dump(mode="json", exclude_unset=True)
    for name in said:
        value = getattr(stage, name)
        if isinstance(value, EngineConfig):
            # A key that was given in clear is masked here, and refused there with the remedy.
            said[name] = {"config": type(value).__name__, **value.model_dump(mode="json", exclude_unset=True)}
    return said


def _stage_name(stage: type[Stage]) -> str:
    if any(module.__name__ == stage.__module__ for module in modules_by_value()):
        raise ConfigError(
            f"--build: stage {stage.__name__} is in a file of this machine. Install it on the cluster as a package, "
            "and name it in the pipeline as MODULE:CLASS."
        )
    return built_in_name(stage)
