"""Where a server is: its URL as people write it, and what follows from the host."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlsplit, urlunsplit

OPENAI_URL = "https://api.openai.com/v1"

Service = Literal["openai", "azure", "openrouter", "other"]

_SUFFIXES: Mapping[str, Service] = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure",
    "services.ai.azure.com": "azure",
    "cognitiveservices.azure.com": "azure",
    "openrouter.ai": "openrouter",
}

KEY_VARIABLES: Mapping[Service, str] = {
    "openai": "OPENAI_API_KEY",
    "azure": "AZURE_OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
}
"""Where a service's key is looked for when no variable is named. Other servers get none of them."""

_SECRET_NAMES = ("key", "token", "secret", "password", "sig")


@dataclass(frozen=True, slots=True)
class Address:
    """A server: `url` without a slash at its end and without a query, which is in `query`."""

    url: str
    host: str
    query: tuple[tuple[str, str], ...] = ()

    @property
    def service(self) -> Service:
        """Whose server it is, by its host."""
        for suffix, service in _SUFFIXES.items():
            if self.host == suffix or self.host.endswith(f".{suffix}"):
                return service
        return "other"

    @property
    def is_here(self) -> bool:
        """Whether the server is on this machine, so that nothing sent to it leaves it."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_address(written: str | None) -> Address:
    """The server that `written` means: a URL, `host:port` or a host; None is OpenAI's.

    Without a scheme it is https for a name with a dot in it and no port, else http. Without a path it gets `/v1`.

    Raises:
        ValueError: It is no web address, or has a password or key in it.
    """
    text = (written or OPENAI_URL).strip()
    if "://" not in text:
        name = text.split("/")[0]
        is_public = "." in name and ":" not in name and not name.replace(".", "").isdigit()
        text = f"{'https' if is_public else 'http'}://{text}"
    parts = urlsplit(text)
    try:
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"base_url {_shown(text)} has no valid port. Use e.g. http://localhost:8000/v1") from error
    if parts.scheme not in {"http", "https"} or not host or any(letter.isspace() for letter in text):
        raise ValueError(f"base_url {_shown(text)} is no web address. Use e.g. http://localhost:8000/v1")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"base_url for {host} has a user or password in it. Use extra_headers or api_key_env instead")
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    for name, _value in query:
        if any(word in name.lower() for word in _SECRET_NAMES):
            raise ValueError(f"base_url for {host} has the key {name} in it. Use api_key_env instead")
    path = parts.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
    return Address(urlunsplit((parts.scheme, parts.netloc.lower(), path, "", "")), host.lower(), query)


def _shown(text: str) -> str:
    """At most 80 characters, without anything that may be a password."""
    return text.rpartition("@")[2].partition("?")[0][:80]
