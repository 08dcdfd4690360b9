"""The options of `omnipipe serve` that are fields of its settings: one for each, and a file for all of them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from omnipipe.errors import ConfigError, InputError

if TYPE_CHECKING:
    from omnipipe.online.settings import ServeSettings

_FILE = "settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingOptions:
    """What the user said of the fields of `ServeSettings`, under their names; None where nothing was said."""

    host: Annotated[
        str | None,
        typer.Option(envvar="OMNIPIPE_HOST", metavar="ADDRESS", help="Where HTTP listens. Default: 127.0.0.1."),
    ] = None
    port: Annotated[
        int | None, typer.Option(envvar="OMNIPIPE_PORT", metavar="N", help="Default: 8000; 0 takes a free one.")
    ] = None
    data_dir: Annotated[
        Path | None,
        typer.Option(envvar="OMNIPIPE_DATA_DIR", metavar="DIR", help="Jobs, results, uploads. Default: omnipipe-data."),
    ] = None
    api_keys: Annotated[
        Path | None,
        typer.Option(
            envvar="OMNIPIPE_API_KEYS_FILE",
            metavar="FILE",
            help="A file of hashed API keys; the lines themselves may be in OMNIPIPE_API_KEYS.",
        ),
    ] = None
    max_bytes: Annotated[
        int | None, typer.Option(envvar="OMNIPIPE_MAX_BYTES", metavar="BYTES", help="The largest upload.")
    ] = None
    max_pages: Annotated[
        int | None,
        typer.Option(envvar="OMNIPIPE_MAX_PAGES", metavar="N", help="Read N pages of a document, skip the rest."),
    ] = None
    max_jobs: Annotated[
        int | None,
        typer.Option(envvar="OMNIPIPE_MAX_JOBS", metavar="N", help="Jobs in work or waiting; more get 503."),
    ] = None
    max_queued_pages: Annotated[
        int | None,
        typer.Option(envvar="OMNIPIPE_MAX_QUEUED_PAGES", metavar="N", help="Pages that wait; more get 503."),
    ] = None
    max_spool_bytes: Annotated[
        int | None,
        typer.Option(envvar="OMNIPIPE_MAX_SPOOL_BYTES", metavar="BYTES", help="All uploads; more get 503."),
    ] = None
    max_chats: Annotated[
        int | None,
        typer.Option(envvar="OMNIPIPE_MAX_CHATS", metavar="N", help="Chat requests at once; more get 503."),
    ] = None
    max_chat_bytes: Annotated[
        int | None,
        typer.Option(envvar="OMNIPIPE_MAX_CHAT_BYTES", metavar="BYTES", help="The largest chat request."),
    ] = None
    body_timeout: Annotated[
        float | None,
        typer.Option(envvar="OMNIPIPE_BODY_TIMEOUT", metavar="SECONDS", help="The longest pause in an upload."),
    ] = None
    max_wait: Annotated[
        float | None,
        typer.Option(envvar="OMNIPIPE_MAX_WAIT", metavar="SECONDS", help="The longest that ?wait= may be."),
    ] = None
    default_deadline: Annotated[
        float | None,
        typer.Option(
            envvar="OMNIPIPE_DEFAULT_DEADLINE", metavar="SECONDS", help="A job's open pages are given up then."
        ),
    ] = None
    keep_seconds: Annotated[
        float | None,
        typer.Option(envvar="OMNIPIPE_KEEP_SECONDS", metavar="SECONDS", help="Finished jobs are removed after this."),
    ] = None
    keep_uploads: Annotated[
        bool | None,
        typer.Option(envvar="OMNIPIPE_KEEP_UPLOADS", help="Keep the bytes of finished jobs, to show their pages."),
    ] = None
    share_results: Annotated[
        bool | None,
        typer.Option(
            "--share-results",
            envvar="OMNIPIPE_SHARE_RESULTS",
            help="Answer one key's upload from another key's job. It tells who holds a file.",
        ),
    ] = None
    allowed_hosts: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-host",
            envvar="OMNIPIPE_ALLOWED_HOSTS",
            metavar="NAME",
            help="A Host header that is answered, beside --host; may be given more than once.",
        ),
    ] = None
    url_allow: Annotated[
        list[str] | None,
        typer.Option(
            envvar="OMNIPIPE_URL_ALLOW",
            metavar="PREFIX",
            help="URLs that may be fetched for clients; may be given more than once. None by default.",
        ),
    ] = None
    open_metrics: Annotated[
        bool | None,
        typer.Option("--open-metrics", envvar="OMNIPIPE_OPEN_METRICS", help="Answer /metrics without a key."),
    ] = None
    settings: Annotated[
        Path | None,
        typer.Option(envvar="OMNIPIPE_SETTINGS", metavar="FILE", help="A YAML file with any of these settings."),
    ] = None

    def build(self) -> ServeSettings:
        """The settings that are meant: options and environment, then the file, then the defaults.

        Raises:
            ConfigError: One is unknown or out of its bounds.
            InputError: The file cannot be read.
        """
        from pydantic import ValidationError

        from omnipipe.online.settings import ServeSettings

        said = {field.name: getattr(self, field.name) for field in fields(self) if field.name != _FILE}
        meant = _from_file(self.settings) | {name: value for name, value in said.items() if value not in (None, [])}
        try:
            settings = ServeSettings.model_validate(meant)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            name = ".".join(str(step) for step in problem["loc"])
            reason = problem["msg"].removeprefix("Value error, ")
            raise ConfigError(f"{name} is {str(problem['input'])[:80]!r}: {reason}.") from error
        # Replicas work in folders of their own.
        paths = {"data_dir": settings.data_dir.absolute()}
        if settings.api_keys is not None:
            paths["api_keys"] = settings.api_keys.absolute()
        return settings.model_copy(update=paths)


def takes_setting_options(command: Callable[..., None]) -> Callable[..., None]:
    """`command` with the options of `SettingOptions`, which it gets as its keyword argument `setting_options`."""
    hints = get_type_hints(SettingOptions, include_extras=True)
    own = inspect.signature(command, eval_str=True).parameters
    kept = [entry for name, entry in own.items() if name != "setting_options"]
    added = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(SettingOptions)
    ]

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        asked = SettingOptions(**{field.name: given.pop(field.name) for field in fields(SettingOptions)})
        command(**given, setting_options=asked)

    every = [entry.replace(kind=inspect.Parameter.KEYWORD_ONLY) for entry in [*kept, *added]]
    with_options.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
    return with_options


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"--settings {path}: {reason}. Name a YAML file.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {str(error).splitlines()[0]}.") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: it is no mapping. Write lines as: max_jobs: 64")
    return found
