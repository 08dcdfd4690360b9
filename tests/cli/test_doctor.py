"""`omnipipe doctor`: a report about this very environment."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from omnipipe.cli.diagnosis import diagnose
from omnipipe.cli.main import run_command


def test_the_environment_of_the_tests_can_run_the_default_pipeline(capsys: pytest.CaptureFixture[str]) -> None:
    code = run_command(["doctor"])

    said = capsys.readouterr()
    assert code == 0, said.out
    assert "The default pipeline can run." in said.out
    assert said.err == ""


def test_json_has_every_finding_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["doctor", "--json"]) == 0

    report = json.loads(capsys.readouterr().out)
    names = [finding["name"] for finding in report["findings"]]
    assert report["ok"] is True
    assert len(names) == len(set(names))
    assert {"python", "ray", "pyarrow", "pypdfium2", "rapidocr", "opencv", "tesseract", "cores", "disk", "gpu"} <= set(
        names
    )


def test_engines_are_findings_with_their_libraries_and_none_is_needed() -> None:
    found = {finding.name: finding for finding in diagnose()}

    assert {"engine pytorch", "engine vllm", "engine mlx", "engine api", "engine llamacpp", "gpu", "fonts"} <= set(
        found
    )
    assert not any(finding.is_needed for name, finding in found.items() if name.startswith("engine "))
    assert all(finding.fix for finding in found.values() if not finding.is_ok)
    for name, library in {"engine pytorch": "torch", "engine vllm": "vllm", "engine api": "openai"}.items():
        assert f"({library}" in found[name].found or "missing extra" in found[name].found


def test_what_is_missing_comes_with_a_command() -> None:
    wrong = [finding.name for finding in diagnose() if finding.is_needed and not finding.fix and not finding.is_ok]

    assert wrong == []


@pytest.mark.parametrize(("module", "name"), [("cv2", "opencv"), ("rapidocr", "rapidocr"), ("ray", "ray")])
def test_a_package_that_is_missing_is_exit_code_1_with_its_command(module: str, name: str) -> None:
    """The package is hidden from the import system of a new interpreter, as if it were not installed."""
    code = (
        "import sys, importlib.abc, importlib.metadata\n"
        "class Hidden(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] == {module!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "from omnipipe.cli.main import run_command\n"
        "sys.exit(run_command(['doctor']))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == 1, done.stdout + done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith(f"{name} "))
    assert "MISSING" in line
    assert f"\n{name}: pip " in done.stdout
    assert "cannot run here" in done.stdout
    assert "Traceback" not in done.stderr
