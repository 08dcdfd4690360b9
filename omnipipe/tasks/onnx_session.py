"""Models in ONNX files, loaded by onnxruntime for one worker among several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omnipipe.errors import ConfigError


def open_session(path: Path, threads: int = 1, remedy: str = "Fetch it again.") -> Any:
    """The model in the file `path` as an `onnxruntime.InferenceSession` on the CPU, with `threads` threads.

    Raises:
        ConfigError: It is none that onnxruntime can load; the message ends with `remedy`.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # The arena keeps what the largest page took, in every worker.
    options.enable_cpu_mem_arena = False
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own, one type for each status.
        raise ConfigError(f"{path} cannot be loaded: {str(error)[:160]}. {remedy}") from error


def labels_of(session: Any) -> list[str]:
    """What the classes of a model mean, as PaddlePaddle's exports carry it in the file; empty where they do not."""
    return str(session.get_modelmeta().custom_metadata_map.get("character", "")).splitlines()
