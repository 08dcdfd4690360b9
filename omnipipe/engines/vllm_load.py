"""From settings to a running vLLM engine, and its end."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from omnipipe.engines.guard import Guard
from omnipipe.engines.vllm_check import check_names, checkpoint_facts, is_on_cpu
from omnipipe.errors import ConfigError

if TYPE_CHECKING:
    import psutil

    from omnipipe.engines.vllm import VLLMConfig

_CPU_CACHE_BYTES = 4 << 30
_ENVIRONMENT = {
    # Pages are private, and so is who reads them.
    "VLLM_NO_USAGE_STATS": "1",
    # Its warnings are about its own internals, thirty at a start.
    "VLLM_LOGGING_LEVEL": "ERROR",
}
_CPU_ENVIRONMENT = {
    # By default engines bind their threads to cores, and two on one machine to the same.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    # The worker then lives in the engine's process: two processes in place of three, and half the start-up.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
}
_END_SECONDS = 10.0
_LOOK_SECONDS = 0.1


def engine_args(config: VLLMConfig) -> dict[str, Any]:
    """The arguments of vLLM's `EngineArgs` that `config` stands for."""
    on_cpu = is_on_cpu(config.device)
    facts = checkpoint_facts(config.model)
    length = config.max_model_len
    if facts is not None and facts.positions is not None:
        length = min(length, facts.positions)
    cache = config.kv_cache_memory_bytes
    if cache is None and on_cpu:
        wanted = config.max_num_seqs * length * facts.kv_bytes if facts and facts.kv_bytes else _CPU_CACHE_BYTES
        cache = min(max(wanted, length * 1024), _CPU_CACHE_BYTES)
    parallel = config.tensor_parallel_size * config.pipeline_parallel_size
    args: dict[str, Any] = {
        "model": config.model,
        "revision": config.revision,
        "dtype": config.dtype,
        "quantization": _quantization(config.quantization),
        "max_model_len": length,
        "trust_remote_code": config.trusts_remote_code,
        "mm_processor_kwargs": dict(config.mm_processor_kwargs) or None,
        "limit_mm_per_prompt": dict(config.limit_mm_per_prompt),
        "tensor_parallel_size": config.tensor_parallel_size,
        "pipeline_parallel_size": config.pipeline_parallel_size,
        "gpu_memory_utilization": config.gpu_memory_utilization,
        "kv_cache_memory_bytes": cache,
        "max_num_seqs": config.max_num_seqs,
        "max_num_batched_tokens": config.max_num_batched_tokens,
        # Compiling for the CPU takes minutes, so there it is done on request only.
        "enforce_eager": config.enforce_eager or (on_cpu and "enforce_eager" not in config.model_fields_set),
        "enable_prefix_caching": config.enable_prefix_caching,
        "scheduling_policy": config.scheduling_policy,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        # A page's picture comes once, at most twice; vLLM's default keeps 4 GiB of them in each of two processes, and
        # keeping them costs more of each new picture's time than the rare second one saves.
        "mm_processor_cache_gb": 0,
        # Without it a weak model fills an answer with blanks between the tokens of JSON.
        "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
        **({"enable_lora": True, "max_lora_rank": config.max_lora_rank} if config.lora else {}),
        # Actors get their GPUs from the caller; vLLM must not place anything by itself.
        **({"distributed_executor_backend": "mp"} if parallel > 1 else {}),
    }
    return {**args, **config.engine_args}


def _quantization(asked: str | None) -> str | None:
    return "bitsandbytes" if asked in {"4bit", "4-bit", "int4"} else asked


class LoadedEngine:
    """vLLM's engine, its processes, and who ends them."""

    def __init__(self, llm: Any, guard: Guard, processes: list[psutil.Process]) -> None:
        self.llm = llm
        self._guard = guard
        self._processes = processes
        self._cores: list[psutil.Process] = []

    def loading_ended(self) -> None:
        """Take note of the engine's own processes: what they start themselves, such as compilers, may end any time."""
        import psutil

        for process in self._processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.ppid() == os.getpid():
                    self._cores.append(process)

    @property
    def is_alive(self) -> bool:
        """Whether its own processes are there; vLLM itself looks after theirs."""
        return all(process.is_running() and process.status() != "zombie" for process in self._cores)

    def end(self) -> None:
        """End all processes; blocks for up to some seconds. Also after the engine died."""
        try:
            self.llm.shutdown()
        finally:
            end_processes(self._processes)
            self._guard.release()
            # It is in reference cycles, and its `__del__` raises when the interpreter ends first.
            self.llm = None
            gc.collect()


