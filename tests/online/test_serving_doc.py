"""docs/serving.md against the real app: its curl commands and its Python run, its tables name what there is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from omnipipe import load_pipeline
from omnipipe.online.settings import ServeSettings
from tests.conftest import ROOT
from tests.online.documents import text_pdf
from tests.online.live import Live, live

GUIDE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
ADDRESS = "localhost:8000"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    settings = ServeSettings(data_dir=tmp_path_factory.mktemp("guide") / "data")
    with live(load_pipeline("text_layer"), settings) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "paper.pdf").write_bytes(text_pdf(3))
    return tmp_path


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, flags=re.MULTILINE | re.DOTALL)


def options_of(command: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-m", "omnipipe.cli.main", command, "--help"], capture_output=True, text=True, check=True
    )
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", done.stdout))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
def test_every_curl_command_runs(server: Live, folder: Path) -> None:
    """One after the other in one shell, as a reader would; each must get an answer that is no error."""
    lines = [line for block in blocks("bash") if "omnipipe" not in block for line in block.splitlines()]
    commands = [line for line in lines if "curl" in line]
    script = "\n".join(
        ["set -e", 'curl() { command curl --silent --show-error --fail-with-body --max-time 60 "$@"; }']
        + [f"{command.replace(ADDRESS, f'127.0.0.1:{server.port}')}\necho" for command in commands]
    )

    done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False, timeout=120)

    assert len(commands) > 15
    assert done.returncode == 0, f"{done.stdout[-500:]}\n{done.stderr}"
    assert done.stdout.count('"done": true') == 3
    assert "The words of line 3 on page 2" in done.stdout
    assert (folder / "page.png").read_bytes()[1:4] == b"PNG"


def test_the_python_example_runs(server: Live, folder: Path) -> None:
    (code,) = blocks("python")

    done = subprocess.run(
        [sys.executable, "-c", code.replace(ADDRESS, f"127.0.0.1:{server.port}")],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )

    assert done.returncode == 0, done.stderr
    assert "The words of line 0 on page 1" in done.stdout
    assert "done 3" in done.stdout.splitlines()
    assert done.stdout.splitlines()[-1].endswith("jobs are left")


def test_every_address_of_the_server_is_in_the_guide(server: Live) -> None:
    paths = httpx.get(f"{server.url}/openapi.json").json()["paths"]
    said = GUIDE.replace("$JOB", "{job_id}").replace("/pages/1/", "/pages/{number}/")

    missing = [path for path in paths if path.removesuffix("/{name}") not in said]

    assert missing == []


def test_the_options_and_metrics_it_names_exist(server: Live) -> None:
    known = options_of("serve") | {"--data-binary"}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", GUIDE))
    table = re.findall(r"^\| `omnipipe_.*$", GUIDE, flags=re.MULTILINE)
    metrics = {f"omnipipe_{name}" for row in table for name in re.findall(r"`(?:omnipipe)?_(\w+)`", row)}
    shown = httpx.get(f"{server.url}/metrics").text

    assert named - known == {"--served"}
    assert "--served" in options_of("run")
    assert [name for name in metrics if f"# TYPE {name.removesuffix('_total')}" not in shown] == []
    assert len(metrics) > 20


def test_the_defaults_it_names_are_those_of_the_settings() -> None:
    settings = ServeSettings()

    assert f"`--max-bytes` ({settings.max_bytes >> 20} MiB)" in GUIDE
    assert f"`--max-pages` ({settings.max_pages:,})" in GUIDE
    assert f"`--body-timeout` ({settings.body_timeout:g} s)" in GUIDE
    assert (settings.keep_seconds, "`--keep-seconds` (a week)" in GUIDE) == (7 * 86_400, True)
    assert (settings.default_deadline, "`--default-deadline`, an hour" in GUIDE) == (3_600, True)
    assert (settings.host, settings.share_results, settings.open_metrics) == ("127.0.0.1", False, False)


def test_the_readmes_commands_are_the_guides() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^(curl .*?)  #", readme, flags=re.MULTILINE)

    assert len(commands) == 2
    assert [command for command in commands if command not in GUIDE] == []
