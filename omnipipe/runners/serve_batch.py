"""Engines that are served, for the workers of a batch run: it loads none of its own, and live requests go first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omnipipe.config import result_settings, settings_hash
from omnipipe.engines.base import Engine, EngineConfig
from omnipipe.engines.thread import EngineHost
from omnipipe.errors import ConfigError
from omnipipe.model import Completion, Request
from omnipipe.online.engine_service import BATCH, ServedModel
from omnipipe.online.service_engine import ServiceEngine

if TYPE_CHECKING:
    from ray.serve.handle import DeploymentHandle

_ASK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ServedEngines:
    """The engines of an application of Ray Serve that a run asks: the deployment of each, by `engine_key`."""

    application: str
    deployments: tuple[tuple[str, str], ...]

    def host(self) -> EngineHost:
        """They, for the workers of this process: a few more requests at once than an engine works on."""
        return EngineHost(self._engine)

    def _engine(self, config: EngineConfig) -> Engine:
        from ray import serve

        from omnipipe.runners.serve_engine import HandleEngineService

        deployment = dict(self.deployments)[engine_key(config)]
        handle: DeploymentHandle[Any] = serve.get_deployment_handle(deployment, self.application)
        model = ServedModel(config.model, config, self.application)
        return _BatchEngine(HandleEngineService((model,), (handle,)), model, BATCH)


def find_served(application: str, configs: Sequence[EngineConfig]) -> ServedEngines:
    """The engines of `application` that answer as `configs` do.

    Raises:
        ConfigError: There is no such application, or one of its engines has other settings.
    """
    from ray import serve
    from ray.serve.exceptions import RayServeException

    from omnipipe.runners.serve_app import ENGINE

    applications = serve.status().applications
    if application not in applications:
        known = ", ".join(sorted(applications)) or "none"
        raise ConfigError(f"--served {application}: no such application runs on this cluster. Running: {known}.")
    served: dict[str, tuple[str, EngineConfig]] = {}
    for deployment in sorted(applications[application].deployments):
        if not deployment.startswith(ENGINE):
            continue
        handle: DeploymentHandle[Any] = serve.get_deployment_handle(deployment, application)
        try:
            config = handle.config.remote().result(timeout_s=_ASK_SECONDS)
        except (TimeoutError, RayServeException) as error:
            raise ConfigError(f"--served {application}: {deployment} does not answer. See: serve status.") from error
        served[engine_key(config)] = (deployment, config)
    for config in configs:
        if engine_key(config) not in served:
            raise ConfigError(f"--served {application}: {_difference(config, [other for _, other in served.values()])}")
    return ServedEngines(application, tuple((key, deployment) for key, (deployment, _) in served.items()))


def engine_key(config: EngineConfig) -> str:
    """Equal for engines that answer alike: over their class and all settings that decide results."""
    return settings_hash([type(config).__name__, result_settings(config)])


class _BatchEngine(ServiceEngine):
    """Bounded in this process: what waits at the served engine keeps its picture in memory there."""

    def __init__(self, service: Any, model: ServedModel, priority: int) -> None:
        super().__init__(service, model, priority)
        self._places = asyncio.Semaphore(2 * max(1, model.config.num_running))

    async def generate(self, request: Request) -> Completion:
        async with self._places:
            return await super().generate(request)

    async def stream_completion(self, request: Request) -> AsyncGenerator[str | Completion, None]:
        async with self._places, aclosing(super().stream_completion(request)) as pieces:
            async for piece in pieces:
                yield piece


def _difference(wanted: EngineConfig, served: Sequence[EngineConfig]) -> str:
    if not served:
        return "it serves no engine. Serve a pipeline that asks a model, or leave --served out."
    for other in served:
        if type(other) is type(wanted):
            mine, theirs = result_settings(wanted), result_settings(other)
            names = ", ".join(
                sorted(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name))
            )
            return (
                f"its {type(other).__name__} has other settings: {names}. Serve with the run's, or leave --served out."
            )
    names = ", ".join(type(other).__name__ for other in served)
    return f"it serves {names}, and the pipeline asks {type(wanted).__name__}. Serve the same, or leave --served out."