def load(config: VLLMConfig) -> LoadedEngine:
    """A running engine; blocks for as long as that takes.

    Raises:
        ConfigError: vLLM refuses the settings or the checkpoint, or does not start with them.
    """
    with environment(config):
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        known = {field.name for field in dataclasses.fields(AsyncEngineArgs)}
        check_names(config.engine_args, known)
        args = {name: value for name, value in engine_args(config).items() if value is not None}
        try:
            settings = AsyncEngineArgs(**args).create_engine_config()
        except (ValueError, OSError, TypeError, ImportError, NotImplementedError) as error:
            raise ConfigError(f"vLLM refuses {config.model}: {_first(error)}") from error
        guard = Guard()
        try:
            with _watched(guard) as processes:
                # Not into a name of this frame: something in vLLM keeps the frame, and it would keep the engine.
                loaded = LoadedEngine(AsyncLLM.from_vllm_config(settings, disable_log_stats=True), guard, processes)
            loaded.loading_ended()
        except Exception as error:
            guard.release()
            end_processes(processes)
            raise ConfigError(
                f"vLLM does not start with {config.model}: {_first(error)} What it says itself is above; "
                f"{_memory_help(config)}."
            ) from error
    return loaded


def _memory_help(config: VLLMConfig) -> str:
    knob = "kv_cache_memory_bytes" if is_on_cpu(config.device) else "gpu_memory_utilization"
    return f"if it is memory, take a smaller model, lower max_model_len or {knob}, or use the API backend"


def end_processes(processes: list[psutil.Process]) -> None:
    """Wait for `processes` to end, then kill what is left."""
    import psutil

    _, left = psutil.wait_procs(processes, timeout=_END_SECONDS)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=_END_SECONDS)


@contextlib.contextmanager
def _watched(guard: Guard) -> Iterator[list[psutil.Process]]:
    """Tells `guard` of each engine process from its first moment; yields the list that will name them all."""
    import multiprocessing

    import psutil

    before = {child.pid for child in multiprocessing.active_children()}
    processes: list[psutil.Process] = []
    ended = threading.Event()

    def look() -> None:
        known = {process.pid for process in processes}
        for child in multiprocessing.active_children():
            if child.pid is None or child.pid in before or not child.name.startswith("EngineCore"):
                continue
            with contextlib.suppress(psutil.NoSuchProcess):
                root = psutil.Process(child.pid)
                found = [each for each in (root, *root.children(recursive=True)) if each.pid not in known]
                processes.extend(found)
                guard.watch(each.pid for each in found)

    def keep_looking() -> None:
        while not ended.wait(_LOOK_SECONDS):
            look()

    watcher = threading.Thread(target=keep_looking, name="omnipipe-vllm-watch", daemon=True)
    watcher.start()
    try:
        yield processes
    finally:
        ended.set()
        watcher.join()
        look()


@contextlib.contextmanager
def environment(config: VLLMConfig) -> Iterator[None]:
    """vLLM's environment variables as it needs them, where they are not set."""
    on_cpu = is_on_cpu(config.device)
    for name, value in {**_ENVIRONMENT, **(_CPU_ENVIRONMENT if on_cpu else {})}.items():
        os.environ.setdefault(name, value)
    preloaded = os.environ.get("LD_PRELOAD")
    try:
        yield
    finally:
        # vLLM puts an allocator there for its own children; every later child of ours would load it.
        if preloaded is None:
            os.environ.pop("LD_PRELOAD", None)
        else:
            os.environ["LD_PRELOAD"] = preloaded


def _first(error: BaseException) -> str:
    """The first sentences of what a library says, on one line, without the furniture of pydantic."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if len(lines) > 1 and "validation error" in lines[0]:
        lines = [line for line in lines[1:] if line.startswith(("Value error", "Assertion failed")) or " " in line]
    said = (lines or [type(error).__name__])[0].removeprefix("Value error, ")
    said = said.split(" [type=")[0][:300]
    return said if said.endswith((".", "!", "?")) else f"{said}."
