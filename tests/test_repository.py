"""What the repository promises about itself: versions, licences, documented columns and codes, two commands, CI."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import omnipipe
from omnipipe.errors import ERROR_CODES
from omnipipe.page import STATUSES
from omnipipe.schema import MEASUREMENT_COLUMNS, PAGES

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "docs" / "samples"
RESULTS = ROOT / "benchmarks" / "results"


def read(*parts: str) -> str:
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    newest = re.search(r"^## (\d\S*)", read("CHANGELOG.md"), flags=re.MULTILINE)

    assert newest is not None
    assert {project["version"], newest[1]} == {omnipipe.__version__}


def test_every_column_is_documented_with_its_role() -> None:
    page = read("docs", "output.md")
    rows = re.findall(r"^\| ([\w, ]+) \| ([^|]+) \|", page, flags=re.MULTILINE)
    documented = {name.strip(): "*m*" in kind for names, kind in rows for name in names.split(",")}

    missing = [name for name in PAGES.names if name not in documented]
    wrong_role = [name for name in PAGES.names if documented.get(name, False) != (name in MEASUREMENT_COLUMNS)]

    assert missing == []
    assert wrong_role == []


def test_every_error_code_and_status_is_documented() -> None:
    page = read("docs", "output.md")
    rows = re.findall(r"^\| ([\w, ]+) \|", page, flags=re.MULTILINE)
    documented = {name.strip() for names in rows for name in names.split(",")}

    assert (ERROR_CODES | set(STATUSES)) - documented == set()


def test_every_sample_names_its_source_and_licence() -> None:
    table = dict(re.findall(r"^\| `([^`]+)` \|.*\| ([^|]+) \|$", read("docs", "samples", "LICENCES.md"), re.MULTILINE))
    documents = [path for path in SAMPLES.iterdir() if path.suffix != ".md"]

    assert {path.name for path in documents} == set(table)
    assert all("public domain" in licence or "CC0" in licence for licence in table.values())
    assert sum(path.stat().st_size for path in documents) < 1_500_000


def test_the_package_needs_no_copyleft_library() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    named = [*project["dependencies"], *(name for extra in project["optional-dependencies"].values() for name in extra)]

    assert project["license"] == "Apache-2.0"
    assert "Apache License" in read("LICENSE")
    assert not [name for name in named if re.match(r"(pymupdf|ultralytics|poppler)", name, flags=re.IGNORECASE)]


def test_the_integration_runs_lint_and_the_test_command() -> None:
    script = read(".ci", "run")

    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=False).returncode == 0
    assert "make lint" in script
    assert "test" in script


def test_make_says_what_is_wrong_with_an_old_python(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)

    done = subprocess.run(
        ["make", "-C", str(ROOT), f"PYTHON={old}", f"VENV={tmp_path / 'venv'}", "run"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "older than Python 3.11" in done.stdout
    assert not (tmp_path / "venv").exists()


def test_every_benchmark_result_says_how_it_was_made() -> None:
    wrong = []
    for path in sorted(RESULTS.glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        if not {"command", "date", "machine", "versions", "figures"} <= set(result):
            wrong.append(f"{path.name} lacks a field")
        if re.search(r"/(tmp|home|root|work)/", path.read_text(encoding="utf-8")):
            wrong.append(f"{path.name} names a folder of the machine")

    assert wrong == []
