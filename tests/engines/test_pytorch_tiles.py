"""The PyTorch engine with a model that cuts pictures into tiles (Idefics3, as Granite-Docling is)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from omnipipe.engines.pytorch import PyTorchConfig
from omnipipe.generation import GenerationParams
from omnipipe.model import Completion, Request
from tests.engines.contract import opened, read_request, white_request
from tests.tiny_reader import CHECKPOINT, random_pages

pytest.importorskip("transformers", reason="the PyTorch engine needs transformers")

_MARKS = ["<fake_token_around_image>", "<image>", "<global-img>", "<end_of_utterance>"]
_TEMPLATE = (
    "{% for m in messages %}{{ m.role }}: {% for c in m.content %}{% if c.type == 'image' %}<image>{% else %}"
    "{{ c.text }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}assistant:"
)


@pytest.fixture(scope="module")
def tiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Idefics3 of two small layers with large random weights, and the reader's tokenizer."""
    import torch
    from transformers import (
        AutoTokenizer,
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessor,
        Idefics3Processor,
    )

    folder = tmp_path_factory.mktemp("tiled")
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT)
    rows = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    tokenizer.add_special_tokens({"additional_special_tokens": [*_MARKS, *rows]})
    pictures = Idefics3ImageProcessor(size={"longest_edge": 128}, max_image_size={"longest_edge": 64})
    Idefics3Processor(pictures, tokenizer, image_seq_len=4, chat_template=_TEMPLATE).save_pretrained(folder)
    layers = {"num_hidden_layers": 2, "num_attention_heads": 2}
    ends = {"bos_token_id": 257, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    text = {"hidden_size": 64, "intermediate_size": 128, "num_key_value_heads": 2, "vocab_size": len(tokenizer)}
    config = Idefics3Config(
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.pad_token_id,
        scale_factor=2,
        vision_config={"hidden_size": 32, "intermediate_size": 64, "patch_size": 16, "image_size": 64, **layers},
        text_config={"model_type": "llama", "max_position_embeddings": 2048, **text, **layers, **ends},
    )
    torch.manual_seed(0)
    model = Idefics3ForConditionalGeneration(config)
    for weight in model.parameters():
        if weight.ndim > 1:
            weight.data.normal_(std=1.5 * weight.shape[-1] ** -0.5)
    model.save_pretrained(folder)
    return folder


def test_pictures_of_different_numbers_of_tiles_share_a_batch(tiled: Path) -> None:
    params = GenerationParams(max_tokens=32, stop_on_repetition=False)
    pages = [
        read_request(text, params, prompt="Read " * number) for number, text in enumerate(random_pages(8, seed=1), 1)
    ]
    flat = [replace(white_request(100 + 40 * number, 64), params=params) for number in range(4)]

    together, alone = (_answers(tiled, [*pages, *flat], batch_size) for batch_size in (8, 1))

    assert [each.token_ids for each in together] == [each.token_ids for each in alone]
    assert len({each.token_ids for each in alone}) > 6


def _answers(model: Path, requests: list[Request], batch_size: int) -> list[Completion]:
    config = PyTorchConfig(
        model=str(model), torch_dtype="float32", device="cpu", batch_size=batch_size, batch_strategy="static"
    )
    with opened(config) as engine:
        calls = [engine.submit(request) for request in requests]
        return [call.result(120) for call in calls]
