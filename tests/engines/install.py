"""Install the engines that the tests run: `python tests/engines/install.py`, with the interpreter of the environment.

PyPI's torchvision, torchaudio and torchcodec for Linux are CUDA builds that cannot load beside a CPU build of torch.
The latter two go; torchvision imports once two of its operators are declared, which a `.pth` file does in each process.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import site
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CPU_BUILDS = "https://download.pytorch.org/whl/cpu"
SHIM = "omnipipe_torchvision"


def main() -> None:
    """Install, prune, and see that torchvision imports."""
    requirements = ["-r", str(HERE / "requirements.txt")]
    if _pip("install", *requirements) != 0 and _pip("install", "--extra-index-url", CPU_BUILDS, *requirements) != 0:
        sys.exit("The engines could not be installed; what pip said is above.")
    if _pip("install", "--no-deps", "-r", str(HERE / "requirements-alone.txt")) != 0:
        sys.exit("mlx could not be installed; what pip said is above.")
    if "+cpu" in importlib.metadata.version("torch"):
        _pip("uninstall", "-y", "torchaudio", "torchcodec", "triton")
        packages = Path(site.getsitepackages()[0])
        shutil.copy(HERE / "torchvision_shim.py", packages / f"{SHIM}.py")
        (packages / f"{SHIM}.pth").write_text(f"import {SHIM}\n")
    sys.exit(subprocess.run([sys.executable, "-c", "import torchvision"], check=False).returncode)


def _pip(*arguments: str) -> int:
    command = [sys.executable, "-m", "pip", arguments[0], "--quiet", "--disable-pip-version-check", *arguments[1:]]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    main()
