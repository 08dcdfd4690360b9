"""What `import omnipipe` and the start of the command line do not load. No time is asserted here: see benchmarks."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "ray",
    "torch",
    "vllm",
    "transformers",
    "mlx",
    "mlx_vlm",
    "openai",
    "litellm",
    "numpy",
    "pyarrow",
    "pydantic",
    "pypdfium2",
    "PIL",
    "cv2",
    "onnxruntime",
    "rapidocr",
    "tesserocr",
    "duckdb",
    "pandas",
    "psutil",
}


def loaded_after(code: str) -> set[str]:
    """The top-level modules that a new interpreter holds after `code`."""
    report = f"{code}\nimport json, sys\nprint('\\n' + json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    run = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True, timeout=120)
    names: list[str] = json.loads(run.stdout.splitlines()[-1])
    return set(names)


def test_importing_omnipipe_loads_no_library() -> None:
    assert loaded_after("import omnipipe").isdisjoint(HEAVY)


@pytest.mark.parametrize("name", ["PageError", "UserError"])
def test_light_public_names_load_no_heavy_library(name: str) -> None:
    assert loaded_after(f"import omnipipe; omnipipe.{name}").isdisjoint(HEAVY)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_loads_no_heavy_library(arguments: list[str]) -> None:
    code = (
        f"import sys\nsys.argv = ['omnipipe', *{arguments!r}]\nfrom omnipipe.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code"
    )

    assert loaded_after(code).isdisjoint(HEAVY - {"pydantic"})


def test_every_public_name_can_be_had() -> None:
    code = "import omnipipe\nfor name in omnipipe.__all__:\n    getattr(omnipipe, name)"

    assert "omnipipe" in loaded_after(code)


def test_ctrl_c_while_the_command_is_loaded_is_no_traceback() -> None:
    press = """
import sys
class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, CtrlC())
from omnipipe.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", press], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (130, "")
