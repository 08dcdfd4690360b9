"""Requests as a model's tensors, one by one, and a batch of them padded on the left."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omnipipe.engines.batching import Prepared
from omnipipe.engines.chat import to_chat, to_image
from omnipipe.model import Request

if TYPE_CHECKING:
    from PIL import Image


@dataclass(kw_only=True)
class Asked(Prepared):
    """A request whose prompt is tokens and whose pictures are patches; `inputs` are tensors of a batch of one.

    `room` is the number of tokens that an answer may have.
    """

    prompt: str
    images: list[Image.Image]
    inputs: Mapping[str, Any]
    room: int


class Inputs:
    """Makes tensors with a checkpoint's processor; may be called from several threads."""

    def __init__(self, processor: Any, pad_id: int) -> None:
        self._processor = processor
        self._pad_id = pad_id
        self._processing = threading.Lock()
        tokenizer = getattr(processor, "tokenizer", processor)
        # Rows end where the answer begins: with padding on the right, 16 of 24 answers were others.
        tokenizer.padding_side = "left"
        self._templates = processor if getattr(processor, "chat_template", None) else tokenizer

    def of(self, request: Request) -> Asked:
        """`request` alone, with all the room there is.

        Raises:
            ProblemError: A picture cannot be decoded.
        """
        images = [to_image(pixels) for pixels in request.images]
        prompt = str(
            self._templates.apply_chat_template(to_chat(request.messages), tokenize=False, add_generation_prompt=True)
        )
        inputs = self._process([prompt], [images])
        num_tokens = int(inputs["input_ids"].shape[1])
        return Asked(
            request=request,
            num_tokens=num_tokens,
            prompt=prompt,
            images=images,
            inputs=inputs,
            room=0,
        )

    def join(self, batch: Sequence[Asked]) -> dict[str, Any]:
        """The tensors of `batch`, shorter prompts padded on the left."""
        if len(batch) == 1:
            return dict(batch[0].inputs)
        joined: dict[str, Any] = {}
        for name in dict.fromkeys(name for asked in batch for name in asked.inputs):
            if name in _A_TOKEN:
                joined[name] = self._left_padded(name, [asked.inputs[name] for asked in batch])
                continue
            parts = [asked.inputs[name] for asked in batch if name in asked.inputs]
            if len({part.shape[1:] for part in parts}) > 1:
                # Pictures of several sizes in a form that only the processor knows how to pad.
                return self._process([asked.prompt for asked in batch], [asked.images for asked in batch])
            joined[name] = _torch().cat(parts)
        return joined

    def _process(self, prompts: list[str], images: list[list[Image.Image]]) -> dict[str, Any]:
        pictures = {"images": images} if any(images) else {}
        with self._processing:
            made = self._processor(text=prompts, padding=True, return_tensors="pt", **pictures)
        return dict(made)

    def _left_padded(self, name: str, rows: Sequence[Any]) -> Any:
        torch = _torch()
        length = max(row.shape[1] for row in rows)
        padding = self._pad_id if name == "input_ids" else 0
        return torch.cat([torch.nn.functional.pad(row, (length - row.shape[1], 0), value=padding) for row in rows])


_A_TOKEN = frozenset({"input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids"})
"""Inputs with one number a token; all others are of pictures."""


def _torch() -> Any:
    import torch

    return torch
