"""Small checkpoints of other architectures than the tiny reader: they say noise, always the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.tiny_reader import CHECKPOINT

_ROPE = {"mrope_section": [2, 3, 3], "rope_theta": 10000.0, "rope_type": "default", "type": "default"}


def deep_qwen3_vl(folder: Path) -> Path:
    """The tiny reader with a second set of deep visual features, which the published checkpoints have three of."""
    import numpy as np
    from safetensors.numpy import load_file, save_file

    place = shutil.copytree(CHECKPOINT, folder / "deep")
    config = json.loads((place / "config.json").read_text())
    config["vision_config"]["deepstack_visual_indexes"] = [0, 1]
    (place / "config.json").write_text(json.dumps(config))
    weights = load_file(place / "model.safetensors")
    noise = np.random.default_rng(0)
    for name in [name for name in weights if "deepstack_merger_list.0" in name]:
        changed = weights[name].astype(np.float32) + 0.5 * noise.normal(size=weights[name].shape)
        weights[name.replace("list.0", "list.1")] = changed.astype(np.float16)
    save_file(weights, place / "model.safetensors", metadata={"format": "pt"})
    return place


def qwen2_5_vl(folder: Path) -> Path:
    """The architecture of olmOCR and Nanonets-OCR, with the tiny reader's tokenizer."""
    import torch
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    place = shutil.copytree(CHECKPOINT, folder / "qwen2_5_vl")
    (place / "model.safetensors").unlink()
    torch.manual_seed(0)
    model: Any = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(**_sizes())).float()
    for weights in model.parameters():
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=0.2)
    model.save_pretrained(place)
    config = json.loads((place / "config.json").read_text())
    # As the published checkpoints have it; transformers 5 writes neither, and mlx-vlm reads both.
    config["vision_config"]["model_type"] = "qwen2_5_vl"
    config["text_config"].update(rope_theta=_ROPE["rope_theta"], rope_scaling=_ROPE)
    (place / "config.json").write_text(json.dumps({**config["text_config"], **config}))
    return place


def _sizes() -> dict[str, Any]:
    text = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 320,
        "max_position_embeddings": 4096,
        "rope_parameters": _ROPE,
        "bos_token_id": 257,
        "eos_token_id": 259,
        "pad_token_id": 257,
        "tie_word_embeddings": False,
    }
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "out_hidden_size": 64,
        "patch_size": 16,
        "window_size": 64,
        "fullatt_block_indexes": [1],
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
    }
    return {
        "text_config": text,
        "vision_config": vision,
        "image_token_id": 263,
        "video_token_id": 264,
        "vision_start_token_id": 260,
        "vision_end_token_id": 261,
        "tie_word_embeddings": False,
    }
