"""API keys: who may ask, and how much."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

from fastapi import Request

from omnipipe.errors import ConfigError
from omnipipe.online.web.errors import ApiProblem

if TYPE_CHECKING:
    from omnipipe.online.settings import ServeSettings
    from omnipipe.online.web.state import Online

KEYS_VARIABLE = "OMNIPIPE_API_KEYS"
_LINE = "sha256:HEX name [pages_per_minute=N] [jobs=N] [priority=N]"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
_BOUNDS = {"pages_per_minute": (1, 10_000_000), "jobs": (1, 1_000_000), "priority": (-100, 100)}


class Caller(NamedTuple):
    """Who asks. `owner` is the SHA-256 of the key, "" where no keys are set."""

    owner: str
    name: str
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key that may ask. `digest` is its SHA-256 in hex; the key itself is nowhere. None: no quota."""

    digest: str
    name: str
    pages_per_minute: int | None = None
    jobs: int | None = None
    priority: int = 0


class Keys:
    """All keys. Without any, everybody is the owner ""."""

    def __init__(self, keys: Sequence[Key] = ()) -> None:
        self._keys = tuple(keys)

    def __len__(self) -> int:
        return len(self._keys)

    @classmethod
    def load(cls, settings: ServeSettings) -> Self:
        """The keys of `settings.api_keys` (a file) and of the environment's OMNIPIPE_API_KEYS.

        Raises:
            ConfigError: The file cannot be read, or a line is wrong; the message has its number.
        """
        keys: list[Key] = []
        if settings.api_keys is not None:
            try:
                text = settings.api_keys.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
                raise ConfigError(f"API keys cannot be read from {settings.api_keys}: {reason}.") from error
            keys += _parsed(text.split("\n"), str(settings.api_keys))
            if not keys:
                # An empty list would open the server to everybody, which nobody who names a file wants.
                raise ConfigError(f"{settings.api_keys} has no API key. Make one with: omnipipe serve --new-key NAME")
        keys += _parsed(re.split(r"[,\n]", os.environ.get(KEYS_VARIABLE, "")), KEYS_VARIABLE)
        seen: set[str] = set()
        for key in keys:
            if key.digest in seen:
                raise ConfigError(f"the API key of {key.name!r} (sha256:{key.digest[:12]}...) is there twice.")
            seen.add(key.digest)
        return cls(keys)

    def find(self, secret: str) -> Key | None:
        """The key that `secret` is; takes as long whichever it is."""
        digest = digest_of(secret)
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found

    def of_owner(self, owner: str) -> Key | None:
        """The key whose digest is `owner`."""
        return next((key for key in self._keys if key.digest == owner), None)


def digest_of(secret: str) -> str:
    """The SHA-256 of an API key in hex. No salt: keys are random, nobody chose them."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def new_key(name: str) -> tuple[str, str]:
    """A new random key, and the line for the file of keys.

    Raises:
        ConfigError: `name` is not 1 to 64 letters, digits, ".", "_", "@" or "-".
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name[:80]!r} is no name of an API key. Use 1 to 64 letters, digits, '.', '_', '@' or '-'.")
    secret = f"op_{secrets.token_urlsafe(32)}"
    return secret, f"sha256:{digest_of(secret)} {name}"


async def caller(request: Request) -> Caller:
    """Who asks, by `Authorization: Bearer KEY` or `X-API-Key: KEY`.

    Raises:
        ApiProblem: 401, where keys are set and the request has none of them.
    """
    online: Online = request.app.state.online
    who = identify(online.keys, request.headers.get("authorization"), request.headers.get("x-api-key"))
    # For the access log.
    request.state.caller_name = who.name
    return who


def identify(keys: Keys, authorization: str | None, api_key: str | None) -> Caller:
    """See `caller`."""
    if not len(keys):
        return Caller("", "")
    scheme, _, secret = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        secret = api_key or ""
    if not secret.strip():
        raise ApiProblem(401, "no_key", "This needs an API key. Send it as: Authorization: Bearer KEY")
    key = keys.find(secret.strip())
    if key is None:
        raise ApiProblem(401, "wrong_key", "The API key is not one of this server's.")
    return Caller(key.digest, key.name, key.priority)


def _parsed(lines: Iterable[str], where: str) -> list[Key]:
    keys = []
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if words:
            keys.append(_key(words, f"{where} line {number}"))
    return keys


def _key(words: list[str], where: str) -> Key:
    digest = words[0].lower()
    if not _DIGEST.fullmatch(digest):
        # Not quoted: it may be a key in clear.
        raise ConfigError(f"{where}: it does not begin with sha256: and 64 hex digits. A line is: {_LINE}")
    if len(words) < 2 or not _NAME.fullmatch(words[1]):
        name = words[1][:80] if len(words) > 1 else ""
        raise ConfigError(f"{where}: {name!r} is no name of a key. A line is: {_LINE}")
    quotas: dict[str, int] = {}
    for word in words[2:]:
        name, _, value = word.partition("=")
        if name not in _BOUNDS or name in quotas:
            raise ConfigError(f"{where}: {word[:80]!r} is no quota, or is there twice. A line is: {_LINE}")
        low, high = _BOUNDS[name]
        if not re.fullmatch(r"-?[0-9]{1,9}", value) or not low <= int(value) <= high:
            raise ConfigError(f"{where}: {word[:80]!r} is not a whole number from {low} to {high}.")
        quotas[name] = int(value)
    return Key(
        digest=digest.removeprefix("sha256:"),
        name=words[1],
        pages_per_minute=quotas.get("pages_per_minute"),
        jobs=quotas.get("jobs"),
        priority=quotas.get("priority", 0),
    )
