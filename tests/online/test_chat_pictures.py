"""Pictures of chat requests: broken ones, bombs, and those that are elsewhere."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import openai
import pytest

from omnipipe.online.settings import ServeSettings
from omnipipe.pipeline import Pipeline
from omnipipe.stages.extract import Extract
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from omnipipe.tasks.text_extraction.qwen.echo import QwenTextEchoConfig
from tests.online.chat_kit import PNG, page, picture, refusal
from tests.online.live import live
from tests.tiny_reader import png_of_page


class Pictures(BaseHTTPRequestHandler):
    # Made once and here: PDFium must not draw in two threads at once.
    content: ClassVar[bytes] = png_of_page("fetched")

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/here/page.png" else 404)
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """Where another server has a picture under /here/page.png."""
    pictures = ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    thread = threading.Thread(target=pictures.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{pictures.server_port}"
    pictures.shutdown()
    pictures.server_close()
    thread.join()


@pytest.fixture(scope="module")
def client(elsewhere: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    settings = ServeSettings(data_dir=tmp_path_factory.mktemp("data"), url_allow=(f"{elsewhere}/here/",))
    pipeline = Pipeline("chat", (Read(text_layer=False), Render(), Extract(engine=QwenTextEchoConfig(model="echo"))))
    with (
        live(pipeline, settings) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=120.0) as made,
    ):
        yield made


def bomb(side: int) -> bytes:
    """A PNG of a few bytes that claims `side` x `side` pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + b"\x08\0\0\0\0"
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(side))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (picture(b"no picture"), "image_unsupported"),
        (picture(png_of_page("cut")[:200]), "image_corrupt"),
        (picture(b"%PDF-1.7\n"), "image_unsupported"),
        (picture(b"x", "data:application/pdf;base64,"), "image_unsupported"),
        (picture(b"x", "data:image/png,"), "image_unsupported"),
        ({"type": "image_url", "image_url": {"url": PNG + "***"}}, "image_corrupt"),
        ({"type": "image_url", "image_url": {"url": PNG}}, "image_empty"),
        ({"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/page.png"}}, "url_not_allowed"),
        ({"type": "image_url", "image_url": {"url": "file:///etc/hostname"}}, "url_not_allowed"),
    ],
)
def test_a_picture_that_cannot_be_had_names_its_place(
    client: openai.OpenAI, content: dict[str, Any], code: str
) -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "Read."}, content]}]

    status, told, message = refusal(client, messages=messages)

    assert (status, told) == (400, code)
    assert message.startswith("messages.0.content.1.image_url: ")
    assert "/tmp" not in message


def test_an_image_bomb_costs_its_request_and_nothing_else(client: openai.OpenAI) -> None:
    messages = [{"role": "user", "content": [picture(bomb(60_000))]}]
    status, code, _ = refusal(client, messages=messages)

    assert (status, code) == (400, "image_too_large")
    assert client.chat.completions.create(model="echo", messages=page("After it")).choices[0].message.content


def test_a_picture_is_fetched_from_where_the_settings_allow_and_nowhere_else(
    client: openai.OpenAI, elsewhere: str
) -> None:
    def asking(path: str) -> list[Any]:
        return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": elsewhere + path}}]}]

    fetched = client.chat.completions.create(model="echo", messages=asking("/here/page.png"))
    codes = [refusal(client, messages=asking(path))[:2] for path in ("/there/page.png", "/here/none.png")]

    sent = client.chat.completions.create(
        model="echo", messages=[{"role": "user", "content": [picture(png_of_page("fetched"))]}]
    )
    assert fetched.choices[0].message.content == sent.choices[0].message.content
    assert codes == [(400, "url_not_allowed"), (400, "fetch_failed")]
