"""Chat requests, and what comes of those that are refused."""

from __future__ import annotations

import base64
from typing import Any

import openai
import pytest

from tests.tiny_reader import png_of_page

PNG = "data:image/png;base64,"


def picture(png: bytes, head: str = PNG) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": head + base64.b64encode(png).decode()}}


def page(text: str) -> list[Any]:
    return [{"role": "user", "content": [picture(png_of_page(text)), {"type": "text", "text": "Read."}]}]


def said(words: str) -> list[Any]:
    return [{"role": "user", "content": words}]


def refusal(client: openai.OpenAI, **request: Any) -> tuple[int, str, str]:
    """Status, code and message of what the client is told."""
    given = {"model": "echo", "messages": said("x"), **request}
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(**given)
    body: Any = caught.value.body
    return caught.value.status_code, body["code"], body["message"]
