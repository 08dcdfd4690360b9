"""Loading a checkpoint with mlx-vlm, in another number format or quantised where that is asked for."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omnipipe.errors import ConfigError, MissingExtraError

INSTALL = "pip install omnipipe[mlx]"
_BITS = {"4bit": 4, "8bit": 8}
_GROUP_SIZE = 64

_LOADING = threading.Lock()
_REPLACED: dict[str, Any] = {}
"""What mlx-vlm's models made of `AutoProcessor.from_pretrained`, each over the one before."""


def missing() -> MissingExtraError:
    """The error for a machine without mlx-vlm."""
    return MissingExtraError("MLX backend", "mlx-vlm", INSTALL)


def check_folder(model: str) -> None:
    """See that `model` is an id, or the folder of a checkpoint.

    Raises:
        ConfigError: It looks like a folder and is none.
    """
    folder = Path(model).expanduser()
    looks_like_one = model.startswith((".", "/", "~")) or model.count("/") > 1 or folder.exists()
    if looks_like_one and not (folder / "config.json").is_file():
        raise ConfigError(f"model={model} is not the folder of a checkpoint. Name a folder, or a model id.")


def load_model(
    model: str,
    *,
    dtype: str = "auto",
    quantization: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> tuple[Any, Any]:
    """mlx-vlm's model and processor; quantised in memory, so that nothing is written.

    Raises:
        ConfigError: There is no such checkpoint, mlx-vlm has no such architecture, or it is quantised otherwise.
    """
    try:
        import mlx.core as mx
        from mlx_vlm import load
    except ImportError as error:
        raise missing() from error

    try:
        # Lazily: of weights that are quantised at once, the larger form never is in memory as a whole.
        place = str(Path(model).expanduser())
        with _own_processors():
            loaded, processor = load(place, lazy=True, revision=revision, trust_remote_code=trust_remote_code)
    except (OSError, ValueError, KeyError, AttributeError, RuntimeError) as error:
        raise ConfigError(_why(model, error)) from error
    if dtype != "auto":
        _cast(loaded, getattr(mx, dtype))
    if quantization is not None:
        _quantize(loaded, model, _BITS[quantization])
    mx.eval(loaded.parameters())
    loaded.eval()
    return loaded, processor


def unload() -> None:
    """End MLX's streams of this thread, and give back the memory that it keeps for later."""
    with contextlib.suppress(ImportError):
        import mlx.core as mx

        mx.synchronize()
        # A stream's own thread that outlives the Python thread which made it may abort the process at its end.
        mx.clear_streams()
        mx.clear_cache()


@contextmanager
def _own_processors() -> Iterator[None]:
    """mlx-vlm's processors in place of transformers' in this block only.

    Its models replace `AutoProcessor.from_pretrained` when they are first imported, for the whole process and for ever:
    the PyTorch engine beside it would get MLX arrays.
    """
    from transformers import AutoProcessor

    owner: Any = AutoProcessor
    with _LOADING:
        theirs = vars(owner)["from_pretrained"]
        owner.from_pretrained = _REPLACED.get("from_pretrained", theirs)
        try:
            yield
        finally:
            _REPLACED["from_pretrained"] = vars(owner)["from_pretrained"]
            owner.from_pretrained = theirs


def _why(model: str, error: Exception) -> str:
    is_local = Path(model).expanduser().exists()
    if isinstance(error, OSError) and not is_local:
        return (
            f"model={model} is neither a folder nor a model that can be had from the Hugging Face hub or its cache. "
            "See that the id is right and the network there, or name a folder."
        )
    said = str(error).strip()
    first = said.splitlines()[0][:200] if said else type(error).__name__
    return f"model={model} cannot be loaded by mlx-vlm: {first}. Name another checkpoint."


def _cast(loaded: Any, dtype: Any) -> None:
    import mlx.core as mx
    from mlx.utils import tree_map_with_path

    may_cast = getattr(loaded, "cast_predicate", lambda _: True)

    def cast(path: str, weights: Any) -> Any:
        return weights.astype(dtype) if may_cast(path) and mx.issubdtype(weights.dtype, mx.floating) else weights

    loaded.update(tree_map_with_path(cast, loaded.parameters()))


def _quantize(loaded: Any, model: str, bits: int) -> None:
    from mlx.utils import tree_flatten
    from mlx_vlm.quant_utils import quantize_model
    from mlx_vlm.utils import skip_multimodal_module

    layers = [
        layer for _, layer in tree_flatten(loaded.leaf_modules(), is_leaf=lambda node: hasattr(node, "parameters"))
    ]
    there = {layer.bits for layer in layers if hasattr(layer, "bits")}
    if there == {bits}:
        return
    if there:
        known = " and ".join(f"{number}bit" for number in sorted(there))
        raise ConfigError(f"quantization={bits}bit: {model} is quantised to {known} already. Leave quantization out.")
    own = getattr(loaded, "quant_predicate", None)

    def may_quantize(path: str, layer: Any) -> Any:
        # Pictures keep their precision, as in mlx-vlm's own conversion.
        return False if skip_multimodal_module(path) else own is None or own(path, layer)

    with contextlib.redirect_stdout(io.StringIO()):
        quantize_model(loaded, {}, _GROUP_SIZE, bits, quant_predicate=may_quantize)
