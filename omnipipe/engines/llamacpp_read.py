"""Prompts with pictures in llama.cpp: the GGUF's own chat template, and the vision projector beside the model."""

from __future__ import annotations

import ctypes
import logging
import weakref
from collections.abc import Sequence
from contextlib import ExitStack
from functools import lru_cache
from typing import Any

from omnipipe.engines.chat import ChatMessage, to_chat, to_image
from omnipipe.errors import ConfigError
from omnipipe.model import Request
from omnipipe.page import ProblemError

_ERROR = 3
# No template trims it, and no page says it.
_WORD = "\u2063omnipipe\u2063"


class PromptReader:
    """Writes the prompts of `llama` (a `llama_cpp.Llama`) and reads them into its memory.

    llama-cpp-python's own chat handler for pictures puts them among the words as they stand in the request, whatever
    the template does, and counts positions instead of tokens.
    """

    def __init__(self, llama: Any, mmproj: str | None) -> None:
        from llama_cpp import llama_chat_format, mtmd_cpp

        _send_log_to_python()
        self._llama = llama
        self._mtmd: Any = mtmd_cpp
        self._marker = mtmd_cpp.mtmd_default_marker().decode()
        template = llama.metadata.get("tokenizer.chat_template")
        if not template:
            raise ConfigError("model: the GGUF has no chat template. Take one that was converted with it.")
        self._bos = _piece(llama, llama.token_bos())
        self._template: Any = llama_chat_format.Jinja2ChatFormatter(
            template=template, eos_token=_piece(llama, llama.token_eos()), bos_token=self._bos
        )
        self._picture = self._picture_text()
        self._vision: Any = None if mmproj is None else self._open_vision(mmproj)

    @property
    def sees(self) -> bool:
        """Whether there is a vision projector."""
        return self._vision is not None

    def close(self) -> None:
        """Free the vision projector."""
        if self._vision is not None:
            self._mtmd.mtmd_free(self._vision)
            self._vision = None

    def tokenize(self, request: Request) -> Chunks:
        """The prompt of `request`, pictures and all."""
        text, add_special = self._write(request)
        with ExitStack() as stack:
            bitmaps = [stack.enter_context(_Bitmap(self._mtmd, to_image(pixels))) for pixels in request.images]
            return Chunks(self._mtmd, self._vision, text, bitmaps, add_special=add_special)

    def tokenize_words(self, request: Request) -> list[int]:
        """The tokens of a prompt without pictures; for a model without a vision projector."""
        text, add_special = self._write(request)
        return list(self._llama.tokenize(text.encode(), add_bos=add_special, special=True))

    def _write(self, request: Request) -> tuple[str, bool]:
        """The prompt with a marker where a picture goes, and whether the model's first token is to be added."""
        chat = to_chat(request.messages)
        text = self._render(chat if self._picture else [_marked(message, self._marker) for message in chat])
        if self._picture:
            text = text.replace(self._picture, self._marker)
        return text, not (self._bos and text.startswith(self._bos))

    def _render(self, chat: Sequence[ChatMessage]) -> str:
        return str(self._template(messages=list(chat)).prompt)

    def _picture_text(self) -> str:
        """What the template writes for a picture; empty where it knows none."""
        word = {"type": "text", "text": _WORD}
        before, _, after = self._render([{"role": "user", "content": [word]}]).partition(_WORD)
        begin, _, end = self._render([{"role": "user", "content": [word, {"type": "image"}]}]).partition(_WORD)
        return begin.removeprefix(before) or end.removesuffix(after)

    def _open_vision(self, mmproj: str) -> Any:
        params = self._mtmd.mtmd_context_params_default()
        params.use_gpu = self._llama.model_params.n_gpu_layers != 0
        params.print_timings = False
        params.n_threads = self._llama.n_threads
        vision = self._mtmd.mtmd_init_from_file(mmproj.encode(), self._llama.model, params)
        if vision is None or not self._mtmd.mtmd_support_vision(vision):
            raise ConfigError(
                f"mmproj={mmproj} is no vision projector of this model. Take the one published beside it."
            )
        return vision

    def read(self, prompt: Chunks | list[int]) -> None:
        """Read a prompt into the empty memory of the model.

        Raises:
            ProblemError: `context_overflow`: it does not fit.
        """
        llama = self._llama
        llama.reset()
        llama._ctx.kv_cache_clear()
        if not isinstance(prompt, Chunks):
            llama.eval(prompt)
            return
        end = ctypes.c_int32(0)
        failed = self._mtmd.mtmd_helper_eval_chunks(
            self._vision, llama.ctx, prompt.pointer, 0, 0, llama.n_batch, True, ctypes.byref(end)
        )
        if failed:
            raise ProblemError("context_overflow", f"llama.cpp could not read the prompt (code {failed}). Raise n_ctx.")
        llama.n_tokens = end.value

    def logprob(self, token: int) -> float:
        """The log probability of `token` after what was read and written before it."""
        import llama_cpp
        import numpy as np

        pointer = llama_cpp.llama_get_logits_ith(self._llama.ctx, -1)
        logits = np.ctypeslib.as_array(pointer, shape=(self._llama.n_vocab(),)).astype(np.float64)
        top = logits.max()
        return float(logits[token] - top - np.log(np.exp(logits - top).sum()))

    def end_ids(self) -> frozenset[int]:
        """The tokens that end an answer."""
        import llama_cpp

        vocab = llama_cpp.llama_model_get_vocab(self._llama.model)
        return frozenset(token for token in range(self._llama.n_vocab()) if llama_cpp.llama_vocab_is_eog(vocab, token))


