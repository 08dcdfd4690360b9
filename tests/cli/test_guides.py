"""The guides in docs/: what they show as commands of a machine like this one runs as it stands there.

`console` blocks need what is not here (Docker, Kubernetes, a GPU, minutes); `bash` and `python` blocks run in order.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from omnipipe.cli.main import run_command
from tests.test_readme import ROOT, Block, commands

PROMISED = [
    *("quickstart", "pipelines", "architecture", "backends", "models", "write_a_backend", "serving", "output"),
    *("ocr", "deployment", "troubleshooting"),
]
GUIDES = ["ocr", "troubleshooting", "deployment"]
NEEDS = {"ocr": "tesserocr"}


def text_of(guide: str) -> str:
    return (ROOT / "docs" / f"{guide}.md").read_text(encoding="utf-8")


def blocks_of(guide: str) -> list[Block]:
    text = text_of(guide)
    return [
        Block(found[1], found[2], text[: found.start()].count("\n") + 1)
        for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES)
def test_every_command_of_a_guide_runs(guide: str, tmp_path: Path) -> None:
    pytest.importorskip(NEEDS.get(guide, "omnipipe"), reason="its extra is not installed")
    shutil.copytree(ROOT / "docs" / "samples", tmp_path / "docs" / "samples")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "keys").write_text("sha256:" + "0" * 64 + " somebody\n")
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}

    for block in blocks_of(guide):
        if block.language not in {"bash", "python"}:
            continue
        runs = [["python", "-c", block.code]] if block.language == "python" else [*map(shlex.split, commands(block))]
        for command in runs:
            done = subprocess.run(
                command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300
            )
            assert done.returncode == 0, f"{guide}.md line {block.line}: {command}\n{done.stdout}\n{done.stderr}"
            assert done.stdout.strip() or done.stderr.strip(), f"{guide}.md line {block.line} shows nothing: {command}"


@pytest.mark.parametrize("guide", GUIDES)
def test_every_option_that_a_guide_names_exists(guide: str) -> None:
    known = set(re.findall(r"`(--[a-z][a-z-]+)", (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")))
    others = ("docker ", "kubectl ", "nvidia-smi ", "python -m benchmarks", "`python -m benchmarks")
    ours = "\n".join(line for line in text_of(guide).splitlines() if not line.startswith(others))

    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ours))

    assert named - known - {"--shm-size", "--gpus"} == set()


def test_every_promised_page_is_there_and_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert [page for page in PROMISED if not text_of(page).startswith("# ")] == []
    assert [guide for guide in PROMISED if f"(docs/{guide}.md)" not in readme] == []


def test_the_deployment_guide_names_each_file_to_deploy_with() -> None:
    files = {path.name for path in (ROOT / "docs" / "deploy").iterdir() if path.suffix != ".md"}

    assert {name for name in files if f"(deploy/{name})" not in text_of("deployment")} == set()


def test_the_ocr_guides_message_is_what_a_missing_language_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tesserocr", reason="the tesseract extra is not installed")
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))

    code = run_command(
        ["extract", str(ROOT / "docs/samples/fax.tiff"), "--pages", "2", "--ocr", "tesseract", "--lang", "deu"]
    )

    assert code == 2
    assert capsys.readouterr().err.strip() in text_of("ocr")


def test_backends_are_compared_by_one_command() -> None:
    """The shorter half of it: the other backend differs by its name."""
    pytest.importorskip("transformers", reason="the pytorch extra is not installed")
    command = [sys.executable, "-m", "benchmarks.backends", "--pages", "3", "--backends", "pytorch"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)

    assert done.returncode == 0, done.stderr
    assert re.search(
        r"^pytorch: loaded in \d+\.\d s; 3 pages in \d+\.\d s, \d+\.\d{3} s a page$", done.stdout, re.MULTILINE
    )
