"""A plan as an application of Ray Serve: one deployment for HTTP, one that reads documents, one for each engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from omnipipe.online.web.auth import Keys
from omnipipe.runners.serve_args import ServeArgs
from omnipipe.runners.serve_engine import EngineReplica
from omnipipe.runners.serve_ingress import Ingress
from omnipipe.runners.serve_pages import Pages
from omnipipe.runners.serve_plan import ServePlan, Width

if TYPE_CHECKING:
    from pydantic import JsonValue
    from ray.serve import Application, Deployment

INGRESS, PAGES, ENGINE = "Ingress", "Pages", "Engine"

# Requests wait in our own queues, which know live from batch and whose turn it is, never in Serve's.
_NO_BOUND = 10_000

_COMMON: dict[str, Any] = {
    "health_check_period_s": 5.0,
    "health_check_timeout_s": 30.0,
    "graceful_shutdown_timeout_s": 30.0,
    "graceful_shutdown_wait_loop_s": 0.5,
    # Paths of requests have the ids of jobs: our own log says less.
    "logging_config": {"enable_access_log": False},
}


def build(args: Mapping[str, JsonValue]) -> Application:
    """What `serve deploy` makes of the arguments in its file, those of `ServeArgs`; see `omnipipe serve --build`.

    Raises:
        UserError: Something in them is wrong.
    """
    known = ServeArgs.of_file(args)
    plan = known.plan()
    return make_application(plan, known.keys(), *known.widths(plan))


def make_application(plan: ServePlan, keys: Keys, pages: Width, engines: Sequence[Width]) -> Application:
    """What `serve.run` takes: `plan` with so many document workers, and so many replicas of each engine."""
    from ray import serve

    plan = plan.for_workers([width.most for width in engines])
    options = deployment_options(plan, pages, engines)
    handles = [
        _deployment(EngineReplica, f"{ENGINE}-{number}", options).bind(config)
        for number, config in enumerate(plan.engine_configs)
    ]
    pieces = plan.pieces_at_once(pages.most)
    workers = _deployment(Pages, PAGES, options).bind(plan, pieces, *handles)
    ingress = _deployment(serve.ingress()(Ingress), INGRESS, options)
    return ingress.bind(plan, keys, pieces * pages.most, workers, *handles)


def deployment_options(plan: ServePlan, pages: Width, engines: Sequence[Width]) -> dict[str, dict[str, Any]]:
    """The options of each deployment by its name, as plain values: those of `serve.deployment` and of its files."""
    pieces = plan.pieces_at_once(pages.most)
    options: dict[str, dict[str, Any]] = {
        INGRESS: {
            "num_replicas": plan.ingresses,
            "max_ongoing_requests": _NO_BOUND,
            "ray_actor_options": {"num_cpus": 0},
        },
        PAGES: {
            **_between(pages, target=max(1.0, pieces / 2)),
            "max_ongoing_requests": pieces,
            "ray_actor_options": {"num_cpus": pages.num_cpus},
        },
    }
    for number, (config, width) in enumerate(zip(plan.engine_configs, engines, strict=True)):
        options[f"{ENGINE}-{number}"] = {
            **_between(width, target=float(max(1, config.num_running))),
            "max_ongoing_requests": _NO_BOUND,
            "ray_actor_options": {"num_cpus": width.num_cpus, "num_gpus": config.num_gpus},
        }
    return {name: own | _COMMON for name, own in options.items()}


def _deployment(kind: type, name: str, options: dict[str, dict[str, Any]]) -> Deployment:
    from ray import serve

    # What is wrong with a model or a setting would be wrong again.
    made: Any = serve.deployment(kind, name=name, max_constructor_retry_count=1, **options[name])
    return made  # type: ignore[no-any-return]


def _between(width: Width, *, target: float) -> dict[str, Any]:
    if width.least == width.most:
        return {"num_replicas": width.most}
    bounds = {"min_replicas": width.least, "max_replicas": width.most, "target_ongoing_requests": target}
    return {"autoscaling_config": bounds}
