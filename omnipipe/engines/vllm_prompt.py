"""Requests as vLLM's prompts, and those as what its engine takes: chat template, PIL images, tokens, tensors."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from omnipipe.errors import ConfigError
from omnipipe.model import Message, Request, TextPart
from omnipipe.page import Pixels, ProblemError

if TYPE_CHECKING:
    from PIL import Image


class PromptRenderer:
    """Renders requests with the chat template of the checkpoint `model`; may be called from several threads."""

    def __init__(self, model: str, *, revision: str | None, trust_remote_code: bool) -> None:
        self._templater = _templater(model, revision, trust_remote_code)

    def render(self, request: Request) -> dict[str, object]:
        """The prompt of `request` as vLLM's `generate` takes it.

        Raises:
            ProblemError: A picture cannot be decoded, or the template does not take these turns.
        """
        prompt: dict[str, object] = {"prompt": self._text(request.messages)}
        if images := [picture(pixels) for pixels in request.images]:
            prompt["multi_modal_data"] = {"image": images}
            # Otherwise vLLM hashes every pixel of the decoded pictures.
            prompt["multi_modal_uuids"] = {"image": [_digest(pixels) for pixels in request.images]}
        return prompt

    def _text(self, messages: Sequence[Message]) -> str:
        # Equal pages of one prompt differ in their pictures alone, so their texts are rendered once.
        shape = tuple(
            (message.role, tuple(part.text if isinstance(part, TextPart) else None for part in message.parts))
            for message in messages
        )
        return self._rendered(shape)

    @lru_cache(maxsize=256)  # noqa: B019 - one renderer lives as long as its engine
    def _rendered(self, shape: tuple[tuple[str, tuple[str | None, ...]], ...]) -> str:
        conversation = [
            {
                "role": role,
                "content": [{"type": "image"} if text is None else {"type": "text", "text": text} for text in parts],
            }
            for role, parts in shape
        ]
        rendered = self._templater(conversation)
        return str(rendered)


class InputMaker:
    """Prompts with vLLM's own renderer, the one of `llm` (an `AsyncLLM`), made ready for its engine.

    What vLLM would do with a prompt itself in a thread of its own, with two things fewer: another change of threads,
    and the tokens of a text that is the same for all pages of a run. Not to be called from several threads at once.
    """

    def __init__(self, llm: Any) -> None:
        self._renderer = llm.renderer
        self._model_config = llm.model_config

    def make(self, prompt: dict[str, object]) -> Any:
        """`prompt` as `PromptRenderer.render` gives it, as vLLM's `EngineInput`.

        Raises:
            VLLMClientError: vLLM refuses it, as too long or with too many pictures.
        """
        from vllm.renderers.inputs.preprocess import parse_model_prompt

        text = prompt["prompt"]
        tokens = self._tokens(text) if isinstance(text, str) else None
        if tokens is not None:
            prompt = {**prompt, "prompt_token_ids": list(tokens)}
        parsed = parse_model_prompt(self._model_config, prompt)
        (made,) = self._renderer.render_cmpl([parsed], self._renderer.default_cmpl_tok_params)
        return made

    @lru_cache(maxsize=256)  # noqa: B019 - one maker lives as long as its engine
    def _tokens(self, text: str) -> tuple[int, ...] | None:
        """The tokens of `text`; None where the model reads them in another way than one after the other."""
        if self._model_config.is_encoder_decoder:
            return None
        tokenized = self._renderer.tokenize_prompt({"prompt": text}, self._renderer.default_cmpl_tok_params)
        return tuple(tokenized["prompt_token_ids"])


def _digest(pixels: Pixels) -> str:
    """64 hex digits that stand for the picture: equal ones are equal pictures."""
    digest = hashlib.sha256(f"{pixels.format} {pixels.mode} {pixels.width} {pixels.height} ".encode())
    digest.update(pixels.data)
    return digest.hexdigest()


def picture(pixels: Pixels) -> Image.Image:
    """`pixels` as a loaded RGB image.

    Raises:
        ProblemError: They cannot be decoded.
    """
    from PIL import Image

    try:
        if pixels.format == "raw":
            image = Image.frombytes(pixels.mode, (pixels.width, pixels.height), pixels.data)
        else:
            image = Image.open(io.BytesIO(pixels.data), formats=[pixels.format])
            image.load()
        # Converting copies, also where there is nothing to convert.
        return image if image.mode == "RGB" else image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ProblemError("corrupt", f"the page's picture cannot be decoded: {str(error)[:80]}") from error


class _Templater:
    """Conversations with parts, as transformers' processors take them, to the text of a prompt."""

    def __init__(self, applier: Any, template: str | None, placeholder: str | None) -> None:
        self._applier = applier
        self._template = template
        self._placeholder = placeholder

    def __call__(self, conversation: list[dict[str, Any]]) -> str:
        if self._placeholder is not None:
            conversation = [{**turn, "content": self._flat(turn["content"])} for turn in conversation]
        from jinja2 import TemplateError

        options = {} if self._template is None else {"chat_template": self._template}
        try:
            text = self._applier.apply_chat_template(
                conversation, tokenize=False, add_generation_prompt=True, **options
            )
        except TemplateError as error:
            # Some want turns to alternate, or know no system message: chat clients send what they like.
            raise ProblemError(
                "stage_error", f"the checkpoint's chat template refuses the messages: {error}"
            ) from error
        return str(text)

    def _flat(self, parts: list[dict[str, str]]) -> str:
        """Parts as one text, pictures before words, for templates that know no parts."""
        pictures = [self._placeholder or "" for part in parts if part["type"] == "image"]
        return "\n".join([*pictures, *(part["text"] for part in parts if part["type"] == "text")])


@lru_cache(maxsize=4)
def _templater(model: str, revision: str | None, trust_remote_code: bool) -> _Templater:
    """The chat template of `model`, loaded once in a process.

    Raises:
        ConfigError: It has none, and vLLM knows none for it.
    """
    from transformers import AutoConfig, AutoProcessor, AutoTokenizer

    options = {"revision": revision, "trust_remote_code": trust_remote_code}
    try:
        applier = AutoProcessor.from_pretrained(model, **options)
    except (OSError, ValueError, KeyError, ImportError):
        applier = AutoTokenizer.from_pretrained(model, **options)
    if getattr(applier, "chat_template", None):
        return _Templater(applier, None, None)
    tokenizer = getattr(applier, "tokenizer", applier)
    if getattr(tokenizer, "chat_template", None):
        return _Templater(tokenizer, None, None)
    from vllm.transformers_utils.chat_templates import get_chat_template_fallback_path

    config = AutoConfig.from_pretrained(model, **options)
    path = get_chat_template_fallback_path(config.model_type, model)
    if path is None:
        raise ConfigError(f"model={model} has no chat template. Add a chat_template.jinja to the checkpoint.")
    return _Templater(tokenizer, path.read_text(encoding="utf-8"), _placeholder(config))


def _placeholder(config: Any) -> str | None:
    """What stands for a picture in the prompt of an architecture, where its class in vLLM says so."""
    from vllm.model_executor.models import ModelRegistry

    for architecture in getattr(config, "architectures", None) or ():
        known = ModelRegistry.models.get(architecture)
        said = None if known is None else known.load_model_cls().get_placeholder_str("image", 1)
        if said is not None:
            return str(said)
    return "<image>"
