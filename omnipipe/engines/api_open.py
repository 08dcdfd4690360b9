"""Before the first page: is the server there, does it know us, and does it have the model?"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from omnipipe.engines.api_answer import parsed
from omnipipe.engines.api_client import Client
from omnipipe.engines.api_errors import Fault
from omnipipe.engines.api_flavour import SUPPORTED, Flavour, flavour_of_owner
from omnipipe.errors import ConfigError
from omnipipe.generation import find_unsupported

if TYPE_CHECKING:
    from omnipipe.engines.api import APIConfig

log = logging.getLogger(__name__)

_SECONDS = 20.0
_MOST_NAMES = 5


async def look_around(client: Client, config: APIConfig) -> Flavour:
    """The server's flavour. A server without a list of models is asked an empty question instead.

    Raises:
        ConfigError: No server is there, it refuses the key, or it does not have the model.
    """
    try:
        listed = parsed(await client.models(_SECONDS), client.secrets)
    except Fault as fault:
        _refuse(fault, config)
        if fault.status is not None and fault.status < 500 and fault.status != 429:
            await _ask_nothing(client, config)
        return config.known_flavour or "openai"
    models = [
        entry for entry in listed.get("data") or [] if isinstance(entry, dict) and isinstance(entry.get("id"), str)
    ]
    flavour = config.known_flavour or _flavour(models)
    # llama.cpp answers with the one model that it has, whatever name is asked for.
    if models and flavour != "llamacpp":
        names = [str(entry["id"]) for entry in models]
        for wanted in [config.model, *config.lora.values()]:
            _see_model(wanted, names, config)
    for entry in models:
        room = entry.get("max_model_len")
        if entry["id"] == config.model and isinstance(room, int) and config.generation.max_tokens >= room:
            raise ConfigError(
                f"max_tokens={config.generation.max_tokens} leaves no room for a page in the {room} tokens of "
                f"{config.model} at {config.address.url}. Set max_tokens to {room // 2}, or start the server with more."
            )
    if config.known_flavour is None:
        for lacking in find_unsupported(config.generation, SUPPORTED[flavour], f"the server at {config.address.host}"):
            log.warning("%s", lacking.message)
    return flavour


async def _ask_nothing(client: Client, config: APIConfig) -> None:
    """See that the server answers questions; one without messages costs nothing and is refused with 400 or 422."""
    try:
        await client.ask({"model": config.model, "messages": []}, _SECONDS)
    except Fault as fault:
        _refuse(fault, config)
        if fault.status in {404, 405}:
            raise ConfigError(
                f"{config.address.url} has no chat interface for {config.model}: {fault.message}. "
                "Check base_url (most end in /v1) and model."
            ) from None


def _refuse(fault: Fault, config: APIConfig) -> None:
    where = config.address
    if fault.status in {401, 403}:
        variable = config.key_variable
        source = "api_key" if config.api_key is not None else variable
        remedy = f"Check the key in {source}." if config.find_key() else "Name the key's variable with api_key_env."
        raise ConfigError(f"{where.url} refuses the key: {fault.message}. {remedy}") from None
    if fault.is_silent or fault.code == "engine_timeout":
        raise ConfigError(
            f"no server answers at {where.url}: {fault.message}. Start it, or set base_url to where it is."
        ) from None
    if fault.status is None:
        raise ConfigError(
            f"what answers at {where.url} is no OpenAI-compatible server: {fault.message}. Check base_url."
        ) from None
    if fault.status < 400:
        raise ConfigError(f"{where.url} is somewhere else: {fault.message}. Set base_url to where it is.") from None
    if fault.status >= 500 and fault.status not in {501, 503}:
        raise ConfigError(f"{where.url} is out of order: {fault.message}. Restart it, or try again later.") from None


def _flavour(models: Sequence[dict[str, Any]]) -> Flavour:
    return flavour_of_owner(str(models[0].get("owned_by", ""))) if models else "openai"


def _see_model(wanted: str, names: Sequence[str], config: APIConfig) -> None:
    # Variants of a model are asked for as name:variant, and not all are listed.
    plain = {name.lower() for name in names} | {name.lower().partition(":")[0] for name in names}
    if wanted.lower() in plain or wanted.lower().partition(":")[0] in plain:
        return
    close = difflib.get_close_matches(wanted, names, n=_MOST_NAMES) or sorted(names)[:_MOST_NAMES]
    more = f" and {len(names) - len(close)} more" if len(names) > len(close) else ""
    raise ConfigError(f"{config.address.url} has no model {wanted}. It has: {', '.join(close)}{more}.")
