"""Requests in the forms that the libraries take: chat messages of the transformers kind, and Pillow pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from omnipipe.model import ImagePart, Message, TextPart
from omnipipe.page import Pixels, ProblemError

if TYPE_CHECKING:
    from PIL import Image

ChatMessage = dict[str, str | list[dict[str, str]]]


def to_chat(messages: Sequence[Message]) -> list[ChatMessage]:
    """Messages for a chat template, with their parts in order."""
    return [{"role": message.role, "content": [_content(part) for part in message.parts]} for message in messages]


def to_image(pixels: Pixels) -> Image.Image:
    """The picture in RGB, as Pillow has it.

    Raises:
        ProblemError: `corrupt`: the picture cannot be decoded.
    """
    from PIL import Image

    try:
        if pixels.format == "raw":
            return Image.frombytes(pixels.mode, (pixels.width, pixels.height), pixels.data).convert("RGB")
        return Image.open(io.BytesIO(pixels.data)).convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise ProblemError("corrupt", f"the picture cannot be decoded: {error}") from error


def _content(part: TextPart | ImagePart) -> dict[str, str]:
    return {"type": "text", "text": part.text} if isinstance(part, TextPart) else {"type": "image"}
