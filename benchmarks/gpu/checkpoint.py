"""Checkpoints of real shapes with random weights, made on the spot: nothing is downloaded.

The tokenizer and the image processor are the tiny reader's, so that a request becomes as many tokens as its letters
and its picture's patches; the numbers in `SHAPES` are those of the published config.json files.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.tiny_reader import CHECKPOINT


class Shape(NamedTuple):
    """Sizes of a Qwen3-VL; `billions` of parameters, about."""

    billions: float
    text: Mapping[str, object]
    vision: Mapping[str, object]


_VISION_COMMON = {"patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2, "in_channels": 3}

SHAPES: Mapping[str, Shape] = {
    "tiny": Shape(0.001, {}, {}),
    "2b": Shape(
        2.1,
        {
            "hidden_size": 2048,
            "intermediate_size": 6144,
            "num_hidden_layers": 28,
            "num_attention_heads": 16,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "vocab_size": 151936,
            "tie_word_embeddings": True,
        },
        {
            **_VISION_COMMON,
            "depth": 24,
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_heads": 16,
            "out_hidden_size": 2048,
            "num_position_embeddings": 2304,
            "deepstack_visual_indexes": [5, 11, 17],
        },
    ),
    "8b": Shape(
        8.8,
        {
            "hidden_size": 4096,
            "intermediate_size": 12288,
            "num_hidden_layers": 36,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "vocab_size": 151936,
            "tie_word_embeddings": False,
        },
        {
            **_VISION_COMMON,
            "depth": 27,
            "hidden_size": 1152,
            "intermediate_size": 4304,
            "num_heads": 16,
            "out_hidden_size": 4096,
            "num_position_embeddings": 2304,
            "deepstack_visual_indexes": [8, 16, 24],
        },
    ),
}
"""`tiny` is the tiny reader itself, with its own weights."""


def make_checkpoint(shape: str, folder: Path, *, device: str) -> Path:
    """The folder of a checkpoint of `shape` under `folder`, written once; an older one is taken as it is.

    Weights are bfloat16, normal with the config's `initializer_range`, made on `device` (cpu or cuda).
    """
    if shape == "tiny":
        return CHECKPOINT
    place = folder / f"qwen3-vl-{shape}-random"
    if (place / "done").exists():
        return place
    place.mkdir(parents=True, exist_ok=True)
    for file in CHECKPOINT.iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, place / file.name)
    _write_weights(_config(SHAPES[shape]), place, device)
    (place / "done").touch()
    return place


def _config(shape: Shape) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((CHECKPOINT / "config.json").read_text())
    # Three parts of a head of 128 numbers, for time, height and width, as published.
    rope = {"mrope_interleaved": True, "mrope_section": [24, 20, 20], "rope_type": "default", "rope_theta": 5_000_000.0}
    said["dtype"] = "bfloat16"
    said["tie_word_embeddings"] = shape.text["tie_word_embeddings"]
    said["text_config"].update(shape.text, rope_parameters=rope, rope_scaling=rope, rope_theta=5_000_000.0)
    said["text_config"].update(dtype="bfloat16", max_position_embeddings=32768)
    said["vision_config"].update(shape.vision, dtype="bfloat16")
    return said


def _write_weights(said: dict[str, Any], place: Path, device: str) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    (place / "config.json").write_text(json.dumps(said, indent=1))
    config = AutoConfig.from_pretrained(place)
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            model = AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)
        model.save_pretrained(place, max_shard_size="4GB")
    finally:
        torch.set_default_dtype(before)
    # As published: what is written back names the vision part by another type.
    (place / "config.json").write_text(json.dumps(said, indent=1))