class Chunks:
    """A prompt as stretches of tokens and pictures, freed with this object."""

    def __init__(self, mtmd: Any, vision: Any, text: str, bitmaps: Sequence[Any], *, add_special: bool) -> None:
        self._mtmd = mtmd
        self.pointer: Any = mtmd.mtmd_input_chunks_init()
        said = text.encode()
        words = mtmd.mtmd_input_text()
        words.text = said
        words.text_len = len(said)
        words.add_special = add_special
        words.parse_special = True
        pictures = (mtmd.mtmd_bitmap_p_ctypes * len(bitmaps))(*bitmaps)
        failed = mtmd.mtmd_tokenize(vision, self.pointer, ctypes.byref(words), pictures, len(bitmaps))
        weakref.finalize(self, mtmd.mtmd_input_chunks_free, self.pointer)
        if failed:
            raise ProblemError("stage_error", f"llama.cpp could not prepare the prompt (code {failed}).")
        self.num_tokens: int = mtmd.mtmd_helper_get_n_tokens(self.pointer)


class _Bitmap:
    """A picture in llama.cpp's memory, for as long as the context lasts."""

    def __init__(self, mtmd: Any, image: Any) -> None:
        self._mtmd = mtmd
        rows = image.tobytes()
        self._rows = (ctypes.c_uint8 * len(rows)).from_buffer_copy(rows)
        self._bitmap: Any = mtmd.mtmd_bitmap_init(image.width, image.height, self._rows)

    def __enter__(self) -> Any:
        return self._bitmap

    def __exit__(self, *error: object) -> None:
        self._mtmd.mtmd_bitmap_free(self._bitmap)


@lru_cache(maxsize=1)
def _send_log_to_python() -> object:
    """Errors of the vision part go to Python's log, the rest nowhere; the callback must live as long as the process."""
    from llama_cpp import llama_log_callback, mtmd_cpp

    def log(level: int, text: bytes, _: object) -> None:
        if level == _ERROR:
            logging.getLogger(__name__).warning("llama.cpp: %s", text.decode(errors="replace").strip())

    callback: object = llama_log_callback(log)
    mtmd_cpp.mtmd_log_set(callback, None)
    mtmd_cpp.mtmd_helper_log_set(callback, None)
    return callback


def _marked(message: ChatMessage, marker: str) -> ChatMessage:
    """`message` with its pictures as words, for a template that knows no pictures."""
    content = message["content"]
    if isinstance(content, str):
        return message
    parts = [{"type": "text", "text": marker} if part["type"] == "image" else part for part in content]
    return {**message, "content": parts}


def _piece(llama: Any, token: int) -> str:
    return "" if token < 0 else str(llama.detokenize([token], special=True).decode("utf-8", errors="ignore"))
