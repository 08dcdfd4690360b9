"""The tiny reader as GGUF files for llama.cpp: the language model, and its vision projector beside it.

llama.cpp's own converter is in no package, and knows no tokenizer like the reader's.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tests.tiny_reader import CHECKPOINT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Tensor = NDArray[np.floating]

Value = int | float | str | bool | Sequence[int] | Sequence[float] | Sequence[str] | Sequence[bool]

_ALIGNMENT = 32
_INT, _SIGNED, _FLOAT, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9
_F32, _F16 = 0, 1
_NORMAL, _CONTROL, _UNUSED = 1, 3, 5

_TEXT_NAMES = {
    r"model\.language_model\.embed_tokens": "token_embd",
    r"model\.language_model\.norm": "output_norm",
    r"model\.language_model\.layers\.(\d+)\.input_layernorm": r"blk.\1.attn_norm",
    r"model\.language_model\.layers\.(\d+)\.post_attention_layernorm": r"blk.\1.ffn_norm",
    r"model\.language_model\.layers\.(\d+)\.mlp\.(\w+)_proj": r"blk.\1.ffn_\2",
    r"model\.language_model\.layers\.(\d+)\.self_attn\.([qkv])_proj": r"blk.\1.attn_\2",
    r"model\.language_model\.layers\.(\d+)\.self_attn\.([qk])_norm": r"blk.\1.attn_\2_norm",
    r"model\.language_model\.layers\.(\d+)\.self_attn\.o_proj": r"blk.\1.attn_output",
}
_VISION_NAMES = {
    r"model\.visual\.blocks\.(\d+)\.attn\.qkv": r"v.blk.\1.attn_qkv",
    r"model\.visual\.blocks\.(\d+)\.attn\.proj": r"v.blk.\1.attn_out",
    r"model\.visual\.blocks\.(\d+)\.mlp\.linear_fc1": r"v.blk.\1.ffn_up",
    r"model\.visual\.blocks\.(\d+)\.mlp\.linear_fc2": r"v.blk.\1.ffn_down",
    r"model\.visual\.blocks\.(\d+)\.norm([12])": r"v.blk.\1.ln\2",
    # The reader has one set of deep features, after its first layer.
    r"model\.visual\.deepstack_merger_list\.(0)\.norm": r"v.deepstack.\1.norm",
    r"model\.visual\.deepstack_merger_list\.(0)\.linear_fc(\d)": r"v.deepstack.\1.fc\2",
    r"model\.visual\.merger\.linear_fc1": "mm.0",
    r"model\.visual\.merger\.linear_fc2": "mm.2",
    r"model\.visual\.merger\.norm": "v.post_ln",
    r"model\.visual\.patch_embed\.proj": "v.patch_embd",
    r"model\.visual\.pos_embed": "v.position_embd",
}


class GGUF(NamedTuple):
    """A model and its vision projector."""

    model: Path
    mmproj: Path


def tiny_gguf(folder: Path, weights: Literal["f16", "f32"] = "f16") -> GGUF:
    """Both files, written into `folder`; `weights` is the number format of the matrices."""
    said = json.loads((CHECKPOINT / "config.json").read_text())
    files = GGUF(folder / f"tiny-{weights}.gguf", folder / f"tiny-mmproj-{weights}.gguf")
    tensors = dict(_tensors())
    _write(files.model, _text_facts(said), _renamed(tensors, _TEXT_NAMES), weights)
    _write(files.mmproj, _vision_facts(said), _renamed(tensors, _VISION_NAMES), weights)
    return files


def _tensors() -> Iterator[tuple[str, Tensor]]:
    from safetensors import safe_open

    with safe_open(CHECKPOINT / "model.safetensors", "np") as opened:
        for name in opened.keys():  # noqa: SIM118 - not a mapping
            tensor = opened.get_tensor(name)
            if name.endswith("patch_embed.proj.weight"):
                # One convolution over two equal frames becomes two over one.
                yield name, tensor[:, :, 0]
                yield f"{name}.1", tensor[:, :, 1]
            else:
                yield name, tensor


def _renamed(tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    renamed = {}
    for name, tensor in tensors.items():
        for pattern, ours in names.items():
            if match := re.fullmatch(pattern + r"\.(weight(?:\.1)?|bias)", name):
                renamed[f"{match.expand(ours)}.{match[match.re.groups]}"] = tensor
    return renamed


def _text_facts(said: Mapping[str, Any]) -> dict[str, Value]:
    text = said["text_config"]
    facts: dict[str, Value] = {
        "general.architecture": "qwen3vl",
        "qwen3vl.block_count": text["num_hidden_layers"],
        "qwen3vl.context_length": text["max_position_embeddings"],
        "qwen3vl.embedding_length": text["hidden_size"],
        "qwen3vl.feed_forward_length": text["intermediate_size"],
        "qwen3vl.attention.head_count": text["num_attention_heads"],
        "qwen3vl.attention.head_count_kv": text["num_key_value_heads"],
        "qwen3vl.attention.key_length": text["head_dim"],
        "qwen3vl.attention.value_length": text["head_dim"],
        "qwen3vl.attention.layer_norm_rms_epsilon": text["rms_norm_eps"],
        "qwen3vl.rope.dimension_sections": [*text["rope_parameters"]["mrope_section"], 0],
        "qwen3vl.rope.freq_base": text["rope_parameters"]["rope_theta"],
        "qwen3vl.n_deepstack_layers": len(said["vision_config"]["deepstack_visual_indexes"]),
    }
    return {**facts, **_tokenizer_facts(text)}


def _tokenizer_facts(text: Mapping[str, Any]) -> dict[str, Value]:
    tokenizer = json.loads((CHECKPOINT / "tokenizer.json").read_text(encoding="utf-8"))
    tokens = [f"[PAD{token}]" for token in range(text["vocab_size"])]
    types = [_UNUSED] * len(tokens)
    for word, token in tokenizer["model"]["vocab"].items():
        tokens[token], types[token] = word, _NORMAL
    for added in tokenizer["added_tokens"]:
        tokens[added["id"]], types[added["id"]] = added["content"], _CONTROL
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": [" ".join(pair) for pair in tokenizer["model"]["merges"]],
        "tokenizer.ggml.eos_token_id": text["eos_token_id"],
        "tokenizer.ggml.bos_token_id": text["bos_token_id"],
        "tokenizer.ggml.padding_token_id": text["pad_token_id"],
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": (CHECKPOINT / "chat_template.jinja").read_text(encoding="utf-8"),
    }


def _vision_facts(said: Mapping[str, Any]) -> dict[str, Value]:
    vision = said["vision_config"]
    picture = json.loads((CHECKPOINT / "preprocessor_config.json").read_text())
    return {
        "general.architecture": "clip",
        "general.type": "mmproj",
        "clip.has_vision_encoder": True,
        "clip.projector_type": "qwen3vl_merger",
        "clip.use_gelu": True,
        "clip.vision.projection_dim": vision["out_hidden_size"],
        "clip.vision.image_size": int(vision["num_position_embeddings"] ** 0.5 * vision["patch_size"]),
        "clip.vision.patch_size": vision["patch_size"],
        "clip.vision.embedding_length": vision["hidden_size"],
        "clip.vision.feed_forward_length": vision["intermediate_size"],
        "clip.vision.block_count": vision["depth"],
        "clip.vision.attention.head_count": vision["num_heads"],
        "clip.vision.attention.layer_norm_epsilon": said["text_config"]["rms_norm_eps"],
        "clip.vision.image_mean": picture["image_mean"],
        "clip.vision.image_std": picture["image_std"],
        "clip.vision.spatial_merge_size": vision["spatial_merge_size"],
        "clip.vision.is_deepstack_layers": [
            layer in vision["deepstack_visual_indexes"] for layer in range(vision["depth"])
        ],
    }


def _write(path: Path, facts: Mapping[str, Value], tensors: Mapping[str, Tensor], weights: str) -> None:
    import numpy as np

    head = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(facts))]
    head += [_string(name) + _typed(value) for name, value in facts.items()]
    body: list[bytes] = []
    offset = 0
    for name, tensor in tensors.items():
        is_half = weights == "f16" and tensor.ndim > 1 and "position_embd" not in name
        rows = np.ascontiguousarray(tensor, dtype=np.float16 if is_half else np.float32).tobytes()
        shape = tensor.shape[::-1]
        head.append(_string(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape))
        head.append(struct.pack("<IQ", _F16 if is_half else _F32, offset))
        body.append(rows + bytes(-len(rows) % _ALIGNMENT))
        offset += len(body[-1])
    start = b"".join(head)
    path.write_bytes(start + bytes(-len(start) % _ALIGNMENT) + b"".join(body))


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _typed(value: Value) -> bytes:
    if isinstance(value, list):
        kind = _kind(value[0], inside=True)
        return struct.pack("<IIQ", _ARRAY, kind, len(value)) + b"".join(_packed(entry, kind) for entry in value)
    kind = _kind(value)
    return struct.pack("<I", kind) + _packed(value, kind)


def _kind(value: Value, *, inside: bool = False) -> int:
    if isinstance(value, bool):
        return _BOOL
    if isinstance(value, int):
        return _SIGNED if inside else _INT
    return _FLOAT if isinstance(value, float) else _STRING


def _packed(value: Value, kind: int) -> bytes:
    if isinstance(value, str):
        return _string(value)
    return struct.pack({_BOOL: "<?", _INT: "<I", _SIGNED: "<i", _FLOAT: "<f"}[kind], value)
