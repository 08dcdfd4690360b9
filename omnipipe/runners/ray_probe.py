"""Before a run on several nodes: does each of them see the run directory, and has it omnipipe?"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from omnipipe import __version__
from omnipipe.errors import ConfigError, OutputError

_PROBE_SECONDS = 60.0

# (token's content as the node sees it, version of omnipipe); None where there is none.
_Answer = tuple[str | None, str | None]


def check_nodes(run_dir: Path) -> None:
    """Let every node that may get workers read a file in `run_dir` and write one beside it.

    Raises:
        OutputError: A node does not see `run_dir`, or cannot write there.
        ConfigError: A node does not answer, or lacks omnipipe.
    """
    token = run_dir / "logs" / f"probe-{uuid.uuid4().hex}"
    token.parent.mkdir(parents=True, exist_ok=True)
    known = ray.nodes()  # type: ignore[no-untyped-call]
    nodes = [node for node in known if node["Alive"] and node["Resources"].get("CPU", 0) > 0]
    replies = [token.with_name(f"{token.name}-{node['NodeID'][:12]}") for node in nodes]
    probe = ray.remote(num_cpus=0, max_retries=0)(_make_probe())
    try:
        token.write_text(token.name)
        answers = []
        for node, reply in zip(nodes, replies, strict=True):
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            answers.append(probe.options(scheduling_strategy=there).remote(str(token), str(reply)))
        for node, reply, answer in zip(nodes, replies, answers, strict=True):
            name = f"node {node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
            _judge(name, run_dir, _fetch(name, answer), token.name, reply)
    finally:
        for left in token.parent.glob(f"{token.name}*"):
            left.unlink(missing_ok=True)


def _fetch(name: str, answer: ray.ObjectRef[_Answer]) -> _Answer:
    try:
        return ray.get(answer, timeout=_PROBE_SECONDS)
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[-1][:200]
        raise ConfigError(f"{name} does not answer: {reason}. Bring it back, or take it out of the cluster.") from error


def _judge(name: str, run_dir: Path, answer: _Answer, token: str, reply: Path) -> None:
    content, version = answer
    if content != token or not reply.exists():
        raise OutputError(
            f"{name} does not see {run_dir}. With several nodes the output must be on storage that all of them mount "
            "at the same path: choose such a folder with -o."
        )
    if version is None:
        raise ConfigError(f"{name} lacks omnipipe. Install it there with: pip install omnipipe=={__version__}")


def _make_probe() -> Callable[[str, str], _Answer]:
    # A function within a function travels by value: the node may lack this module.
    def probe(token: str, reply: str) -> tuple[str | None, str | None]:
        import importlib.metadata
        import importlib.util
        from pathlib import Path

        content = None
        try:
            content = Path(token).read_text()
            Path(reply).write_text("seen")
        except OSError:
            pass
        if importlib.util.find_spec("omnipipe") is None:
            return content, None
        try:
            return content, importlib.metadata.version("omnipipe")
        except importlib.metadata.PackageNotFoundError:
            return content, "unknown"

    return probe
