"""Loading a checkpoint with transformers: device, number format, quantisation, adapters."""

from __future__ import annotations

import copy
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from omnipipe.engines.pytorch_check import INSTALL
from omnipipe.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from omnipipe.engines.pytorch import PyTorchConfig


class Loaded(NamedTuple):
    """A model ready to generate. `tokenizer` is for decoding alone, in another thread than the `processor`'s.

    `context` is the number of positions, or None where the checkpoint does not say.
    """

    model: Any
    processor: Any
    tokenizer: Any
    end_ids: tuple[int, ...]
    pad_id: int
    context: int | None


def load(config: PyTorchConfig) -> Loaded:
    """The model of `config` on its device.

    Raises:
        UserError: A package is missing, or the checkpoint cannot be had or does not fit.
    """
    try:
        import torch
        from transformers import AutoProcessor
        from transformers.utils import logging
    except ImportError as error:
        raise MissingExtraError("PyTorch backend", "transformers", INSTALL) from error
    logging.disable_progress_bar()
    place = str(Path(config.model).expanduser())
    options: dict[str, Any] = {"trust_remote_code": config.trust_remote_code, "revision": config.revision}
    if not Path(place).is_dir() and not _hub_answers():
        # The hub's client would try each file six times, 23 seconds long, before it looks into its cache.
        options["local_files_only"] = True
    try:
        processor = AutoProcessor.from_pretrained(place, **options)
        model = _load_model(config, place, options)
        for name, folder in config.lora.items():
            model.load_adapter(str(Path(folder).expanduser()), adapter_name=name)
        if config.device_map is None and config.quantization is None:
            model = model.to(find_device(config.device))
    except torch.OutOfMemoryError as error:
        raise ConfigError(f"model={config.model} does not fit into memory. {OOM_HELP}") from error
    except (OSError, ValueError, KeyError, AttributeError, ImportError, RuntimeError) as error:
        raise ConfigError(_why(config, error)) from error
    if config.lora:
        model.disable_adapters()
    model.eval()
    return _loaded(config, model, processor)


OOM_HELP = (
    "Use a smaller model or quantization=4bit, then the MLX backend on a Mac, else the API backend;"
    " a smaller image, batch_size or max_tokens also helps."
)
"""What helps against too little memory, in the order to try."""


def find_device(device: str) -> str:
    """`device`, or the best that there is where it is auto.

    Raises:
        ConfigError: There is no such device.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device=cuda: torch finds no GPU. Use device=auto, or the API backend.")
    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _load_model(config: PyTorchConfig, place: str, options: dict[str, Any]) -> Any:
    import torch

    model_class = _model_class(place, options)
    dtype = config.torch_dtype if config.torch_dtype == "auto" else getattr(torch, config.torch_dtype)
    options = {**options, "dtype": dtype}
    attention = "flash_attention_2" if config.use_flash_attention else config.attn_implementation
    if attention is not None:
        options["attn_implementation"] = attention
    if config.quantization is not None:
        options["quantization_config"] = _quantization(config)
        options["device_map"] = config.device_map or {"": find_device(config.device)}
    elif config.device_map is not None:
        options["device_map"] = config.device_map
    return model_class.from_pretrained(place, **options)


def _model_class(place: str, options: dict[str, Any]) -> Any:
    """The class that the checkpoint's own code is registered for, where that may run; else that of all who see."""
    import transformers

    usual = "AutoModelForImageTextToText"
    if not options["trust_remote_code"]:
        return getattr(transformers, usual)
    own = getattr(transformers.AutoConfig.from_pretrained(place, **options), "auto_map", None) or {}
    offered = (usual, "AutoModelForCausalLM", "AutoModel")
    return getattr(transformers, next((name for name in offered if name in own), usual))


def _quantization(config: PyTorchConfig) -> Any:
    import torch
    from transformers import BitsAndBytesConfig

    if config.quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    compute = torch.bfloat16 if config.torch_dtype == "auto" else getattr(torch, config.torch_dtype)
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=compute)


def _loaded(config: PyTorchConfig, model: Any, processor: Any) -> Loaded:
    from transformers import GenerationConfig

    tokenizer = getattr(processor, "tokenizer", processor)
    if not (getattr(processor, "chat_template", None) or getattr(tokenizer, "chat_template", None)):
        raise ConfigError(f"model={config.model} has no chat template. Add a chat_template.jinja to the checkpoint.")
    given = getattr(model, "generation_config", None)
    end_ids = {tokenizer.eos_token_id}
    for said in (getattr(given, "eos_token_id", None), model.config.get_text_config().eos_token_id):
        end_ids |= set(said) if isinstance(said, list | tuple) else {said}
    end_ids.discard(None)
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else next(iter(sorted(end_ids)), 0)
    # What the checkpoint recommends must not fill the gaps of what we send.
    model.generation_config = GenerationConfig()
    text = model.config.get_text_config()
    positions = getattr(text, "max_position_embeddings", None)
    known = [length for length in (positions, config.max_model_len) if length]
    return Loaded(
        model=model,
        processor=processor,
        # Rust tokenizers refuse to decode while another thread sets their padding.
        tokenizer=copy.deepcopy(tokenizer),
        end_ids=tuple(sorted(end_ids)),
        pad_id=int(pad_id),
        context=min(known, default=None),
    )


def _hub_answers() -> bool:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        with urllib.request.urlopen(constants.ENDPOINT, timeout=10):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def _why(config: PyTorchConfig, error: Exception) -> str:
    said = str(error).strip()
    is_local = Path(config.model).expanduser().is_dir()
    if isinstance(error, OSError) and not is_local:
        return (
            f"model={config.model} is neither a folder nor a model that can be had from the Hugging Face hub or its"
            " cache. See that the id is right and the network there, or name a folder."
        )
    first = said.splitlines()[0][:200] if said else type(error).__name__
    return f"model={config.model} cannot be loaded by transformers: {first}. Name another checkpoint."
