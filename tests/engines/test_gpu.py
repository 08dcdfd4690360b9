"""What is said of GPUs and of loading, with a stand-in for the driver's own tool that prints lines of its form."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from omnipipe.cli.engine_diagnosis import engine_findings
from omnipipe.engines.gpu import gpu_states
from omnipipe.engines.thread import EngineThread
from omnipipe.tasks.text_extraction.qwen.echo import QwenTextEchoConfig

TWO_CARDS = "NVIDIA H100 80GB HBM3, 73728, 81559, 97\nNVIDIA GB10, [N/A], [N/A], 3\n"


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose nvidia-smi knows two cards."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{TWO_CARDS}END\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tool


def test_memory_is_in_bytes_and_what_is_not_said_is_unknown(driver: Path) -> None:
    first, second = gpu_states()

    assert (first.used, first.total, first.busy) == (72 << 30, 81559 << 20, 0.97)
    assert str(first) == "NVIDIA H100 80GB HBM3: 72.0 of 79.6 GiB used, 97% busy"
    assert (second.used, str(second)) == (None, "NVIDIA GB10")


def test_a_driver_that_does_not_answer_is_no_gpu(driver: Path) -> None:
    driver.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed, because, it, cannot'\nexit 9\n")

    assert gpu_states() == []


def test_doctor_says_how_much_of_each_card_is_used(driver: Path) -> None:
    (gpu,) = [finding for finding in engine_findings() if finding.name == "gpu memory"]

    assert gpu.found == "NVIDIA H100 80GB HBM3: 72.0 of 79.6 GiB used, 97% busy; NVIDIA GB10"


def test_loading_is_logged_with_its_seconds_and_the_memory_after_it(
    driver: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    with EngineThread(QwenTextEchoConfig().build()) as thread:
        thread.wait()

    (line,) = [record.getMessage() for record in caplog.records if record.name == "omnipipe.engines.thread"]
    assert line.startswith("Echo echo was loaded in 0.0 s (NVIDIA H100 80GB HBM3: 72.0 of 79.6 GiB used")
