"""The API engine against llama-cpp-python's server with the tiny reader, which works on one request at a time."""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omnipipe.engines.base import Engine
from omnipipe.engines.presets import LlamaCppServerConfig
from omnipipe.engines.thread import EngineThread
from omnipipe.model import ImagePart, Message, Request, TextPart
from tests.engines.contract import READ, answer, opened, pixels_of_png
from tests.engines.gguf import tiny_gguf
from tests.tiny_reader import png_of_page, random_pages

_NEEDED = ("llama_cpp", "openai", "uvicorn", "sse_starlette", "starlette_context", "pydantic_settings")
_LACKING = [name for name in _NEEDED if importlib.util.find_spec(name) is None]

pytestmark = pytest.mark.skipif(bool(_LACKING), reason=f"llama-cpp-python's server lacks {', '.join(_LACKING)}")

_START_SECONDS = 120.0


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineThread]:
    folder = tmp_path_factory.mktemp("llamacpp-server")
    files = tiny_gguf(folder, "f32")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--model", str(files.model), "--clip_model_path", str(files.mmproj), "--chat_format", "mtmd"]
    options += ["--host", "127.0.0.1", "--port", str(port), "--n_ctx", "4096", "--n_threads", "1"]
    log = folder / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen([sys.executable, "-m", "llama_cpp.server", *options], stdout=out, stderr=out)
    try:
        _await_ready(process, port, log)
        settings = {"model": "any-name", "base_url": f"127.0.0.1:{port}", "max_concurrency": 1}
        with opened(LlamaCppServerConfig.model_validate(settings)) as thread:
            yield thread
    finally:
        process.terminate()
        process.wait(30)


def _await_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise AssertionError(f"not ready in {_START_SECONDS:g} s: {log.read_text()[-2000:]}")


def read(text: str, **forms: Any) -> Request:
    """Asks for the words of a page; words first, as the reader's template writes them and this server does not."""
    parts = (TextPart("Read."), ImagePart(pixels_of_png(png_of_page(text))))
    return Request(id=text, messages=(Message("user", parts),), params=READ, **forms)


def test_pages_are_read_exactly(engine: EngineThread) -> None:
    texts = random_pages(16, seed=61)

    calls = [engine.submit(read(text)) for text in texts]
    completions = [call.result(120) for call in calls]

    assert [completion.text for completion in completions] == texts
    assert {completion.finish_reason for completion in completions} == {"stop"}
    assert all(completion.prompt_tokens for completion in completions)


def test_an_answer_comes_in_pieces(engine: EngineThread) -> None:
    async def pieces(engine: Engine) -> list[str]:
        return [piece async for piece in engine.stream(read("piece\nby piece"))]

    said = engine.run(pieces).result(120)

    assert "".join(said) == "piece\nby piece"
    assert len(said) > 3


def test_a_json_schema_binds_the_answer(engine: EngineThread) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "boolean"}},
        "required": ["a"],
        "additionalProperties": False,
    }

    assert isinstance(json.loads(answer(engine, read("true", response_schema=schema)).text)["a"], bool)
