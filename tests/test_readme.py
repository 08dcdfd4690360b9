"""Every code block of the README runs, from the repository's root, as a reader would paste it.

Shell blocks run line by line in a copy of what they name; Python blocks run as scripts in the same folder, after the
shell blocks before them, so that a block may look at what an earlier one made.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"

NOT_RUN = {
    "make run": "makes an environment and installs everything; the integration runs it",
    "make test": "runs this very test",
    "pip install .": "needs the package index; tests/test_wheel.py installs the package",
    "omnipipe serve": "does not end; tests/online/test_serve_cli.py runs it",
    "curl -F file=@paper.pdf localhost:8000/v1/documents?wait=30": "tests/online/test_serving_doc.py runs it",
    "curl -N -F file=@paper.pdf localhost:8000/v1/documents -H Accept: application/x-ndjson": "so is this",
    "pip install omnipipe": "needs the package index; tests/test_wheel.py installs the package",
}


class Block(NamedTuple):
    language: str
    code: str
    line: int


def blocks() -> list[Block]:
    text = README.read_text(encoding="utf-8")
    return [
        Block(found[1], found[2], text[: found.start()].count("\n") + 1)
        for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    ]


def commands(block: Block) -> list[str]:
    lines = [line.split("  #")[0].strip() for line in block.code.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path) -> None:
    """One test, in order: later blocks read what earlier ones wrote."""
    (tmp_path / "docs").mkdir()
    shutil.copytree(ROOT / "docs" / "samples", tmp_path / "docs" / "samples")
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}

    for block in blocks():
        runs = [["python", "-c", block.code]] if block.language == "python" else [*map(shlex.split, commands(block))]
        for command in runs:
            if " ".join(command) in NOT_RUN:
                continue
            done = subprocess.run(
                command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300
            )
            assert done.returncode == 0, f"README line {block.line}: {command}\n{done.stdout}\n{done.stderr}"
            assert done.stdout.strip() or done.stderr.strip(), f"README line {block.line} shows nothing: {command}"


def test_every_block_is_of_a_kind_that_is_run() -> None:
    assert {block.language for block in blocks()} == {"bash", "python"}


def test_the_make_commands_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = [command for block in blocks() if block.language == "bash" for command in commands(block)]

    targets = [command.split()[1] for command in named if command.startswith("make ")]

    assert {"run", "test"} <= set(targets)
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, flags=re.MULTILINE)] == []


def test_a_reader_sees_a_command_a_python_example_and_a_result_early() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()

    first_command = next(i for i, text in enumerate(lines, 1) if text.startswith("```bash")) + 1
    first_python = next(i for i, text in enumerate(lines, 1) if text.startswith("```python")) + 1
    result = next(i for i, text in enumerate(lines, 1) if "duckdb" in text)

    assert len(lines) < 120
    assert first_command < 20
    assert first_python < 40
    assert result < 40


def test_links_to_files_lead_somewhere() -> None:
    pages = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

    dead = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        if not target.startswith("http") and not (page.parent / target).exists()
    ]

    assert dead == []
