"""`omnipipe serve`: the pipeline behind HTTP, for documents as they come."""

from __future__ import annotations

import os
import shlex
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from omnipipe.cli import engine, option
from omnipipe.cli.choice import choose_pipeline
from omnipipe.cli.engine_option import EngineOptions, takes_engine_options
from omnipipe.cli.run import check_ocr
from omnipipe.cli.serve_option import SettingOptions, takes_setting_options
from omnipipe.errors import ConfigError

if TYPE_CHECKING:
    from omnipipe.online.settings import ServeSettings
    from omnipipe.online.web.auth import Keys
    from omnipipe.runners.serve_plan import ServePlan


class RunnerChoice(StrEnum):
    """Where the work is done."""

    ray = "ray"
    local = "local"


Runner = Annotated[
    RunnerChoice,
    typer.Option(metavar="ray|local", envvar="OMNIPIPE_RUNNER", help="local: one process, without Ray."),
]
Address = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", envvar="OMNIPIPE_ADDRESS", help="A Ray cluster; wins over RAY_ADDRESS."),
]
Name = Annotated[
    str | None,
    typer.Option(metavar="NAME", envvar="OMNIPIPE_NAME", help="The application on Ray. Default: omnipipe-PIPELINE."),
]
Replicas = Annotated[
    str | None,
    typer.Option(
        metavar="MIN:MAX",
        envvar="OMNIPIPE_REPLICAS",
        help="Document workers; without Ray threads. Default: what the CPUs allow.",
    ),
]
Concurrency = Annotated[
    str | None,
    typer.Option(
        metavar="MIN:MAX", envvar="OMNIPIPE_CONCURRENCY", help="Replicas of each engine. Default: what GPUs allow."
    ),
]
Ingresses = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", envvar="OMNIPIPE_INGRESSES", help="Replicas on Ray that answer HTTP."),
]
NoAuth = Annotated[
    bool, typer.Option("--no-auth", envvar="OMNIPIPE_NO_AUTH", help="Answer other machines without API keys.")
]
NewKey = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Make an API key: it on stderr, its line for --api-keys on stdout. No serving."),
]
Build = Annotated[
    bool, typer.Option("--build", help="Print the file for `serve deploy` or KubeRay's serveConfigV2. No serving.")
]
Strict = Annotated[
    bool,
    typer.Option("--strict", envvar="OMNIPIPE_STRICT", help="Parameters that the engine lacks end in exit code 2."),
]


@takes_engine_options
@takes_setting_options
def serve(
    pipeline: option.PipelineName = "default",
    ocr: option.Ocr = None,
    layout: option.Layout = None,
    force_ocr: option.ForceOcr = False,
    keep_headers: option.KeepHeaders = False,
    runner: Runner = RunnerChoice.ray,
    address: Address = None,
    name: Name = None,
    replicas: Replicas = None,
    concurrency: Concurrency = None,
    ingresses: Ingresses = None,
    no_auth: NoAuth = False,
    new_key: NewKey = None,
    build: Build = False,
    strict: Strict = False,
    *,
    setting_options: SettingOptions,
    engine_options: EngineOptions,
) -> None:
    """Read documents as they come over HTTP, with the same rows as `omnipipe run`.

    Says where it listens when the models are loaded. Ctrl-C or SIGTERM ends it: what is in work is given 20 s, the rest
    goes on after the next start; a second Ctrl-C ends it at once.
    """
    if new_key is not None:
        _show_new_key(new_key)
        return
    named = engine.pipeline_name(pipeline, engine_options)
    chosen = choose_pipeline(named, ocr=ocr, layout=layout, force_ocr=force_ocr, keep_headers=keep_headers)
    chosen = engine.with_options(chosen, engine_options)
    settings = setting_options.build()
    bounds = _bounds("--replicas", replicas), _bounds("--concurrency", concurrency)
    from omnipipe.runners.serve_plan import ServePlan

    plan = ServePlan(
        pipeline=chosen,
        settings=settings,
        name=name or "",
        address=address,
        replicas=bounds[0],
        engines=bounds[1],
        ingresses=ingresses or (2 if build else 1),
    )
    if build:
        from omnipipe.runners.serve_yaml import to_yaml

        typer.echo(to_yaml(plan, no_auth=no_auth), nl=False)
        return
    is_here = runner is RunnerChoice.local or not _address(plan)
    engine.check_engines(chosen, engine_options, strict=strict, here=is_here)
    if is_here:
        check_ocr(chosen)
    _serve(plan, _keys(settings, no_auth=no_auth), runner, is_here=is_here)


def _serve(plan: ServePlan, keys: Keys, runner: RunnerChoice, *, is_here: bool) -> None:
    def on_ready(url: str) -> None:
        typer.echo(f"omnipipe: serving {plan.pipeline.name} at {url}")

    if runner is RunnerChoice.local:
        from omnipipe.runners import serve_local

        serve_local.serve(plan, keys, on_ready)
        return
    from omnipipe.runners import serve_ray
    from omnipipe.runners.serve_door import check_free

    if is_here:
        check_free(plan.settings)

    def on_ready_with_engines(url: str) -> None:
        on_ready(url)
        if is_here and plan.engine_configs:
            joins = shlex.quote(str(plan.settings.data_dir / serve_ray.ENVIRONMENT_FILE))
            typer.echo(f"omnipipe: batch runs on its engine: . {joins}; omnipipe run ... --served {plan.name}")

    typer.echo(f"omnipipe: {serve_ray.wildcard_note()}", err=True)
    serve_ray.serve(plan, keys, on_ready_with_engines)


def _keys(settings: ServeSettings, *, no_auth: bool) -> Keys:
    from omnipipe.online.web.auth import Keys
    from omnipipe.runners.serve_door import check_keys

    keys = Keys.load(settings)
    check_keys(settings, num_keys=len(keys), no_auth=no_auth)
    return keys


def _show_new_key(name: str) -> None:
    from omnipipe.online.web.auth import new_key

    secret, line = new_key(name)
    typer.echo(f"omnipipe: the key, shown only now: {secret}", err=True)
    typer.echo(line)


def _bounds(flag: str, text: str | None) -> tuple[int, int] | None:
    from omnipipe.cli.choice import parse_concurrency

    try:
        return parse_concurrency(text)
    except ConfigError as error:
        raise ConfigError(str(error).replace("--concurrency", flag)) from error


def _address(plan: ServePlan) -> str | None:
    from omnipipe.runners.ray_options import find_address

    return find_address(plan.address, os.environ)
