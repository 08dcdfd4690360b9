"""Everything that can be set about serving; nothing here changes a row."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from omnipipe.config import Config


class ServeSettings(Config):
    """How documents are taken and answered. Sizes are in bytes, times in seconds."""

    data_dir: Path = Field(Path("omnipipe-data"), description="Where jobs, results and uploads are kept.")
    max_bytes: int = Field(256 << 20, gt=0, description="The largest upload.")
    max_pages: int = Field(5_000, gt=0, description="Pages of a document that are read; the rest are skipped rows.")
    max_jobs: int = Field(256, gt=0, description="Jobs in work or waiting; more get 503 with Retry-After.")
    max_queued_pages: int = Field(20_000, gt=0, description="Known pages that wait; more get 503 with Retry-After.")
    max_spool_bytes: int = Field(20 << 30, gt=0, description="Bytes of all uploads; more get 503 with Retry-After.")
    max_chats: int = Field(256, gt=0, description="Chat requests in work or waiting; more get 503 with Retry-After.")
    max_chat_bytes: int = Field(64 << 20, gt=0, description="The largest body of a chat request, pictures included.")
    body_timeout: float = Field(30.0, gt=0, description="The longest pause in a request's body.")
    max_wait: float = Field(300.0, ge=0, description="The longest that ?wait= may be.")
    default_deadline: float = Field(3_600.0, gt=0, description="Seconds after which a job's open pages are given up.")
    keep_seconds: float = Field(7 * 86_400.0, gt=0, description="A finished job and its text are removed after this.")
    keep_uploads: bool = Field(True, description="Keep the bytes until the job is removed, to show pictures of pages.")
    api_keys: Path | None = Field(None, description="A file of hashed API keys; see docs/serving.md.")
    share_results: bool = Field(False, description="Answer one key's upload from what another key's job read.")
    allowed_hosts: tuple[str, ...] = Field((), description="Host headers that are answered, beside those of --host.")
    url_allow: tuple[str, ...] = Field((), description="URL prefixes that may be fetched for clients; none by default.")
    open_metrics: bool = Field(False, description="Answer /metrics without a key, also where keys are set.")
    host: str = Field("127.0.0.1", description="The address that HTTP listens on.")
    port: int = Field(8000, ge=0, le=65535, description="The port that HTTP listens on.")
