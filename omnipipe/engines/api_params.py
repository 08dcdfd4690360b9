"""Our requests in the words of OpenAI's chat interface and its dialects."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

from omnipipe.engines.api_flavour import Flavour
from omnipipe.engines.repetition import MAX_PATTERN_TOKENS, MIN_COUNT
from omnipipe.errors import ConfigError
from omnipipe.generation import GenerationParams
from omnipipe.model import ImagePart, Message, Request, TextPart
from omnipipe.page import Pixels

if TYPE_CHECKING:
    from omnipipe.engines.api import APIConfig

Body = dict[str, object]
"""A request's JSON object."""

_CHARACTERS_PER_TOKEN = 3
_PIXELS_PER_TOKEN = 28 * 28
_LIKELY_ANSWER_TOKENS = 1000


def to_body(request: Request, config: APIConfig, flavour: Flavour) -> Body:
    """The JSON of `request` for a server of `flavour`. Everything is named: servers have defaults of their own.

    Raises:
        ConfigError: The request wants an adapter that `lora` does not have, or a form that the server cannot bind.
    """
    family = getattr(config, "family", None)
    body: Body = {
        "model": _model(request, config),
        "messages": [to_message(message) for message in request.messages],
        **to_sampling(request.params, flavour),
        **_form(request, flavour),
    }
    if family is not None and family.keeps_special_tokens and flavour in {"vllm", "sglang"}:
        body["skip_special_tokens"] = False
    if flavour == "openrouter":
        body["usage"] = {"include": True}
    body.update(config.extra_body)
    return {name: value for name, value in body.items() if value is not None}


def to_sampling(params: GenerationParams, flavour: Flavour) -> Body:
    """The generation parameters that a server of `flavour` honours, by its names; None is left out later."""
    # Greedy is greedy: servers that check reject or misread what only means something to sampling.
    top_p = 1.0 if params.is_greedy else params.top_p
    body: Body = {
        "max_completion_tokens" if flavour == "openai" else "max_tokens": params.max_tokens,
        "temperature": params.temperature,
        "top_p": top_p,
        "presence_penalty": params.presence_penalty,
        "frequency_penalty": params.frequency_penalty,
        "seed": params.seed,
        "stop": list(params.stop) or None,
        "logprobs": True if params.logprobs else None,
    }
    if flavour == "openai":
        return body
    off = -1 if flavour == "sglang" else 0
    body["top_k"] = off if params.is_greedy else params.top_k or off
    body["min_p"] = 0.0 if params.is_greedy else params.min_p
    body["repeat_penalty" if flavour == "llamacpp" else "repetition_penalty"] = params.repetition_penalty
    if flavour in {"vllm", "sglang"}:
        body["min_tokens"] = min(params.min_tokens, params.max_tokens)
        body["stop_token_ids"] = list(params.stop_token_ids) or None
    if flavour == "vllm" and params.stop_on_repetition:
        body["repetition_detection"] = {
            "max_pattern_size": MAX_PATTERN_TOKENS,
            "min_pattern_size": 1,
            "min_count": MIN_COUNT,
        }
    return body


def to_message(message: Message) -> Body:
    """One turn; a turn of words alone is a string, which every server takes for every role."""
    if len(message.parts) == 1 and isinstance(message.parts[0], TextPart):
        return {"role": message.role, "content": _words(message.parts[0])}
    return {"role": message.role, "content": [_part(part) for part in message.parts]}


def to_data_uri(pixels: Pixels) -> str:
    """The picture as a `data:` address; raw pixels become a PNG file."""
    data, kind = (_png(pixels), "png") if pixels.format == "raw" else (pixels.data, pixels.format)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def likely_tokens(request: Request) -> int:
    """About how many tokens prompt and answer will have, before the server has counted any."""
    letters = sum(
        len(part.text) for message in request.messages for part in message.parts if isinstance(part, TextPart)
    )
    pixels = sum(image.width * image.height for image in request.images)
    answer = min(request.params.max_tokens, _LIKELY_ANSWER_TOKENS)
    return letters // _CHARACTERS_PER_TOKEN + pixels // _PIXELS_PER_TOKEN + answer


def _model(request: Request, config: APIConfig) -> str:
    if request.adapter is None:
        return config.model
    if request.adapter not in config.lora:
        known = ", ".join(sorted(config.lora)) or "none"
        raise ConfigError(f"adapter={request.adapter[:80]} is not in lora. Declared adapters: {known}.")
    return config.lora[request.adapter]


def _form(request: Request, flavour: Flavour) -> Body:
    if request.response_schema is not None:
        schema: Mapping[str, object] = request.response_schema
        if flavour == "llamacpp":
            return {"response_format": {"type": "json_object", "schema": schema}}
        return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}}
    if request.response_regex is None:
        return {}
    if flavour == "vllm":
        return {"structured_outputs": {"regex": request.response_regex}}
    if flavour == "sglang":
        return {"regex": request.response_regex}
    raise ConfigError(f"a server of flavour {flavour} cannot bind an answer to a regex. Use vllm or sglang.")


def _part(part: TextPart | ImagePart) -> Body:
    if isinstance(part, TextPart):
        return {"type": "text", "text": _words(part)}
    return {"type": "image_url", "image_url": {"url": to_data_uri(part.pixels)}}


def _words(part: TextPart) -> str:
    # Halves of surrogate pairs, as broken PDFs have them in their names, are no UTF-8.
    return part.text.encode("utf-8", "replace").decode()


def _png(pixels: Pixels) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    image = Image.frombytes(pixels.mode, (pixels.width, pixels.height), pixels.data)
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()
