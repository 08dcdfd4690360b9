"""Models behind an OpenAI-compatible server, ours or somebody else's."""

from __future__ import annotations

import importlib.util
import os
import re
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from pydantic import Field, JsonValue, SecretStr, model_validator

from omnipipe.config import operation
from omnipipe.engines.api_address import KEY_VARIABLES, Address, parse_address
from omnipipe.engines.api_flavour import CAPABILITIES, SUPPORTED, ByFlavour, Flavour
from omnipipe.engines.base import Capabilities, EngineConfig, Readiness
from omnipipe.engines.price import Price, find_openai_price
from omnipipe.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from typing import Self

    from omnipipe.engines.api_engine import APIEngine

INSTALL = "pip install omnipipe[api]"
OFFLINE_VARIABLE = "OMNIPIPE_OFFLINE"

_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:/|per)\s*(s|sec|second|m|min|minute)\s*", re.IGNORECASE)


class APIConfig(EngineConfig):
    """A model behind an OpenAI-compatible server.

    The key is `api_key`, else that of the variable named by `api_key_env`, else OPENAI_API_KEY for OpenAI,
    AZURE_OPENAI_API_KEY for Azure, OPENROUTER_API_KEY for OpenRouter. Another server gets no key that was not named
    for it. Limits hold for one engine: several engines at once need `shared_by`.
    """

    engine: ClassVar[str] = "api"
    label: ClassVar[str] = "API"
    capabilities: ClassVar[Capabilities] = cast(Capabilities, ByFlavour(CAPABILITIES))
    supports: ClassVar[frozenset[str]] = cast("frozenset[str]", ByFlavour(SUPPORTED))

    flavour: Flavour | None = Field(
        None, description="What the server understands beyond OpenAI's interface; by default the server is asked."
    )
    lora: Mapping[str, str] = Field({}, description="LoRA adapters: name, and the model id that the server has for it.")
    extra_body: Mapping[str, JsonValue] = Field(
        {}, description="Further fields of each request; null takes a field of ours out."
    )

    base_url: str | None = operation(None, description="The server, as URL or host:port; by default OpenAI's.")
    api_key: SecretStr | None = operation(None, description="The key; better name a variable with api_key_env.")
    api_key_env: str | None = operation(None, min_length=1, description="Name of the variable that has the key.")
    key_header: Literal["authorization", "api-key"] | None = operation(
        None, description="The header that carries the key; by default api-key for Azure, else authorization."
    )
    extra_headers: Mapping[str, SecretStr] = operation({}, description="Further headers of each request.")

    requests_per_minute: float | None = operation(None, gt=0, description="Requests a minute at most.")
    requests_per_second: float | None = operation(None, gt=0, description="Requests a second at most.")
    tokens_per_minute: float | None = operation(None, gt=0, description="Tokens of prompts and answers a minute.")
    rate_limit: int | str | None = operation(
        None, description="Requests as 10/s or 600/min; a bare number counts a minute (old: use requests_per_minute)."
    )
    min_concurrency: int = operation(1, ge=1, description="Requests at once at least, however the server fares.")
    max_concurrency: int = operation(64, ge=1, description="Requests at once at most; found by trying.")
    max_retries: int = operation(
        4, ge=0, description="Further attempts after 429, 5xx, a broken connection or a time-out."
    )
    max_backoff: float = operation(60.0, gt=0, description="Seconds between two attempts at most.")

    input_price: float | None = operation(None, ge=0, description="US dollars per million tokens of prompt.")
    output_price: float | None = operation(None, ge=0, description="US dollars per million tokens of answer.")

    @model_validator(mode="before")
    @classmethod
    def _with_old_names(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        plain = dict(given)
        for section in ("remote_params",):
            if isinstance(nested := plain.get(section), Mapping):
                del plain[section]
                plain = {**nested, **plain}
        for old, ours in (("timeout", "request_timeout"), ("api_url", "base_url")):
            if old not in plain:
                continue
            if ours in plain:
                raise ValueError(f"{ours} is given twice, also as {old}. Keep one of them")
            plain[ours] = plain.pop(old)
        return plain

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        # Here and not in a validator of the field: a message about a field shows what was given.
        parse_address(self.base_url)
        given = [
            name
            for name in ("requests_per_minute", "requests_per_second", "rate_limit")
            if getattr(self, name) is not None
        ]
        if len(given) > 1:
            raise ValueError(f"{given[0]} and {given[1]} both limit requests. Keep one of them")
        if isinstance(self.rate_limit, int):
            warnings.warn(
                f"rate_limit={self.rate_limit} counts requests a minute. Write requests_per_minute.",
                DeprecationWarning,
                stacklevel=2,
            )
        _ = self.max_requests_per_second
        if self.min_concurrency > self.max_concurrency:
            raise ValueError(
                f"min_concurrency={self.min_concurrency} is over max_concurrency={self.max_concurrency}. Lower it"
            )
        if (self.input_price is None) != (self.output_price is None):
            raise ValueError("input_price and output_price belong together. Give both, 0 for what is free")
        if self.api_key is not None and not self.api_key.get_secret_value().strip("* "):
            raise ValueError("api_key is masked or empty. Name the variable that has it with api_key_env")
        return self

    @property
    def address(self) -> Address:
        """Where the server is."""
        return parse_address(self.base_url)

    @property
    def known_flavour(self) -> Flavour | None:
        """The flavour as far as it is known without asking the server."""
        if self.flavour is not None:
            return self.flavour
        service = self.address.service
        return "openrouter" if service == "openrouter" else None if service == "other" else "openai"

    @property
    def max_requests_per_second(self) -> float | None:
        """Requests a second at most, from whichever setting says so."""
        if self.requests_per_second is not None:
            return self.requests_per_second
        if self.requests_per_minute is not None:
            return self.requests_per_minute / 60
        if self.rate_limit is None:
            return None
        found = _RATE.fullmatch(f"{self.rate_limit}/min" if isinstance(self.rate_limit, int) else self.rate_limit)
        if found is None or float(found[1]) <= 0:
            raise ValueError(f"rate_limit={str(self.rate_limit)[:80]!r} is no rate. Write e.g. 10/s or 600/min")
        return float(found[1]) / (1 if found[2].lower().startswith("s") else 60)

    @property
    def key_variable(self) -> str | None:
        """The variable where the key is looked for if `api_key` is not given; None where no key is sent."""
        return self.api_key_env or KEY_VARIABLES.get(self.address.service)

    def find_key(self) -> SecretStr | None:
        """The key, from the settings or this process's environment."""
        if self.api_key is not None:
            return self.api_key
        variable = self.key_variable
        value = os.environ.get(variable, "").strip() if variable else ""
        return SecretStr(value) if value else None

    def with_key(self) -> Self:
        """These settings with the key that this process's environment has, for workers that have another one."""
        key = self.find_key()
        return self if key is None else self.model_copy(update={"api_key": key})

    def shared_by(self, num_engines: int) -> Self:
        """These settings for each of `num_engines` engines that work at the same time: its share of the limits."""
        if num_engines == 1:
            return self
        rate, tokens = self.max_requests_per_second, self.tokens_per_minute
        share = max(1, self.max_concurrency // num_engines)
        return self.model_copy(
            update={
                "requests_per_minute": None,
                "rate_limit": None,
                "requests_per_second": None if rate is None else rate / num_engines,
                "tokens_per_minute": None if tokens is None else tokens / num_engines,
                "max_concurrency": share,
                "min_concurrency": min(self.min_concurrency, share),
            }
        )

    @property
    def price(self) -> Price | None:
        """What tokens cost; None where it is not known, as on servers of one's own."""
        if self.input_price is not None and self.output_price is not None:
            return Price(self.input_price, self.output_price)
        return find_openai_price(self.model) if self.address.service in {"openai", "azure"} else None

    @property
    def privacy_note(self) -> str | None:
        """What to tell a user before pages leave this machine; None where they stay."""
        if self.address.is_here:
            return None
        return f"API backend: pages leave this machine and go to {self.address.host}."

    @property
    def num_cpus(self) -> float:
        return 0.0

    @property
    def num_running(self) -> int:
        return self.max_concurrency

    @classmethod
    def probe(cls) -> Readiness:
        if importlib.util.find_spec("openai") is None:
            return Readiness("missing extra", "openai is not installed", INSTALL)
        found = [name for name in KEY_VARIABLES.values() if os.environ.get(name)]
        return Readiness("ready", f"{found[0]} is set" if found else "no key is set; a server of your own needs none")

    def check(self) -> None:
        address = self.address
        if not address.is_here and _is_set(OFFLINE_VARIABLE):
            raise ConfigError(
                f"--offline: {type(self).__name__} sends pages to {address.host}. Use a server on this machine, "
                "or another backend."
            )
        if importlib.util.find_spec("openai") is None:
            raise MissingExtraError("API backend", "openai", INSTALL)
        variable, key = self.key_variable, self.find_key()
        if variable is not None and key is None:
            raise ConfigError(f"{address.host} needs a key, and {variable} is not set. Run: export {variable}=...")
        if key is not None and not (key.get_secret_value().isascii() and key.get_secret_value().isprintable()):
            raise ConfigError(f"the key in {variable or 'api_key'} has characters that no key has. Copy it again.")

    def build(self) -> APIEngine:
        from omnipipe.engines.api_engine import APIEngine

        return APIEngine(self)


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() not in {"", "0", "false", "no"}
