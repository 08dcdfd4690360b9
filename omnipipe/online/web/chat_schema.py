"""The chat interface of OpenAI in pydantic: what a request may have, and what answers look like."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from omnipipe.online.web.errors import ApiProblem

MAX_PARTS = 256
MAX_PICTURES = 32
_MAX_FORM_BYTES = 64 << 10
_MAX_FORM_DEPTH = 32
_INT32 = (1 << 31) - 1


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TextContent(_Part):
    """Words."""

    type: Literal["text"]
    text: str


class ImageURL(_Part):
    """A picture as `data:image/png;base64,...` (PNG, JPEG or WebP). `detail` changes nothing here."""

    url: str
    detail: Literal["auto", "low", "high"] | None = None


class ImageContent(_Part):
    """A picture."""

    type: Literal["image_url"]
    image_url: ImageURL


def _as_parts(content: object) -> object:
    if content is None:
        return []
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


Content = Annotated[TextContent | ImageContent, Field(discriminator="type")]


class ChatMessage(_Part):
    """One turn of a conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[
        list[Content],
        BeforeValidator(_as_parts, json_schema_input_type=str | list[TextContent | ImageContent] | None),
        Field(max_length=MAX_PARTS),
    ] = []
    name: str | None = None


class JSONSchema(_Part):
    """The form of an answer. `strict` is always on."""

    name: str = "answer"
    description: str | None = None
    schema_: dict[str, object] = Field(alias="schema")
    strict: bool | None = None


class ResponseFormat(_Part):
    """How an answer is bound: not at all, to any JSON object, or to a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JSONSchema | None = None


class StructuredOutputs(_Part):
    """vLLM's spelling: a JSON schema, or a regular expression."""

    json_: dict[str, object] | None = Field(None, alias="json")
    regex: str | None = Field(None, max_length=4096)


class StreamOptions(_Part):
    """Of a streamed answer."""

    include_usage: bool | None = None
    continuous_usage_stats: Literal[False] | None = None


class ChatBody(BaseModel):
    """A chat request: OpenAI's fields, and those of vLLM for sampling. What is left out is as the engine is set."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(min_length=1, max_length=400, description="An id of /v1/models.")
    messages: list[ChatMessage] = Field(min_length=1, max_length=MAX_PARTS)

    max_tokens: int | None = Field(None, ge=1, le=_INT32, description="Older name of max_completion_tokens.")
    max_completion_tokens: int | None = Field(None, ge=1, le=_INT32, description="Tokens of the answer at most.")
    min_tokens: int | None = Field(None, ge=0, le=_INT32)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=-1, le=_INT32, description="0 and -1 are off.")
    min_p: float | None = Field(None, ge=0, le=1)
    seed: int | None = Field(None, ge=0, le=_INT32)
    stop: str | list[str] | None = Field(None, description="Texts that end the answer; they are cut off.")
    stop_token_ids: list[Annotated[int, Field(ge=0, le=_INT32)]] | None = Field(None, max_length=64)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    repetition_penalty: float | None = Field(None, gt=0, le=2)
    no_repeat_ngram_size: int | None = Field(None, ge=0, le=_INT32)
    stop_on_repetition: bool | None = Field(None, description="End an answer that loops.")

    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputs | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    priority: int | None = Field(
        None,
        ge=-_INT32,
        le=_INT32,
        description="As vLLM's: lower goes first. 0 is a live request, 10 a batch request; nobody gets above the "
        "priority of the API key.",
    )

    @property
    def num_pictures(self) -> int:
        """Pictures of all messages."""
        return sum(isinstance(part, ImageContent) for message in self.messages for part in message.content)


SAMPLING = (
    *("min_tokens", "temperature", "top_p", "top_k", "min_p", "seed", "stop", "stop_token_ids", "presence_penalty"),
    *("frequency_penalty", "repetition_penalty", "no_repeat_ngram_size", "stop_on_repetition"),
)
"""Fields of `ChatBody` that are fields of `GenerationParams`."""

_WITHOUT_EFFECT = frozenset(
    {
        *("user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "parallel_tool_calls"),
        *("prompt_cache_retention", "request_id", "cache_salt"),
    }
)
"""Fields of OpenAI and vLLM that change nothing of an answer here."""

_ONLY: Mapping[str, tuple[object, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "prompt_logprobs": (0,),
    "logit_bias": ({},),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "modalities": (["text"],),
    "echo": (False,),
    "ignore_eos": (False,),
    "include_stop_str_in_output": (False,),
    "use_beam_search": (False,),
    "add_generation_prompt": (True,),
    "continue_final_message": (False,),
}
"""Fields of OpenAI and vLLM that are known and not offered, with the values that mean as much as nothing."""

_SENTENCES: Mapping[str, str] = {
    "n": "n must be 1: one answer a request. Send several requests; the engine batches them.",
    "logprobs": "logprobs are not offered here. Leave logprobs and top_logprobs out.",
    "top_logprobs": "logprobs are not offered here. Leave logprobs and top_logprobs out.",
}


def parse_chat(content: bytes | bytearray) -> ChatBody:
    """The request in a body of JSON. Takes time in proportion to the body.

    Raises:
        ApiProblem: 400; the message names the field.
    """
    try:
        plain = json.loads(content)
    except (ValueError, RecursionError):
        raise invalid("The body is not JSON.") from None
    if not isinstance(plain, dict):
        raise invalid("The body is not a JSON object.")
    # Clients send null for what they do not set.
    given = {name: value for name, value in plain.items() if value is not None and name not in _WITHOUT_EFFECT}
    for name in sorted(given.keys() & _ONLY.keys()):
        value = given.pop(name)
        if not any(value == allowed and type(value) is type(allowed) for allowed in _ONLY[name]):
            raise invalid(_SENTENCES.get(name, f"{name} is not offered here. Leave it out."), "unsupported_parameter")
    try:
        body = ChatBody.model_validate(given)
        _check(body)
    except ValidationError as error:
        raise invalid(_sentence(error)) from None
    except RecursionError:
        raise invalid("The body is nested too deeply.") from None
    return body


def invalid(message: str, code: str = "invalid_request") -> ApiProblem:
    """400 with `message`."""
    return ApiProblem(400, code, message)


def _check(body: ChatBody) -> None:
    if body.num_pictures > MAX_PICTURES:
        raise invalid(f"messages: there are {body.num_pictures} pictures. A request may have {MAX_PICTURES}.")
    if body.max_tokens is not None and body.max_completion_tokens not in (None, body.max_tokens):
        raise invalid("max_tokens and max_completion_tokens differ. Send max_completion_tokens alone.")
    stops = [body.stop] if isinstance(body.stop, str) else body.stop or []
    if len(stops) > 16 or any(not 0 < len(stop) <= 256 for stop in stops):
        raise invalid("stop: it is not one to 16 texts of 1 to 256 characters.")
    if body.stream_options is not None and not body.stream:
        raise invalid("stream_options is for streamed answers. Set stream, or leave it out.")
    form = body.response_format
    if form is not None and (form.type == "json_schema") != (form.json_schema is not None):
        raise invalid("response_format: type json_schema has a json_schema, and no other type has one.")
    if form is not None and form.type != "text" and body.structured_outputs is not None:
        raise invalid("response_format and structured_outputs both bind the answer. Keep one of them.")
    bound = body.structured_outputs
    if bound is not None and (bound.json_ is None) == (bound.regex is None):
        raise invalid("structured_outputs: it has not exactly one of json and regex.")
    schema = form.json_schema.schema_ if form is not None and form.json_schema is not None else None
    schema = schema if bound is None else bound.json_
    if schema is not None and (len(json.dumps(schema)) > _MAX_FORM_BYTES or _depth(schema) > _MAX_FORM_DEPTH):
        raise invalid(
            f"The JSON schema is larger than {_MAX_FORM_BYTES >> 10} KiB, or deeper than {_MAX_FORM_DEPTH} levels."
        )


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


_TAGS = frozenset({"text", "image_url"})


def _sentence(error: ValidationError) -> str:
    """The first thing that is wrong, without the value that was sent."""
    first = error.errors(include_input=False, include_url=False)[0]
    loc = first["loc"]
    # Behind its index a part has its type, which is no name in the body.
    named = [
        part for before, part in zip((None, *loc), loc, strict=False) if not (isinstance(before, int) and part in _TAGS)
    ]
    where = ".".join(str(part)[:80] for part in named) or "request"
    if first["type"] == "extra_forbidden":
        return f"{where}: there is no such field. Leave it out."
    if first["type"] == "union_tag_invalid":
        return f"{where}: its type is not one that is taken. Parts are of type text or image_url."
    return f"{where}: {str(first['msg'])[:200]}."


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema` without `$defs`, so that it can stand anywhere in an OpenAPI document."""
    known = schema.pop("$defs", {})

    def put_in(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return put_in(known[value["$ref"].rsplit("/", 1)[1]])
            return {name: put_in(entry) for name, entry in value.items() if name != "discriminator"}
        return [put_in(entry) for entry in value] if isinstance(value, list) else value

    return dict(put_in(schema))
